/* SPDX-License-Identifier: BSD-2-Clause */
/** Where things are in an STM32F405 (RM0090 sections 2.3, 3.3 and 39). */
#ifndef CHIP_H
#define CHIP_H

#define CHIP_ALIAS_BASE  0x00000000u /* flash, as BOOT0 low maps it */
#define CHIP_FLASH_BASE  0x08000000u
#define CHIP_FLASH_SIZE  0x00100000u
#define CHIP_CCM_BASE    0x10000000u
#define CHIP_CCM_SIZE    0x00010000u
#define CHIP_SYSTEM_BASE 0x1fff0000u /* boot ROM, OTP, unique id, option bytes */
#define CHIP_SYSTEM_SIZE 0x00010000u
#define CHIP_SRAM_BASE   0x20000000u
#define CHIP_SRAM_SIZE   0x00020000u
#define CHIP_PERIPH_BASE 0x40000000u
#define CHIP_PERIPH_SIZE 0x20000000u
#define CHIP_FLASH_IF    0x40023c00u /* the flash controller's registers */
#define CHIP_PPB_BASE    0xe0000000u /* the core's own registers */
#define CHIP_PPB_SIZE    0x00100000u

#define CHIP_SECTORS 12u
#define CHIP_IDCODE  0x10076413u /* DBGMCU_IDCODE: device 0x413, revision 0x1007 */

#endif
