/* SPDX-License-Identifier: BSD-2-Clause */
/* State of an instance's own, callbacks from the firmware and from an interrupt, and where
 * text and data are. */
#include "firmware.h"

static int comparisons, started;
static volatile int ticks;
static const char *const words[] = {"pear", "fig", "quince", "apple", "plum"};

__attribute__((noinline)) static int length(const char *word)
{
    int n = 0;

    while (word[n] != '\0')
        n++;
    return n;
}

static int shorter(const void *a, const void *b)
{
    comparisons++;
    return length(*(const char *const *)a) - length(*(const char *const *)b);
}

static void tick(void *context)
{
    if (ticks < 6)
        ticks += *(int *)context;
}

__attribute__((constructor)) static void before(void)
{
    started += 7;
}

__attribute__((destructor)) static void after(void)
{
    fw_printf("ended: %d comparisons, %d ticks, started %d\n", comparisons, ticks, started);
}

int module_entry(void *param)
{
    const char *sorted[5];
    int step = 2;
    uint32_t limit = fw_time_ms() + 1000;

    (void)param;
    for (int i = 0; i < 5; i++)
        sorted[i] = words[i];
    fw_sort(sorted, 5, sizeof(sorted[0]), shorter);
    fw_printf("%s %s, text at %x, data at %x\n", sorted[0], sorted[4],
              (unsigned)((uintptr_t)words[0] >> 16), (unsigned)((uintptr_t)&started >> 24));
    if (fw_tick(tick, &step) != 0)
        return 1;
    while (ticks < 6 && fw_time_ms() < limit)
        ;
    if (fw_tick(NULL, NULL) != 0)
        return 2;
    fw_printf("%d ticks, started %d\n", ticks, started);
    started++;
    return ticks == 6 ? 0 : 3;
}
