/* SPDX-License-Identifier: BSD-2-Clause */
/** QEMU's MPS2 boards: a console, and the end. */
#ifndef BOARD_H
#define BOARD_H

#include <stdint.h>

void board_begin(void);
void board_put(char c);
/** End QEMU with this exit status. */
_Noreturn void board_end(int status);

#endif
