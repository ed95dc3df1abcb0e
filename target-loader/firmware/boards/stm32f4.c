/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * STM32F405 and F411 on their internal 16 MHz oscillator; the console is a USART, polled,
 * 115,200 baud. RM0090 (F405), RM0383 (F411): same registers.
 *
 * F405: USART1 on PA9, which is also the first serial port of QEMU's netduinoplus2.
 * F411: USART2 on PA2, where a Nucleo-F411RE has its ST-LINK's virtual serial port.
 */
#include "board.h"

#include "flash_f4.h"

#define REG(address) (*(volatile uint32_t *)(uintptr_t)(address))

#define RCC_AHB1ENR 0x40023830u
#define GPIOA       0x40020000u

#if defined(BOARD_STM32F405)
const char board_name[] = "STM32F405";
#define USART        0x40011000u
#define USART_CLOCK  0x40023844u /* RCC_APB2ENR */
#define USART_ENABLE (1u << 4)
#define TX_PIN       9u
#elif defined(BOARD_STM32F411)
const char board_name[] = "STM32F411";
#define USART        0x40004400u
#define USART_CLOCK  0x40023840u /* RCC_APB1ENR */
#define USART_ENABLE (1u << 17)
#define TX_PIN       2u
#else
#error "which board?"
#endif

#define USART_SR  REG(USART + 0x00u)
#define USART_DR  REG(USART + 0x04u)
#define USART_BRR REG(USART + 0x08u)
#define USART_CR1 REG(USART + 0x0cu)
#define SR_TXE    (1u << 7)
#define CR1_UE_TE (1u << 13 | 1u << 3)
#define AF_USART  7u

const uint32_t board_clock_hz = 16000000;

void board_begin(void)
{
    volatile uint32_t *afr = &REG(GPIOA + 0x20u + TX_PIN / 8u * 4u);
    uint32_t shift = TX_PIN % 8u * 4u;

    REG(RCC_AHB1ENR) |= 1u;
    REG(USART_CLOCK) |= USART_ENABLE;
    (void)REG(USART_CLOCK);
    *afr = (*afr & ~(15u << shift)) | AF_USART << shift;
    REG(GPIOA) = (REG(GPIOA) & ~(3u << 2u * TX_PIN)) | 2u << 2u * TX_PIN;
    USART_BRR = (board_clock_hz + 57600u) / 115200u;
    USART_CR1 = CR1_UE_TE;
}

void board_put(char c)
{
    while ((USART_SR & SR_TXE) == 0)
        continue;
    USART_DR = (uint8_t)c;
}

struct modfmt_flash *board_flash(uint32_t begin, uint32_t end)
{
    static struct modload_flash_f4 f4;

    modload_flash_f4_begin(&f4, begin, end, NULL);
    return &f4.flash;
}
