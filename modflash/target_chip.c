/* SPDX-License-Identifier: BSD-2-Clause */
/** A chip behind a probe: chip, probe and flash driver put together. */
#include "target_kinds.h"
#include "chip_core.h"
#include "probe.h"
#include "probe_cortex.h"
#include "cli.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define DBGMCU_IDCODE                                                                    \
    0xE0042000u /* of all that have a Cortex-M3, M4 or M7, but the H7                    \
                 */

struct chip_target {
    struct target target; /* first */
    struct chip_access access;
};

static struct chip_access *access_of(struct target *target)
{
    return &((struct chip_target *)target)->access;
}

/* ---- operations ----------------------------------------------------------- */

/* In one access, which an ST-LINK does with one command less than a block. */
static int read_one_word(struct chip_access *access, uint32_t address, uint8_t *bytes)
{
    uint32_t word = 0;
    if (chip_read_word(access, address, &word) != 0) {
        return -1;
    }
    for (int i = 0; i < 4; i++) {
        bytes[i] = (uint8_t)(word >> 8 * i);
    }
    return 0;
}

/* Probes read words: what sticks out at either end is read and dropped. */
static int read_piece(struct chip_access *access, uint32_t address, uint8_t *bytes,
                      uint32_t length)
{
    uint32_t lead = address & 3;
    uint32_t size = (lead + length + 3) & ~3u;
    if (size == length) {
        return length == 4 ? read_one_word(access, address, bytes)
                           : chip_read(access, address, bytes, length);
    }
    uint8_t *words = cli_alloc(size, 1);
    int status = chip_read(access, address - lead, words, size);
    memcpy(bytes, words + lead, length);
    free(words);
    return status;
}

/* While flash is written, what comes next tells whether the chip was there, and before
 * anything is changed: begin(), program(), erase() and end() all notice. What is only
 * read may be shown at once. */
static int check_presence(struct chip_access *access)
{
    uint32_t cpuid = 0;
    if (!access->probe->blind || access->target->begun || access->target->glance) {
        return 0;
    }
    if (chip_read_word(access, CORTEX_CPUID, &cpuid) != 0) {
        return -1;
    }
    return cpuid >> 24 == CORTEX_CPUID_ARM
               ? 0
               : target_fail(access->target,
                             "the chip is gone: is it powered and connected?");
}

static int chip_target_read(struct target *target, uint32_t address, void *bytes,
                            uint32_t length)
{
    uint8_t *to = bytes;
    for (uint32_t at = 0; at < length;) {
        uint32_t most = PROBE_BLOCK - ((address + at) & 3);
        uint32_t size = length - at < most ? length - at : most & ~3u;
        if (target_interrupted()) {
            return target_fail(target, "interrupted");
        }
        if (read_piece(access_of(target), address + at, to + at, size) != 0) {
            return -1;
        }
        at += size;
    }
    target->counts.read_bytes += length;
    return check_presence(access_of(target));
}

/* If modflash dies from here on, the flash gets locked and the chip reset. */
static int set_last_words(struct chip_access *access)
{
    const struct chip_flash *flash = access->model.family->flash;
    const struct probe_word words[] = {
        {flash->lock_register, flash->lock_value},
        {CORTEX_AIRCR, CORTEX_AIRCR_RESET},
        {CORTEX_DHCSR, CORTEX_DHCSR_KEY | CORTEX_C_DEBUGEN},
    };
    struct probe *probe = access->probe;
    return probe->ops->last_words(probe, words, sizeof words / sizeof words[0]) == 0
               ? 0
               : chip_probe_failed(access);
}

static int chip_target_begin(struct target *target)
{
    struct chip_access *access = access_of(target);
    if (target_interrupted()) {
        return target_fail(target, "interrupted");
    }
    target->begun = true; /* whatever happens now, end() has to tidy up */
    if (set_last_words(access) != 0 || chip_core_halt(access) != 0) {
        return -1;
    }
    return access->model.family->flash->begin(access);
}

static int check_range(struct target *target, uint32_t address, uint32_t length)
{
    const struct target_chip *chip = &target->chip;
    uint32_t offset = address - chip->flash_base;
    if (!target->begun || address < chip->flash_base || offset > chip->flash_size ||
        length > chip->flash_size - offset || (offset | length) % chip->unit != 0) {
        return target_fail(target,
                           "0x%08" PRIx32 " + %" PRIu32 " bytes cannot be programmed",
                           address, length);
    }
    return 0;
}

static int chip_target_program(struct target *target, uint32_t address, const void *bytes,
                               uint32_t length)
{
    struct chip_access *access = access_of(target);
    if (check_range(target, address, length) != 0 ||
        access->model.family->flash->program(access, address, bytes, length) != 0) {
        return -1;
    }
    target->counts.programmed_bytes += length;
    return 0;
}

static int chip_target_erase(struct target *target, uint32_t index)
{
    struct chip_access *access = access_of(target);
    if (!target->begun || index >= target->chip.sector_count) {
        return target_fail(target, "there is no sector %" PRIu32, index);
    }
    if (target_interrupted()) {
        return target_fail(target, "interrupted");
    }
    if (access->model.family->flash->erase(access, index) != 0) {
        return -1;
    }
    target->counts.erased_sectors++;
    return 0;
}

static int chip_target_end(struct target *target, bool reset)
{
    struct chip_access *access = access_of(target);
    target->begun = false;
    int status = access->model.family->flash->end(access);
    status |= chip_core_release(access, reset);
    if (status == 0) {
        status = access->probe->ops->last_words(access->probe, NULL, 0);
    }
    return status == 0 ? 0 : -1;
}

static void chip_target_close(struct target *target)
{
    struct chip_access *access = access_of(target);
    access->probe->ops->close(access->probe);
    free(access->ram);
    free(target);
}

static const struct target_ops chip_ops = {
    .read = chip_target_read,
    .begin = chip_target_begin,
    .program = chip_target_program,
    .erase = chip_target_erase,
    .end = chip_target_end,
    .close = chip_target_close,
};

/* ---- identifying ---------------------------------------------------------- */

/* An id that is not in the tables: no chip, a slip of the chip's, or one not known here.
 */
static int find_odd_model(struct chip_access *access, uint32_t id)
{
    uint32_t cpuid = 0;
    if (chip_read_word(access, CORTEX_CPUID, &cpuid) != 0) {
        return -1;
    }
    if (cpuid >> 24 != CORTEX_CPUID_ARM) {
        return target_fail(access->target, "no Cortex-M answers (CPUID 0x%08" PRIx32 ")",
                           cpuid);
    }
    /* ES0182, 2.1.3: an F405 of revision A says that it is an F2, which has an M3. */
    if (id == 0x411 && CORTEX_CPUID_PART(cpuid) == CORTEX_PART_M4) {
        chip_find_id(0x413, &access->model);
        return 0;
    }
    char *names = chip_name_list();
    target_fail(access->target,
                "the chip has device id 0x%03" PRIx32
                ", which is not known here; known are %s",
                id, names);
    free(names);
    return -1;
}

static int find_model(struct chip_access *access)
{
    uint32_t idcode = 0;
    if (chip_read_word(access, DBGMCU_IDCODE, &idcode) != 0) {
        return -1;
    }
    uint32_t id = idcode & 0xFFF;
    return chip_find_id(id, &access->model) ? 0 : find_odd_model(access, id);
}

static uint32_t load_word(const uint8_t *bytes)
{
    return (uint32_t)bytes[0] | (uint32_t)bytes[1] << 8 | (uint32_t)bytes[2] << 16 |
           (uint32_t)bytes[3] << 24;
}

static int describe(struct chip_access *access)
{
    const struct chip_family *family = access->model.family;
    struct target_chip *chip = &access->target->chip;
    uint8_t info[64];
    if (chip_read(access, family->info_address, info, family->info_size) != 0) {
        return -1;
    }
    uint32_t kib =
        (uint32_t)info[family->kib_offset] | (uint32_t)info[family->kib_offset + 1] << 8;
    if (!chip_describe(&access->model, kib * 1024, chip)) {
        return target_fail(access->target,
                           "the chip says that it is a %s with %" PRIu32
                           " KiB of flash, which there is not",
                           access->model.row->name, kib);
    }
    const uint8_t *uid = info + family->uid_offset;
    snprintf(chip->uid, sizeof chip->uid, "%08" PRIx32 "%08" PRIx32 "%08" PRIx32,
             load_word(uid), load_word(uid + 4), load_word(uid + 8));
    return access->model.family->flash->check(access);
}

/* ---- opening -------------------------------------------------------------- */

/* The first line is the error, each further one a note. */
static void print_error(const char *spec, char *text)
{
    char *line = strchr(text, '\n');
    if (line != NULL) {
        *line++ = 0;
    }
    cli_error(spec, "%s", text);
    while (line != NULL) {
        char *next = strchr(line, '\n');
        if (next != NULL) {
            *next++ = 0;
        }
        cli_note(spec, "%s", line);
        line = next;
    }
}

static int open_chip(const struct target_options *options, struct probe *probe,
                     char *error, struct target **ret_target)
{
    if (probe == NULL) {
        print_error(options->spec, error);
        return CLI_TARGET;
    }
    struct chip_target *chip = cli_alloc(1, sizeof *chip);
    chip->target.ops = &chip_ops;
    chip->target.spec = options->spec;
    chip->access.target = &chip->target;
    chip->access.probe = probe;
    chip->access.resume = options->resume;
    if (find_model(&chip->access) != 0 || describe(&chip->access) != 0) {
        cli_error(options->spec, "%s", chip->target.error);
        chip_target_close(&chip->target);
        return CLI_TARGET;
    }
    *ret_target = &chip->target;
    return 0;
}

int target_stlink_open(const struct target_options *options, const char *serial,
                       struct target **ret_target)
{
    char error[PROBE_ERROR] = "";
    struct probe *probe = probe_keeper_open(probe_stlink_open, serial, error);
    return open_chip(options, probe, error, ret_target);
}

int target_gdb_open(const struct target_options *options, const char *address,
                    struct target **ret_target)
{
    char error[PROBE_ERROR] = "";
    const char *colon = strrchr(address, ':');
    uint32_t port;
    if (colon == NULL || colon == address || !cli_parse_u32(colon + 1, &port) ||
        port == 0 || port > 0xFFFF) {
        cli_error(NULL, "'%s' is no GDB server: use gdb:HOST:PORT", options->spec);
        return CLI_USAGE;
    }
    return open_chip(options, probe_gdb_open(address, error), error, ret_target);
}
