/* SPDX-License-Identifier: BSD-2-Clause */
/** Peripherals other than the flash controller. */
#include "peripherals.h"

#include <stdlib.h>
#include <string.h>

#include "chip.h"

#define SIZE     0x80000u /* APB1, APB2, AHB1; there is nothing to keep behind them */
#define RCC_CR   0x40023800u
#define RCC_CFGR 0x40023808u

static const uint32_t usart_status[] = {0x40011000, 0x40004400, 0x40004800,
                                        0x40004c00, 0x40005000, 0x40011400};

bool peripherals_init(struct peripherals *peripherals)
{
    peripherals->words = calloc(SIZE / 4, sizeof *peripherals->words);
    if (peripherals->words == NULL) {
        return false;
    }
    peripherals_reset(peripherals);
    return true;
}

void peripherals_reset(struct peripherals *peripherals)
{
    memset(peripherals->words, 0, SIZE);
    peripherals_write(peripherals, RCC_CR, 0x83); /* the internal oscillator is on */
}

void peripherals_free(struct peripherals *peripherals)
{
    free(peripherals->words);
}

/* Oscillators and PLLs are ready as soon as they are on, and the clock is the one that
 * was chosen. */
static uint32_t rcc_cr(uint32_t value)
{
    uint32_t on = value & 0x05010001;
    return (value & ~(on << 1 | 0x0a020002)) | on << 1;
}

static uint32_t rcc_cfgr(uint32_t value)
{
    return (value & ~0xcu) | (value & 3) << 2;
}

uint32_t peripherals_read(const struct peripherals *peripherals, uint32_t address)
{
    if (address - CHIP_PERIPH_BASE >= SIZE) {
        return 0;
    }
    uint32_t value = peripherals->words[(address - CHIP_PERIPH_BASE) / 4];
    if (address == RCC_CR) {
        return rcc_cr(value);
    }
    if (address == RCC_CFGR) {
        return rcc_cfgr(value);
    }
    for (unsigned i = 0; i < sizeof usart_status / sizeof *usart_status; i++) {
        if (address == usart_status[i]) {
            return value | 0xc0; /* all was sent, and more may be */
        }
    }
    return value;
}

void peripherals_write(struct peripherals *peripherals, uint32_t address, uint32_t value)
{
    if (address - CHIP_PERIPH_BASE < SIZE) {
        peripherals->words[(address - CHIP_PERIPH_BASE) / 4] = value;
    }
}
