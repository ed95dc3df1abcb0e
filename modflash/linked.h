/* SPDX-License-Identifier: BSD-2-Clause */
/** Linked images (specs/modfmt.md, 2.6): what they were linked for, making them, and
 * undoing it. Whole images in memory, on libmodfmt's linker. */
#ifndef MODFLASH_LINKED_H
#define MODFLASH_LINKED_H

#include <stdbool.h>
#include <stdint.h>

#include "modfmt_link.h"
#include "session.h"

/** What an image is linked for. @return false: it is not linked */
bool linked_read(const uint8_t *bytes, uint32_t size, struct modfmt_linked *ret_linked);
/** The same of an image in the store: one or two reads. */
bool linked_stored(struct session *session, const struct modfmt_store_image *stored,
                   struct modfmt_linked *ret_linked);
/** Does its text lie where it was linked for? */
bool linked_at_its_place(const struct session *session,
                         const struct modfmt_store_image *stored,
                         const struct modfmt_linked *linked);

/**
 * Can the image be linked at all? @return 0 or an error, as modfmt_link_plan() has them;
 * ret_plan: sizes and alignments
 */
int linked_plan(const uint8_t *bytes, uint32_t size, uint32_t build_id_size,
                struct modfmt_linker *ret_plan, struct modfmt_diag *diag);
/**
 * Link an image.
 * @param to       text, data, api and build id
 * @param address  of each import; 0: a weak one that stays unbound
 * @return a new image, or NULL and `diag`
 */
uint8_t *linked_make(const uint8_t *bytes, uint32_t size, const struct modfmt_linked *to,
                     const uint32_t *address, uint32_t *ret_size,
                     struct modfmt_diag *diag);
/** Undo it. @return the image that was linked, or NULL and `diag`: it is damaged */
uint8_t *linked_undo(const uint8_t *bytes, uint32_t size, uint32_t *ret_size,
                     struct modfmt_diag *diag);
/** If it is linked: is what it was made of still what it was? @return 0 or an error */
int linked_check(const uint8_t *bytes, uint32_t size, struct modfmt_diag *diag);
/** The addresses that a linked image's imports were bound to; it passed modfmt_check().
 * To be freed. */
uint32_t *linked_bound(const uint8_t *bytes, uint32_t size);
/** The same image linked for another place in flash, for the same RAM and firmware. Its
 * size stays. @return it, or NULL and `diag` */
uint8_t *linked_move(const uint8_t *bytes, uint32_t size, uint32_t text,
                     struct modfmt_diag *diag);

#endif
