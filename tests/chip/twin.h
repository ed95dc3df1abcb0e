/* SPDX-License-Identifier: BSD-2-Clause */
/** The same store twice: on the chip, and in this process by the host's build. */
#ifndef CHIP_TWIN_H
#define CHIP_TWIN_H

#include "machine.h"

/** A part of the F405's flash, in whole sectors. */
struct region {
    const char *name;
    uint32_t first; /**< sector */
    uint32_t count;
};

#define TWIN_REGIONS 3u
/** Even sectors, uneven ones, a single one. */
extern const struct region twin_regions[TWIN_REGIONS];

#define TWIN_BUFFER 256u

struct twin {
    struct machine machine;
    struct modfmt_flash flash; /**< of the host's build: on `bytes` */
    uint32_t begin;            /**< offset of the region in flash */
    uint32_t size;
    uint32_t sector_size[CHIP_SECTORS];
    uint32_t erases[CHIP_SECTORS];
    uint32_t operations; /**< units programmed and sectors erased, by the host's build */
    bool dirty;          /**< it programmed what was not erased */
    uint8_t *bytes;
    struct modfmt_store store;
    struct modfmt_store_image image[CHIP_IMAGE_MAX];
    uint32_t seed;
};

void twin_begin(struct twin *twin, const char *program);
void twin_end(struct twin *twin);
/** An erased region, for both. */
void twin_region(struct twin *twin, const struct region *region);
/** The chip's flash as it is, for the host's build as well. */
void twin_copy(struct twin *twin);
uint32_t twin_random(struct twin *twin, uint32_t below);

/** An image in the chip's RAM and here: name `number`, so many bytes of payload, and a
 *  function that returns `value`. */
struct image {
    uint8_t bytes[16384];
    uint32_t size;
    uint32_t hash;
};
void twin_image(struct image *image, uint32_t number, uint32_t payload, uint32_t value);

/** Put images into the chip's RAM and into the call. */
void twin_source(struct twin *twin, struct chip_call *call, const struct image *image,
                 uint32_t count);
/** A call of that verb for the twin's region. */
struct chip_call twin_call(const struct twin *twin, enum chip_verb verb);
/** What the chip would do, by the host's build: the results are written to `call`. */
void twin_host(struct twin *twin, struct chip_call *call);
/** Do both say and hold the same? Fails the test if not. */
void twin_same(struct twin *twin, const struct chip_call *chip,
               const struct chip_call *host);
/** The call on both, and twin_same(). @return its results */
struct chip_call twin_both(struct twin *twin, const struct chip_call *call);

#endif
