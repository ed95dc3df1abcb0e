/* SPDX-License-Identifier: BSD-2-Clause */
/** What answers at which address. */
#include "bus.h"

#include <stdlib.h>
#include <string.h>

#include "chip.h"

bool bus_init(struct bus *bus, struct flash *flash)
{
    *bus = (struct bus){.flash = flash};
    /* Whole pages, since the CPU maps them as they are. */
    bus->sram = aligned_alloc(0x1000, CHIP_SRAM_SIZE);
    bus->ccm = aligned_alloc(0x1000, CHIP_CCM_SIZE);
    if (bus->sram == NULL || bus->ccm == NULL || !peripherals_init(&bus->peripherals)) {
        bus_free(bus);
        return false;
    }
    memset(bus->sram, 0, CHIP_SRAM_SIZE);
    memset(bus->ccm, 0, CHIP_CCM_SIZE);
    return true;
}

void bus_free(struct bus *bus)
{
    free(bus->sram);
    free(bus->ccm);
    peripherals_free(&bus->peripherals);
    *bus = (struct bus){0};
}

static bool within(uint32_t address, uint32_t size, uint32_t base, uint32_t length)
{
    return address >= base && size <= length && address - base <= length - size;
}

bool bus_flash_offset(uint32_t address, uint32_t size, uint32_t *ret_offset)
{
    if (within(address, size, CHIP_FLASH_BASE, CHIP_FLASH_SIZE)) {
        *ret_offset = address - CHIP_FLASH_BASE;
        return true;
    }
    if (within(address, size, CHIP_ALIAS_BASE, CHIP_FLASH_SIZE)) {
        *ret_offset = address - CHIP_ALIAS_BASE;
        return true;
    }
    return false;
}

static uint8_t *ram_at(const struct bus *bus, uint32_t address, uint32_t size)
{
    if (within(address, size, CHIP_SRAM_BASE, CHIP_SRAM_SIZE)) {
        return bus->sram + (address - CHIP_SRAM_BASE);
    }
    if (within(address, size, CHIP_CCM_BASE, CHIP_CCM_SIZE)) {
        return bus->ccm + (address - CHIP_CCM_BASE);
    }
    return NULL;
}

/* ---- words that are no memory --------------------------------------------------- */

/* The end of system memory: what a chip tells about itself (RM0090 section 39). */
static uint32_t system_word(const struct bus *bus, uint32_t address)
{
    switch (address) {
    case 0x1fff7a10: /* unique id: wafer coordinates, wafer number, lot number */
        return 0x0042001d;
    case 0x1fff7a14:
        return 0x56420f31;
    case 0x1fff7a18:
        return 0x30323034;
    case 0x1fff7a20: /* upper half: flash size in KiB, at 0x1fff7a22 */
        return (CHIP_FLASH_SIZE / 1024) << 16;
    case 0x1fffc000: /* option bytes: user and read protection; write protection */
        return bus->flash->options & 0xffec;
    case 0x1fffc008:
        return bus->flash->options >> FLASH_OPTCR_NWRP_SHIFT;
    default:
        return 0xffffffff;
    }
}

static bool is_flash_register(uint32_t address)
{
    return within(address, 4, CHIP_FLASH_IF, 0x400);
}

static bool read_word(struct bus *bus, uint32_t address, uint32_t *ret_value)
{
    if (within(address, 4, CHIP_SYSTEM_BASE, CHIP_SYSTEM_SIZE)) {
        *ret_value = system_word(bus, address);
    } else if (is_flash_register(address)) {
        *ret_value = flash_read_register(bus->flash, address - CHIP_FLASH_IF);
    } else if (within(address, 4, CHIP_PERIPH_BASE, CHIP_PERIPH_SIZE)) {
        *ret_value = peripherals_read(&bus->peripherals, address);
    } else if (within(address, 4, CHIP_PPB_BASE, CHIP_PPB_SIZE) &&
               bus->private.read != NULL) {
        *ret_value = bus->private.read(bus->private.context, address);
    } else {
        return false;
    }
    return true;
}

static bool write_word(struct bus *bus, uint32_t address, uint32_t value)
{
    if (is_flash_register(address)) {
        return flash_write_register(bus->flash, address - CHIP_FLASH_IF, value);
    }
    if (within(address, 4, CHIP_PERIPH_BASE, CHIP_PERIPH_SIZE)) {
        peripherals_write(&bus->peripherals, address, value);
    } else if (within(address, 4, CHIP_PPB_BASE, CHIP_PPB_SIZE) &&
               bus->private.write != NULL) {
        bus->private.write(bus->private.context, address, value);
    } else {
        return false;
    }
    return true;
}

/* What the rest of a register holds when only a part of it is written. Bits of SR are
 * cleared by writing ones, and keys are whole or wrong. */
static uint32_t rest_of_word(struct bus *bus, uint32_t address)
{
    uint32_t value = 0;
    bool zero = address == CHIP_FLASH_IF + FLASH_SR ||
                address == CHIP_FLASH_IF + FLASH_KEYR ||
                address == CHIP_FLASH_IF + FLASH_OPTKEYR;
    return !zero && read_word(bus, address, &value) ? value : 0;
}

/* ---- accesses of any size ------------------------------------------------------- */

bool bus_read(struct bus *bus, uint32_t address, unsigned size, uint32_t *ret_value)
{
    uint32_t offset = 0;
    uint32_t value = 0;
    if (bus_flash_offset(address, size, &offset)) {
        *ret_value = flash_load(bus->flash, offset, size);
        return true;
    }
    const uint8_t *ram = ram_at(bus, address, size);
    if (ram != NULL) {
        memcpy(&value, ram, size);
        *ret_value = value;
        return true;
    }
    unsigned lane = address % 4;
    if (lane + size > 4 || !read_word(bus, address - lane, &value)) {
        return false;
    }
    value >>= 8 * lane;
    *ret_value = size == 4 ? value : value & ((1u << 8 * size) - 1);
    return true;
}

bool bus_write(struct bus *bus, uint32_t address, unsigned size, uint32_t value)
{
    uint32_t offset = 0;
    if (bus_flash_offset(address, size, &offset)) {
        flash_store(bus->flash, offset, size, value);
        return true;
    }
    uint8_t *ram = ram_at(bus, address, size);
    if (ram != NULL) {
        memcpy(ram, &value, size);
        bus->sram_changed = true;
        return true;
    }
    unsigned lane = address % 4;
    if (lane + size > 4) {
        return false;
    }
    if (size < 4) {
        uint32_t mask = ((1u << 8 * size) - 1) << 8 * lane;
        uint32_t rest = rest_of_word(bus, address - lane);
        value = (rest & ~mask) | (value << 8 * lane & mask);
    }
    return write_word(bus, address - lane, value);
}
