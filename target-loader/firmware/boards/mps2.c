/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Arm's MPS2 boards as QEMU has them: UART0 is a CMSDK APB UART (Arm DDI 0479, 4.3).
 * For tests of other cores than the STM32s'.
 */
#include "board.h"

#include "modload_store.h"

#if defined(BOARD_MPS2_AN385)
const char board_name[] = "MPS2 AN385";
const uint32_t board_clock_hz = 25000000;
#define UART0 0x40004000u
#elif defined(BOARD_MPS2_AN505)
const char board_name[] = "MPS2 AN505";
const uint32_t board_clock_hz = 20000000;
/* The secure alias. */
#define UART0 0x50200000u
#else
#error "which board?"
#endif

#define REG(offset) (*(volatile uint32_t *)(UART0 + (offset)))
#define DATA        REG(0x00u)
#define STATE       REG(0x04u)
#define CTRL        REG(0x08u)
#define BAUDDIV     REG(0x10u)
#define STATE_FULL  1u
#define CTRL_TX     1u

void board_begin(void)
{
    BAUDDIV = (board_clock_hz + 57600u) / 115200u;
    CTRL = CTRL_TX;
}

void board_put(char c)
{
    while ((STATE & STATE_FULL) != 0)
        continue;
    DATA = (uint8_t)c;
}

/** It is RAM: the region counts as one sector. */
struct modfmt_flash *board_flash(uint32_t begin, uint32_t end)
{
    static uint32_t size;
    static struct modfmt_flash flash = {
        .unit = 4, .sector_count = 1, .sector_size = &size, .read = modload_store_read};

    flash.base = begin;
    size = end - begin;
    return &flash;
}
