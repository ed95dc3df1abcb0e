/* SPDX-License-Identifier: BSD-2-Clause */
/** Where the module region is: specs/firmware.md. */
#include "region.h"

#include "cli.h"
#include "modfmt.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define VTOR 0xe000ed08u

/* A number with an optional K or M behind it. */
static bool parse_size(const char *text, uint32_t *ret_size)
{
    char digits[24];
    size_t length = strlen(text);
    uint32_t scale = 1, number;

    if (length == 0 || length >= sizeof digits) {
        return false;
    }
    memcpy(digits, text, length + 1);
    if (strchr("kKmM", digits[length - 1]) != NULL) {
        scale = strchr("kK", digits[length - 1]) != NULL ? 1024u : 1024u * 1024u;
        digits[length - 1] = 0;
    }
    if (!cli_parse_u32(digits, &number) || number > UINT32_MAX / scale) {
        return false;
    }
    *ret_size = number * scale;
    return true;
}

bool region_parse(const char *text, uint32_t *ret_base, uint32_t *ret_size)
{
    char base[24];
    const char *colon = strchr(text, ':');
    size_t length = colon != NULL ? (size_t)(colon - text) : 0;

    if (length == 0 || length >= sizeof base) {
        return false;
    }
    memcpy(base, text, length);
    base[length] = 0;
    return cli_parse_u32(base, ret_base) && parse_size(colon + 1, ret_size) &&
           *ret_size != 0;
}

/* Does the region begin where a sector of the chip does, and end where one does? */
static bool find_sectors(const struct target_chip *chip, struct region *region)
{
    uint32_t at = chip->flash_base, i = 0;

    while (i < chip->sector_count && at < region->base) {
        at += chip->sector_size[i++];
    }
    region->first_sector = i;
    if (at != region->base) {
        return false;
    }
    while (i < chip->sector_count && at - region->base < region->size) {
        at += chip->sector_size[i++];
    }
    region->sector_count = i - region->first_sector;
    return at - region->base == region->size;
}

/* `who` said so: a file, or a probe and the firmware behind it; NULL: the user. */
static int refuse_sectors(const struct target_chip *chip, const struct region *region,
                          const char *who)
{
    uint32_t at = chip->flash_base;
    char text[256] = "";
    size_t used = 0;

    for (uint32_t i = 0; i < chip->sector_count && used < sizeof text - 16; i++) {
        used += (size_t)snprintf(text + used, sizeof text - used, "%s0x%08x",
                                 i != 0 ? " " : "", at);
        at += chip->sector_size[i];
    }
    cli_error(who,
              "%s 0x%08x:%u does not begin and end with sectors of the %s's flash; "
              "those begin at %s, and it ends at 0x%08x%s",
              who == NULL ? "the region" : "the firmware's module region", region->base,
              region->size, chip->name, text, chip->flash_base + chip->flash_size,
              who == NULL ? "" : "; --region says another");
    return who == NULL ? CLI_USAGE : CLI_REFUSED;
}

static int refuse_version(const struct target *target, uint32_t version)
{
    cli_error(
        target->spec,
        "the firmware on the board describes itself by version %u of a descriptor that "
        "this modflash knows as version %u: get a newer one, or say --region BASE:SIZE",
        version, MODFMT_HOST_VERSION);
    return CLI_REFUSED;
}

/* A word that only says where to look next. */
static bool glance(struct target *target, uint32_t address, uint32_t *ret_word)
{
    uint8_t word[4] = {0};
    int status;

    target->glance = true;
    status = target->ops->read(target, address, word, 4);
    target->glance = false;
    *ret_word = modfmt_get32(word);
    return status == 0;
}

static bool can_be_descriptor(const struct target_chip *chip, uint32_t at)
{
    return at % 4u == 0 && at >= chip->flash_base &&
           modfmt_range(at - chip->flash_base, MODFMT_HOST_SIZE_MIN, chip->flash_size);
}

/* The descriptor that the vector table at `table` points to. */
static enum region_answer read_descriptor(struct target *target, uint32_t table,
                                          struct firmware_descriptor *descriptor)
{
    const struct target_chip *chip = &target->chip;
    uint8_t word[4], bytes[FIRMWARE_DESCRIPTOR_SIZE];
    uint32_t at, left;

    table += 4u * MODFMT_HOST_VECTOR;
    if (table < chip->flash_base || table - chip->flash_base > chip->flash_size - 4u ||
        !glance(target, table, &at)) {
        return REGION_UNKNOWN;
    }
    /* Where nothing more is going to be read, this must be right. */
    if (!can_be_descriptor(chip, at)) {
        if (target->ops->read(target, table, word, 4) != 0) {
            return REGION_UNKNOWN;
        }
        at = modfmt_get32(word);
    }
    if (!can_be_descriptor(chip, at)) {
        return REGION_UNKNOWN;
    }
    left = chip->flash_size - (at - chip->flash_base);
    left = left < sizeof bytes ? left : (uint32_t)sizeof bytes;
    if (target->ops->read(target, at, bytes, left) != 0 ||
        !firmware_descriptor(bytes, left, at, descriptor)) {
        return REGION_UNKNOWN;
    }
    if (descriptor->version != MODFMT_HOST_VERSION) {
        return REGION_LATER;
    }
    return descriptor->region_begin < descriptor->region_end ? REGION_TOLD
                                                             : REGION_UNKNOWN;
}

/* VTOR knows where the firmware on the board is, if a core is there. */
enum region_answer region_describe(struct target *target,
                                   struct firmware_descriptor *ret_descriptor)
{
    struct firmware_descriptor descriptor = {0};
    enum region_answer answer = REGION_UNKNOWN;
    uint32_t table;

    /* After a reset VTOR is 0, which is where the flash is mapped as well. */
    if (strncmp(target->spec, "file", 4) != 0 && glance(target, VTOR, &table)) {
        answer = read_descriptor(target, table, &descriptor);
    }
    if (answer == REGION_UNKNOWN) {
        answer = read_descriptor(target, target->chip.flash_base, &descriptor);
    }
    if (answer != REGION_UNKNOWN) {
        *ret_descriptor = descriptor;
    }
    return answer;
}

/* The first that is known: what the option says, then the firmware. */
static int find_said(struct target *target, const char *option, const char *firmware,
                     struct region *region, struct firmware_descriptor *descriptor)
{
    enum region_answer answer;
    int status;

    if (option != NULL) {
        if (!region_parse(option, &region->base, &region->size)) {
            cli_error(NULL, "--region: '%s' is no BASE:SIZE, such as 0x08060000:128K",
                      option);
            return CLI_USAGE;
        }
        region->origin = "option";
        return 0;
    }
    if (firmware != NULL) {
        status = region_from_elf(firmware, &region->base, &region->size);
        region->origin = "firmware";
        return status;
    }
    answer = region_describe(target, descriptor);
    if (target->error[0] != 0) {
        cli_error(target->spec, "%s", target->error);
        return CLI_TARGET;
    }
    if (answer == REGION_TOLD) {
        region->origin = "board";
        region->base = descriptor->region_begin;
        region->size = descriptor->region_end - descriptor->region_begin;
    }
    return answer == REGION_LATER ? refuse_version(target, descriptor->version) : 0;
}

int region_find(struct target *target, const char *option, const char *firmware,
                struct region *ret_region, struct firmware_descriptor *ret_descriptor)
{
    const struct target_chip *chip = &target->chip;
    struct firmware_descriptor descriptor = {0};
    struct region region = {0};
    int status = find_said(target, option, firmware, &region, &descriptor);

    if (status != 0) {
        return status;
    }
    if (region.origin == NULL && chip->region_size == 0) {
        cli_error(NULL, "where is the module region of this %s? Say --region BASE:SIZE",
                  chip->name);
        return CLI_USAGE;
    }
    if (region.origin == NULL) {
        region.base = chip->region_base;
        region.size = chip->region_size;
        region.origin = "default";
    }
    if (!find_sectors(chip, &region)) {
        return refuse_sectors(chip, &region,
                              option != NULL     ? NULL
                              : firmware != NULL ? firmware
                                                 : target->spec);
    }
    *ret_region = region;
    *ret_descriptor = descriptor;
    return 0;
}
