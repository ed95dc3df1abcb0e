/* SPDX-License-Identifier: BSD-2-Clause */
/** The flash memory and its controller, as RM0090 section 3 has them. */
#include "flash.h"

#include <string.h>

#include "chip.h"

/* How many reads of SR see BSY after an operation: the model has no clock, yet a client
 * that does not wait shall be found out. */
enum { BUSY_PROGRAM = 1, BUSY_ERASE = 3 };

/* SNB and EOPIE and their kind: all that can be written and read back. */
#define CR_BITS                                                                          \
    (FLASH_CR_PG | FLASH_CR_SER | FLASH_CR_MER | FLASH_CR_SNB | FLASH_CR_PSIZE_X64 |     \
     FLASH_CR_EOPIE | FLASH_CR_ERRIE)
#define SR_BITS                                                                          \
    (FLASH_SR_EOP | FLASH_SR_OPERR | FLASH_SR_WRPERR | FLASH_SR_PGAERR |                 \
     FLASH_SR_PGPERR | FLASH_SR_PGSERR)
#define OPTCR_BITS 0x0fffffecu

unsigned flash_sector_of(uint32_t offset)
{
    if (offset < 0x10000) {
        return offset / 0x4000;
    }
    return offset < 0x20000 ? 4 : 4 + offset / 0x20000;
}

uint32_t flash_sector_offset(unsigned sector)
{
    if (sector < 4) {
        return sector * 0x4000;
    }
    return sector == 4 ? 0x10000 : (sector - 4) * 0x20000;
}

uint32_t flash_sector_size(unsigned sector)
{
    if (sector < 4) {
        return 0x4000;
    }
    return sector == 4 ? 0x10000 : 0x20000;
}

void flash_init(struct flash *flash, uint8_t *cells, struct faults *faults,
                const struct trace *trace)
{
    *flash = (struct flash){.cells = cells, .faults = faults, .trace = trace};
    flash->options = FLASH_OPTCR_RESET & OPTCR_BITS;
    flash_reset(flash);
}

void flash_reset(struct flash *flash)
{
    flash->lock = (struct flash_lock){0};
    flash->option_lock = (struct flash_lock){0};
    flash->acr = 0;
    flash->sr = 0;
    flash->cr = 0;
    flash->optcr = flash->options;
    flash->busy = 0;
}

bool flash_locked(const struct flash *flash)
{
    return !flash->lock.open;
}

void flash_protect(struct flash *flash, unsigned sector)
{
    flash->options &= ~(1u << (FLASH_OPTCR_NWRP_SHIFT + sector));
    flash->optcr = flash->options;
}

static bool sector_protected(const struct flash *flash, unsigned sector)
{
    return (flash->options >> (FLASH_OPTCR_NWRP_SHIFT + sector) & 1) == 0;
}

static void tell_change(struct flash *flash, uint32_t offset, uint32_t size)
{
    if (flash->changed != NULL) {
        flash->changed(flash->context, offset, size);
    }
}

static void refuse(struct flash *flash, uint32_t flag, const char *what, uint32_t offset)
{
    static const struct {
        uint32_t flag;
        const char *name;
    } names[] = {{FLASH_SR_WRPERR, "WRPERR"},
                 {FLASH_SR_PGAERR, "PGAERR"},
                 {FLASH_SR_PGPERR, "PGPERR"},
                 {FLASH_SR_PGSERR, "PGSERR"}};
    flash->sr |= flag;
    if ((flash->cr & FLASH_CR_ERRIE) != 0) {
        flash->sr |= FLASH_SR_OPERR;
    }
    flash->counts.refusals++;
    for (unsigned i = 0; i < sizeof names / sizeof *names; i++) {
        if (flag == names[i].flag) {
            trace_line(flash->trace, "refused %s 0x%08x %s", what,
                       CHIP_FLASH_BASE + offset, names[i].name);
        }
    }
}

static void finish(struct flash *flash, unsigned busy)
{
    flash->busy = busy;
    if ((flash->cr & FLASH_CR_EOPIE) != 0) {
        flash->sr |= FLASH_SR_EOP;
    }
}

static void tell_cut(const struct flash *flash, unsigned progress)
{
    trace_line(flash->trace, "cut operation %llu, done to %u/8",
               (unsigned long long)flash->faults->operations, progress);
}

/* ---- programming ------------------------------------------------------------- */

static uint32_t store_refusal(const struct flash *flash, uint32_t offset, unsigned size)
{
    /* SER may still be set: st-flash leaves it so, and programs real chips. */
    if (flash_locked(flash) || (flash->cr & FLASH_CR_PG) == 0) {
        return FLASH_SR_PGSERR;
    }
    if (sector_protected(flash, flash_sector_of(offset))) {
        return FLASH_SR_WRPERR;
    }
    if (offset / 16 != (offset + size - 1) / 16) {
        return FLASH_SR_PGAERR; /* crosses a row of 128 bits */
    }
    /* The bus splits what is not aligned into smaller accesses, which do not fit. x64
     * wants an external Vpp, which this board has not, and never fits. */
    unsigned parallelism = 1u << ((flash->cr & FLASH_CR_PSIZE_X64) >> 8);
    if (size != parallelism || offset % size != 0) {
        return FLASH_SR_PGPERR;
    }
    return 0;
}

/* Programming can only clear bits; when it is cut, some of them. */
static void program(struct flash *flash, uint32_t offset, unsigned size, uint32_t value)
{
    uint8_t *cells = flash->cells + offset;
    bool torn = faults_operation(flash->faults);
    unsigned progress = torn ? faults_progress(flash->faults) : 8;
    bool erased = true;
    for (unsigned i = 0; i < size; i++) {
        uint8_t kept = (uint8_t)(value >> 8 * i);
        erased = erased && cells[i] == 0xff;
        cells[i] &= (uint8_t)(kept | ~faults_bits(flash->faults, progress));
    }
    flash->counts.programs++;
    flash->counts.bytes_programmed += size;
    flash->counts.overprograms += !erased;
    trace_line(flash->trace, "program 0x%08x %u 0x%0*x", CHIP_FLASH_BASE + offset, size,
               (int)(2 * size), value);
    if (torn) {
        tell_cut(flash, progress);
    }
    tell_change(flash, offset, size);
    finish(flash, BUSY_PROGRAM);
}

void flash_store(struct flash *flash, uint32_t offset, unsigned size, uint32_t value)
{
    if (faults_chip_dead(flash->faults)) {
        return;
    }
    flash->busy = 0; /* the bus stalls while BSY */
    uint32_t flag = store_refusal(flash, offset, size);
    if (flag != 0) {
        refuse(flash, flag, "program", offset);
        return;
    }
    program(flash, offset, size, value);
}

uint32_t flash_load(struct flash *flash, uint32_t offset, unsigned size)
{
    uint32_t value = 0;
    flash->busy = 0;
    memcpy(&value, flash->cells + offset, size);
    return value;
}

/* ---- erasing ----------------------------------------------------------------- */

/* Erasing sets all bits; when it is cut, some of them. */
static void erase(struct flash *flash, uint32_t offset, uint32_t size)
{
    uint8_t *cells = flash->cells + offset;
    trace_line(flash->trace, "erase 0x%08x %u", CHIP_FLASH_BASE + offset, size);
    if (faults_operation(flash->faults)) {
        unsigned progress = faults_progress(flash->faults);
        for (uint32_t i = 0; i < size; i++) {
            cells[i] |= faults_bits(flash->faults, progress);
        }
        tell_cut(flash, progress);
    } else {
        memset(cells, 0xff, size);
    }
    flash->counts.erases++;
    tell_change(flash, offset, size);
    finish(flash, BUSY_ERASE);
}

static bool any_protected(const struct flash *flash)
{
    for (unsigned sector = 0; sector < CHIP_SECTORS; sector++) {
        if (sector_protected(flash, sector)) {
            return true;
        }
    }
    return false;
}

static uint32_t erase_refusal(const struct flash *flash, unsigned sector)
{
    uint32_t mode = flash->cr & (FLASH_CR_SER | FLASH_CR_MER);
    if (mode != FLASH_CR_SER && mode != FLASH_CR_MER) {
        return FLASH_SR_PGSERR;
    }
    if (mode == FLASH_CR_SER && sector >= CHIP_SECTORS) {
        return FLASH_SR_PGSERR;
    }
    if ((flash->cr & FLASH_CR_PSIZE_X64) == FLASH_CR_PSIZE_X64) {
        return FLASH_SR_PGPERR; /* no Vpp */
    }
    bool protected =
        mode == FLASH_CR_SER ? sector_protected(flash, sector) : any_protected(flash);
    return protected ? FLASH_SR_WRPERR : 0;
}

static void start(struct flash *flash)
{
    unsigned sector = (flash->cr & FLASH_CR_SNB) >> FLASH_CR_SNB_SHIFT;
    uint32_t flag = erase_refusal(flash, sector);
    bool single = (flash->cr & FLASH_CR_SER) != 0;
    uint32_t offset = single && sector < CHIP_SECTORS ? flash_sector_offset(sector) : 0;
    if (flag != 0) {
        refuse(flash, flag, "erase", offset);
    } else if (single) {
        flash->counts.sectors_erased++;
        erase(flash, offset, flash_sector_size(sector));
    } else {
        flash->counts.sectors_erased += CHIP_SECTORS;
        erase(flash, 0, CHIP_FLASH_SIZE);
    }
}

/* ---- registers --------------------------------------------------------------- */

static bool give_key(struct flash_lock *lock, uint32_t first, uint32_t second,
                     uint32_t key)
{
    if (!lock->jammed && !lock->half && key == first) {
        lock->half = true;
        return true;
    }
    if (!lock->jammed && lock->half && key == second) {
        lock->half = false;
        lock->open = true;
        return true;
    }
    *lock = (struct flash_lock){.jammed = true};
    return false;
}

static void write_cr(struct flash *flash, uint32_t value)
{
    if (flash_locked(flash)) {
        return;
    }
    flash->busy = 0; /* the bus stalls while BSY */
    flash->cr = value & CR_BITS;
    if ((value & FLASH_CR_LOCK) != 0) {
        flash->lock.open = false;
    } else if ((value & FLASH_CR_STRT) != 0) {
        start(flash);
    }
}

/* Option bytes are programmed as a whole, and count at once. They are no part of the
 * flash array, so they do not count as an operation that can be cut. */
static void write_optcr(struct flash *flash, uint32_t value)
{
    if (!flash->option_lock.open) {
        return;
    }
    flash->optcr = value & OPTCR_BITS;
    if ((value & FLASH_OPTCR_OPTLOCK) != 0) {
        flash->option_lock.open = false;
    } else if ((value & FLASH_OPTCR_OPTSTRT) != 0) {
        flash->options = flash->optcr;
        flash->busy = BUSY_ERASE;
        trace_line(flash->trace, "options 0x%08x", flash->options);
    }
}

static uint32_t read_sr(struct flash *flash)
{
    if (flash->busy == 0) {
        return flash->sr;
    }
    flash->busy--;
    return flash->sr | FLASH_SR_BSY;
}

uint32_t flash_read_register(struct flash *flash, uint32_t offset)
{
    switch (offset) {
    case FLASH_ACR:
        return flash->acr;
    case FLASH_SR:
        return read_sr(flash);
    case FLASH_CR:
        return flash->cr | (flash_locked(flash) ? FLASH_CR_LOCK : 0);
    case FLASH_OPTCR:
        return flash->optcr | (flash->option_lock.open ? 0 : FLASH_OPTCR_OPTLOCK);
    default:
        return 0; /* the key registers too */
    }
}

bool flash_write_register(struct flash *flash, uint32_t offset, uint32_t value)
{
    if (faults_chip_dead(flash->faults)) {
        return true;
    }
    switch (offset) {
    case FLASH_ACR:
        flash->acr = value;
        return true;
    case FLASH_KEYR:
        return give_key(&flash->lock, FLASH_KEY1, FLASH_KEY2, value);
    case FLASH_OPTKEYR:
        return give_key(&flash->option_lock, FLASH_OPTKEY1, FLASH_OPTKEY2, value);
    case FLASH_SR:
        flash->sr &= ~(value & SR_BITS);
        return true;
    case FLASH_CR:
        write_cr(flash, value);
        return true;
    case FLASH_OPTCR:
        write_optcr(flash, value);
        return true;
    default:
        return true;
    }
}
