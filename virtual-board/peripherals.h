/* SPDX-License-Identifier: BSD-2-Clause */
/** Peripherals other than the flash controller: registers that keep what is written, and
 *  just enough of RCC and the USARTs that firmware does not wait for ever. */
#ifndef PERIPHERALS_H
#define PERIPHERALS_H

#include <stdbool.h>
#include <stdint.h>

struct peripherals {
    uint32_t *words; /**< from CHIP_PERIPH_BASE on */
};

/** @return false if there is no memory */
bool peripherals_init(struct peripherals *peripherals);
void peripherals_reset(struct peripherals *peripherals);
void peripherals_free(struct peripherals *peripherals);

/** Word accesses; what is not there reads as 0. */
uint32_t peripherals_read(const struct peripherals *peripherals, uint32_t address);
void peripherals_write(struct peripherals *peripherals, uint32_t address, uint32_t value);

#endif
