/* SPDX-License-Identifier: BSD-2-Clause */
/** A module's file, checked before anything is touched. And what images call themselves.
 */
#ifndef MODFLASH_PACKAGE_H
#define MODFLASH_PACKAGE_H

#include <stdbool.h>
#include <stdint.h>

#include "modfmt_link.h"
#include "modfmt_store.h"
#include "session.h"

/** What an image says about itself. */
struct identity {
    char name[MODFMT_NAME_MAX + 1]; /**< "" if it has none */
    uint32_t name_length;
    bool has_version;
    uint16_t version[3];
};

struct package {
    struct modfmt_store_source source;
    const char *path;
    uint8_t *bytes;
    uint32_t size;
    struct identity identity;
    bool had; /**< a module of that name is in the store: */
    struct identity former;
    uint32_t former_crc;
    bool linked; /**< for its place in flash: `bytes` are those of the linked image */
    bool kept_linked; /**< because the one that it replaces is */
    const char *done; /**< "relinked": it is the same module, linked anew; else NULL */
    struct modfmt_linked to; /**< what it is linked for */
    uint32_t place;          /**< offset in the region that it is linked for */
};

/** Read the name and version of the image at `bytes`, which passed modfmt_check(). */
void identity_of(const struct modfmt_image *image, struct identity *ret_identity);
/** "1.2.3", or "-". */
const char *identity_version(const struct identity *identity, char text[24]);
/** -1, 0 or 1; no version counts as 0.0.0. */
int identity_compare(const struct identity *a, const struct identity *b);

/** Read and check a file; print why not and exit. */
void package_read(struct package *package, const char *path);
/** The same of a whole image in memory that passed modfmt_check(). It takes the bytes. */
void package_of_image(struct package *package, const char *path, uint8_t *bytes,
                      uint32_t size);
/** Take other bytes of the same module; the former ones are freed. */
void package_take(struct package *package, uint8_t *bytes, uint32_t size);
/** Can the chip run it? Prints why not. */
bool package_suits(const struct package *package, const struct target_chip *chip);
void package_free(struct package *package);

#endif
