/* SPDX-License-Identifier: BSD-2-Clause */
/** The module region as libmodfmt's store wants it: a target's sectors, read in blocks. */
#ifndef MODFLASH_DEVICE_H
#define MODFLASH_DEVICE_H

#include "modfmt_store.h"
#include "region.h"
#include "target.h"

struct device {
    struct modfmt_flash flash; /**< first: what the store is given */
    struct target *target;
    uint32_t base;
    uint32_t size;
    uint32_t first_sector;
    uint8_t *bytes;  /**< the region, as far as it has been read */
    uint8_t *known;  /**< per block: 1, `bytes` has it */
    bool writing;    /**< read no more than asked for */
    /** Called now and then while something takes time; may be NULL. */
    void (*progress)(const struct device *device, const char *doing, uint32_t done,
                     uint32_t total);
    uint32_t planned; /**< bytes that the verb is going to program */
};

void device_begin(struct device *device, struct target *target, const struct region *region);
void device_end(struct device *device);
/** Is nothing known any more? After another has written to the flash. */
void device_forget(struct device *device);

#endif
