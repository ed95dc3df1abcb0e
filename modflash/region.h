/* SPDX-License-Identifier: BSD-2-Clause */
/** Where the module region is. */
#ifndef MODFLASH_REGION_H
#define MODFLASH_REGION_H

#include <stdbool.h>
#include <stdint.h>

#include "target.h"

struct region {
    uint32_t base;
    uint32_t size;
    uint32_t first_sector; /**< of the chip */
    uint32_t sector_count;
    const char *origin; /**< "option", "firmware", "board" or "default": who said so */
};

/**
 * Find the region: --region, then --firmware's symbols, then the descriptor of the
 * firmware that is on the board, then the chip's default. Prints why not.
 * @return 0 or an exit status
 */
int region_find(struct target *target, const char *option, const char *firmware,
                struct region *ret_region);

/** `_modules_begin` and `_modules_end` of an ELF file. @return 0 or an exit status */
int region_from_elf(const char *path, uint32_t *ret_base, uint32_t *ret_size);

#endif
