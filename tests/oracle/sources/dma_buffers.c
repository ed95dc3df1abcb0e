/* SPDX-License-Identifier: BSD-2-Clause */
/* Buffers of bss that a DMA wants aligned, behind words of data that are not: data as a
   whole may begin at any multiple of 4. */
/* oracle: data_align=64 */
#include "check.h"

#define ALIGNED(n) __attribute__((aligned(n)))
static ALIGNED(32) char received[40];
static ALIGNED(64) char sent[65];
static char *buffers[] = {received, sent, &sent[64]};
static int words[] = {3, 1, 4, 1, 5};
static int *word = &words[2];

int module_entry(void *param)
{
    char **p = buffers;

    (void)param;
    HIDE(p);
    CHECK(1, ((uintptr_t)p[0] & 31) == 0);
    CHECK(2, ((uintptr_t)p[1] & 63) == 0);
    CHECK(3, p[2] == p[1] + 64 && p[0][39] == 0 && *p[2] == 0);
    CHECK(4, *word == 4 && word[-2] == 3 && word[2] == 5);
    return 0;
}
