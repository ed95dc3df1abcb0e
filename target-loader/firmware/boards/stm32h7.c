/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * STM32H753 on its internal 64 MHz oscillator. The console is USART3 on PD8, polled,
 * 115,200 baud: a Nucleo-H753ZI has its ST-LINK's virtual serial port there. RM0433.
 */
#include "board.h"

#include "read.h"

#define REG(address) (*(volatile uint32_t *)(uintptr_t)(address))

#define RCC_AHB4ENR  0x580244e0u
#define RCC_APB1LENR 0x580244e8u
#define GPIOD        0x58020c00u
#define USART3       0x40004800u
#define USART_CR1    REG(USART3 + 0x00u)
#define USART_BRR    REG(USART3 + 0x0cu)
#define USART_ISR    REG(USART3 + 0x1cu)
#define USART_TDR    REG(USART3 + 0x28u)
#define ISR_TXE      (1u << 7)
#define CR1_UE_TE    (1u << 0 | 1u << 3)
#define TX_PIN       8u
#define AF_USART3    7u

const char board_name[] = "STM32H753";
const uint32_t board_clock_hz = 64000000;

void board_begin(void)
{
    REG(RCC_AHB4ENR) |= 1u << 3;
    REG(RCC_APB1LENR) |= 1u << 18;
    (void)REG(RCC_APB1LENR);
    /* AFRH has pin 8 first. */
    REG(GPIOD + 0x24u) = (REG(GPIOD + 0x24u) & ~15u) | AF_USART3;
    REG(GPIOD) = (REG(GPIOD) & ~(3u << 2u * TX_PIN)) | 2u << 2u * TX_PIN;
    USART_BRR = (board_clock_hz + 57600u) / 115200u;
    USART_CR1 = CR1_UE_TE;
}

void board_put(char c)
{
    while ((USART_ISR & ISR_TXE) == 0)
        continue;
    USART_TDR = (uint8_t)c;
}

/* RM0433, 4.3.4: sectors of 128K; 256 bits are programmed at once, with their ECC. */
#define SECTOR 0x20000u

struct modfmt_flash *board_flash(uint32_t begin, uint32_t end)
{
    static uint32_t size[MODFMT_STORE_SECTOR_MAX];
    static struct modfmt_flash flash = {
        .unit = 32, .sector_size = size, .read = modload_cortex_m_read};

    flash.base = begin;
    for (uint32_t i = 0; i < MODFMT_STORE_SECTOR_MAX; i++)
        size[i] = SECTOR;
    if (begin % SECTOR == 0 && end % SECTOR == 0)
        flash.sector_count = (end - begin) / SECTOR;
    return &flash;
}
