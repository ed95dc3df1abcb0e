/* SPDX-License-Identifier: BSD-2-Clause */
/** The flash memory and its controller, as RM0090 section 3 has them. */
#ifndef FLASH_H
#define FLASH_H

#include <stdbool.h>
#include <stdint.h>

#include "faults.h"
#include "trace.h"

/** Offsets of the registers. */
#define FLASH_ACR     0x00u
#define FLASH_KEYR    0x04u
#define FLASH_OPTKEYR 0x08u
#define FLASH_SR      0x0cu
#define FLASH_CR      0x10u
#define FLASH_OPTCR   0x14u

#define FLASH_SR_EOP    (1u << 0)
#define FLASH_SR_OPERR  (1u << 1)
#define FLASH_SR_WRPERR (1u << 4)
#define FLASH_SR_PGAERR (1u << 5)
#define FLASH_SR_PGPERR (1u << 6)
#define FLASH_SR_PGSERR (1u << 7)
#define FLASH_SR_BSY    (1u << 16)

#define FLASH_CR_PG        (1u << 0)
#define FLASH_CR_SER       (1u << 1)
#define FLASH_CR_MER       (1u << 2)
#define FLASH_CR_SNB_SHIFT 3
#define FLASH_CR_SNB       (15u << FLASH_CR_SNB_SHIFT)
#define FLASH_CR_PSIZE_X8  (0u << 8)
#define FLASH_CR_PSIZE_X16 (1u << 8)
#define FLASH_CR_PSIZE_X32 (2u << 8)
#define FLASH_CR_PSIZE_X64 (3u << 8)
#define FLASH_CR_STRT      (1u << 16)
#define FLASH_CR_EOPIE     (1u << 24)
#define FLASH_CR_ERRIE     (1u << 25)
#define FLASH_CR_LOCK      (1u << 31)

#define FLASH_OPTCR_OPTLOCK    (1u << 0)
#define FLASH_OPTCR_OPTSTRT    (1u << 1)
#define FLASH_OPTCR_NWRP_SHIFT 16
#define FLASH_OPTCR_RESET      0x0fffaaedu

#define FLASH_KEY1    0x45670123u
#define FLASH_KEY2    0xcdef89abu
#define FLASH_OPTKEY1 0x08192a3bu
#define FLASH_OPTKEY2 0x4c5d6e7fu

/** A register that two keys unlock, and that a wrong one locks up until reset. */
struct flash_lock {
    bool open;
    bool half;   /**< the first key was given */
    bool jammed; /**< a wrong key was given */
};

struct flash_counts {
    uint64_t programs;         /**< operations, of one unit each */
    uint64_t bytes_programmed; /**< bytes of those */
    uint64_t overprograms;     /**< programs of units that did not read as erased */
    uint64_t erases;           /**< operations; a mass erase is one */
    uint64_t sectors_erased;
    uint64_t refusals; /**< operations that the controller refused with an error flag */
};

struct flash {
    uint8_t *cells;
    struct faults *faults;
    const struct trace *trace;
    struct flash_counts counts;
    struct flash_lock lock;
    struct flash_lock option_lock;
    uint32_t acr;
    uint32_t sr;      /**< without BSY */
    uint32_t cr;      /**< without LOCK and STRT */
    uint32_t optcr;   /**< as written, without OPTLOCK and OPTSTRT */
    uint32_t options; /**< as programmed: what counts */
    unsigned busy;    /**< as many more reads of SR see BSY */
    /** Called when cells have changed; may be NULL. */
    void (*changed)(void *context, uint32_t offset, uint32_t size);
    void *context;
};

/** Power on: CHIP_FLASH_SIZE bytes of cells as they are, factory option bytes. */
void flash_init(struct flash *flash, uint8_t *cells, struct faults *faults,
                const struct trace *trace);
/** A system reset: registers have their reset values, options what was programmed. */
void flash_reset(struct flash *flash);

/** A read of 1, 2 or 4 bytes by the bus; waits for what is under way. */
uint32_t flash_load(struct flash *flash, uint32_t offset, unsigned size);
/** A store of 1, 2 or 4 bytes by the bus: programs, or sets an error flag. */
void flash_store(struct flash *flash, uint32_t offset, unsigned size, uint32_t value);

uint32_t flash_read_register(struct flash *flash, uint32_t offset);
/** @return false for a bus error, which a wrong key gives */
bool flash_write_register(struct flash *flash, uint32_t offset, uint32_t value);
bool flash_locked(const struct flash *flash);

/** Write-protect a sector, as the option bytes do. */
void flash_protect(struct flash *flash, unsigned sector);
unsigned flash_sector_of(uint32_t offset);
uint32_t flash_sector_offset(unsigned sector);
uint32_t flash_sector_size(unsigned sector);

#endif
