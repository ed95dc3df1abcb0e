/* SPDX-License-Identifier: BSD-2-Clause */
/** What answers at which address: the chip's memory map. */
#ifndef BUS_H
#define BUS_H

#include <stdbool.h>
#include <stdint.h>

#include "flash.h"
#include "peripherals.h"

/** The core's own registers, from CHIP_PPB_BASE on. Words only. */
struct bus_private {
    uint32_t (*read)(void *context, uint32_t address);
    void (*write)(void *context, uint32_t address, uint32_t value);
    void *context;
};

struct bus {
    struct flash *flash;
    uint8_t *sram; /**< CHIP_SRAM_SIZE bytes */
    uint8_t *ccm;  /**< CHIP_CCM_SIZE bytes */
    struct peripherals peripherals;
    struct bus_private private;
    bool sram_changed; /**< by bus_write(), since somebody cleared it */
};

/** Zeroed RAM, nothing on the private bus. @return false if there is no memory */
bool bus_init(struct bus *bus, struct flash *flash);
void bus_free(struct bus *bus);

/** Access 1, 2 or 4 bytes. @return false for a bus error */
bool bus_read(struct bus *bus, uint32_t address, unsigned size, uint32_t *ret_value);
bool bus_write(struct bus *bus, uint32_t address, unsigned size, uint32_t value);

/** Is all of [address, address + size) flash? Also as it is seen at address 0. */
bool bus_flash_offset(uint32_t address, uint32_t size, uint32_t *ret_offset);

#endif
