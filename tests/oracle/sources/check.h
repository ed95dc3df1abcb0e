/* SPDX-License-Identifier: BSD-2-Clause */
/* What the oracle's sources share: they check themselves, and module_entry returns 0 or
   the number of the first check that failed. */
#ifndef ORACLE_CHECK_H
#define ORACLE_CHECK_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif
int module_entry(void *param);
#ifdef __cplusplus
}
#endif

/** The compiler must not know what is in `x` from here on. */
#define HIDE(x) __asm__ volatile("" : "+r"(x) : : "memory")
#define CHECK(number, condition)                                                              \
    do {                                                                                      \
        if (!(condition))                                                                     \
            return (number);                                                                  \
    } while (0)
#define NOINLINE __attribute__((noinline, used))

static inline int same_text(const char *a, const char *b)
{
    while (*a && *a == *b) {
        a++;
        b++;
    }
    return *a == *b;
}

#endif
