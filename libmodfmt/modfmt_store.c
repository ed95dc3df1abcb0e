/* SPDX-License-Identifier: BSD-2-Clause */
/* Finding what a region holds: specs/store.md, 3 and 4. Reads only. */
#include "modfmt_store_parts.h"

#define SLOT_       MODFMT_STORE_RECORD_SIZE
#define FIND_TRIES_ 16u

int modfmt_store_fail_(struct modfmt_diag *diag, int code, uint32_t got, uint32_t want)
{
    return modfmt_fail(diag, code, 0, got, want);
}

uint32_t modfmt_store_sector_offset(const struct modfmt_flash *flash, uint32_t sector)
{
    uint32_t offset = 0;

    for (uint32_t i = 0; i < sector; i++)
        offset += flash->sector_size[i];
    return offset;
}

uint32_t modfmt_store_region_size_(const struct modfmt_flash *flash)
{
    return modfmt_store_sector_offset(flash, flash->sector_count);
}

uint32_t modfmt_store_geometry_(const struct modfmt_flash *flash)
{
    uint8_t word[8];
    uint32_t crc;

    modfmt_put32(word, flash->base);
    modfmt_put32(word + 4, flash->unit);
    crc = modfmt_crc32(MODFMT_STORE_VERSION, word, 8);
    for (uint32_t i = 0; i < flash->sector_count; i++) {
        modfmt_put32(word, flash->sector_size[i]);
        crc = modfmt_crc32(crc, word, 4);
    }
    return crc;
}

static int check_geometry(const struct modfmt_flash *flash, struct modfmt_diag *diag)
{
    uint32_t total = 0;

    if (flash->unit == 0 || flash->unit > MODFMT_STORE_UNIT_MAX ||
        (flash->unit & (flash->unit - 1u)) != 0)
        return modfmt_store_fail_(diag, MODFMT_E_STORE_GEOMETRY, flash->unit,
                                  MODFMT_STORE_UNIT_MAX);
    if (flash->sector_count == 0 || flash->sector_count > MODFMT_STORE_SECTOR_MAX)
        return modfmt_store_fail_(diag, MODFMT_E_STORE_GEOMETRY, flash->sector_count,
                                  MODFMT_STORE_SECTOR_MAX);
    for (uint32_t i = 0; i < flash->sector_count; i++) {
        uint32_t size = flash->sector_size[i];

        if (size < MODFMT_STORE_SECTOR_SIZE_MIN ||
            size % MODFMT_STORE_SECTOR_SIZE_MIN != 0 ||
            size > MODFMT_STORE_REGION_MAX - total)
            return modfmt_store_fail_(diag, MODFMT_E_STORE_GEOMETRY, size,
                                      MODFMT_STORE_SECTOR_SIZE_MIN);
        total += size;
    }
    /* Images begin at multiples of 64 of the address, if they ask for it. */
    if (flash->base % MODFMT_STORE_SECTOR_SIZE_MIN != 0)
        return modfmt_store_fail_(diag, MODFMT_E_STORE_GEOMETRY, flash->base,
                                  MODFMT_STORE_SECTOR_SIZE_MIN);
    return 0;
}

/* ---- records --------------------------------------------------------------- */

uint32_t modfmt_store_check_at_(uint32_t type)
{
    return type & STORE_SHORT_ ? MODFMT_STORE_OFF_SHORT_CHECK
                               : MODFMT_STORE_OFF_LONG_CHECK;
}

static bool is_blank(const uint8_t *bytes, uint32_t size)
{
    uint32_t all = 0xff;

    for (uint32_t i = 0; i < size; i++)
        all &= bytes[i];
    return all == 0xff;
}

void modfmt_store_decode_(const struct modfmt_store *store, const uint8_t *bytes,
                          uint32_t slot, struct store_record_ *ret_record)
{
    struct store_record_ *r = ret_record;
    uint32_t at = modfmt_store_check_at_(bytes[MODFMT_STORE_OFF_TYPE]);

    r->type = is_blank(bytes, SLOT_) ? STORE_BLANK_ : STORE_OTHER_;
    if (modfmt_get16(bytes + MODFMT_STORE_OFF_SLOT) != slot ||
        modfmt_get32(bytes + at) != modfmt_crc32(store->geometry, bytes, at))
        return;
    r->type = bytes[MODFMT_STORE_OFF_TYPE];
    r->argument = bytes[MODFMT_STORE_OFF_ARGUMENT];
    r->base = modfmt_get16(bytes + MODFMT_STORE_OFF_BASE);
    r->count = modfmt_get16(bytes + MODFMT_STORE_OFF_COUNT);
    r->generation = modfmt_get32(bytes + MODFMT_STORE_OFF_GENERATION);
    for (uint32_t i = 0; i < 4; i++)
        r->word[i] = modfmt_get32(bytes + MODFMT_STORE_OFF_PAYLOAD + 4u * i);
}

void modfmt_store_get_(const struct modfmt_store *store, uint32_t sector, uint32_t slot,
                       struct store_record_ *ret_record)
{
    struct modfmt_flash *flash = store->flash;
    uint32_t end = modfmt_store_sector_offset(flash, sector + 1u);
    uint8_t bytes[SLOT_];

    ret_record->type = STORE_OTHER_;
    if (flash->read(flash, end - (slot + 1u) * SLOT_, bytes, SLOT_) == 0)
        modfmt_store_decode_(store, bytes, slot, ret_record);
}

/* ---- images ---------------------------------------------------------------- */

/** Hash the name in the tags of an image that is read piece by piece. */
static int hash_name(struct modfmt_store_source *source, uint32_t at, uint32_t size,
                     uint32_t *ret_hash)
{
    uint8_t head[4], name[MODFMT_NAME_MAX];

    *ret_hash = modfmt_hash("", 0);
    while (modfmt_range(at, sizeof(head), size)) {
        uint32_t type, length;

        if (source->read(source, at, head, sizeof(head)) != 0)
            return MODFMT_E_STORE_READ;
        type = head[0];
        length = modfmt_get32(head) >> 8;
        at += (uint32_t)sizeof(head);
        if (type == MODFMT_TAG_END || length > size - at)
            return 0;
        if (type == MODFMT_TAG_NAME) {
            if (length > sizeof(name))
                return 0;
            if (source->read(source, at, name, length) != 0)
                return MODFMT_E_STORE_READ;
            *ret_hash = modfmt_hash((const char *)name, length);
            return 0;
        }
        at += modfmt_up4(length);
    }
    return 0;
}

int modfmt_store_describe_(struct modfmt_store_source *source, uint32_t available,
                           struct modfmt_diag *diag)
{
    struct modfmt_store_image *image = &source->image;
    uint8_t header[MODFMT_HEADER_SIZE];
    int tags, rc;

    if (source->read(source, 0, header, sizeof(header)) != 0)
        return modfmt_store_fail_(diag, MODFMT_E_STORE_READ, 0, 0);
    tags = modfmt_header_plan(header, available, diag);
    if (tags < 0)
        return tags;
    image->size = modfmt_get32(header + MODFMT_OFF_TOTAL_SIZE);
    image->crc = modfmt_get32(header + MODFMT_OFF_CRC);
    rc = hash_name(source, (uint32_t)tags, image->size, &image->hash);
    return rc == 0 ? 0 : modfmt_store_fail_(diag, rc, 0, 0);
}

/** An image in the region, as a source. */
struct in_flash {
    struct modfmt_store_source source;
    struct modfmt_flash *flash;
    uint32_t offset;
};

static int read_in_flash(struct modfmt_store_source *source, uint32_t offset, void *bytes,
                         uint32_t size)
{
    struct in_flash *in = source->ctx;

    return in->flash->read(in->flash, in->offset + offset, bytes, size);
}

bool modfmt_store_peek_(struct modfmt_flash *flash, uint32_t offset,
                        struct modfmt_store_image *ret_image)
{
    struct in_flash in = {.flash = flash, .offset = offset};
    struct modfmt_diag diag;

    in.source.read = read_in_flash;
    in.source.ctx = &in;
    if (modfmt_store_describe_(&in.source, modfmt_store_region_size_(flash) - offset,
                               &diag))
        return false;
    *ret_image = in.source.image;
    ret_image->offset = offset;
    ret_image->flags = 0;
    return true;
}

struct modfmt_store_image *modfmt_store_find(struct modfmt_store *store, uint32_t hash)
{
    for (uint32_t i = 0; i < store->count; i++)
        if (store->image[i].hash == hash)
            return &store->image[i];
    return NULL;
}

void modfmt_store_drop_(struct modfmt_store *store, uint32_t hash)
{
    uint32_t kept = 0;

    for (uint32_t i = 0; i < store->count; i++)
        if (store->image[i].hash != hash)
            store->image[kept++] = store->image[i];
    store->count = kept;
}

int modfmt_store_enter_(struct modfmt_store *store,
                        const struct modfmt_store_image *image, struct modfmt_diag *diag)
{
    modfmt_store_drop_(store, image->hash);
    if (store->count == store->capacity)
        return modfmt_store_fail_(diag, MODFMT_E_STORE_MANY, store->count + 1u,
                                  store->capacity);
    store->image[store->count++] = *image;
    return 0;
}

void modfmt_store_fill_(struct modfmt_store *store, uint32_t offset, uint32_t size,
                        bool whole)
{
    uint32_t begin = 0;

    for (uint32_t i = 0; i < store->flash->sector_count; i++) {
        uint32_t end = begin + store->flash->sector_size[i];

        if (offset < end && offset + size > begin) {
            uint32_t used =
                whole || offset + size > end ? end - begin : offset + size - begin;

            if (used > store->fill[i])
                store->fill[i] = used;
        }
        begin = end;
    }
}

/* ---- the scan -------------------------------------------------------------- */

/** A directory that is looked at. */
struct scan {
    uint32_t generation; /**< they are taken in falling order of this, then of sectors */
    uint32_t sector;
    uint32_t adopted; /**< slot of the IMAGE that adopts what is at the region's start */
    bool standing;    /**< a COMMIT stands */
    bool retired;     /**< the last record is RETIRED */
    bool confirmed;
};

/** Is there room for so many bytes at this offset of the region? Nothing in a record is
 *  believed that could lead outside. */
static bool inside(const struct modfmt_flash *flash, uint32_t offset, uint32_t size)
{
    return offset % MODFMT_IMAGE_ALIGN == 0 && size >= MODFMT_HEADER_SIZE &&
           modfmt_range(offset, size, modfmt_store_region_size_(flash));
}

/** FILL: eight sectors' used bytes. */
static void apply_fill(struct modfmt_store *store, const struct store_record_ *r)
{
    for (uint32_t i = 0; i < 8; i++) {
        uint32_t sector = r->argument + i;
        uint32_t used = (r->word[i / 2u] >> (i % 2u * 16u) & 0xffffu) * SLOT_;

        if (sector >= store->flash->sector_count)
            break;
        if (used > store->flash->sector_size[sector])
            used = store->flash->sector_size[sector];
        store->fill[sector] = used;
    }
}

/** What any valid record says of the use of sectors, whether it is committed or not. */
static void note(struct modfmt_store *store, struct scan *scan, uint32_t slot,
                 const struct store_record_ *r)
{
    uint32_t sector = r->argument % MODFMT_STORE_SECTOR_MAX;
    bool good_sector = sector < store->flash->sector_count;

    /* Whose successor is in a sector has erased that sector. */
    if (r->type == MODFMT_STORE_RETIRED && store->pending == 0)
        store->origin.size = 0;
    store->pending = MODFMT_STORE_NONE;
    scan->retired = r->type == MODFMT_STORE_RETIRED && r->base == 0;
    if (!scan->retired) {
        store->base = r->base;
        store->base_count = r->count;
    }
    store->unsettled = r->type != MODFMT_STORE_CONFIRM;
    /* So is one whose CONFIRM is torn, but that was gone on with. */
    if (r->base != 0 && (r->type & STORE_CONFIRMS_) != 0)
        scan->confirmed = true;
    if (r->type == MODFMT_STORE_FILL)
        apply_fill(store, r);
    if (r->type == MODFMT_STORE_ERASE && good_sector) {
        store->pending = sector;
        store->pending_slot = slot;
        store->erased_at[sector] = (uint16_t)slot;
        store->pending_full = store->fill[sector] == store->flash->sector_size[sector];
        store->fill[sector] = store->flash->sector_size[sector];
    }
    if (r->type == MODFMT_STORE_CLEAN && good_sector) {
        store->fill[sector] = 0;
        if (sector == 0)
            store->origin.size = 0;
    }
    if (r->type != MODFMT_STORE_IMAGE && r->type != MODFMT_STORE_DEAD)
        return;
    if (r->word[0] == 0) {
        store->origin.size = r->word[1];
        store->origin.hash = r->word[2];
        store->origin.crc = r->word[3];
        scan->adopted = r->argument & MODFMT_STORE_FILLED ? slot : 0;
    }
    if (r->type == MODFMT_STORE_IMAGE && inside(store->flash, r->word[0], r->word[1]))
        modfmt_store_fill_(store, r->word[0], r->word[1],
                           (r->argument & MODFMT_STORE_FILLED) != 0);
}

/** How many slots a directory may have in that sector. */
static uint32_t slot_limit(const struct modfmt_flash *flash, uint32_t sector)
{
    uint32_t slots = flash->sector_size[sector] / SLOT_;

    return slots < MODFMT_STORE_SLOT_MAX ? slots : MODFMT_STORE_SLOT_MAX;
}

/** Read a directory from its HEAD to where nothing more is written. */
static void scan_directory(struct modfmt_store *store, struct scan *scan)
{
    uint32_t sector = scan->sector, last = 0, blank = 0;
    uint32_t limit = slot_limit(store->flash, sector);
    struct store_record_ r;

    scan->retired = scan->confirmed = false;
    scan->adopted = 0;
    for (uint32_t i = 0; i < store->flash->sector_count; i++) {
        store->fill[i] = store->flash->sector_size[i];
        store->erased_at[i] = 0;
    }
    store->fill[sector] = 0;
    store->origin.size = store->base = 0;
    for (uint32_t i = 0; i < limit && blank < MODFMT_STORE_BLANK_SLOTS; i++) {
        modfmt_store_get_(store, sector, i, &r);
        blank = r.type == STORE_BLANK_ ? blank + 1u : 0;
        if (blank == 0)
            last = i;
        if (store_is_record_(&r) && r.generation == scan->generation)
            note(store, scan, i, &r);
    }
    /* What was to be adopted is bare until that is committed. */
    if (scan->adopted > store->base)
        store->origin.size = 0;
    scan->standing = store->base != 0;
    store->head = sector;
    store->generation = scan->generation;
    store->confirmed = scan->confirmed;
    store->previous = MODFMT_STORE_NONE;
    /* The slot after the last written one may have been begun, and look erased. */
    store->next_slot = last + 2u;
}

/** Is there a HEAD of this region in a sector? */
static bool read_head(const struct modfmt_store *store, uint32_t sector,
                      struct store_record_ *r)
{
    modfmt_store_get_(store, sector, 0, r);
    return store_is_record_(r) && r->generation != 0;
}

bool modfmt_store_is_head_(const struct modfmt_store *store, uint32_t sector)
{
    struct store_record_ r;

    return read_head(store, sector, &r);
}

/** Go on to the next older directory; from generation 0, to the newest. */
static bool next_directory(const struct modfmt_store *store, struct scan *scan)
{
    struct scan next = {.generation = 0};
    struct store_record_ r;

    for (uint32_t i = 0; i < store->flash->sector_count; i++) {
        if (!read_head(store, i, &r) || r.generation < next.generation)
            continue;
        /* Of equals, the last sector is taken first. */
        if (scan->generation != 0 &&
            (r.generation > scan->generation ||
             (r.generation == scan->generation && i >= scan->sector)))
            continue;
        next.generation = r.generation;
        next.sector = i;
    }
    *scan = next;
    return next.generation != 0;
}

uint32_t modfmt_store_newest_(const struct modfmt_store *store, uint32_t *ret_generation)
{
    struct scan scan = {.generation = 0};

    (void)next_directory(store, &scan);
    *ret_generation = scan.generation;
    return scan.generation != 0 ? scan.sector : STORE_NOWHERE_;
}

bool modfmt_store_read_directory_(struct modfmt_store *store, uint32_t sector)
{
    struct scan scan = {.sector = sector};
    struct store_record_ r;

    if (!read_head(store, sector, &r))
        return false;
    scan.generation = r.generation;
    scan_directory(store, &scan);
    return !scan.retired || store->flash->sector_count > 1;
}

/** Mark the records that count, from the last COMMIT back to the first. */
static int mark_chain(struct modfmt_store *store, uint32_t *marks)
{
    uint32_t base = store->base, count = store->base_count;

    while (base != 0) {
        struct store_record_ r = {.type = STORE_OTHER_};

        /* A record that lies could lead out of the sector. */
        if (count == 0 || count > base || base >= store->next_slot)
            return -1;
        /* Any of them tells what stood before; all were written whole. */
        for (uint32_t i = base - count; i < base; i++) {
            struct store_record_ member;

            modfmt_store_get_(store, store->head, i, &member);
            if (store_is_record_(&member) && member.generation == store->generation)
                r = member;
            marks[i / 32u] |= 1u << i % 32u;
        }
        if (r.type == STORE_OTHER_ || r.base > base - count)
            return -1;
        base = r.base;
        count = r.count;
    }
    return 0;
}

/** Was a sector that the image covers erased after its record? Then the image was lost
 *  before, and what looks like it now is a copy that somebody began. */
static bool is_erased(const struct modfmt_store *store,
                      const struct modfmt_store_image *image, uint32_t slot)
{
    uint32_t begin = 0;

    for (uint32_t i = 0; i < store->flash->sector_count; i++) {
        uint32_t end = begin + store->flash->sector_size[i];

        if (store->erased_at[i] > slot && image->offset < end &&
            image->offset + image->size > begin)
            return true;
        begin = end;
    }
    return false;
}

/** Apply the marked records in their order to the list of live images. */
static int replay(struct modfmt_store *store, struct modfmt_diag *diag)
{
    uint32_t marks[MODFMT_STORE_SLOT_MAX / 32u] = {0};
    struct store_record_ r;
    int rc;

    if (mark_chain(store, marks) != 0)
        return modfmt_store_fail_(diag, MODFMT_E_STORE_DAMAGED, store->base, 0);
    for (uint32_t i = 0; i < store->base; i++) {
        struct modfmt_store_image image;

        if ((marks[i / 32u] >> i % 32u & 1u) == 0)
            continue;
        modfmt_store_get_(store, store->head, i, &r);
        if (!store_is_record_(&r) || r.generation != store->generation)
            return modfmt_store_fail_(diag, MODFMT_E_STORE_DAMAGED, i, 0);
        if (r.type != MODFMT_STORE_IMAGE)
            continue;
        modfmt_store_drop_(store, r.word[2]);
        image.offset = r.word[0];
        image.size = r.word[1];
        image.hash = r.word[2];
        image.crc = r.word[3];
        image.flags = r.argument & (MODFMT_STORE_PINNED | MODFMT_STORE_FILLED);
        /* A removal is nowhere. */
        if (!inside(store->flash, image.offset, image.size) ||
            is_erased(store, &image, i))
            continue;
        rc = modfmt_store_enter_(store, &image, diag);
        if (rc != 0)
            return rc;
    }
    return 0;
}

/** Is the very image that a record names where it says? */
static bool is_there(struct modfmt_flash *flash, const struct modfmt_store_image *image)
{
    uint8_t header[MODFMT_HEADER_SIZE];
    struct modfmt_diag diag;

    return flash->read(flash, image->offset, header, sizeof(header)) == 0 &&
           modfmt_header_check(header, image->size, &diag) == 0 &&
           modfmt_get32(header + MODFMT_OFF_TOTAL_SIZE) == image->size &&
           modfmt_get32(header + MODFMT_OFF_CRC) == image->crc;
}

/** Images are known by what they are, not by where: drop those that the flash no longer
 *  holds, because another tool wrote there. */
static void drop_lost(struct modfmt_store *store)
{
    uint32_t kept = 0;

    for (uint32_t i = 0; i < store->count; i++)
        if (is_there(store->flash, &store->image[i]))
            store->image[kept++] = store->image[i];
    store->lost = store->count - kept;
    store->count = kept;
}

/** No directory stands, whatever was seen of one. */
static void no_directory(struct modfmt_store *store, uint32_t highest)
{
    store->head = store->pending = store->previous = MODFMT_STORE_NONE;
    store->unsettled = false;
    store->base = store->base_count = 0;
    store->generation = highest;
}

/** Does an image's CRC match? The one place where a scan looks at a body. */
static bool is_whole(struct modfmt_flash *flash, const struct modfmt_store_image *image)
{
    uint8_t bytes[MODFMT_HEADER_SIZE];
    uint32_t crc = 0;

    for (uint32_t at = 0, n; at < image->size; at += n) {
        n = image->size - at < sizeof(bytes) ? image->size - at : (uint32_t)sizeof(bytes);
        if (flash->read(flash, image->offset + at, bytes, n) != 0)
            return false;
        if (at == 0)
            modfmt_put32(bytes + MODFMT_OFF_CRC, 0);
        crc = modfmt_crc32(crc, bytes, n);
    }
    return crc == image->crc;
}

/** What is left of a dead image while its sector is erased may look like another one. */
static bool is_remains(struct modfmt_store *store, const struct modfmt_store_image *bare)
{
    return store->pending != MODFMT_STORE_NONE &&
           modfmt_store_sector_offset(store->flash, store->pending) < bare->size &&
           !is_whole(store->flash, bare);
}

/** Is the image at the region's start one that the directory knows? */
static bool knows(const struct modfmt_store *store, const struct modfmt_store_image *bare)
{
    return store->origin.size == bare->size && store->origin.crc == bare->crc;
}

/**
 * Find the directory that stands. One that has taken over from another counts only when
 * that one is RETIRED; when it is confirmed, no older one is asked.
 */
static bool find_once(struct modfmt_store *store, const struct modfmt_store_image *bare,
                      bool *unknown)
{
    struct scan scan = {.generation = 0}, found = {.generation = 0};
    uint32_t previous = MODFMT_STORE_NONE, highest = 0, least = 0;

    while (next_directory(store, &scan) && scan.generation >= least) {
        highest = highest != 0 ? highest : scan.generation;
        scan_directory(store, &scan);
        if (scan.confirmed)
            least = scan.generation;
        if (scan.standing && knows(store, bare))
            *unknown = false;
        if (scan.standing && !scan.retired) {
            found = scan;
            previous = MODFMT_STORE_NONE;
        } else if (scan.standing && found.generation != 0)
            previous = scan.sector;
    }
    if (found.generation != 0 && found.sector != store->head) {
        scan_directory(store, &found);
        store->previous = previous;
        /* It is read for the second time. */
        if (!found.standing)
            return false;
    }
    if (found.generation == 0)
        no_directory(store, highest);
    return true;
}

/** What is torn may read differently when it is read again: until it does not. */
static void find_directory(struct modfmt_store *store,
                           const struct modfmt_store_image *bare, bool *unknown)
{
    const bool is_bare = *unknown;

    for (uint32_t i = 0; i < FIND_TRIES_; i++) {
        *unknown = is_bare;
        if (find_once(store, bare, unknown))
            return;
    }
    *unknown = is_bare;
    no_directory(store, store->generation);
}

int modfmt_store_open(struct modfmt_store *store, struct modfmt_flash *flash,
                      struct modfmt_store_image *image, uint32_t capacity,
                      struct modfmt_diag *diag)
{
    struct modfmt_store_image bare = {0, 0, 0, 0, MODFMT_STORE_BARE};
    bool unknown;
    int rc = check_geometry(flash, diag);

    if (rc != 0)
        return rc;
    *store = (struct modfmt_store){.flash = flash,
                                   .geometry = modfmt_store_geometry_(flash),
                                   .image = image,
                                   .capacity = capacity,
                                   .head = MODFMT_STORE_NONE,
                                   .pending = MODFMT_STORE_NONE,
                                   .previous = MODFMT_STORE_NONE,
                                   .fresh = true};
    unknown = modfmt_store_peek_(flash, 0, &bare);
    bare.flags = MODFMT_STORE_BARE;
    find_directory(store, &bare, &unknown);
    if (store->head != MODFMT_STORE_NONE) {
        rc = replay(store, diag);
        if (rc != 0)
            return rc;
        drop_lost(store);
        if (unknown && is_remains(store, &bare))
            unknown = false;
    } else {
        /* What an old directory knew to be dead is not to come back in a new one. */
        store->origin = bare;
        if (unknown)
            store->origin.size = 0;
    }
    return unknown ? modfmt_store_enter_(store, &bare, diag) : 0;
}
