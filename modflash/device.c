/* SPDX-License-Identifier: BSD-2-Clause */
/**
 * The region as the store wants it. A probe answers a question in a millisecond whether it
 * is about 32 bytes or a thousand: so flash is read in blocks, each once. What is programmed
 * is forgotten, so that reading it back really reads.
 */
#include "device.h"

#include "cli.h"

#include <stdlib.h>
#include <string.h>

#define BLOCK 1024u

static struct device *of(struct modfmt_flash *flash)
{
    return (struct device *)flash;
}

/* Read the blocks from `first` up to `last` that are not known, in one go each run. */
static int read_blocks(struct device *device, uint32_t first, uint32_t last)
{
    struct target *target = device->target;

    for (uint32_t i = first; i <= last; i++) {
        uint32_t end = i;

        while (end <= last && !device->known[end]) {
            end++;
        }
        if (end == i) {
            continue;
        }
        if (target->ops->read(target, device->base + i * BLOCK, device->bytes + i * BLOCK,
                              (end - i) * BLOCK) != 0) {
            return -1;
        }
        memset(device->known + i, 1, end - i);
        i = end;
    }
    return 0;
}

static bool all_known(const struct device *device, uint32_t first, uint32_t last)
{
    for (uint32_t i = first; i <= last; i++) {
        if (!device->known[i]) {
            return false;
        }
    }
    return true;
}

static int device_read(struct modfmt_flash *flash, uint32_t offset, void *bytes,
                       uint32_t size)
{
    struct device *device = of(flash);
    uint32_t first = offset / BLOCK, last = size != 0 ? (offset + size - 1) / BLOCK : first;

    if (!modfmt_range(offset, size, device->size)) {
        return -1;
    }
    if (size == 0) {
        return 0;
    }
    if (device->writing && !all_known(device, first, last)) {
        return device->target->ops->read(device->target, device->base + offset, bytes, size);
    }
    if (read_blocks(device, first, last) != 0) {
        return -1;
    }
    memcpy(bytes, device->bytes + offset, size);
    return 0;
}

static void forget(struct device *device, uint32_t offset, uint32_t size)
{
    for (uint32_t i = offset / BLOCK; i <= (offset + size - 1) / BLOCK; i++) {
        device->known[i] = 0;
    }
}

static int device_program(struct modfmt_flash *flash, uint32_t offset, const void *bytes,
                          uint32_t size)
{
    struct device *device = of(flash);

    if (size == 0) {
        return 0;
    }
    forget(device, offset, size);
    if (device->target->ops->program(device->target, device->base + offset, bytes, size) !=
        0) {
        return -1;
    }
    if (device->progress != NULL) {
        device->progress(device, "programming", device->target->counts.programmed_bytes,
                         device->planned);
    }
    return 0;
}

static int device_erase(struct modfmt_flash *flash, uint32_t sector)
{
    struct device *device = of(flash);

    forget(device, modfmt_store_sector_offset(flash, sector), flash->sector_size[sector]);
    if (device->progress != NULL) {
        device->progress(device, "erasing", 0, 0);
    }
    return device->target->ops->erase(device->target, device->first_sector + sector);
}

void device_begin(struct device *device, struct target *target, const struct region *region)
{
    *device = (struct device){
        .flash =
            {
                .base = region->base,
                .unit = target->chip.unit,
                .sector_count = region->sector_count,
                .sector_size = target->chip.sector_size + region->first_sector,
                .read = device_read,
                .program = device_program,
                .erase = device_erase,
            },
        .target = target,
        .base = region->base,
        .size = region->size,
        .first_sector = region->first_sector,
        .bytes = cli_alloc(region->size, 1),
        .known = cli_alloc((region->size + BLOCK - 1) / BLOCK, 1),
    };
}

void device_end(struct device *device)
{
    free(device->bytes);
    free(device->known);
    device->bytes = device->known = NULL;
}

void device_forget(struct device *device)
{
    memset(device->known, 0, (device->size + BLOCK - 1) / BLOCK);
}
