/* SPDX-License-Identifier: BSD-2-Clause */
/** The flash's cells, in a file. */
#ifndef IMAGE_H
#define IMAGE_H

#include <stdbool.h>
#include <stdint.h>

struct image {
    uint8_t *cells; /**< CHIP_FLASH_SIZE bytes; every store is in the file at once */
    int file;
    char problem[160]; /**< why it could not be opened, a sentence without a full stop */
};

/**
 * Open a file of CHIP_FLASH_SIZE bytes; make it, erased, if there is none. It is locked
 * against other boards. @return false with the reason in image->problem
 */
bool image_open(struct image *image, const char *path);
void image_close(struct image *image);

#endif
