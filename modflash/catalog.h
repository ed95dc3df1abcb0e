/* SPDX-License-Identifier: BSD-2-Clause */
/** Images that are in the store, and what they say about themselves. */
#ifndef MODFLASH_CATALOG_H
#define MODFLASH_CATALOG_H

#include "package.h"
#include "session.h"

/**
 * Read an image's header and tags, unverified; the other bytes are zero.
 * @return 0, or the error; *ret_bytes is malloc'ed in any case
 */
int catalog_open(struct session *session, const struct modfmt_store_image *image,
                 uint8_t **ret_bytes, struct modfmt_image *ret_image);
/**
 * Read an image's header and tags, but not its contents: name and version, unverified.
 * @return false if they cannot be read, or the name is not the one it was installed by
 */
bool catalog_identity(struct session *session, const struct modfmt_store_image *image,
                      struct identity *ret_identity);
/** Read the whole image and check it. @return 0, or the error; *ret_bytes is malloc'ed */
int catalog_check(struct session *session, const struct modfmt_store_image *image,
                  uint8_t **ret_bytes, struct modfmt_image *ret_image,
                  struct modfmt_diag *diag);
/** The live image with that name; if there is none, print what there is and exit. */
struct modfmt_store_image *catalog_find(struct session *session, const char *name);

/** An image that is live, as the bytes of one that the store puts in. */
struct catalog_live {
    struct modfmt_flash *flash;
    uint32_t offset;
};

/** @param live  must outlive the source */
struct modfmt_store_source catalog_source(struct catalog_live *live);

#endif
