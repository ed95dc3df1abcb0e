/* SPDX-License-Identifier: BSD-2-Clause */
/** What all probes share: the first failure, and time. */
#include "probe.h"

#include <stdarg.h>
#include <stdio.h>
#include <time.h>

int probe_fail(struct probe *probe, const char *format, ...)
{
    if (probe->error[0] == 0) {
        va_list list;
        va_start(list, format);
        vsnprintf(probe->error, sizeof probe->error, format, list);
        va_end(list);
    }
    return -1;
}

int probe_lose(struct probe *probe, const char *format, ...)
{
    char why[256];
    va_list list;
    va_start(list, format);
    vsnprintf(why, sizeof why, format, list);
    va_end(list);
    probe->lost = true;
    return probe_fail(
        probe, "%s; connect it again and reset the board, which may be halted", why);
}

int64_t probe_clock_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

void probe_sleep_ms(int64_t ms)
{
    struct timespec time = {.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000};
    nanosleep(&time, NULL);
}
