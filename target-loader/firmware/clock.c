/* SPDX-License-Identifier: BSD-2-Clause */
#include "clock.h"

#include "emulation.h"
#include "firmware.h"
#include "modules.h"

#define SYST_CSR (*(volatile uint32_t *)0xe000e010u)
#define SYST_RVR (*(volatile uint32_t *)0xe000e014u)
#define SYST_CVR (*(volatile uint32_t *)0xe000e018u)
#define CSR_RUN  7u /* the core's clock, interrupt, enabled */

static volatile uint32_t milliseconds;
static uint32_t clocks_per_ms;

void clock_begin(void)
{
    clocks_per_ms = emulation_clock_hz() / 1000u;
    SYST_RVR = clocks_per_ms - 1u;
    SYST_CVR = 0;
    SYST_CSR = CSR_RUN;
}

/** What modules have called each millisecond, and whose it is. */
static struct {
    void (*volatile callback)(void *context);
    void *volatile context;
    const struct modload_module *owner;
} tick;

void clock_tick(void)
{
    milliseconds++;
    if (tick.callback)
        tick.callback(tick.context);
}

int fw_tick(void (*callback)(void *context), void *context)
{
    const struct modload_module *owner = modules_owner(__builtin_return_address(0));

    if (tick.callback && tick.owner != owner)
        return -1;
    tick.callback = NULL; /* an interrupt may come at any time */
    tick.context = context;
    tick.owner = owner;
    tick.callback = callback;
    return 0;
}

void clock_forget(const struct modload_module *module)
{
    if (tick.owner == module)
        tick.callback = NULL;
}

uint32_t fw_time_ms(void)
{
    return milliseconds;
}

uint32_t fw_time_us(void)
{
    static uint32_t last;
    uint32_t ms, left, us;

    /* Again, if a tick came between the two. */
    do {
        ms = milliseconds;
        left = SYST_CVR;
    } while (ms != milliseconds);
    us = ms * 1000u + (clocks_per_ms - 1u - left) * 1000u / clocks_per_ms;
    /* The counter may have begun anew while its exception is still to come: then this is
     * up to a millisecond behind, and time must not go back. */
    if (us - last > UINT32_MAX / 2u)
        us = last;
    last = us;
    return us;
}
