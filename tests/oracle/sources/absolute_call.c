/* SPDX-License-Identifier: BSD-2-Clause */
/* A call to a far absolute address: the linker makes a long branch of its own, with no
   record; its target does not move. Never really called. */
/* oracle: ldflags=--defsym=rom_function=0x60000101,--defsym=rom_other=0x7f000201 bases=near compilers=gcc,clang */
#include "check.h"

int rom_function(int);
void rom_other(void);
int (*const rom_pointer)(int) = rom_function;
static int never;

NOINLINE static int maybe(int x)
{
    if (never)
        return rom_function(x) + 1;
    if (never)
        rom_other();
    return x;
}

int module_entry(void *param)
{
    int (*p)(int) = rom_pointer;

    (void)param;
    HIDE(p);
    CHECK(1, maybe(3) == 3);
    CHECK(2, ((uintptr_t)p & ~1u) == 0x60000100);
    return 0;
}
