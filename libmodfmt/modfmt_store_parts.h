/* SPDX-License-Identifier: BSD-2-Clause */
/** What the files of the store share among themselves. Not for users. */
#ifndef MODFMT_STORE_PARTS_H
#define MODFMT_STORE_PARTS_H

#include "modfmt_store.h"

/** A record, decoded. */
struct store_record_ {
    uint32_t type; /**< MODFMT_STORE_*, one that is not known, or STORE_* below */
    uint32_t argument;
    uint32_t base;
    uint32_t count;
    uint32_t generation;
    uint32_t word[4]; /**< of long records */
};
#define STORE_OTHER_ 0u     /**< a slot that means nothing */
#define STORE_BLANK_ 0x100u /**< one that is not written */
/** Bits of types. */
#define STORE_CONFIRMS_ 0x01u
#define STORE_SHORT_    0x10u

/** Is it one? */
static inline bool store_is_record_(const struct store_record_ *r)
{
    return r->type != STORE_OTHER_ && r->type != STORE_BLANK_;
}

/** An invented sector or offset: none. */
#define STORE_NOWHERE_ MODFMT_STORE_NONE

uint32_t modfmt_store_region_size_(const struct modfmt_flash *flash);
/** CRC of base, unit and sector sizes, which the checks of records are continued from: a
 * directory made for another region is none. */
uint32_t modfmt_store_geometry_(const struct modfmt_flash *flash);
/** Read what is in a slot. Whatever cannot be read is STORE_OTHER_. */
void modfmt_store_get_(const struct modfmt_store *store, uint32_t sector, uint32_t slot,
                       struct store_record_ *ret_record);
/** The same of what was read. Is it a record that is valid in that slot, whatever its
 * generation? */
void modfmt_store_decode_(const struct modfmt_store *store, const uint8_t *bytes,
                          uint32_t slot, struct store_record_ *ret_record);
/** Where the check of a record of that type is: behind all that it is the check of. */
uint32_t modfmt_store_check_at_(uint32_t type);
/** The image whose header is at `offset`, name's hash included; false if there is none.
 */
bool modfmt_store_peek_(struct modfmt_flash *flash, uint32_t offset,
                        struct modfmt_store_image *ret_image);

/** The name's hash of an image that is read through `source`, header checked. */
int modfmt_store_describe_(struct modfmt_store_source *source, uint32_t available,
                           struct modfmt_diag *diag);

/* ---- the log (modfmt_store_log.c) ----------------------------------------- */

/** Slots that the directory still has for records, the guard not counted. */
uint32_t modfmt_store_slots_left_(const struct modfmt_store *store);
/** Append a record. `word` is NULL for short ones. */
int modfmt_store_append_(struct modfmt_store *store, uint32_t type, uint32_t argument,
                         const uint32_t *word, struct modfmt_diag *diag);
/** The `count` records just appended count from now on. */
int modfmt_store_commit_(struct modfmt_store *store, uint32_t count,
                         struct modfmt_diag *diag);
/** Log that a sector is going to be erased, and erase it. Until the directory says that
 * it is clean, or a newer one has begun in it, nothing else may be appended. */
int modfmt_store_erase_(struct modfmt_store *store, uint32_t sector,
                        struct modfmt_diag *diag);
/** The same, and log that it is clean. */
int modfmt_store_clear_(struct modfmt_store *store, uint32_t sector,
                        struct modfmt_diag *diag);
/** Make certain that what stands stands for good: CONFIRM, if it is not the last record.
 */
int modfmt_store_finish_(struct modfmt_store *store, struct modfmt_diag *diag);
/** Append an IMAGE record for what lies where it lies. */
int modfmt_store_list_(struct modfmt_store *store, const struct modfmt_store_image *image,
                       struct modfmt_diag *diag);
/** Program an image's bytes, read them back. */
int modfmt_store_body_(struct modfmt_store *store, struct modfmt_store_source *source,
                       uint32_t offset, void *buffer, uint32_t buffer_size,
                       struct modfmt_diag *diag);
/** A module's own bytes must not pass for a directory where they lie at a sector's end.
 *  @return 0, MODFMT_E_STORE_FORGED or _READ */
int modfmt_store_forged_(struct modfmt_store *store, struct modfmt_store_source *source,
                         uint32_t offset, struct modfmt_diag *diag);
/** IMAGE record, then the bytes. */
int modfmt_store_put_(struct modfmt_store *store, struct modfmt_store_source *source,
                      uint32_t offset, void *buffer, uint32_t buffer_size,
                      struct modfmt_diag *diag);
/** Before the first change: a directory exists, nothing is half erased, no image bare. */
int modfmt_store_prepare_(struct modfmt_store *store, struct modfmt_diag *diag);
/** Note the used bytes of sectors that an image covers. */
void modfmt_store_fill_(struct modfmt_store *store, uint32_t offset, uint32_t size,
                        bool whole);
int modfmt_store_fail_(struct modfmt_diag *diag, int code, uint32_t got, uint32_t want);
/** Put the image into the list, in place of the one of that name. */
int modfmt_store_enter_(struct modfmt_store *store,
                        const struct modfmt_store_image *image, struct modfmt_diag *diag);
void modfmt_store_drop_(struct modfmt_store *store, uint32_t hash);
/** What the directory of a sector says of the use of sectors, standing or not; no images.
 *  @return is there one, and (in a region of one sector) not RETIRED? */
bool modfmt_store_read_directory_(struct modfmt_store *store, uint32_t sector);
/** Does a directory begin in that sector? */
bool modfmt_store_is_head_(const struct modfmt_store *store, uint32_t sector);
/** The sector with the newest directory, standing or not, or STORE_NOWHERE_; and its
 *  generation, or 0. */
uint32_t modfmt_store_newest_(const struct modfmt_store *store, uint32_t *ret_generation);
/** The words of an image's record. */
void modfmt_store_words_(const struct modfmt_store_image *image, uint32_t word[4]);
/** Begin a directory in `sector`, which is erased: HEAD and FILLs. The caller puts in the
 *  images, then calls modfmt_store_head_end_(). @return how many records that it must
 *  commit, or an error */
int modfmt_store_head_begin_(struct modfmt_store *store, uint32_t sector,
                             struct modfmt_diag *diag);
/** DEAD if need be, COMMIT of `members` and those, RETIRED in store->previous, CONFIRM.
 */
int modfmt_store_head_end_(struct modfmt_store *store, uint32_t members,
                           struct modfmt_diag *diag);

/* ---- where to put things (modfmt_store_place.c) ---------------------------- */

/** Where things are going to be put: a store's `fill` with what is intended. */
struct store_plan_ {
    uint32_t fill[MODFMT_STORE_SECTOR_MAX];
    uint32_t erase;      /**< bit a sector: to be erased first */
    uint32_t used;       /**< bit a sector: gets something */
    uint32_t exclude;    /**< bit a sector: not to be used */
    uint32_t freed;      /**< bit a sector: will be empty afterwards */
    bool may_erase;      /**< sectors that hold nothing live may be erased */
    uint32_t head;       /**< sector whose end the directory has */
    uint32_t head_slots; /**< and how many slots are kept for it */
};

/** Start a plan; the directory shall have room for `slots` more records and the reserve.
 */
void modfmt_store_plan_(const struct modfmt_store *store, uint32_t slots,
                        struct store_plan_ *ret_plan);
/** Find a place for so many bytes and note it in the plan.
 *  @return its offset, or STORE_NOWHERE_ */
uint32_t modfmt_store_place_(const struct modfmt_store *store, struct store_plan_ *plan,
                             uint32_t size);
/** Live bytes in a sector; `dying`: without the images marked STORE_DYING_. */
uint32_t modfmt_store_live_(const struct modfmt_store *store, uint32_t sector,
                            bool dying);
/** Does the sector hold nothing live, and no directory? */
bool modfmt_store_empty_(const struct modfmt_store *store, uint32_t sector, bool dying);
/** Will there be a sector that can be erased after the plan is carried out? A region of
 *  one sector never has one. */
bool modfmt_store_reserve_(const struct modfmt_store *store,
                           const struct store_plan_ *plan);
/** How many bytes of an image lie in a sector. */
uint32_t modfmt_store_overlap_(const struct modfmt_flash *flash, uint32_t sector,
                               const struct modfmt_store_image *image);

/* ---- making room (modfmt_store_room.c) --------------------------------------- */

/** A verb's scratch memory. */
struct store_buffer_ {
    void *bytes;
    uint32_t size;
};

/** Move what lives in the sector with the most to gain somewhere else.
 *  @return 1 if a sector was freed, 0 if none can be, or an error */
int modfmt_store_reclaim_(struct modfmt_store *store, struct store_buffer_ *buffer,
                          struct modfmt_diag *diag);
/** Slots that the old directory must have for that: ERASE, RETIRED, and RETIRED once more
 * if the first is torn, two slots behind it. Nothing else takes these last ones. */
#define STORE_MOVE_SLOTS_ 5u
/** Begin a new directory elsewhere, without the images marked STORE_DYING_ and with those
 *  of `source`. @return 1 if done, 0 if it cannot be, or an error */
int modfmt_store_move_head_(struct modfmt_store *store,
                            struct modfmt_store_source *source, uint32_t count,
                            struct store_buffer_ *buffer, struct modfmt_diag *diag);

/** Marks a live image that the current verb replaces. */
#define STORE_DYING_ 0x80u

#endif
