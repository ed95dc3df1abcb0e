/* SPDX-License-Identifier: BSD-2-Clause */
/* Sections thrown away: their records must not survive them, and what is kept is kept. */
/* oracle: cflags=-ffunction-sections,-fdata-sections,-g ldflags=--gc-sections */
#include "check.h"

static int used_object = 5;
int unused_object = 6;
int *unused_pointer = &used_object;
int *used_pointer = &used_object;
const char *const unused_table[] = {"never", "seen"};
int used(int);
int unused(int);
__attribute__((noinline)) int used(int x)
{
    return x + *used_pointer;
}
int unused(int x)
{
    return used(x) + *unused_pointer + unused_object + unused_table[0][0];
}
int (*const unused_functions[])(int) = {unused, used};
int (*const used_functions[])(int) = {used, used};

int module_entry(void *param)
{
    int (*const *f)(int) = used_functions;

    (void)param;
    HIDE(f);
    CHECK(1, f[1](2) == 7 && f[0] == used);
    return 0;
}
