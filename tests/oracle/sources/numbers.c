/* SPDX-License-Identifier: BSD-2-Clause */
/* 64-bit constants and floating point: literal pools full of words that look like
   addresses and are none; runtime functions of libgcc called through BL. */
#include "check.h"

static volatile double d = 1.5;
static volatile float f = 2.25f;
static volatile long long big = 0x2000130020001304LL;
static const double table[] = {1.0, 3.141592653589793, -2.5e10};
const unsigned looks_like_pointers[] = {0x20001300, 0x10000, 0x10004, 0x08000401, 0x20, 1};
const double *const into_table = &table[1];

NOINLINE static double polynomial(double x)
{
    return (x * 1.25 + 3.0e-3) * x - 7.0 / x;
}

int module_entry(void *param)
{
    const double *t = into_table;
    unsigned n = 1000003;

    (void)param;
    HIDE(t);
    CHECK(1, d + 1.0 == 2.5 && f * 2 == 4.5f && (int)(*t * 1000) == 3141);
    CHECK(2, big / 3 == 0xaaab1000aaab101LL && big % 7 == 5);
    CHECK(3, (int)polynomial(d) == -1);
    HIDE(n);
    CHECK(4, n / 7 == 142857 && n % 1000 == 3 && (unsigned)(big >> 33) == 0x10000980u);
    CHECK(5, looks_like_pointers[0] == 0x20001300 && looks_like_pointers[3] == 0x08000401);
    CHECK(6, (double)n * 0.5 == 500001.5 && (long long)(f * 4.0f) == 9);
    return 0;
}
