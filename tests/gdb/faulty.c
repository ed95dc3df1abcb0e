/* SPDX-License-Identifier: BSD-2-Clause */
/* Faults in a function that the compiler makes part of another one. */
#include "firmware.h"

int module_entry(void *param);

static volatile unsigned nowhere = 0xa0000000u;

static inline int read_far(void)
{
    return *(volatile int *)nowhere; /* here: the fault */
}

static inline int twice(void)
{
    return 2 * read_far(); /* here: calls read_far */
}

__attribute__((noinline)) static int work(void)
{
    fw_puts("working");
    return twice() + 1; /* here: calls twice */
}

int module_entry(void *param)
{
    (void)param;
    return work();
}
