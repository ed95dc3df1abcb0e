/* SPDX-License-Identifier: BSD-2-Clause */
/** Where the module region is. */
#ifndef MODFLASH_REGION_H
#define MODFLASH_REGION_H

#include <stdbool.h>
#include <stdint.h>

#include "firmware.h"
#include "target.h"

struct region {
    uint32_t base;
    uint32_t size;
    uint32_t first_sector; /**< of the chip */
    uint32_t sector_count;
    const char *origin; /**< "option", "firmware", "board" or "default": who said so */
};

/** What a look for the firmware's descriptor tells. */
enum region_answer {
    REGION_UNKNOWN, /**< there is none */
    REGION_TOLD,
    REGION_LATER, /**< there is one of a later version, which may mean anything */
};

/** The descriptor of the firmware that is on the board, as far as it can be believed. */
enum region_answer region_describe(struct target *target,
                                   struct firmware_descriptor *ret_descriptor);

/**
 * Find the region: --region, then --firmware's symbols, then the descriptor of the
 * firmware that is on the board, then the chip's default. Prints why not.
 * @param ret_descriptor  what the firmware on the board tells, if it was asked; else
 * zeros
 * @return 0 or an exit status
 */
int region_find(struct target *target, const char *option, const char *firmware,
                struct region *ret_region, struct firmware_descriptor *ret_descriptor);

/** "BASE:SIZE", as 0x08060000:128K. @return false: it is no such thing */
bool region_parse(const char *text, uint32_t *ret_base, uint32_t *ret_size);

/** `_modules_begin` and `_modules_end` of an ELF file. @return 0 or an exit status */
int region_from_elf(const char *path, uint32_t *ret_base, uint32_t *ret_size);

#endif
