/* SPDX-License-Identifier: BSD-2-Clause */
/* Finding an image in a store. The steps and rules are those of specs/store.md, 4. */
#include "modload_scan.h"

#define SLOT_  MODFMT_STORE_RECORD_SIZE
#define OTHER_ 0u /**< the type of a slot that means nothing */
/** Bits of types. */
#define SHORT_    0x10u
#define CONFIRMS_ 0x01u

/** A directory. */
struct directory_ {
    uint8_t last[MODFMT_STORE_OFF_PAYLOAD]; /**< how the last valid record begins */
    uint32_t top;                           /**< where its slot 0 is */
};

struct image_ {
    uint32_t offset, size, hash, crc;
};

/** The directory that is looked at, and what was read last. */
struct scan_ {
    uint8_t bytes[SLOT_]; /**< a record */
    struct directory_ d;
    uint32_t blank; /**< blank words that were read in a row, slot by slot */
    uint32_t geometry;
    uint32_t least; /**< one below the generation of the newest confirmed directory */
    struct modfmt_flash *flash;
    struct image_ image; /**< as the record says that was found */
    struct modfmt_diag diag;
    uint8_t header[MODFMT_HEADER_SIZE]; /**< of the image */
};

static uint32_t generation_(const uint8_t *record)
{
    return modfmt_get32(record + MODFMT_STORE_OFF_GENERATION);
}

static uint32_t base_(const uint8_t *record)
{
    return modfmt_get16(record + MODFMT_STORE_OFF_BASE);
}

/** Read a record; if it is valid, it is the last one. @return its type, or OTHER_ */
static uint32_t get_(struct scan_ *s, uint32_t slot)
{
    uint8_t *b = s->bytes;
    uint32_t at, blank = s->blank;

    if (s->flash->read(s->flash, s->d.top - slot * SLOT_, b, SLOT_) != 0)
        b[MODFMT_STORE_OFF_TYPE] = OTHER_;
    for (uint32_t i = 0; i < SLOT_; i += 4)
        blank = modfmt_get32(b + i) == UINT32_MAX ? blank + 1u : 0;
    s->blank = blank;
    at = MODFMT_STORE_OFF_LONG_CHECK - (b[MODFMT_STORE_OFF_TYPE] & SHORT_);
    if (b[MODFMT_STORE_OFF_TYPE] == OTHER_ ||
        modfmt_get16(b + MODFMT_STORE_OFF_SLOT) != slot ||
        (slot != 0 && generation_(b) != generation_(s->d.last)) ||
        modfmt_get32(b + at) != modfmt_crc32(s->geometry, b, at))
        return OTHER_;
    __builtin_memcpy(s->d.last, b, sizeof(s->d.last));
    return b[MODFMT_STORE_OFF_TYPE];
}

/** Step 2: read the directory of a sector of that size. If there is none, no generation
 * or no base is noted. A function of its own, because GCC makes half as much again of it
 * elsewhere. @return is it confirmed? */
__attribute__((noinline)) static bool walk_(struct scan_ *s, uint32_t size)
{
    uint32_t slot = 0, kinds = 0;

    s->blank = 0;
    modfmt_put16(s->d.last + MODFMT_STORE_OFF_BASE, 0);
    modfmt_put32(s->d.last + MODFMT_STORE_OFF_GENERATION, 0);
    do {
        uint32_t type = get_(s, slot);

        if (generation_(s->d.last) <= s->least)
            break;
        if (base_(s->d.last) != 0)
            kinds |= type;
        slot++;
        /* Eight slots in a row are blank when 64 words are: what is not blank has seven
         * such words at its end, at most. */
    } while (slot < size / SLOT_ && slot < MODFMT_STORE_SLOT_MAX &&
             s->blank < MODFMT_STORE_BLANK_SLOTS * SLOT_ / 4u);
    return kinds & CONFIRMS_;
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
    crc = modfmt_crc32(MODFMT_STORE_VERSION, &flash->base, 8);
    return modfmt_crc32(crc, flash->sector_size, 4u * flash->sector_count);
}

/** Steps 1 to 3: of the directories that are not older than the newest confirmed one, the
 * oldest that stands. @return is there one? */
static bool choose_(struct scan_ *s, struct modfmt_flash *flash)
{
    const uint32_t *next;
    uint32_t lowest;
    struct directory_ chosen;

    s->flash = flash;
    s->least = 0;
    s->geometry = geometry_(flash);
again:
    lowest = UINT32_MAX;
    s->d.top = 0u - SLOT_;
    next = flash->sector_size;
    for (uint32_t left = flash->sector_count; left != 0; left--) {
        uint32_t size = *next++, rank;
        bool confirmed;

        s->d.top += size;
        confirmed = walk_(s, size);
        rank = generation_(s->d.last) - 1u; /* of none: the highest number */
        if (rank < s->least)
            continue;
        if (confirmed && rank != s->least) {
            s->least = rank;
            goto again;
        }
        if (base_(s->d.last) != 0 && rank < lowest) {
            lowest = rank;
            chosen = s->d;
        }
    }
    if (lowest == UINT32_MAX)
        return false;
    s->d = chosen;
    return true;
}

/** Steps 4 and 5, backwards: the first record of the name decides.
 * @param ret_erased  the sectors that were erased in slots behind it, bit by bit */
static int chain_(struct scan_ *s, uint32_t hash, uint32_t *ret_erased)
{
    uint32_t slot = modfmt_get16(s->d.last + MODFMT_STORE_OFF_SLOT) + 1u;
    uint32_t base, erased = 0, wanted = MODFMT_STORE_IMAGE; /* 0 when that is found */

    _Static_assert(MODFMT_STORE_IMAGE == 1u, "a bit to be shifted");
    while ((base = base_(s->d.last)) != 0) {
        uint32_t first = base - modfmt_get16(s->d.last + MODFMT_STORE_OFF_COUNT);

        /* A record that lies could lead out of the sector. */
        if (base > slot || first >= base)
            return MODFMT_E_STORE_DAMAGED;
        do {
            uint32_t type = get_(s, --slot);

            if (type == MODFMT_STORE_ERASE)
                erased |= wanted << s->bytes[MODFMT_STORE_OFF_ARGUMENT] %
                                        MODFMT_STORE_SECTOR_MAX;
            if (slot >= base) /* between two transactions */
                continue;
            if (type == OTHER_)
                return MODFMT_E_STORE_DAMAGED;
            if (type == wanted &&
                modfmt_get32(s->bytes + MODFMT_STORE_OFF_PAYLOAD + 8) == hash) {
                wanted = 0;
                __builtin_memcpy(&s->image, s->bytes + MODFMT_STORE_OFF_PAYLOAD,
                                 sizeof(s->image));
            }
        } while (slot > first);
    }
    *ret_erased = erased;
    return wanted ? MODFMT_E_STORE_NOT_FOUND : 0;
}

/** Step 6: is the very image there that the record names, in sectors none of which was
 * erased? */
static bool is_there_(struct scan_ *s, struct modfmt_flash *flash, uint32_t erased)
{
    const uint32_t *sector_size = flash->sector_size;
    uint32_t left = flash->sector_count, end = 0;
    uint32_t limit = s->image.offset + s->image.size;

    if (limit <= s->image.offset || s->image.offset % MODFMT_IMAGE_ALIGN != 0 ||
        s->image.size < MODFMT_HEADER_SIZE)
        return false;
    do {
        if (left-- == 0)
            return false;
        end += *sector_size++;
        if (erased & 1u && end > s->image.offset)
            return false;
        erased >>= 1;
    } while (end < limit);
    return flash->read(flash, s->image.offset, s->header, MODFMT_HEADER_SIZE) == 0 &&
           modfmt_header_check(s->header, s->image.size, &s->diag) == 0 &&
           modfmt_get32(s->header + MODFMT_OFF_TOTAL_SIZE) == s->image.size &&
           modfmt_get32(s->header + MODFMT_OFF_CRC) == s->image.crc;
}

int modload_scan(struct modfmt_flash *flash, uint32_t hash,
                 struct modload_source *ret_source)
{
    struct scan_ s;
    uint32_t erased;
    int rc;

    if (!choose_(&s, flash))
        return MODFMT_E_STORE_NOT_FOUND;
    rc = chain_(&s, hash, &erased);
    if (rc != 0)
        return rc;
    if (!is_there_(&s, flash, erased))
        return MODFMT_E_STORE_NOT_FOUND;
    *ret_source = (struct modload_source){
        (const uint8_t *)(uintptr_t)(flash->base + s.image.offset), s.image.size, NULL,
        flash->base + s.image.offset};
    return 0;
}
