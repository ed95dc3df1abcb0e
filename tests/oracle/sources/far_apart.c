/* SPDX-License-Identifier: BSD-2-Clause */
/* More than 64 KiB between the objects, so that upper halves differ and carry. */
/* oracle: run=no */
#include "check.h"

static const unsigned char filler[40000] = {1};
static unsigned char data[50000] = {2};
static unsigned char zeroed[90001];
static const unsigned char *const ends[] = {filler, &filler[39999], data, &data[49999],
                                            zeroed, &zeroed[90000], &zeroed[90001]};

NOINLINE static unsigned char *where(int which)
{
    switch (which) {
    case 0: return &data[0x7fff];
    case 1: return &data[0x8000];
    case 2: return &zeroed[0xffff];
    case 3: return &zeroed[0x10001];
    default: return (unsigned char *)&filler[12345];
    }
}

int module_entry(void *param)
{
    (void)param;
    CHECK(1, where(0) + 1 == where(1) && where(2) + 2 == where(3));
    CHECK(2, ends[6] - ends[4] == 90001 && where(4) == ends[0] + 12345);
    return 0;
}
