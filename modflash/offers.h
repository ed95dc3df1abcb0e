/* SPDX-License-Identifier: BSD-2-Clause */
/** What the modules export that an image needs: those that are being installed with it,
 * and those of the region. */
#ifndef MODFLASH_OFFERS_H
#define MODFLASH_OFFERS_H

#include <stdbool.h>

#include "check.h"
#include "package.h"
#include "session.h"

/** A needed module that is there. */
struct offer {
    struct check_need need;
    struct modfmt_image image;
    uint8_t *bytes; /**< NULL: a package's */
};

struct offers {
    struct offer *offer;
    size_t count;
    size_t capacity;
};

/** Read the modules that `image` needs. What is damaged counts as not there. Prints why
 * not and exits if the region cannot be read. */
void offers_read(struct session *session, const struct package *package, uint32_t count,
                 const struct modfmt_image *image, struct offers *ret_offers);
/** The name of the first that exports it with a type that fits, as loaders bind it; or
 * NULL. */
const char *offers_find(const struct offers *offers, const struct modfmt_import *import);
void offers_free(struct offers *offers);

#endif
