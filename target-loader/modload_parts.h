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

/** What modload_view_() does with images that are not mapped. */
const uint8_t *modload_read_(const struct modload_reader_ *in, uint32_t offset,
                             uint32_t size, void *buffer);

/** Look at bytes of an image: in place where that can be, otherwise read into `buffer`.
 *  @return NULL if they cannot be read; diag is filled. Folded away where images are
 *  always mapped. */
static inline const uint8_t *modload_view_(const struct modload_reader_ *in,
                                           uint32_t offset, uint32_t size, void *buffer)
{
    return !MODLOAD_WITH_READ || in->source->mapped
               ? in->source->mapped + offset
               : modload_read_(in, offset, size, buffer);
}

/** Could modload_view_() not read? */
static inline bool modload_unread_(const uint8_t *view)
{
    return MODLOAD_WITH_READ && !view;
}

/** Check the CRC of a whole image whose header is good. `window`, MODFMT_HEADER_SIZE
 * bytes, is what it is read through, and may be where `header` is; four `zeros` are what
 * the crc field counts as. Here, and not in a .c file, because a loader of images alone
 * is smaller if it is part of that.
 *  @return 0, MODLOAD_E_READ or MODFMT_E_CRC */
static inline int modload_crc_(const struct modload_reader_ *in, const uint8_t *header,
                               uint8_t *window, const void *zeros)
{
    uint32_t offset = MODFMT_OFF_HEADER_CHECK;
    uint32_t left = modfmt_get32(header + MODFMT_OFF_TOTAL_SIZE) - offset;
    /* The header's check is the CRC of what comes before the crc field. */
    uint32_t crc = modfmt_crc32(modfmt_get32(header + offset), zeros, 4);
    uint32_t got = modfmt_get32(header + MODFMT_OFF_CRC);

    do {
        uint32_t size =
            !MODLOAD_WITH_READ || left < MODFMT_HEADER_SIZE ? left : MODFMT_HEADER_SIZE;
        const uint8_t *p = modload_view_(in, offset, size, window);

        if (modload_unread_(p))
            return MODLOAD_E_READ;
        crc = modfmt_crc32(crc, p, size);
        offset += size;
        left -= size;
    } while (MODLOAD_WITH_READ && left);
    in->diag->got = got;
    in->diag->want = crc;
    return crc == got ? 0 : MODFMT_E_CRC;
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
/** Note in `m` what its image says of name, version, exports, parameters and tags. With
 *  MODLOAD_OPT_CRC the CRC is checked before. */
int modload_identify_(const struct modload_port *port, struct modload_module *m,
                      struct modfmt_diag *diag);
uint32_t modload_name_hash_(const char *name);
/** For port.find, `port` being a registry's: its tables, then what the module that is
 *  being loaded needs. */
int modload_find_import_(const struct modload_port *port, uint32_t hash, uint32_t type,
                         uint32_t *ret_address);

#endif
