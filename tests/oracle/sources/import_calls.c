/* SPDX-License-Identifier: BSD-2-Clause */
/* Imports called from many places, as tail calls, through tables, with addends; a weak
   undefined function among them, which is none. */
/* oracle: imports=yes */
#include "check.h"

extern int fw_add(int, int);
extern void fw_print(const char *);
extern int fw_unused_call(void);
extern void *fw_alloc(unsigned);
extern int fw_weak(int) __attribute__((weak));
extern int fw_state_object[16];
int (*const table[])(int, int) = {fw_add, fw_add, 0, fw_add};
int *const into_object[] = {fw_state_object, &fw_state_object[5], fw_state_object - 2};
void (*print)(const char *) = fw_print;
static int own = 3;
int *pointers[] = {&own, fw_state_object + 1, &own};

NOINLINE static int calls(int x)
{
    fw_print("one");
    x = fw_add(x, own);
    fw_print("two");
    return fw_add(x, fw_add(1, 2)) + x;
}
NOINLINE static int tail(int x)
{
    own++;
    return fw_add(x, 2);
}
NOINLINE static void *allocate(int x)
{
    return x ? fw_alloc((unsigned)x) : 0;
}
int module_entry(void *param)
{
    if (fw_weak)
        return fw_weak(1);
    fw_state_object[3] = calls(1) + tail(2);
    print(allocate(fw_state_object[2]) ? "yes" : "no");
    return param ? table[1](fw_unused_call(), 1) : 0;
}
