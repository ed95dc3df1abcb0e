/* SPDX-License-Identifier: BSD-2-Clause */
/**
 * The module store of specs/store.md: how a region of flash holds images so that every
 * change is atomic under power failure. Used by modflash and, on the chip, by firmware
 * that receives modules itself.
 *
 * Freestanding, no allocation, no recursion. A firmware that only loads modules needs
 * modfmt_store.c alone (modfmt_store_open()); the other files change the store.
 *
 * All calls: 0 or a negative MODFMT_E_STORE_* (or MODFMT_E_* for an image that is none),
 * `diag` as everywhere in libmodfmt. Offsets count from the region's first byte.
 */
#ifndef MODFMT_STORE_H
#define MODFMT_STORE_H

#include "modfmt.h"

/**
 * A region of flash. Its geometry and what can be done with it; everything else is the
 * owner's (put it around this struct).
 */
struct modfmt_flash {
    uint32_t base;               /**< address of the first byte: sectors begin there */
    uint32_t unit;               /**< bytes programmed at once: 1, 2, 4, 8, 16 or 32 */
    uint32_t sector_count;       /**< 1 to MODFMT_STORE_SECTOR_MAX */
    const uint32_t *sector_size; /**< bytes of each; multiples of 1024 */
    /**
     * Read. Fails (not 0) where flash cannot be read, as with an ECC error in a torn
     * unit: it must come back then, not fault. Must see flash as it is (no stale cache).
     */
    int (*read)(struct modfmt_flash *flash, uint32_t offset, void *bytes, uint32_t size);
    /**
     * Program `size` bytes, a multiple of the unit, at a multiple of the unit, in rising
     * order. The place is erased. @return 0 or anything else
     */
    int (*program)(struct modfmt_flash *flash, uint32_t offset, const void *bytes,
                   uint32_t size);
    /** Erase a sector. May take seconds: kick the watchdog from here. */
    int (*erase)(struct modfmt_flash *flash, uint32_t sector);
};

/** Flags of an image in the store. */
#define MODFMT_STORE_PINNED                                                              \
    0x1u /**< must not move: in use in place, or linked to its place */
#define MODFMT_STORE_FILLED 0x2u /**< the rest of its last sector is not to be used */
#define MODFMT_STORE_BARE   0x4u /**< no record names it: another tool wrote it */

/** A live image. */
struct modfmt_store_image {
    uint32_t offset; /**< of its header in the region */
    uint32_t size;   /**< total_size */
    uint32_t hash;   /**< modfmt_hash() of its name */
    uint32_t crc;    /**< as in its header */
    uint32_t flags;  /**< MODFMT_STORE_* */
};

#define MODFMT_STORE_NONE 0xffffffffu

/** The store as it was found. Read what is documented, change nothing. */
struct modfmt_store {
    struct modfmt_flash *flash;
    uint32_t geometry;                /**< the region's geometry check */
    struct modfmt_store_image *image; /**< live images, oldest change first */
    uint32_t capacity;                /**< of `image` */
    uint32_t count;                   /**< of live images */
    uint32_t lost; /**< images that the directory names but the flash no longer holds */
    uint32_t head; /**< sector with the directory, or MODFMT_STORE_NONE */
    uint32_t generation; /**< of the directory; the highest one seen if there is none */
    uint32_t next_slot;  /**< where the next record goes */
    uint32_t base;       /**< slot of the COMMIT that stands */
    uint32_t base_count; /**< records that it commits */
    uint32_t pending;    /**< sector whose erase may be half done, or MODFMT_STORE_NONE */
    uint32_t pending_slot; /**< of its ERASE */
    bool pending_full;     /**< nothing could be put there before that ERASE either */
    bool erased;       /**< it has been erased since the store was opened: CLEAN is due */
    bool unsettled;    /**< the last record is not CONFIRM: what stands may change */
    bool confirmed;    /**< the directory is confirmed: no older one counts */
    uint32_t previous; /**< sector of the directory that an unconfirmed one takes over
                            from, or MODFMT_STORE_NONE */
    uint32_t previous_slot; /**< where its next record goes; 0: that must be looked for */
    bool anew;              /**< modfmt_store_reset() was called */
    /** What the directory knows to lie at the region's start, live or not; size 0:
     * nothing. An image there that it does not know was written by another tool. */
    struct modfmt_store_image origin;
    bool fresh; /**< nothing was appended since the store was opened */
    /** Per sector: bytes that are or may be programmed; the sector's size if unknown. */
    uint32_t fill[MODFMT_STORE_SECTOR_MAX];
    uint16_t erased_at[MODFMT_STORE_SECTOR_MAX]; /**< slot of the last ERASE, or 0 */
    /** Done since it was opened (or, where flash->program is NULL, only planned). */
    uint32_t erased_sectors;
    uint32_t programmed_bytes;
    uint32_t moved_images;
};

/**
 * Find what is in a region. Never writes.
 *
 * Time: one record a sector, then each record of the directory once and each committed
 * one twice, and one header an image. Stack: about 450 bytes on a Cortex-M.
 *
 * @param image     room for the live images
 * @param capacity  how many
 * @return 0 (also where there is no directory, and no image at all),
 *         MODFMT_E_STORE_GEOMETRY, _MANY, _DAMAGED
 */
int modfmt_store_open(struct modfmt_store *store, struct modfmt_flash *flash,
                      struct modfmt_store_image *image, uint32_t capacity,
                      struct modfmt_diag *diag);

/** Offset of a sector in the region; of sector_count, the region's size. */
uint32_t modfmt_store_sector_offset(const struct modfmt_flash *flash, uint32_t sector);

/** The live image of that name's hash, or NULL. */
struct modfmt_store_image *modfmt_store_find(struct modfmt_store *store, uint32_t hash);

/** Where images come from: memory, a file, a radio, the store's own flash. */
struct modfmt_store_source {
    /** Read `size` bytes of the image from `offset`. May be asked for the same bytes more
     *  than once, and not in order. @return 0 or anything else */
    int (*read)(struct modfmt_store_source *source, uint32_t offset, void *bytes,
                uint32_t size);
    void *ctx;
    uint32_t flags; /**< MODFMT_STORE_PINNED */
    bool force;     /**< write it even if the same is there */
    /** Set by the store: what it is and where it was put. */
    struct modfmt_store_image image;
    bool unchanged; /**< the very same is there already: nothing was written for it */
};

/**
 * Install images, or update those whose name is there: all of them or, on any error or
 * power failure, none. Makes room if it must (see specs/store.md, 6): what it does on
 * the way leaves the set of live images as it is.
 *
 * Each image's header is checked, not its contents: check those before.
 *
 * @param buffer  scratch of `buffer_size` bytes, a multiple of 32, at least 64
 * @return 0; MODFMT_E_STORE_FULL, _RESERVE (diag: got, the size of the largest image),
 *         _SLOTS, _COMPACT, _TWICE, _FORGED, _READ, _PROGRAM, _ERASE, _VERIFY, _MANY; or
 *         what modfmt_header_check() says
 *
 * After _READ, _PROGRAM, _ERASE or _VERIFY open the store again before the next call.
 */
int modfmt_store_install(struct modfmt_store *store, struct modfmt_store_source *source,
                         uint32_t count, void *buffer, uint32_t buffer_size,
                         struct modfmt_diag *diag);

/** Remove the images of these names: all or none. @return 0, MODFMT_E_STORE_NOT_FOUND
 *  (diag: got, the hash), _SLOTS, or an error of the flash. */
int modfmt_store_remove(struct modfmt_store *store, const uint32_t *hash, uint32_t count,
                        void *buffer, uint32_t buffer_size, struct modfmt_diag *diag);

/**
 * Move live images together so that as much as possible is free. Sectors that hold
 * nothing live afterwards are erased when they are needed.
 * @return 0 also if there was nothing to do; MODFMT_E_STORE_COMPACT (diag: got, the
 *         dead bytes that cannot be had) or as install
 */
int modfmt_store_compact(struct modfmt_store *store, void *buffer, uint32_t buffer_size,
                         struct modfmt_diag *diag);

/**
 * Finish what a power failure left: erase what was half erased, and make certain which
 * state stands. Every verb does so by itself; this is for who has nothing else to do.
 */
int modfmt_store_settle(struct modfmt_store *store, struct modfmt_diag *diag);

/** Declare the directory void: the region counts as empty from now on, until a new one is
 *  written. What is pending is erased first. For a host that is going to rewrite the
 *  whole region and has a journal. */
int modfmt_store_retire(struct modfmt_store *store, struct modfmt_diag *diag);

/** Forget, in memory only, all that was found: the next verb begins a new directory, as
 * in a region that has none. For a host that has kept what is worth keeping. */
void modfmt_store_reset(struct modfmt_store *store);

#endif
