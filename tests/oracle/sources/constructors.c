/* SPDX-License-Identifier: BSD-2-Clause */
/* Constructors and destructors with priorities: arrays of code addresses. */
#include "check.h"

static int order;
static char trace[8];
__attribute__((constructor(200))) static void second(void)
{
    trace[order++] = '2';
}
__attribute__((constructor(150))) static void first(void)
{
    trace[order++] = '1';
}
__attribute__((constructor)) static void last(void)
{
    trace[order++] = '3';
}
__attribute__((destructor)) static void finish(void)
{
    order = 0;
}

int module_entry(void *param)
{
    (void)param;
    CHECK(1, order == 3);
    CHECK(2, same_text(trace, "123"));
    return 0;
}
