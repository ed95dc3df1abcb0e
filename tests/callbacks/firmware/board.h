/* SPDX-License-Identifier: BSD-2-Clause */
/** A bare Cortex-M of QEMU. */
#ifndef BOARD_H
#define BOARD_H

#include <stdint.h>

void board_say(const char *text);
void board_number(uint32_t value);
/** End QEMU. @param status  0: all is well */
__attribute__((noreturn)) void board_end(int status);

/** Interrupts of the system timer come here. On ARMv6-M a stub of one branch stands in
 *  the vector table, elsewhere the address itself. */
void board_tick_handler(uint32_t address);
/** Have the timer run down from `reload`, without interrupts or with them. */
void board_tick_begin(uint32_t reload, int interrupts);
void board_tick_end(void);
/** What it has run down to. */
uint32_t board_tick_now(void);

/** A call across the border: what is in registers and on the stack. In border.S. */
struct crossing {
    uint32_t in[4];    /**< r0 to r3 */
    uint32_t stack[8]; /**< arguments */
    uint32_t out[4];   /**< r0 to r3 afterwards */
    uint32_t kept[8];  /**< r4 to r11, before and afterwards */
    uint32_t sp[2];    /**< before and afterwards */
};
void border_call(uint32_t function, struct crossing *crossing);
/** Call a function `count` times without arguments, with r9 set to `base`. */
void border_repeat(uint32_t function, uint32_t count, uint32_t base);
/** 2 × count instructions, and a few. */
void border_idle(uint32_t count);

#endif
