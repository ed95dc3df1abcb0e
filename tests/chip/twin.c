/* SPDX-License-Identifier: BSD-2-Clause */
#include "twin.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

const struct region twin_regions[TWIN_REGIONS] = {
    {"even", 1, 3}, {"uneven", 2, 4}, {"single", 7, 1}};

/* ---- the host's flash --------------------------------------------------------- */

static struct twin *of(struct modfmt_flash *flash)
{
    return (struct twin *)(void *)((uint8_t *)flash - offsetof(struct twin, flash));
}

static int read_bytes(struct modfmt_flash *flash, uint32_t offset, void *bytes,
                      uint32_t size)
{
    memcpy(bytes, of(flash)->bytes + offset, size);
    return 0;
}

static int program_bytes(struct modfmt_flash *flash, uint32_t offset, const void *bytes,
                         uint32_t size)
{
    struct twin *twin = of(flash);

    for (uint32_t i = 0; i < size; i++) {
        twin->dirty |= twin->bytes[offset + i] != 0xff;
        twin->bytes[offset + i] &= ((const uint8_t *)bytes)[i];
    }
    twin->operations += size / flash->unit;
    return 0;
}

static int erase_bytes(struct modfmt_flash *flash, uint32_t sector)
{
    struct twin *twin = of(flash);

    memset(twin->bytes + modfmt_store_sector_offset(flash, sector), 0xff,
           flash->sector_size[sector]);
    twin->erases[sector]++;
    twin->operations++;
    return 0;
}

/* ---- both ----------------------------------------------------------------------- */

void twin_begin(struct twin *twin, const char *program)
{
    memset(twin, 0, sizeof(*twin));
    machine_begin(&twin->machine, program);
    twin->bytes = malloc(CHIP_FLASH_SIZE);
    assert_non_null(twin->bytes);
    twin->seed = 1;
}

void twin_end(struct twin *twin)
{
    machine_end(&twin->machine);
    free(twin->bytes);
}

uint32_t twin_random(struct twin *twin, uint32_t below)
{
    twin->seed = twin->seed * 1664525u + 1013904223u;
    return (uint32_t)((uint64_t)twin->seed * below >> 32);
}

void twin_region(struct twin *twin, const struct region *region)
{
    uint32_t end = flash_sector_offset(region->first + region->count);

    twin->begin = flash_sector_offset(region->first);
    twin->size = end - twin->begin;
    for (uint32_t i = 0; i < region->count; i++)
        twin->sector_size[i] = flash_sector_size(region->first + i);
    twin->flash = (struct modfmt_flash){.base = CHIP_FLASH_BASE + twin->begin,
                                        .unit = 4,
                                        .sector_count = region->count,
                                        .sector_size = twin->sector_size,
                                        .read = read_bytes,
                                        .program = program_bytes,
                                        .erase = erase_bytes};
    twin->machine.flash.counts = (struct flash_counts){0};
    twin->dirty = false;
    memset(twin->bytes, 0xff, twin->size);
    machine_set(&twin->machine, twin->begin, twin->bytes, twin->size);
}

void twin_copy(struct twin *twin)
{
    memcpy(twin->bytes, twin->machine.cells + twin->begin, twin->size);
}

void twin_image(struct image *image, uint32_t number, uint32_t payload, uint32_t value)
{
    uint8_t text[12288];
    char name[16];
    int length = snprintf(name, sizeof(name), "module%u", number);
    const struct modfmt_tag_source tag = {MODFMT_TAG_NAME, (uint32_t)length, name};
    struct modfmt_source source = {.flags = MODFMT_FLAG_BLOCK | MODFMT_FLAG_APART,
                                   .machine = 40,
                                   .needs = MODFMT_NEED_V6M | MODFMT_NEED_ABI_SOFT,
                                   .entry = 1,
                                   .text = text,
                                   .text_stored = payload + 4u,
                                   .text_mem = payload + 4u,
                                   .text_align = 2,
                                   .data_align = 2,
                                   .tags = &tag,
                                   .tag_count = 1};

    /* movs r0, #value; bx lr */
    modfmt_put16(text, 0x2000u | (value & 0xffu));
    modfmt_put16(text + 2, 0x4770u);
    for (uint32_t i = 0; i < payload; i++)
        text[4 + i] = (uint8_t)((value + 1u) * 31u + i * 7u + (i >> 8));
    assert_int_equal(
        modfmt_write(&source, image->bytes, sizeof(image->bytes), &image->size), 0);
    image->hash = modfmt_hash(name, (uint32_t)length);
}

struct chip_call twin_call(const struct twin *twin, enum chip_verb verb)
{
    struct chip_call call;

    memset(&call, 0, sizeof(call));
    call.verb = verb;
    call.begin = twin->flash.base;
    call.end = twin->flash.base + twin->size;
    call.buffer_size = TWIN_BUFFER;
    return call;
}

void twin_source(struct twin *twin, struct chip_call *call, const struct image *image,
                 uint32_t count)
{
    uint32_t address = MACHINE_IMAGES;

    call->count = count;
    for (uint32_t i = 0; i < count; i++) {
        machine_put(&twin->machine, address, image[i].bytes, image[i].size);
        call->address[i] = address;
        address += image[i].size;
    }
}

/** Reads what the chip would read. */
static int read_sram(struct modfmt_store_source *source, uint32_t offset, void *bytes,
                     uint32_t size)
{
    memcpy(bytes, (const uint8_t *)source->ctx + offset, size);
    return 0;
}

static int host_verb(struct twin *twin, const struct chip_call *call,
                     struct modfmt_diag *diag)
{
    struct modfmt_store_source source[CHIP_COUNT_MAX];
    uint8_t buffer[TWIN_BUFFER];
    struct modfmt_store *store = &twin->store;

    switch (call->verb) {
    case CHIP_INSTALL:
        for (uint32_t i = 0; i < call->count; i++)
            source[i] = (struct modfmt_store_source){
                .read = read_sram,
                .ctx = twin->machine.bus.sram + (call->address[i] - CHIP_SRAM_BASE),
                .flags = call->flags[i]};
        return modfmt_store_install(store, source, call->count, buffer, sizeof(buffer),
                                    diag);
    case CHIP_REMOVE:
        return modfmt_store_remove(store, call->hash, call->count, buffer, sizeof(buffer),
                                   diag);
    case CHIP_COMPACT:
        return modfmt_store_compact(store, buffer, sizeof(buffer), diag);
    case CHIP_SETTLE:
        return modfmt_store_settle(store, diag);
    case CHIP_RETIRE:
        return modfmt_store_retire(store, diag);
    default:
        return 0;
    }
}

void twin_host(struct twin *twin, struct chip_call *call)
{
    struct modfmt_diag diag = {0, 0, 0, 0};
    const struct modfmt_store *store = &twin->store;

    call->open_rc =
        modfmt_store_open(&twin->store, &twin->flash, twin->image, CHIP_IMAGE_MAX, &diag);
    call->rc = call->open_rc;
    if (call->rc == 0)
        call->rc = host_verb(twin, call, &diag);
    call->live = store->count;
    call->lost = store->lost;
    call->head = store->head;
    call->generation = store->generation;
    call->next_slot = store->next_slot;
    call->pending = store->pending;
    call->erased_sectors = store->erased_sectors;
    call->programmed_bytes = store->programmed_bytes;
    memcpy(call->image, twin->image, store->count * sizeof(twin->image[0]));
}

void twin_same(struct twin *twin, const struct chip_call *chip,
               const struct chip_call *host)
{
    assert_int_equal(chip->open_rc, host->open_rc);
    assert_int_equal(chip->rc, host->rc);
    assert_int_equal(chip->live, host->live);
    assert_int_equal(chip->lost, host->lost);
    assert_int_equal(chip->head, host->head);
    assert_int_equal(chip->generation, host->generation);
    assert_int_equal(chip->next_slot, host->next_slot);
    assert_int_equal(chip->pending, host->pending);
    assert_int_equal(chip->erased_sectors, host->erased_sectors);
    assert_int_equal(chip->programmed_bytes, host->programmed_bytes);
    assert_memory_equal(chip->image, host->image, chip->live * sizeof(host->image[0]));
    assert_memory_equal(twin->machine.cells + twin->begin, twin->bytes, twin->size);
    assert_true(flash_locked(&twin->machine.flash));
    assert_int_equal(twin->machine.flash.counts.refusals, 0);
    assert_int_equal(twin->machine.flash.counts.overprograms, 0);
    assert_false(twin->dirty);
}

struct chip_call twin_both(struct twin *twin, const struct chip_call *call)
{
    struct chip_call chip = *call, host = *call;

    assert_int_equal(machine_call(&twin->machine, &chip), MACHINE_DONE);
    twin_host(twin, &host);
    twin_same(twin, &chip, &host);
    return chip;
}
