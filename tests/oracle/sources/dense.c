/* SPDX-License-Identifier: BSD-2-Clause */
/* Long runs of pointers, to text and data in turn, in runs of every length up to 9. */
#include "check.h"

static int d = 4;
static const int t = 5;
#define D (const int *)&d
#define T &t
#define D4 D, D, D, D
#define D16 D4, D4, D4, D4
#define D64 D16, D16, D16, D16
const int *const all_data[] = {D64, D64, D64, D4};
const int *const turns[] = {D, T, D, D, T, T, D, D, D, T, T, T, D4, T, D4, D, T, T,
                            D4, D, D, T, D4, D, D, D, T, D4, D4, T, D4, D4, D, 0, D};
const int *writable[] = {T, D64, D, D, T, D4, D4, D, D, D, T};

int module_entry(void *param)
{
    int n = 0, sum = 0;

    (void)param;
    for (unsigned i = 0; i < sizeof(all_data) / sizeof(all_data[0]); i++)
        n += *all_data[i] == 4;
    CHECK(1, n == 196);
    for (unsigned i = 0; i < sizeof(turns) / sizeof(turns[0]); i++)
        sum += turns[i] ? *turns[i] : 0;
    CHECK(2, sum == 4 * (sizeof(turns) / sizeof(turns[0]) - 1) + 12);
    CHECK(3, *writable[0] == 5 && *writable[66] == 4 && *writable[67] == 5 && *writable[79] == 5);
    return 0;
}
