/* SPDX-License-Identifier: BSD-2-Clause */
/** What the files of the linker share among themselves. Private. */
#ifndef MODFMT_LINK_PARTS_H
#define MODFMT_LINK_PARTS_H

#include "modfmt_link.h"

/** Where a fix-up can begin before a byte that it changes, at most: a pair's MOVW so many
 *  half-words before its MOVT, and that instruction's first byte. */
#define LINK_REACH_ (2u * MODFMT_MOV_DISTANCE_MAX + 3u)
/** The tag bound: bytes of all of it. */
#define LINK_BOUND_SIZE_(l) (MODFMT_TAG_VALUE_OFFSET + 4u * (l)->import_count)

/** Read bytes of the image that lie within its total_size. */
static inline int modfmt_link_get_(struct modfmt_linker *l, uint32_t offset, void *to,
                                   uint32_t size)
{
    int rc = l->image->read(l->image, offset, to, size);

    return rc ? modfmt_fail(&l->diag_, rc, offset, size, 0) : 0;
}

/** Bytes of text (data) from `offset`, with the fix-ups applied or undone. *ret points
 * into the buffer.
 *  @return how many, 1 to `size`, which the segment holds from there; or an error */
int modfmt_link_window_(struct modfmt_linker *l, bool data, uint32_t offset,
                        uint32_t size, const uint8_t **ret);
/** Walk all relocation lists and look whether each fix-up's place is there. */
int modfmt_link_lists_(struct modfmt_linker *l);
/** Do the addresses suit the segments that the header describes? 0, MODFMT_E_ALIGN or
 *  MODFMT_E_SEGMENT */
int modfmt_link_fits_(const uint8_t *header, uint32_t text, uint32_t data,
                      struct modfmt_diag *diag);
/** Take the value of a tag linked apart, its build id excepted. @return false: it cannot be
 *  that of the image with this header */
bool modfmt_linked_parse_(const uint8_t *header, const uint8_t *value,
                          struct modfmt_linked *ret_linked);
/** modfmt_linked_read() of an image whose header was checked. */
int modfmt_linked_get_(struct modfmt_bytes *image, const uint8_t *header,
                       struct modfmt_linked *ret_linked, struct modfmt_diag *diag);
/** The address that an import has, or had. */
int modfmt_link_import_(struct modfmt_linker *l, uint32_t index, uint32_t *ret_address);

#endif
