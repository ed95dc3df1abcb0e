/* SPDX-License-Identifier: BSD-2-Clause */
/* Large switches: TBB/TBH tables where the core has them, ABS32 tables with -O0 and on
   v6-M (their words point into .text with bit 0 in the addend). */
#include "check.h"

NOINLINE static int one(int x)
{
    return x * 3;
}
NOINLINE static int dense(int x)
{
    switch (x) {
    case 0: return one(1);
    case 1: return one(x) + 7;
    case 2: return 11;
    case 3: x += one(4); break;
    case 4: x ^= 0x55; break;
    case 5: return -x;
    case 6: x = one(one(x)); break;
    case 7: return 1000;
    case 8: x = x << 4; break;
    case 9: return one(x) - 1;
    case 10: return 77;
    case 11: x -= 100; break;
    case 12: return one(x + 12345);
    default: return -1;
    }
    return x + 2;
}
NOINLINE static const char *names(unsigned x)
{
    switch (x) {
    case 100: return "hundred";
    case 101: return "hundred and one";
    case 102: return "hundred and two";
    case 103: return "more";
    case 104: return "still more";
    case 105: return "five";
    case 106: return "six";
    case 2000: return "two thousand";
    default: return "none";
    }
}
/* Enough code between the cases for half-word tables. */
NOINLINE static long long wide(int x, long long y)
{
    switch (x) {
#define ONE(n)                                                                                \
    case n:                                                                                   \
        y = y * (n + 3) + 0x1234567890LL * n;                                                 \
        y ^= one(n) + (y >> 7);                                                               \
        y += (long long)one((int)y) << 9;                                                     \
        break;
        ONE(0) ONE(1) ONE(2) ONE(3) ONE(4) ONE(5) ONE(6) ONE(7) ONE(8) ONE(9) ONE(10) ONE(11)
    default:
        y = 0;
    }
    return y;
}

int module_entry(void *param)
{
    int sum = 0;

    (void)param;
    for (int i = -1; i < 14; i++)
        sum += dense(i);
    CHECK(1, sum == 38390);
    CHECK(2, same_text(names(103), "more") && same_text(names(2000), "two thousand"));
    CHECK(3, same_text(names(107), "none") && same_text(names(100), "hundred"));
    CHECK(4, wide(0, 1) == 4611 && wide(12, 5) == 0 && wide(5, 5) != wide(6, 5));
    return 0;
}
