/* SPDX-License-Identifier: BSD-2-Clause */
/** What lies in the module region of the flash. */
#ifndef REGION_H
#define REGION_H

#include <stdint.h>

#include "modfmt.h"

/** So many modules a region may have. */
#define REGION_MAX 64

/** An image, in the order in which they are run. */
struct candidate {
    const uint8_t *image;
    uint32_t available; /**< bytes that it may have */
    uint32_t name;      /**< modfmt_hash() of its name; 0: none, or its header is bad */
};

/** Look for them: the live images of the region's store, the oldest change first; or,
 * where there never was a store, every image that lies there. What is wrong with the
 * store is told. */
void region_begin(void);
unsigned region_count(void);
const struct candidate *region_at(unsigned index);
/** The first good one of that name, or NULL. */
const struct candidate *region_find(uint32_t name);

/** The value of a tag of an image with a good header, or NULL. */
const uint8_t *region_tag(const uint8_t *image, uint32_t type, uint32_t *ret_size);

#endif
