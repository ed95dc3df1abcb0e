/* SPDX-License-Identifier: BSD-2-Clause */
/* Finding an image in a store. The steps and rules are those of specs/store.md, 4. */
#include "modload_scan.h"

#define SLOT_ MODFMT_STORE_RECORD_SIZE

/** Types by their low five bits: they are letters. */
#define BIT_(type) (1u << ((type)&31u))
#define LONG_                                                                            \
    (BIT_(MODFMT_STORE_HEAD) | BIT_(MODFMT_STORE_IMAGE) | BIT_(MODFMT_STORE_REMOVE) |    \
     BIT_(MODFMT_STORE_FILL) | BIT_(MODFMT_STORE_DEAD))
#define SHORT_                                                                           \
    (BIT_(MODFMT_STORE_COMMIT) | BIT_(MODFMT_STORE_SETTLE) | BIT_(MODFMT_STORE_ERASE) |  \
     BIT_(MODFMT_STORE_CLEAN) | BIT_(MODFMT_STORE_RETIRED))
#define OTHER_ 0u    /**< a slot that means nothing */
#define BLANK_ 0xffu /**< one that is not written */

/** A directory, and the record that was read last. */
struct scan_ {
    struct modfmt_flash *flash;
    uint32_t geometry;
    uint32_t end;         /**< of the directory's sector */
    uint32_t slots;       /**< that it can have; when it was read, those up to the last */
    uint32_t generation;  /**< of its HEAD; 0: any */
    uint32_t base, count; /**< of the last record that is valid */
    uint8_t bytes[SLOT_];
};

/** Where a sector begins in the region. */
static uint32_t offset_(const struct modfmt_flash *flash, uint32_t sector)
{
    uint32_t offset = 0;

    while (sector)
        offset += flash->sector_size[--sector];
    return offset;
}

static uint32_t word_(const struct scan_ *s, uint32_t index)
{
    return modfmt_get32(s->bytes + MODFMT_STORE_OFF_PAYLOAD + 4u * index);
}

/** Read a record. @return its type; OTHER_ or BLANK_ */
static uint32_t get_(struct scan_ *s, uint32_t slot)
{
    uint8_t *b = s->bytes;
    uint32_t bit, at, all = 0xff;

    if (s->flash->read(s->flash, s->end - (slot + 1u) * SLOT_, b, SLOT_) != 0)
        return OTHER_;
    for (uint32_t i = 0; i < SLOT_; i++)
        all &= b[i];
    if (all == 0xff)
        return BLANK_;
    bit = BIT_(b[MODFMT_STORE_OFF_TYPE]);
    at = bit & LONG_ ? MODFMT_STORE_OFF_LONG_CHECK : MODFMT_STORE_OFF_SHORT_CHECK;
    if (b[MODFMT_STORE_OFF_TYPE] >> 5 != MODFMT_STORE_HEAD >> 5 ||
        !(bit & (LONG_ | SHORT_)) || modfmt_get16(b + MODFMT_STORE_OFF_SLOT) != slot ||
        modfmt_get32(b + at) != modfmt_crc32(0, b, at) ||
        (s->generation && modfmt_get32(b + MODFMT_STORE_OFF_GENERATION) != s->generation))
        return OTHER_;
    return b[MODFMT_STORE_OFF_TYPE];
}

/** Step 1: the newest directory that is older than `generation` in sector `sector`, or in
 * a lower one with that generation. @return is there one? */
static bool older_(struct scan_ *s, uint32_t *generation, uint32_t *sector)
{
    uint32_t best = 0, where = 0, slots;

    s->generation = 0;
    for (uint32_t i = 0; i < s->flash->sector_count; i++) {
        uint32_t found;

        s->end = offset_(s->flash, i + 1u);
        if (get_(s, 0) != MODFMT_STORE_HEAD || word_(s, 0) != MODFMT_STORE_VERSION ||
            word_(s, 1) != s->geometry)
            continue;
        found = modfmt_get32(s->bytes + MODFMT_STORE_OFF_GENERATION);
        if (found >= best &&
            (found < *generation || (found == *generation && i < *sector))) {
            best = found;
            where = i;
        }
    }
    s->end = offset_(s->flash, where + 1u);
    slots = s->flash->sector_size[where] / SLOT_;
    s->slots = slots < MODFMT_STORE_SLOT_MAX ? slots : MODFMT_STORE_SLOT_MAX;
    s->generation = *generation = best;
    *sector = where;
    return best != 0;
}

/** Step 2: read a directory. */
static void walk_(struct scan_ *s, bool *ret_retired, bool *ret_confirmed)
{
    uint32_t last = 0;

    *ret_retired = *ret_confirmed = false;
    s->base = 0;
    for (uint32_t i = 0; i < s->slots && i < last + 1u + MODFMT_STORE_BLANK_SLOTS; i++) {
        uint32_t type = get_(s, i);

        if (type != BLANK_)
            last = i;
        if (type == BLANK_ || type == OTHER_)
            continue;
        s->base = modfmt_get16(s->bytes + MODFMT_STORE_OFF_BASE);
        s->count = modfmt_get16(s->bytes + MODFMT_STORE_OFF_COUNT);
        *ret_retired = type == MODFMT_STORE_RETIRED;
        if (type == MODFMT_STORE_SETTLE
                ? s->bytes[MODFMT_STORE_OFF_ARGUMENT] != 0
                : s->base != 0 && type != MODFMT_STORE_COMMIT && !*ret_retired)
            *ret_confirmed = true;
    }
    s->slots = last + 1u;
}

/** Is a sector that has bytes of [offset, offset + size) erased in a slot behind this
 * one? */
static bool erased_(struct scan_ *s, uint32_t slot, uint32_t offset, uint32_t size)
{
    while (++slot < s->slots) {
        uint32_t sector;

        if (get_(s, slot) != MODFMT_STORE_ERASE)
            continue;
        sector = s->bytes[MODFMT_STORE_OFF_ARGUMENT];
        if (sector < s->flash->sector_count && offset < offset_(s->flash, sector + 1u) &&
            offset_(s->flash, sector) < offset + size)
            return true;
    }
    return false;
}

/** Steps 4 and 5, from the newest transaction back: the first record of the name decides.
 *  @return its slot, 0 if there is none; or MODFMT_E_STORE_DAMAGED */
static int chain_(struct scan_ *s, uint32_t hash, uint32_t region)
{
    uint32_t base = s->base, count = s->count;
    int found = 0;

    while (base != 0) {
        uint32_t slot = base;

        /* A record that lies could lead out of the sector. */
        if (count == 0 || count >= base || base > s->slots)
            return MODFMT_E_STORE_DAMAGED;
        for (; count; count--) {
            uint32_t type = get_(s, --slot);

            if (type == BLANK_ || type == OTHER_)
                return MODFMT_E_STORE_DAMAGED;
            if (found == 0 && word_(s, 2) == hash &&
                (type == MODFMT_STORE_REMOVE ||
                 (type == MODFMT_STORE_IMAGE && word_(s, 0) % MODFMT_IMAGE_ALIGN == 0 &&
                  word_(s, 1) >= MODFMT_HEADER_SIZE &&
                  modfmt_range(word_(s, 0), word_(s, 1), region))))
                found = (int)slot;
        }
        base = modfmt_get16(s->bytes + MODFMT_STORE_OFF_BASE);
        count = modfmt_get16(s->bytes + MODFMT_STORE_OFF_COUNT);
        if (base >= slot)
            return MODFMT_E_STORE_DAMAGED;
    }
    return found;
}

/** The geometry check. The words are as they lie in memory, but on a big-endian host. */
static uint32_t geometry_(const struct modfmt_flash *flash)
{
    uint32_t crc;

    _Static_assert(offsetof(struct modfmt_flash, unit) ==
                       offsetof(struct modfmt_flash, base) + 4u,
                   "two words, one behind the other");
    if (MODFMT_BIG_ENDIAN_HOST_)
        return 0; /* no directory: a core that modules are for is none */
    crc = modfmt_crc32(0, &flash->base, 8);
    return modfmt_crc32(crc, flash->sector_size, 4u * flash->sector_count);
}

/** Step 3: choose among the directories. @return is there one? */
static bool choose_(struct scan_ *chosen, struct modfmt_flash *flash)
{
    struct scan_ s = {.flash = flash, .geometry = geometry_(flash)};
    uint32_t generation = UINT32_MAX, sector = UINT32_MAX;
    bool confirmed = false, retired;

    chosen->generation = 0;
    while (!confirmed && older_(&s, &generation, &sector)) {
        walk_(&s, &retired, &confirmed);
        if (s.base != 0 && !retired)
            *chosen = s;
    }
    return chosen->generation != 0;
}

/** Step 6: is the very image there that the record names? */
static bool is_there_(struct modfmt_flash *flash, uint32_t offset, uint32_t size,
                      uint32_t crc)
{
    uint8_t header[MODFMT_HEADER_SIZE];
    struct modfmt_diag diag;

    return flash->read(flash, offset, header, sizeof(header)) == 0 &&
           modfmt_header_check(header, size, &diag) == 0 &&
           modfmt_get32(header + MODFMT_OFF_TOTAL_SIZE) == size &&
           modfmt_get32(header + MODFMT_OFF_CRC) == crc;
}

int modload_scan(struct modfmt_flash *flash, uint32_t hash,
                 struct modload_source *ret_source)
{
    uint32_t offset, size, crc;
    struct scan_ s;
    int slot;

    if (!choose_(&s, flash))
        return MODFMT_E_STORE_NOT_FOUND;
    slot = chain_(&s, hash, offset_(flash, flash->sector_count));
    if (slot < 0)
        return slot;
    if (slot == 0 || get_(&s, (uint32_t)slot) != MODFMT_STORE_IMAGE)
        return MODFMT_E_STORE_NOT_FOUND;
    offset = word_(&s, 0);
    size = word_(&s, 1);
    crc = word_(&s, 3);
    if (erased_(&s, (uint32_t)slot, offset, size) || !is_there_(flash, offset, size, crc))
        return MODFMT_E_STORE_NOT_FOUND;
    *ret_source =
        (struct modload_source){(const uint8_t *)(uintptr_t)(flash->base + offset), size,
                                NULL, flash->base + offset};
    return 0;
}
