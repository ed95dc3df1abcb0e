/* SPDX-License-Identifier: BSD-2-Clause */
/**
 * The STM32's CRC unit as crc.c wants it: reset, write a word, read the state. A host
 * test puts a simulated one in its place (MODLOAD_CRC_UNIT).
 *
 * F2, F4, F7: RM0090 chapter 4 (fixed polynomial, no reversal). H7: RM0433 chapter 22;
 * its reset values (POL 0x04C11DB7, INIT 0xFFFFFFFF, no reversal, 32 bits) make it the
 * same unit, at another address. Build with -DMODLOAD_STM32H7 there.
 */
#ifndef MODLOAD_STM32_CRC_UNIT_H
#define MODLOAD_STM32_CRC_UNIT_H

#include <stdint.h>

#ifdef MODLOAD_STM32H7
#define CRC_UNIT_BASE   0x58024c00u
#define CRC_UNIT_CLOCK  0x580244e0u /* RCC_AHB4ENR */
#define CRC_UNIT_ENABLE (1u << 19)
#else
#define CRC_UNIT_BASE   0x40023000u
#define CRC_UNIT_CLOCK  0x40023830u /* RCC_AHB1ENR */
#define CRC_UNIT_ENABLE (1u << 12)
#endif

static inline volatile uint32_t *crc_unit_register(uint32_t address)
{
    return (volatile uint32_t *)(uintptr_t)address;
}

/** Clock on, state 0xFFFFFFFF. */
static inline void crc_unit_reset(void)
{
    volatile uint32_t *clock = crc_unit_register(CRC_UNIT_CLOCK);

    *clock |= CRC_UNIT_ENABLE;
    /* A peripheral answers some cycles after its clock is on; reading back waits for
     * them. */
    (void)*clock;
    *crc_unit_register(CRC_UNIT_BASE + 8u) = 1u;
}

static inline void crc_unit_write(uint32_t word)
{
    *crc_unit_register(CRC_UNIT_BASE) = word;
}

static inline uint32_t crc_unit_read(void)
{
    return *crc_unit_register(CRC_UNIT_BASE);
}

static inline uint32_t crc_unit_reverse(uint32_t word)
{
    uint32_t reversed;

    __asm("rbit %0, %1" : "=r"(reversed) : "r"(word));
    return reversed;
}

#endif
