/* SPDX-License-Identifier: BSD-2-Clause */
#include "clock.h"

#include "emulation.h"
#include "firmware.h"

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

void clock_tick(void)
{
    milliseconds++;
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
