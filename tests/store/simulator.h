/* SPDX-License-Identifier: BSD-2-Clause */
/**
 * Flash as an adversary would design it: what a power failure leaves reads differently
 * each time or not at all, and whatever may not be programmed is a violation, however
 * erased it looks. One allocation, so that a state is copied by memcpy().
 */
#ifndef STORE_SIMULATOR_H
#define STORE_SIMULATOR_H

#include "modfmt_store.h"

#define SIMULATOR_REGION_MAX (64u << 10)
#define SIMULATOR_SECTOR_MAX 8u

/** What becomes of the unit or the sector at which the power fails. */
enum torn {
    TORN_NOISY,   /**< a fresh mix of old and new at each read, or (ECC) no read at all */
    TORN_STUCK,   /**< a mix, for good; of an erase: of a few units each its own */
    TORN_DONE,    /**< all of it done. A sector that looks erased is not: erase again */
    TORN_NOTHING, /**< nothing done: the unit is still erased. A sector still counts as
                       half erased, though nothing is to be seen of it */
    TORN_GHOST, /**< the unit reads as erased but is not; the sector's low part is erased
                 */
    TORN_REST,  /**< the sector's high part is erased; a unit: all old or all new, in turn
                 */
    TORN_KINDS
};

struct simulator {
    struct modfmt_flash flash; /**< first, so that one is the other */
    uint32_t sector_size[SIMULATOR_SECTOR_MAX];
    uint32_t size;
    uint64_t random;
    enum torn torn;
    uint32_t cut_at;    /**< the operation (counted from 1) that fails; 0: none */
    uint32_t operation; /**< done so far: units programmed, sectors erased */
    bool off;           /**< the power is gone */
    bool ecc;           /**< units that are in doubt may fail to be read */
    bool lenient; /**< somebody else made a mess: only wild accesses are violations */
    uint32_t reads;
    uint64_t erased[SIMULATOR_SECTOR_MAX]; /**< wear */
    uint64_t programmed;                   /**< bytes */
    uint32_t doubts;                       /**< units that were torn, and */
    uint32_t doubt[32];                    /**< where the first of them are */
    const char *violation;                 /**< the first one, or NULL */
    uint32_t violation_offset;
    uint8_t half[SIMULATOR_SECTOR_MAX];      /**< a sector's erase was begun */
    uint8_t state[SIMULATOR_REGION_MAX];     /**< of each unit */
    uint8_t bytes[SIMULATOR_REGION_MAX];     /**< what is there; of a noisy unit: what was
                                                  to be programmed, or what was there */
    uint8_t bulk[SIMULATOR_REGION_MAX / 4u]; /**< bit an operation: inside a body */
};

/** A region that is erased as it left the factory. */
void simulator_begin(struct simulator *sim, uint32_t base, uint32_t unit,
                     const uint32_t *sector_size, uint32_t sector_count);
/** Fill the region with what may have been there before. */
void simulator_soil(struct simulator *sim);
/** Like assigning it, but faster: only the region's part of it. */
void simulator_copy(struct simulator *to, const struct simulator *from);
/** The power fails at operation `cut_at` from now on (0: never). */
void simulator_arm(struct simulator *sim, uint32_t cut_at, enum torn torn, uint64_t seed);
/** The power is back. */
void simulator_power_on(struct simulator *sim);
/** What another tool does: erase the sectors under it, and write it to the region's
 * start. */
void simulator_overwrite(struct simulator *sim, const uint8_t *bytes, uint32_t size);
/** These bytes cannot be read any more. */
void simulator_damage(struct simulator *sim, uint32_t offset, uint32_t size);
/** A number from the simulator's own generator. */
uint32_t simulator_random(struct simulator *sim);

#endif
