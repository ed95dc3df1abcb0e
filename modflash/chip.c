/* SPDX-License-Identifier: BSD-2-Clause */
/** Looking chips up, and laying their sectors out. */
#include "chip.h"
#include "cli.h"

#include <stdlib.h>
#include <string.h>

#define NAMES_MAX 32

static const struct chip_family *const families[] = {&chip_f4};
#define FAMILY_COUNT (sizeof families / sizeof families[0])

/* Row number `index`, counted over all families. */
static bool nth_model(size_t index, struct chip_model *ret_model)
{
    for (size_t i = 0; i < FAMILY_COUNT; i++) {
        for (const struct chip_row *row = families[i]->rows; row->name != NULL; row++) {
            if (index-- == 0) {
                *ret_model = (struct chip_model){families[i], row};
                return true;
            }
        }
    }
    return false;
}

bool chip_find_id(uint32_t device_id, struct chip_model *ret_model)
{
    struct chip_model model;
    for (size_t i = 0; nth_model(i, &model); i++) {
        if (model.row->device_id == device_id) {
            *ret_model = model;
            return true;
        }
    }
    return false;
}

bool chip_find_name(const char *name, struct chip_model *ret_model)
{
    struct chip_model model;
    for (size_t i = 0; nth_model(i, &model); i++) {
        if (strcmp(model.row->name, name) == 0) {
            *ret_model = model;
            return true;
        }
    }
    return false;
}

bool chip_describe(const struct chip_model *model, uint32_t flash_size,
                   struct target_chip *ret_chip)
{
    const struct chip_family *family = model->family;
    const struct chip_row *row = model->row;
    struct target_chip chip = {
        .name = row->name,
        .device_id = row->device_id,
        .flash_base = family->flash_base,
        .flash_size = flash_size,
        .unit = family->unit,
        .region_base = row->region_base,
        .region_size = row->region_size,
        .ram_base = family->ram_base,
        .ram_size = row->ram_size,
        .provides = family->provides,
    };
    uint32_t at = 0;
    while (at < flash_size && chip.sector_count < TARGET_SECTORS_MAX) {
        uint32_t size = family->sector_size(chip.sector_count);
        chip.sector_size[chip.sector_count++] = size;
        at += size;
    }
    if (at != flash_size || flash_size == 0) {
        return false;
    }
    /* A smaller sibling of the chip may end before the default region does. */
    uint32_t start = row->region_base - family->flash_base;
    if (start > flash_size || row->region_size > flash_size - start) {
        chip.region_base = 0;
        chip.region_size = 0;
    }
    *ret_chip = chip;
    return true;
}

const char *const *target_chip_names(void)
{
    static const char *names[NAMES_MAX + 1];
    struct chip_model model;
    for (size_t i = 0; i < NAMES_MAX && nth_model(i, &model); i++) {
        names[i] = model.row->name;
    }
    return names;
}

char *chip_name_list(void)
{
    const char *const *names = target_chip_names();
    char *list = cli_format("%s", names[0]);
    for (size_t i = 1; names[i] != NULL; i++) {
        char *longer = cli_format("%s, %s", list, names[i]);
        free(list);
        list = longer;
    }
    return list;
}
