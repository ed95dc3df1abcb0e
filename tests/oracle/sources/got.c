/* SPDX-License-Identifier: BSD-2-Clause */
/* What goes through a GOT under -fpic: globals, statics by REL32, functions, weak undefined
   ones, odd addends, boundary symbols; slots have no records of their own. */
/* oracle: options=gcc-fpic,clang-fpic,gcc-sb,gcc-Os run_not=gcc-sb (whose function pointers lead to trampolines, in data) */
#include "check.h"

extern int missing(int) __attribute__((weak));
extern char missing_object[] __attribute__((weak));
extern char __end_text[], __bss_start__[], _end[];
int global = 4;
int global_array[20] = {9, 8, 7};
const char alphabet[] = "abcdefghijklmnopqrstuvwxyz";
static int local_array[30];
static int local = 6;
int global_bss[10];
NOINLINE int exported(int x)
{
    return x + global;
}
NOINLINE static int internal(int x)
{
    return x - local;
}
static int (*const functions[])(int) = {exported, internal, missing};
int (*writable)(int) = internal;

NOINLINE static const char *odd(int which)
{
    return which ? alphabet + 9 : alphabet + 1;
}
NOINLINE static int *odd_data(int which)
{
    return which ? &global_array[2] : (int *)((char *)local_array + 9);
}
NOINLINE static int (*choose(int which))(int)
{
    return which == 0 ? exported : which == 1 ? internal : missing;
}

int module_entry(void *param)
{
    char *end = _end;

    (void)param;
    HIDE(end);
    CHECK(1, exported(1) == 5 && internal(10) == 4);
    CHECK(2, *odd(0) == 'b' && *odd(1) == 'j' && *odd_data(1) == 7);
    CHECK(3, (char *)odd_data(0) == (char *)local_array + 9);
    CHECK(4, choose(0)(2) == 6 && choose(1)(8) == 2 && choose(2) == 0);
    CHECK(5, missing == 0 && missing_object == 0);
    CHECK(6, functions[0](1) == 5 && functions[2] == 0 && writable(6) == 0);
    CHECK(7, end > (char *)&global_bss[9] && __end_text > (char *)exported);
    CHECK(8, (uintptr_t)__bss_start__ <= (uintptr_t)global_bss);
    global_bss[9] = local;
    CHECK(9, global_bss[9] == 6);
    return 0;
}
