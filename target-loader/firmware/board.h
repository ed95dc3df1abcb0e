/* SPDX-License-Identifier: BSD-2-Clause */
/** What a board's file (boards/) gives to the rest of the firmware. */
#ifndef BOARD_H
#define BOARD_H

#include <stdint.h>

#include "modfmt_store.h"

/** For the greeting. */
extern const char board_name[];
/** The core's clock as the board comes out of reset; nothing here turns on a PLL. */
extern const uint32_t board_clock_hz;

/** Make the console work. */
void board_begin(void);
/** Send one character, waiting for room. */
void board_put(char c);
/** The flash of the module region [begin, end). */
struct modfmt_flash *board_flash(uint32_t begin, uint32_t end);

#endif
