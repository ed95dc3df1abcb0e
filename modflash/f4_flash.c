/* SPDX-License-Identifier: BSD-2-Clause */
/**
 * Driving the STM32F4's flash controller through a probe. Sections are RM0090's; the
 * times are the longest of the data sheets (F405: table 40), erase doubled.
 *
 * Everything is programmed by a stub in RAM: word by word a probe would need two commands
 * for each.
 */
#include "f4_flash.h"
#include "f4_stub.h"
#include "chip_core.h"
#include "probe_cortex.h"
#include "cli.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define FLASH_ACR   0x40023C00u
#define FLASH_KEYR  0x40023C04u
#define FLASH_SR    0x40023C0Cu
#define FLASH_CR    0x40023C10u
#define FLASH_OPTCR 0x40023C14u

#define KEY1 0x45670123u
#define KEY2 0xCDEF89ABu

#define ACR_ICEN   (1u << 9)
#define ACR_DCEN   (1u << 10)
#define ACR_ICRST  (1u << 11)
#define ACR_DCRST  (1u << 12)
#define ACR_CACHES (ACR_ICEN | ACR_DCEN)

#define SR_OPERR  (1u << 1)
#define SR_WRPERR (1u << 4)
#define SR_PGAERR (1u << 5)
#define SR_PGPERR (1u << 6)
#define SR_PGSERR (1u << 7)
#define SR_RDERR  (1u << 8)
#define SR_BSY    (1u << 16)
#define SR_ERRORS (SR_OPERR | SR_WRPERR | SR_PGAERR | SR_PGPERR | SR_PGSERR | SR_RDERR)

#define CR_PG        (1u << 0)
#define CR_SER       (1u << 1)
#define CR_SNB_SHIFT 3
#define CR_PSIZE_8   (0u << 8)
#define CR_PSIZE_32  (2u << 8)
#define CR_STRT      (1u << 16)
#define CR_LOCK      (1u << 31)

#define OPTCR_RDP(v)      ((v) >> 8 & 0xFFu)
#define RDP_OPEN          0xAAu
#define OPTCR_NWRP(v)     ((v) >> 16 & 0xFFFu)
#define OPTCR_SPRMOD      (1u << 31)
#define PROTECTED_SECTORS 12u

/* What else may disturb: DMA and Ethernet write into RAM, watchdogs reset. */
#define RCC_AHB1ENR     0x40023830u
#define AHB1ENR_DMA1    (1u << 21)
#define AHB1ENR_DMA2    (1u << 22)
#define AHB1ENR_ETHMAC  (1u << 25)
#define AHB1ENR_OTGHS   (1u << 29)
#define AHB1ENR_MASTERS (AHB1ENR_DMA1 | AHB1ENR_DMA2 | AHB1ENR_ETHMAC | AHB1ENR_OTGHS)
#define RCC_APB1ENR     0x40023840u
#define APB1ENR_WWDG    (1u << 11)
#define DBGMCU_APB1_FZ  0xE0042008u
#define APB1_FZ_WATCHDOGS                                                                \
    (1u << 11 | 1u << 12) /* they stand still while the core does                        \
                           */

#define PROGRAM_US      16u
#define PROGRAM_MAX_US  100u
#define SLACK_MS        3000u /* a busy host or server may be late to look */
#define ERASE_LIMIT_MS  8000
#define READY_LIMIT_MS  8000
#define SUPPLY_FOR_WORD 2700u /* millivolts from which on PSIZE may be 32 bits */

/* Places in access->family. */
enum note {
    NOTE_OPTCR,
    NOTE_ACR,
    NOTE_AHB1ENR,
    NOTE_APB1ENR,
    NOTE_APB1_FZ,
    NOTE_CR,
    NOTE_STEP
};

/* Arguments of the stub, behind its data: see f4_stub.S. */
struct stub_arguments {
    uint32_t destination;
    uint32_t size;
    uint32_t step;
};
#define RESULT_LEFT(v)   ((v)&0xFFFFu)
#define RESULT_ERRORS(v) ((v) >> 16)

static const struct chip_stub stub = {f4_stub, sizeof f4_stub};

/* ---- protection ----------------------------------------------------------- */

static int f4_check(struct chip_access *access)
{
    uint32_t optcr;
    if (chip_read_word(access, FLASH_OPTCR, &optcr) != 0) {
        return -1;
    }
    access->family[NOTE_OPTCR] = optcr;
    if (OPTCR_RDP(optcr) != RDP_OPEN) {
        return target_fail(
            access->target,
            "the chip is read-protected (RDP 0x%02" PRIx32
            "): no probe can read or write its flash; taking the protection "
            "back with ST's tools erases it all",
            OPTCR_RDP(optcr));
    }
    return 0;
}

static uint32_t sector_of(const struct target_chip *chip, uint32_t address)
{
    uint32_t end = chip->flash_base;
    uint32_t index = 0;
    for (; index < chip->sector_count; index++) {
        end += chip->sector_size[index];
        if (address < end) {
            break;
        }
    }
    return index;
}

/* nWRP: 0 is protected; with SPRMOD (F411, F446) 1 is protected from reading, too. (Not
 * as `bit == ((optcr & SPRMOD) != 0)`: GCC 12.2 at -O1 and -O2 loses half of that.) */
static bool is_protected(const struct chip_access *access, uint32_t sector)
{
    uint32_t optcr = access->family[NOTE_OPTCR];
    uint32_t nwrp = OPTCR_NWRP(optcr);
    uint32_t protected = (optcr & OPTCR_SPRMOD) != 0 ? nwrp : ~nwrp;
    return sector < PROTECTED_SECTORS && (protected >> sector & 1) != 0;
}

static int refuse_protected(struct chip_access *access, uint32_t sector)
{
    return target_fail(access->target,
                       "sector %" PRIu32
                       " is write-protected by the chip's option bytes: "
                       "clear that with ST's tools, or use another region",
                       sector);
}

/* ---- status --------------------------------------------------------------- */

static int explain(struct chip_access *access, uint32_t address, uint32_t sr)
{
    const char *why = (sr & SR_PGAERR) != 0   ? "it crosses a line of 128 bits (PGAERR)"
                      : (sr & SR_PGPERR) != 0 ? "the access has the wrong size (PGPERR)"
                      : (sr & SR_PGSERR) != 0 ? "the controller was not ready (PGSERR)"
                      : (sr & SR_RDERR) != 0  ? "the sector is read-protected (RDERR)"
                                              : "the operation failed (OPERR)";
    if ((sr & SR_WRPERR) != 0) {
        return refuse_protected(access, sector_of(&access->target->chip, address));
    }
    return target_fail(access->target, "the flash at 0x%08" PRIx32 " was not written: %s",
                       address, why);
}

/* Wait until nothing is going on. Not ended by Ctrl-C: a half-done erase is worse. */
static int wait_ready(struct chip_access *access, int64_t limit_ms, uint32_t *ret_sr)
{
    int64_t end = probe_deadline(limit_ms);
    for (int64_t pause = 1;; pause = pause < 32 ? pause * 2 : pause) {
        bool last = probe_clock_ms() >= end;
        if (chip_read_word(access, FLASH_SR, ret_sr) != 0) {
            return -1;
        }
        if ((*ret_sr & SR_BSY) == 0) {
            return 0;
        }
        if (last) {
            return target_fail(access->target, "the flash is still busy after %d s",
                               (int)(probe_patiently(limit_ms) / 1000));
        }
        probe_sleep_ms(pause);
    }
}

static int set_control(struct chip_access *access, uint32_t cr)
{
    if (access->family[NOTE_CR] == cr) {
        return 0;
    }
    access->family[NOTE_CR] = cr;
    return chip_write_word(access, FLASH_CR, cr);
}

/* ---- begin and end -------------------------------------------------------- */

/* Clear bits of a register, and note what it was. */
static int silence(struct chip_access *access, enum note note, uint32_t address,
                   uint32_t bits)
{
    uint32_t *kept = &access->family[note];
    if (chip_read_word(access, address, kept) != 0) {
        return -1;
    }
    return (*kept & bits) == 0 ? 0 : chip_write_word(access, address, *kept & ~bits);
}

static int quieten(struct chip_access *access)
{
    uint32_t *freeze = &access->family[NOTE_APB1_FZ];
    if (chip_read_word(access, DBGMCU_APB1_FZ, freeze) != 0 ||
        chip_write_word(access, DBGMCU_APB1_FZ, *freeze | APB1_FZ_WATCHDOGS) != 0) {
        return -1;
    }
    if (silence(access, NOTE_AHB1ENR, RCC_AHB1ENR, AHB1ENR_MASTERS) != 0 ||
        silence(access, NOTE_APB1ENR, RCC_APB1ENR, APB1ENR_WWDG) != 0) {
        return -1;
    }
    /* With caches, a read after an erase could give what was there before it (3.5.3). */
    return silence(access, NOTE_ACR, FLASH_ACR, ACR_CACHES);
}

static int unlock(struct chip_access *access)
{
    uint32_t cr;
    if (chip_read_word(access, FLASH_CR, &cr) != 0) {
        return -1;
    }
    if ((cr & CR_LOCK) != 0 && (chip_write_word(access, FLASH_KEYR, KEY1) != 0 ||
                                chip_write_word(access, FLASH_KEYR, KEY2) != 0 ||
                                chip_read_word(access, FLASH_CR, &cr) != 0)) {
        return -1;
    }
    if ((cr & CR_LOCK) != 0) {
        return target_fail(access->target,
                           "the flash does not unlock: reset the board, then "
                           "try again");
    }
    access->family[NOTE_CR] = cr;
    return 0;
}

/* Below 2.7 V bytes are programmed one by one (3.5.2). */
static int choose_step(struct chip_access *access)
{
    uint32_t supply = 0;
    if (access->probe->ops->supply(access->probe, &supply) != 0) {
        return chip_probe_failed(access);
    }
    access->family[NOTE_STEP] = supply == 0 || supply >= SUPPLY_FOR_WORD ? 4 : 1;
    return 0;
}

static int f4_begin(struct chip_access *access)
{
    uint32_t sr;
    if (choose_step(access) != 0 || quieten(access) != 0 || unlock(access) != 0 ||
        wait_ready(access, READY_LIMIT_MS, &sr) != 0) {
        return -1;
    }
    return (sr & SR_ERRORS) == 0 ? 0 : chip_write_word(access, FLASH_SR, SR_ERRORS);
}

static int restore(struct chip_access *access, enum note note, uint32_t address,
                   uint32_t bits)
{
    uint32_t kept = access->family[note];
    return (kept & bits) == 0 ? 0 : chip_write_word(access, address, kept);
}

static int flush_caches(struct chip_access *access)
{
    uint32_t acr = access->family[NOTE_ACR];
    if ((acr & ACR_CACHES) == 0) {
        return 0;
    }
    int status =
        chip_write_word(access, FLASH_ACR, (acr & ~ACR_CACHES) | ACR_ICRST | ACR_DCRST);
    return status | chip_write_word(access, FLASH_ACR, acr);
}

static int f4_end(struct chip_access *access)
{
    int status = chip_write_word(access, FLASH_CR, CR_LOCK);
    status |= chip_write_word(access, DBGMCU_APB1_FZ, access->family[NOTE_APB1_FZ]);
    status |= flush_caches(access);
    status |= restore(access, NOTE_AHB1ENR, RCC_AHB1ENR, AHB1ENR_MASTERS);
    status |= restore(access, NOTE_APB1ENR, RCC_APB1ENR, APB1ENR_WWDG);
    return status;
}

/* ---- program and erase ---------------------------------------------------- */

static uint32_t program_control(const struct chip_access *access)
{
    return CR_PG | (access->family[NOTE_STEP] == 4 ? CR_PSIZE_32 : CR_PSIZE_8);
}

static int program_block(struct chip_access *access, uint32_t address,
                         const uint8_t *bytes, uint32_t length)
{
    struct stub_arguments arguments = {address, length, access->family[NOTE_STEP]};
    uint32_t count = length / arguments.step;
    uint32_t size = length + (uint32_t)sizeof arguments;
    uint32_t result = 0;
    uint8_t *block = cli_alloc(size, 1);
    memcpy(block, bytes, length);
    memcpy(block + length, &arguments, sizeof arguments);
    int status = chip_stub_run(access, &stub, block, size, count * PROGRAM_US,
                               count * PROGRAM_MAX_US / 1000 + SLACK_MS, &result);
    free(block);
    if (status != 0) {
        return -1;
    }
    uint32_t left = RESULT_LEFT(result);
    if (RESULT_ERRORS(result) != 0) {
        return explain(access, address + length - left, RESULT_ERRORS(result));
    }
    return left == 0 ? 0
                     : target_fail(access->target,
                                   "the code in RAM stopped with %" PRIu32 " of %" PRIu32
                                   " bytes not programmed: was the chip reset?",
                                   left, length);
}

static int f4_program(struct chip_access *access, uint32_t address, const uint8_t *bytes,
                      uint32_t length)
{
    const struct target_chip *chip = &access->target->chip;
    uint32_t room =
        (chip_stub_room(access, &stub) - (uint32_t)sizeof(struct stub_arguments)) & ~15u;
    for (uint32_t at = 0; at < length;) {
        uint32_t size = length - at < room ? length - at : room;
        if (target_interrupted()) {
            return target_fail(access->target, "interrupted");
        }
        for (uint32_t sector = sector_of(chip, address + at);
             sector <= sector_of(chip, address + at + size - 1); sector++) {
            if (is_protected(access, sector)) {
                return refuse_protected(access, sector);
            }
        }
        if (set_control(access, program_control(access)) != 0 ||
            program_block(access, address + at, bytes + at, size) != 0) {
            return -1;
        }
        at += size;
    }
    return 0;
}

static int f4_erase(struct chip_access *access, uint32_t index)
{
    uint32_t sr;
    uint32_t address = access->target->chip.flash_base;
    uint32_t psize = access->family[NOTE_STEP] == 4 ? CR_PSIZE_32 : CR_PSIZE_8;
    if (is_protected(access, index)) {
        return refuse_protected(access, index);
    }
    for (uint32_t i = 0; i < index; i++) {
        address += access->target->chip.sector_size[i];
    }
    uint32_t cr = CR_SER | index << CR_SNB_SHIFT | psize;
    if (chip_write_word(access, FLASH_CR, cr | CR_STRT) != 0 ||
        wait_ready(access, ERASE_LIMIT_MS, &sr) != 0) {
        return -1;
    }
    access->family[NOTE_CR] = cr;
    return (sr & SR_ERRORS) == 0 ? 0 : explain(access, address, sr);
}

const struct chip_flash f4_flash = {
    .check = f4_check,
    .begin = f4_begin,
    .program = f4_program,
    .erase = f4_erase,
    .end = f4_end,
    .lock_register = FLASH_CR,
    .lock_value = CR_LOCK,
};
