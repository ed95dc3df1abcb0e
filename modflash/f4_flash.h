/* SPDX-License-Identifier: BSD-2-Clause */
/** The flash controller of the STM32F4: RM0090, 3 "Embedded Flash memory interface". */
#ifndef MODFLASH_F4_FLASH_H
#define MODFLASH_F4_FLASH_H

#include "chip.h"

extern const struct chip_flash f4_flash;

#endif
