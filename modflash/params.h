/* SPDX-License-Identifier: BSD-2-Clause */
/** The block of an image that its user fills (specs/modfmt.md, 6). */
#ifndef MODFLASH_PARAMS_H
#define MODFLASH_PARAMS_H

#include "modfmt.h"

struct params_block {
    const char *segment; /**< "text" or "data" */
    uint32_t place;      /**< offset in the segment */
    uint32_t offset;     /**< in the image */
    uint32_t size;
};

/** Find it in an image that is held whole and passed modfmt_check().
 *  @return NULL, or why nobody can set it: the end of a sentence */
const char *params_find(const struct modfmt_image *image, struct params_block *ret_block);

#endif
