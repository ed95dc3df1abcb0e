/* SPDX-License-Identifier: BSD-2-Clause */
/* Weak definitions, some overridden by another file: pointers and calls must agree. */
/* oracle: also=weak_override_other.c */
#include "check.h"

__attribute__((weak, noinline)) int answer(void)
{
    return 1;
}
__attribute__((weak, noinline)) int kept(void)
{
    return 2;
}
__attribute__((weak)) int value = 3;
__attribute__((weak)) const int constant[2] = {4, 5};
extern int other_name(void) __attribute__((weak, alias("kept")));
int (*const table[])(void) = {answer, kept, other_name, answer};
int *values[] = {&value, (int *)&constant[1]};
int call_from_other(void);

int module_entry(void *param)
{
    (void)param;
    CHECK(1, answer() == 10 && kept() == 2 && other_name() == 2);
    CHECK(2, table[0]() == 10 && table[2]() == 2 && table[3] == table[0]);
    CHECK(3, *values[0] == 30 && *values[1] == 50);
    CHECK(4, call_from_other() == 12);
    return 0;
}
