/* SPDX-License-Identifier: BSD-2-Clause */
/* Weak and undefined everywhere: words stay null, calls do nothing, tail calls too,
   tests for null hold, addends count from 0. (With -mlong-calls the call is a jump to 0.) */
/* oracle: run_not=gcc-long-calls,clang-long-calls */
#include "check.h"

extern int absent(int) __attribute__((weak));
extern void absent_too(void) __attribute__((weak));
extern int absent_object[4] __attribute__((weak));
int present(int);
NOINLINE int present(int x)
{
    return x + 1;
}
int (*const functions[])(int) = {absent, present, absent};
int *objects[] = {absent_object, &absent_object[2], 0};
static int number = 3;
int *const around[] = {&number, absent_object, &number};

NOINLINE static void tail(int *count)
{
    (*count)++;
    absent_too();
}
NOINLINE static int calls(int x)
{
    if (x > 100)
        return absent(x);
    return x;
}
NOINLINE static int direct(int x)
{
    absent(x); /* a no-op when nobody defines it */
    absent_too();
    return x + 5;
}

int module_entry(void *param)
{
    int (*const *f)(int) = functions;
    int count = 0;

    (void)param;
    HIDE(f);
    CHECK(1, f[0] == 0 && f[1](1) == 2 && f[2] == 0);
    CHECK(2, absent == 0 && absent_object == 0);
    CHECK(3, objects[0] == 0 && objects[1] == (int *)8);
    CHECK(4, *around[0] == 3 && around[1] == 0 && *around[2] == 3);
    tail(&count);
    CHECK(5, count == 1 && calls(7) == 7);
    CHECK(6, direct(2) == 7);
    return 0;
}
