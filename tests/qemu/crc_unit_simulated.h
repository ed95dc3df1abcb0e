/* SPDX-License-Identifier: BSD-2-Clause */
/** The STM32F4's CRC unit by the reference manual's words (RM0090, 4.3), for a host. */
#ifndef CRC_UNIT_SIMULATED_H
#define CRC_UNIT_SIMULATED_H

#include <stdint.h>

static uint32_t simulated_state;

static inline void crc_unit_reset(void)
{
    simulated_state = 0xffffffffu;
}

static inline void crc_unit_write(uint32_t word)
{
    simulated_state ^= word;
    for (int bit = 0; bit < 32; bit++) {
        uint32_t top = simulated_state & 0x80000000u;

        simulated_state <<= 1;
        if (top)
            simulated_state ^= 0x04c11db7u;
    }
}

static inline uint32_t crc_unit_read(void)
{
    return simulated_state;
}

static inline uint32_t crc_unit_reverse(uint32_t word)
{
    uint32_t reversed = 0;

    for (int bit = 0; bit < 32; bit++)
        reversed |= (word >> bit & 1u) << (31 - bit);
    return reversed;
}

#endif
