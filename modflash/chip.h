/* SPDX-License-Identifier: BSD-2-Clause */
/**
 * The chips that are known: facts in tables, one file per family, and the driver of each
 * family's flash controller. A new family is a file with a table and four functions, and
 * a line in chip.c.
 */
#ifndef MODFLASH_CHIP_H
#define MODFLASH_CHIP_H

#include "target.h"

struct chip_access;

/** A family's flash controller, driven through a probe. All return 0, or -1 after
 *  target_fail(). */
struct chip_flash {
    /** Is the chip open to a probe? Called when it is identified; changes nothing. */
    int (*check)(struct chip_access *access);
    /** Unlock; the core is halted. */
    int (*begin)(struct chip_access *access);
    int (*program)(struct chip_access *access, uint32_t address, const uint8_t *bytes,
                   uint32_t length);
    int (*erase)(struct chip_access *access, uint32_t index);
    /** Lock, and undo what begin() did. Goes on after a failure and does what it can. */
    int (*end)(struct chip_access *access);
    /** Locks the flash when it is written: for the case that modflash dies. */
    uint32_t lock_register;
    uint32_t lock_value;
};

/** One device id: what differs within a family. */
struct chip_row {
    const char *name;
    uint32_t device_id;
    uint32_t flash_size; /**< bytes of the largest one, which a file: target has */
    uint32_t ram_size;   /**< bytes from ram_base on without a gap */
    uint32_t region_base;
    uint32_t region_size;
};

struct chip_family {
    const struct chip_row *rows; /**< ends with a NULL name */
    const struct chip_flash *flash;
    uint32_t flash_base;
    uint32_t ram_base;
    uint32_t unit;
    uint32_t provides;
    /** Bytes of sector `index`, whether the chip has so many or not. */
    uint32_t (*sector_size)(uint32_t index);
    uint32_t info_address; /**< a block of system memory with the next two in it */
    uint32_t info_size;    /**< bytes, a multiple of 4, at most 64 */
    uint32_t uid_offset;   /**< of the 96-bit unique id in the block */
    uint32_t kib_offset;   /**< of the flash size in KiB, 16 bits, in the block */
};

struct chip_model {
    const struct chip_family *family;
    const struct chip_row *row;
};

extern const struct chip_family chip_f4;

/** @return false: this chip is not known, *ret_model is untouched */
bool chip_find_id(uint32_t device_id, struct chip_model *ret_model);
bool chip_find_name(const char *name, struct chip_model *ret_model);
/**
 * Fill in all of *ret_chip but its uid.
 * @return false: `flash_size` is no whole number of this family's sectors
 */
bool chip_describe(const struct chip_model *model, uint32_t flash_size,
                   struct target_chip *ret_chip);
/** Names joined by ", ". */
char *chip_name_list(void);

#endif
