/* SPDX-License-Identifier: BSD-2-Clause */
/* Symbols of the linker script: section boundaries, which by value belong to the next
   section (or to nothing), by definition to their own. */
/* oracle: run_not=gcc-sb (whose function pointers lead to trampolines, in data) */
#include "check.h"

extern char __start_text[], __end_text[], __data_start__[], __data_end__[];
extern char __bss_start__[], __bss_end__[], _end[];
static int initialised = 77;
static int zeroed[10];
const char *const bounds[] = {__start_text, __end_text,    __data_start__, __data_end__,
                              __bss_start__, __bss_end__, _end,          _end + 1};
char *writable_bounds[] = {_end, __end_text, __bss_start__, __data_end__ - 4};

NOINLINE static uintptr_t length(const char *a, const char *b)
{
    return (uintptr_t)(b - a);
}

int module_entry(void *param)
{
    const char *const *b = bounds;
    const char *p = (const char *)zeroed;
    const char *d = (const char *)&initialised;
    const char *t = (const char *)(uintptr_t)module_entry;

    (void)param;
    HIDE(b);
    HIDE(p);
    HIDE(d);
    HIDE(t);
    zeroed[3] = 1;
    CHECK(1, t > b[0] && t < b[1]);
    CHECK(2, d >= b[2] && d < b[3] && p >= b[4] && p < b[5]);
    CHECK(3, b[6] == writable_bounds[0] && b[7] == b[6] + 1 && writable_bounds[3] + 4 == b[3]);
    CHECK(4, length(__bss_start__, __bss_end__) >= sizeof(zeroed));
    CHECK(5, length(__bss_start__, __bss_end__) == length(b[4], b[5]));
    CHECK(6, initialised == 77 && length(__end_text, b[1]) == 0);
    return 0;
}
