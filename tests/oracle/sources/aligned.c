/* SPDX-License-Identifier: BSD-2-Clause */
/* Alignments of 8 to 256 in every segment. */
/* oracle: data_align=256 run_not=gcc-sb (there, a pointer to a function leads to a trampoline) */
#include "check.h"

#define ALIGNED(n) __attribute__((aligned(n)))
ALIGNED(8) const char const8[3] = "a8";
ALIGNED(64) const char const64[3] = "a6";
ALIGNED(16) char data16[5] = "d16";
ALIGNED(256) char data256[3] = "x";
static ALIGNED(32) int bss32[3];
static ALIGNED(128) char bss128;
ALIGNED(32) NOINLINE int function32(int x)
{
    return x + 32;
}
ALIGNED(64) NOINLINE static int function64(int x)
{
    return x + 64;
}
const void *const all[] = {const8, const64, data16, data256, bss32, &bss128};
static const unsigned char shift[] = {3, 6, 4, 8, 5, 7};
int (*const functions[])(int) = {function32, function64};

int module_entry(void *param)
{
    const void *const *p = all;

    (void)param;
    HIDE(p);
    for (int i = 0; i < 6; i++)
        CHECK(1 + i, ((uintptr_t)p[i] & ((1u << shift[i]) - 1)) == 0);
    CHECK(10, functions[0](1) == 33 && functions[1](1) == 65);
    CHECK(11, ((uintptr_t)functions[0] & 31) == 1 && ((uintptr_t)functions[1] & 63) == 1);
    CHECK(12, *(const char *)p[3] == 'x' && bss32[2] == 0);
    return 0;
}
