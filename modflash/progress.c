/* SPDX-License-Identifier: BSD-2-Clause */
#include "progress.h"

#include <stdio.h>

#define WIDTH 30u

static bool shown;

void progress_show(const struct device *device, const char *doing, uint32_t done,
                   uint32_t total)
{
    uint32_t filled = total != 0 ? (uint32_t)((uint64_t)done * WIDTH / total) : 0;

    (void)device;
    if (filled > WIDTH) {
        filled = WIDTH;
    }
    fprintf(stderr, "\r%-12s [", doing);
    for (uint32_t i = 0; i < WIDTH; i++) {
        fputc(i < filled ? '#' : '.', stderr);
    }
    fputs("]", stderr);
    if (total != 0) {
        fprintf(stderr, " %3u%%", filled * 100u / WIDTH);
    }
    fputs("\033[K", stderr);
    fflush(stderr);
    shown = true;
}

void progress_end(void)
{
    if (shown) {
        fputs("\r\033[K", stderr);
        fflush(stderr);
        shown = false;
    }
}
