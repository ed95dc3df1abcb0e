/* SPDX-License-Identifier: BSD-2-Clause */
/* micro:bit (nRF51822) as QEMU has it: UART0, TXD on pin 24. nRF51 reference manual, 29.
 */
#include "board.h"

#include "modload_store.h"

#define UART0 0x40002000u

#define REG(offset)   (*(volatile uint32_t *)(UART0 + (offset)))
#define TASKS_STARTTX REG(0x008u)
#define EVENTS_TXDRDY REG(0x11cu)
#define ENABLE        REG(0x500u)
#define PSELTXD       REG(0x50cu)
#define TXD           REG(0x51cu)
#define BAUDRATE      REG(0x524u)
#define BAUD_115200   0x01d7e000u
#define UART_ENABLED  4u

const char board_name[] = "micro:bit";
const uint32_t board_clock_hz = 16000000;

void board_begin(void)
{
    PSELTXD = 24;
    BAUDRATE = BAUD_115200;
    ENABLE = UART_ENABLED;
    TASKS_STARTTX = 1;
}

void board_put(char c)
{
    EVENTS_TXDRDY = 0;
    TXD = (uint8_t)c;
    while (EVENTS_TXDRDY == 0)
        continue;
}

/** QEMU only reads it: the region counts as one sector. */
struct modfmt_flash *board_flash(uint32_t begin, uint32_t end)
{
    static uint32_t size;
    static struct modfmt_flash flash = {
        .unit = 4, .sector_count = 1, .sector_size = &size, .read = modload_store_read};

    flash.base = begin;
    size = end - begin;
    return &flash;
}
