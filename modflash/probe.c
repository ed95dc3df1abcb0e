/* SPDX-License-Identifier: BSD-2-Clause */
/** What all probes share: the first failure, time, and patience. */
#include "probe.h"
#include "cli.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define PATIENCE_MAX 1000

static uint32_t patience = 1;

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

int probe_set_patience(void)
{
    const char *text = getenv("MODFLASH_PATIENCE");
    uint32_t value = 1;
    if (text != NULL &&
        (!cli_parse_u32(text, &value) || value == 0 || value > PATIENCE_MAX)) {
        cli_error(NULL, "MODFLASH_PATIENCE is '%s': make it a whole number from 1 to %d",
                  text, PATIENCE_MAX);
        return CLI_USAGE;
    }
    patience = value;
    return CLI_OK;
}

int64_t probe_patiently(int64_t ms)
{
    return ms * patience;
}

int64_t probe_clock_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

int64_t probe_deadline(int64_t ms)
{
    return probe_clock_ms() + probe_patiently(ms);
}

void probe_sleep_ms(int64_t ms)
{
    struct timespec time = {.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000};
    nanosleep(&time, NULL);
}
