/* SPDX-License-Identifier: BSD-2-Clause */
/* Veneers in front of a module whose code and data are aligned to 64: padding. */
/* oracle: imports=yes */
#include "check.h"

extern int fw_one(int), fw_two(int), fw_three(int);
static __attribute__((aligned(64))) char buffer[64] = "aligned";
char *const into = &buffer[7];

__attribute__((aligned(32))) NOINLINE static int inner(int x)
{
    return fw_one(x) + fw_two(x) * fw_three(x) + *into;
}
int module_entry(void *param)
{
    return param ? inner(1) : 0;
}
