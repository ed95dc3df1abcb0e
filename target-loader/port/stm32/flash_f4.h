/* SPDX-License-Identifier: BSD-2-Clause */
/**
 * The flash of an STM32F4 as the module store wants it (struct modfmt_flash): for a
 * firmware that installs, updates and removes modules by itself.
 *
 * RM0090 chapter 3 (F405 to F417), RM0383 (F411), RM0390 (F446): one bank, sectors of
 * 4 x 16K, 64K, then 128K each. Words of 32 bits are programmed: the supply must be 2.7 V
 * or more. The chips with two banks (F42x, F43x) number their sectors differently.
 *
 * While flash is programmed (16 us a word) or erased (1 to 2 s for 128K) the core waits
 * for its next instruction if that comes from flash: nothing runs, interrupt handlers
 * neither. So a watchdog must
 *  - either be slower than an erase: the hook is called right before and after one;
 *  - or be kicked by a hook that lies in RAM, with the function that waits beside it:
 *    build flash_f4.c with, say, -DMODLOAD_FLASH_F4_ERASE_SECTION='".ramfunc"', a section
 *    that the linker script puts into .data. Interrupts stay off the flash only if the
 *    vector table and every handler are in RAM too; else turn them off.
 * An independent watchdog that is started cannot be stopped, and 32 s are its longest.
 */
#ifndef MODLOAD_FLASH_F4_H
#define MODLOAD_FLASH_F4_H

#include "modfmt_store.h"

#define MODLOAD_FLASH_F4_BASE    0x08000000u
#define MODLOAD_FLASH_F4_UNIT    4u
#define MODLOAD_FLASH_F4_SECTORS 12u /**< of 1 MiB; smaller chips have fewer */

struct modload_flash_f4 {
    struct modfmt_flash flash; /**< give this to modfmt_store_open() */
    uint32_t first;            /**< number of the region's first sector */
    uint32_t sector_size[MODLOAD_FLASH_F4_SECTORS];
    void (*watchdog)(void); /**< called while waiting; may be NULL */
};

/**
 * Describe the region [begin, end), addresses of flash. It must be whole sectors, and of
 * this bank; else the store refuses it (sector_count is 0).
 */
void modload_flash_f4_begin(struct modload_flash_f4 *f4, uint32_t begin, uint32_t end,
                            void (*watchdog)(void));

/** The address where a sector begins; of MODLOAD_FLASH_F4_SECTORS, the end. */
uint32_t modload_flash_f4_sector_begin(uint32_t sector);

#endif
