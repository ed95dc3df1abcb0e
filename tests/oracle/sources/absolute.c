/* SPDX-License-Identifier: BSD-2-Clause */
/* Absolute symbols (peripherals, firmware addresses) do not move: words, addends and
   MOVW/MOVT to them stay, in the midst of ones that move. */
/* oracle: ldflags=--defsym=PERIPHERAL=0x40021000,--defsym=ROM_TABLE=0xe00ff003,--defsym=SMALL=12 */
#include "check.h"

extern volatile unsigned PERIPHERAL[];
extern const char ROM_TABLE[];
extern char SMALL[];
__asm__(".global LOCAL_ABS\n.set LOCAL_ABS, 0x58024400\n");
extern char LOCAL_ABS[];
static int here = 1;
volatile unsigned *const registers[] = {PERIPHERAL, &PERIPHERAL[5], (unsigned *)&here};
const char *const places[] = {ROM_TABLE, SMALL, (const char *)&here, LOCAL_ABS + 4};

NOINLINE static uintptr_t code(int which)
{
    return which ? (uintptr_t)&PERIPHERAL[3] : (uintptr_t)SMALL;
}

int module_entry(void *param)
{
    volatile unsigned *const *r = registers;
    const char *const *p = places;

    (void)param;
    HIDE(r);
    HIDE(p);
    CHECK(1, (uintptr_t)r[0] == 0x40021000 && (uintptr_t)r[1] == 0x40021014 && *r[2] == 1);
    CHECK(2, (uintptr_t)p[0] == 0xe00ff003 && (uintptr_t)p[1] == 12);
    CHECK(3, (uintptr_t)p[3] == 0x58024404 && *p[2] == 1);
    CHECK(4, code(1) == 0x4002100c && code(0) == 12);
    return 0;
}
