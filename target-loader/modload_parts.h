/* SPDX-License-Identifier: BSD-2-Clause */
/** What the files of the loader share among themselves. Private. */
#ifndef MODLOAD_PARTS_H
#define MODLOAD_PARTS_H

#include "modload_life.h"

/** Bytes of the longest value of a tag that the registry looks at: two versions and a
 *  name. */
#define MODLOAD_TAG_MAX_ (12u + MODFMT_NAME_MAX)

/** Reading an image. */
struct modload_reader_ {
    const struct modload_port *port;
    const struct modload_source *source;
    struct modfmt_diag *diag;
};

/** What modload_view_() does in builds that can read images in pieces. */
const uint8_t *modload_read_(const struct modload_reader_ *in, uint32_t offset,
                             uint32_t size, void *buffer);

/** Look at bytes of an image: in place where that can be, otherwise read into `buffer`.
 *  @return NULL if they cannot be read; diag is filled. Folded away where images are
 *  always mapped. */
static inline const uint8_t *modload_view_(const struct modload_reader_ *in,
                                           uint32_t offset, uint32_t size, void *buffer)
{
    return MODLOAD_WITH_READ ? modload_read_(in, offset, size, buffer)
                             : in->source->mapped + offset;
}

/** Could modload_view_() not read? */
static inline bool modload_unread_(const uint8_t *view)
{
    return MODLOAD_WITH_READ && !view;
}

/** A walk over an image's tags. */
struct modload_tags_ {
    struct modload_reader_ in;
    uint32_t offset; /**< of the tag that comes next */
    uint32_t end;    /**< of the image */
    uint32_t type;
    uint32_t length;      /**< of the value */
    const uint8_t *value; /**< its first MODLOAD_TAG_MAX_ bytes, if there are so many */
    uint8_t buffer[MODFMT_TAG_VALUE_OFFSET + MODLOAD_TAG_MAX_];
};

/** On to the next tag. @return 1: there is one; 0: there is none; or an error */
int modload_tags_next_(struct modload_tags_ *tags);
/** Note in `m` what its image says of name, version, exports, parameters and tags. */
int modload_identify_(const struct modload_port *port, struct modload_module *m,
                      struct modfmt_diag *diag);
uint32_t modload_name_hash_(const char *name);
/** For port.find, `port` being a registry's: its tables, then what the module that is
 *  being loaded needs. */
int modload_find_import_(const struct modload_port *port, uint32_t hash, uint32_t type,
                         uint32_t *ret_address);

#endif
