/* SPDX-License-Identifier: BSD-2-Clause */
/** Cases, and the modules that they work on. */
#ifndef CASES_H
#define CASES_H

#include "board.h"
#include "modload_life.h"
#include "offered.h"

/** Instances by their number in fw_registered(). */
enum instance {
    FIRST,  /**< callbacks, in place if it can be */
    SECOND, /**< the same image once more */
    BARE,   /**< the same source without debug information, all of it in RAM */
    RWPI,   /**< the same by clang -frwpi, whose r9 is something else, all of it in RAM */
    CALLER,
    SHAPES,
    INSTANCES
};

/** Marks are far apart: no sum of small numbers is taken for another's. */
#define MARK(instance) (10000 * ((int)(instance) + 1))

struct test_case {
    const char *name;
    void (*run)(void);
};
extern const struct test_case test_cases[]; /* ends with a null */

void failed(int line, const char *what);
#define EXPECT(truth)                                                                    \
    do {                                                                                 \
        if (!(truth))                                                                    \
            failed(__LINE__, #truth);                                                    \
    } while (0)

extern struct modload_registry registry;
extern struct modload_module modules[INSTANCES];

/** The address of what an instance has registered. */
uint32_t address_of(enum instance instance, unsigned which);
/** Its static base. */
uint32_t base_of(enum instance instance);
/** What a trampoline leads to. */
uint32_t behind(uint32_t trampoline);
/** Where its tail begins. */
uint32_t tail_of(uint32_t trampoline);

/** r9 is nobody's in this firmware (-ffixed-r9), so it can be looked at. */
static inline uint32_t r9_get(void)
{
    uint32_t value;

    __asm__ volatile("mov %0, r9" : "=r"(value));
    return value;
}

static inline void r9_set(uint32_t value)
{
    __asm__ volatile("mov r9, %0" ::"r"(value));
}

uint32_t r9_poison(void);
void r9_check(int line, uint32_t poison);

/** Evaluate a call across the border with r9 full of rubbish, which has to be there
 *  afterwards; then r9 is as the caller, a module maybe, had it. */
#define CROSS(call)                                                                      \
    do {                                                                                 \
        uint32_t before_ = r9_get();                                                     \
        uint32_t poison_ = r9_poison();                                                  \
        call;                                                                            \
        r9_check(__LINE__, poison_);                                                     \
        r9_set(before_);                                                                 \
    } while (0)

#endif
