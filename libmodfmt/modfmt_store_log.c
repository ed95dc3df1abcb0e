/* SPDX-License-Identifier: BSD-2-Clause */
/* Writing the directory: specs/store.md, 5. Every change of the flash is made here. */
#include "modfmt_store_parts.h"

#define SLOT_ MODFMT_STORE_RECORD_SIZE
/** How often slots must read as erased before the first record of a verb goes there: a
 *  torn unit reads differently each time. */
#define DOUBT_READS_ 8u

/** Program, read back, compare. Where flash->program is NULL, only count. */
static int program(struct modfmt_store *store, uint32_t offset, const uint8_t *bytes,
                   uint32_t size, struct modfmt_diag *diag)
{
    struct modfmt_flash *flash = store->flash;
    uint8_t seen[SLOT_];
    uint32_t differ = 0;

    store->programmed_bytes += size;
    if (!flash->program)
        return 0;
    if (flash->program(flash, offset, bytes, size) != 0)
        return modfmt_fail(diag, MODFMT_E_STORE_PROGRAM, offset, size, 0);
    if (flash->read(flash, offset, seen, size) != 0)
        return modfmt_fail(diag, MODFMT_E_STORE_VERIFY, offset, size, 0);
    for (uint32_t i = 0; i < size; i++)
        differ |= (uint32_t)(seen[i] ^ bytes[i]);
    return differ == 0 ? 0 : modfmt_fail(diag, MODFMT_E_STORE_VERIFY, offset, size, 0);
}

uint32_t modfmt_store_slots_left_(const struct modfmt_store *store)
{
    uint32_t size = store->flash->sector_size[store->head], slots, used;

    slots = (size - store->fill[store->head]) / SLOT_;
    if (slots > MODFMT_STORE_SLOT_MAX)
        slots = MODFMT_STORE_SLOT_MAX;
    used = store->next_slot + MODFMT_STORE_BLANK_SLOTS;
    return slots > used ? slots - used : 0;
}

/** The first record of a verb: look several times whether its slot is erased, and those
 *  that may come after it. Several verbs may have been cut before this one. */
static int find_blank_slot(struct modfmt_store *store, struct modfmt_diag *diag)
{
    uint32_t seen = 0;

    while (seen < DOUBT_READS_) {
        uint32_t slot = store->next_slot + MODFMT_STORE_BLANK_SLOTS;
        struct store_record_ r = {.type = STORE_BLANK_};

        if (modfmt_store_slots_left_(store) == 0)
            return modfmt_store_fail_(diag, MODFMT_E_STORE_SLOTS, store->next_slot, 0);
        while (slot > store->next_slot && r.type == STORE_BLANK_)
            modfmt_store_get_(store, store->head, --slot, &r);
        seen++;
        if (r.type != STORE_BLANK_) {
            store->next_slot = slot + 2u;
            seen = 0;
        }
    }
    store->fresh = false;
    return 0;
}

/** Make a record's bytes. @return how many of them are programmed */
static uint32_t encode(const struct modfmt_store *store, uint32_t type, uint32_t argument,
                       const uint32_t *word, uint8_t bytes[SLOT_])
{
    uint32_t check = modfmt_store_check_at_(type);
    /* Nothing stands any more. */
    bool none = type == MODFMT_STORE_RETIRED;

    for (uint32_t i = 0; i < SLOT_; i++)
        bytes[i] = 0xff;
    bytes[MODFMT_STORE_OFF_TYPE] = (uint8_t)type;
    bytes[MODFMT_STORE_OFF_ARGUMENT] = (uint8_t)argument;
    modfmt_put16(bytes + MODFMT_STORE_OFF_BASE, none ? 0 : store->base);
    modfmt_put16(bytes + MODFMT_STORE_OFF_SLOT, store->next_slot);
    modfmt_put16(bytes + MODFMT_STORE_OFF_COUNT, none ? 0 : store->base_count);
    modfmt_put32(bytes + MODFMT_STORE_OFF_GENERATION, store->generation);
    for (uint32_t i = 0; word && i < 4; i++)
        modfmt_put32(bytes + MODFMT_STORE_OFF_PAYLOAD + 4u * i, word[i]);
    modfmt_put32(bytes + check, modfmt_crc32(store->geometry, bytes, check));
    check += 4u;
    return check > store->flash->unit ? check : store->flash->unit;
}

/** Write one record. */
static int write_record(struct modfmt_store *store, uint32_t type, uint32_t argument,
                        const uint32_t *word, struct modfmt_diag *diag)
{
    uint32_t end = modfmt_store_sector_offset(store->flash, store->head + 1u), size;
    uint8_t bytes[SLOT_];
    int rc = store->fresh ? find_blank_slot(store, diag) : 0;

    if (rc != 0)
        return rc;
    if (modfmt_store_slots_left_(store) == 0)
        return modfmt_store_fail_(diag, MODFMT_E_STORE_SLOTS, store->next_slot, 0);
    size = encode(store, type, argument, word, bytes);
    rc = program(store, end - (store->next_slot + 1u) * SLOT_, bytes, size, diag);
    if (rc != 0)
        return rc;
    store->next_slot++;
    store->unsettled = type != MODFMT_STORE_CONFIRM;
    return 0;
}

/** The sector whose erase was pending is clean: say so before anything else. */
static int log_clean(struct modfmt_store *store, struct modfmt_diag *diag)
{
    int rc = 0;

    if (store->erased)
        rc = write_record(store, MODFMT_STORE_CLEAN, store->pending, NULL, diag);
    if (rc != 0)
        return rc;
    store->pending = MODFMT_STORE_NONE;
    store->erased = false;
    return 0;
}

int modfmt_store_append_(struct modfmt_store *store, uint32_t type, uint32_t argument,
                         const uint32_t *word, struct modfmt_diag *diag)
{
    int rc = log_clean(store, diag);

    return rc != 0 ? rc : write_record(store, type, argument, word, diag);
}

int modfmt_store_commit_(struct modfmt_store *store, uint32_t count,
                         struct modfmt_diag *diag)
{
    uint32_t base = store->base, base_count = store->base_count;
    int rc = log_clean(store, diag);

    if (rc != 0)
        return rc;
    store->base = store->next_slot;
    store->base_count = count;
    rc = write_record(store, MODFMT_STORE_COMMIT, 0, NULL, diag);
    if (rc != 0) {
        store->base = base;
        store->base_count = base_count;
    }
    return rc;
}

static int erase(struct modfmt_store *store, uint32_t sector, struct modfmt_diag *diag)
{
    store->fill[sector] = store->flash->sector_size[sector];
    store->erased_sectors++;
    if (store->flash->program && store->flash->erase(store->flash, sector) != 0)
        return modfmt_store_fail_(diag, MODFMT_E_STORE_ERASE, sector, 0);
    return 0;
}

int modfmt_store_erase_(struct modfmt_store *store, uint32_t sector,
                        struct modfmt_diag *diag)
{
    bool clean = store->fill[sector] == 0;
    int rc;

    /* Done already, and logged: ERASE is the last record. */
    if (store->erased && store->pending == sector) {
        store->erased = false;
        return 0;
    }
    rc = modfmt_store_append_(store, MODFMT_STORE_ERASE, sector, NULL, diag);
    if (rc != 0)
        return rc;
    store->pending = sector;
    /* What is clean need not be erased; it is logged because it will not be any longer.
     */
    return clean ? 0 : erase(store, sector, diag);
}

/** A sector has been erased: anything may be put there, once CLEAN is logged. */
static void set_erased(struct modfmt_store *store, uint32_t sector)
{
    store->pending = sector;
    store->erased = true;
    store->fill[sector] = 0;
    if (sector == 0)
        store->origin.size = 0;
}

int modfmt_store_clear_(struct modfmt_store *store, uint32_t sector,
                        struct modfmt_diag *diag)
{
    int rc = 0;

    if (!store->erased || store->pending != sector)
        rc = modfmt_store_erase_(store, sector, diag);
    if (rc == 0)
        set_erased(store, sector);
    return rc == 0 ? log_clean(store, diag) : rc;
}

/**
 * Erase again what was half erased. ERASE is logged again if a CLEAN may have been begun
 * behind it, or if the sector would count as free without it, should it be torn: both
 * could be read otherwise when this is cut, too. Not each time, lest a board that browns
 * out on every erase fills its directory.
 */
static int redo_erase(struct modfmt_store *store, struct modfmt_diag *diag)
{
    uint32_t sector = store->pending;
    bool nothing_behind = store->next_slot == store->pending_slot + 2u;
    int rc;

    /* Look at the slot that is skipped, too. */
    if (nothing_behind)
        store->next_slot--;
    rc = find_blank_slot(store, diag);
    if (rc != 0)
        return rc;
    nothing_behind &= store->next_slot == store->pending_slot + 1u;
    if (nothing_behind)
        store->next_slot++;
    if (!nothing_behind || !store->pending_full)
        rc = write_record(store, MODFMT_STORE_ERASE, sector, NULL, diag);
    if (rc == 0)
        rc = erase(store, sector, diag);
    if (rc == 0)
        set_erased(store, sector);
    return rc;
}

/* ---- images ---------------------------------------------------------------- */

int modfmt_store_forged_(struct modfmt_store *store, struct modfmt_store_source *source,
                         uint32_t offset, struct modfmt_diag *diag)
{
    for (uint32_t i = 1; i <= store->flash->sector_count; i++) {
        uint32_t at = modfmt_store_sector_offset(store->flash, i) - SLOT_;
        struct store_record_ r;
        uint8_t bytes[SLOT_];

        if (at < offset || !modfmt_range(at - offset, SLOT_, source->image.size))
            continue;
        if (source->read(source, at - offset, bytes, SLOT_) != 0)
            return modfmt_fail(diag, MODFMT_E_STORE_READ, at - offset, 0, 0);
        modfmt_store_decode_(store, bytes, 0, &r);
        if (store_is_record_(&r))
            return modfmt_fail(diag, MODFMT_E_STORE_FORGED, at - offset, 0, 0);
    }
    return 0;
}

/** Compare what was programmed with what it should be, half a buffer at a time. */
static int verify_body(struct modfmt_store *store, struct modfmt_store_source *source,
                       uint32_t offset, uint8_t *buffer, uint32_t half,
                       struct modfmt_diag *diag)
{
    struct modfmt_flash *flash = store->flash;

    for (uint32_t at = 0, n; at < source->image.size; at += n) {
        n = source->image.size - at < half ? source->image.size - at : half;
        if (source->read(source, at, buffer, n) != 0)
            return modfmt_fail(diag, MODFMT_E_STORE_READ, at, 0, 0);
        if (flash->read(flash, offset + at, buffer + half, n) != 0)
            return modfmt_fail(diag, MODFMT_E_STORE_VERIFY, offset + at, n, 0);
        for (uint32_t i = 0; i < n; i++)
            if (buffer[i] != buffer[half + i])
                return modfmt_fail(diag, MODFMT_E_STORE_VERIFY, offset + at + i,
                                   buffer[half + i], buffer[i]);
    }
    return 0;
}

int modfmt_store_body_(struct modfmt_store *store, struct modfmt_store_source *source,
                       uint32_t offset, void *buffer, uint32_t buffer_size,
                       struct modfmt_diag *diag)
{
    struct modfmt_flash *flash = store->flash;
    uint32_t half = buffer_size / 2u & ~(MODFMT_IMAGE_ALIGN - 1u);

    store->programmed_bytes += source->image.size;
    if (!flash->program)
        return 0;
    buffer_size &= ~(MODFMT_IMAGE_ALIGN - 1u);
    for (uint32_t at = 0, n; at < source->image.size; at += n) {
        n = source->image.size - at < buffer_size ? source->image.size - at : buffer_size;
        if (source->read(source, at, buffer, n) != 0)
            return modfmt_fail(diag, MODFMT_E_STORE_READ, at, 0, 0);
        if (flash->program(flash, offset + at, buffer, n) != 0)
            return modfmt_fail(diag, MODFMT_E_STORE_PROGRAM, offset + at, n, 0);
    }
    return verify_body(store, source, offset, buffer, half, diag);
}

void modfmt_store_words_(const struct modfmt_store_image *image, uint32_t word[4])
{
    word[0] = image->offset;
    word[1] = image->size;
    word[2] = image->hash;
    word[3] = image->crc;
}

int modfmt_store_put_(struct modfmt_store *store, struct modfmt_store_source *source,
                      uint32_t offset, void *buffer, uint32_t buffer_size,
                      struct modfmt_diag *diag)
{
    uint32_t word[4];
    int rc = modfmt_store_forged_(store, source, offset, diag);

    if (rc != 0)
        return rc;
    source->image.offset = offset;
    source->image.flags = source->flags & MODFMT_STORE_PINNED;
    modfmt_store_words_(&source->image, word);
    rc = modfmt_store_append_(store, MODFMT_STORE_IMAGE, source->image.flags, word, diag);
    if (rc != 0)
        return rc;
    modfmt_store_fill_(store, offset, source->image.size, false);
    if (offset == 0)
        store->origin = source->image;
    return modfmt_store_body_(store, source, offset, buffer, buffer_size, diag);
}

/* ---- directories ------------------------------------------------------------ */

/** FILL records for all sectors. @return how many, or an error */
static int append_fills(struct modfmt_store *store, struct modfmt_diag *diag)
{
    uint32_t count = store->flash->sector_count;
    int records = 0;

    for (uint32_t first = 0; first < count; first += 8, records++) {
        uint32_t word[4] = {0xffffffffu, 0xffffffffu, 0xffffffffu, 0xffffffffu};
        int rc;

        for (uint32_t i = first; i < first + 8 && i < count; i++) {
            uint32_t used = (store->fill[i] + SLOT_ - 1u) / SLOT_;
            uint32_t shift = (i - first) % 2u * 16u;

            if (store->fill[i] != store->flash->sector_size[i] && used < 0xffffu)
                word[(i - first) / 2u] ^= (used ^ 0xffffu) << shift;
        }
        rc = modfmt_store_append_(store, MODFMT_STORE_FILL, first, word, diag);
        if (rc != 0)
            return rc;
    }
    return records;
}

int modfmt_store_head_begin_(struct modfmt_store *store, uint32_t sector,
                             struct modfmt_diag *diag)
{
    int rc;

    store->head = sector;
    store->generation++;
    store->next_slot = 0;
    store->base = store->base_count = 0;
    store->pending = store->previous = MODFMT_STORE_NONE;
    store->fill[sector] = 0;
    store->erased = store->fresh = store->confirmed = store->anew = false;
    if (sector == 0)
        store->origin.size = 0;
    rc = modfmt_store_append_(store, MODFMT_STORE_HEAD, 0, NULL, diag);
    return rc != 0 ? rc : append_fills(store, diag);
}

int modfmt_store_list_(struct modfmt_store *store, const struct modfmt_store_image *image,
                       struct modfmt_diag *diag)
{
    uint32_t word[4];

    modfmt_store_words_(image, word);
    return modfmt_store_append_(
        store, MODFMT_STORE_IMAGE,
        image->flags & (MODFMT_STORE_PINNED | MODFMT_STORE_FILLED), word, diag);
}

int modfmt_store_head_end_(struct modfmt_store *store, uint32_t members,
                           struct modfmt_diag *diag)
{
    bool live = false;
    uint32_t word[4];
    int rc = 0;

    for (uint32_t i = 0; i < store->count; i++)
        live |= store->image[i].offset == 0;
    if (store->origin.size != 0 && !live) {
        modfmt_store_words_(&store->origin, word);
        rc = modfmt_store_append_(store, MODFMT_STORE_DEAD, 0, word, diag);
        members++;
    }
    if (rc == 0)
        rc = modfmt_store_commit_(store, members, diag);
    return rc != 0 ? rc : modfmt_store_finish_(store, diag);
}

/** Tell who reads the directory that this one takes over from that it is one no more. Its
 * last record decides which of both stands; so this is written by whoever finds it, torn
 * or not, before this one is confirmed. */
static int retire_previous(struct modfmt_store *store, struct modfmt_diag *diag)
{
    struct modfmt_store old = {
        .flash = store->flash, .geometry = store->geometry, .fresh = true};
    int rc;

    (void)modfmt_store_read_directory_(&old, store->previous);
    if (store->previous_slot != 0) {
        old.next_slot = store->previous_slot;
        old.fresh = false;
    }
    rc = modfmt_store_append_(&old, MODFMT_STORE_RETIRED, 0, NULL, diag);
    store->programmed_bytes += old.programmed_bytes;
    /* A directory that is full cannot go on either. */
    return rc == MODFMT_E_STORE_SLOTS ? 0 : rc;
}

int modfmt_store_finish_(struct modfmt_store *store, struct modfmt_diag *diag)
{
    int rc = 0;

    if (!store->unsettled)
        return 0;
    /* What this run has not written itself may be torn. */
    if (store->fresh)
        rc = modfmt_store_append_(store, MODFMT_STORE_SETTLE, 0, NULL, diag);
    if (rc == 0 && store->previous != MODFMT_STORE_NONE)
        rc = retire_previous(store, diag);
    if (rc == 0)
        rc = modfmt_store_append_(store, MODFMT_STORE_CONFIRM, 0, NULL, diag);
    if (rc != 0)
        return rc;
    store->previous = MODFMT_STORE_NONE;
    store->confirmed = true;
    return 0;
}

/* ---- before the first change ------------------------------------------------ */

/**
 * The sector that gets a region's first directory: one that has none, not even a dead
 * one, if there is such a one, because this erase is logged nowhere. Small sectors are
 * quick to erase; but of two, one must stay free to compact the other into.
 */
static uint32_t first_head(const struct modfmt_store *store, uint32_t bare_end)
{
    const struct modfmt_flash *flash = store->flash;
    uint32_t best = MODFMT_STORE_NONE;
    bool best_old = true;

    for (uint32_t i = 0; i < flash->sector_count; i++) {
        bool better, old = modfmt_store_is_head_(store, i);

        if (modfmt_store_sector_offset(flash, i) < bare_end)
            continue;
        better = best == MODFMT_STORE_NONE ||
                 (flash->sector_count == 2
                      ? flash->sector_size[i] >= flash->sector_size[best]
                      : flash->sector_size[i] <= flash->sector_size[best]);
        if (old != best_old ? best_old : better) {
            best = i;
            best_old = old;
        }
    }
    return best;
}

/** Does the whole range read as erased? */
static bool reads_erased(struct modfmt_flash *flash, uint32_t offset, uint32_t end)
{
    uint8_t bytes[64];
    uint32_t all = 0xff;

    for (uint32_t n; offset < end; offset += n) {
        n = end - offset < sizeof(bytes) ? end - offset : (uint32_t)sizeof(bytes);
        if (flash->read(flash, offset, bytes, n) != 0)
            return false;
        for (uint32_t i = 0; i < n; i++)
            all &= bytes[i];
    }
    return all == 0xff;
}

/**
 * A bare image leaves no sector: the directory may go behind it, into the same sector, if
 * that has been erased there. Not on flash with ECC, where bytes that read as erased may
 * have been programmed so.
 */
static bool fits_behind(const struct modfmt_store *store, uint32_t bare_end)
{
    uint32_t size = modfmt_store_region_size_(store->flash);
    uint32_t slots = MODFMT_STORE_RESERVE_SLOTS + MODFMT_STORE_BLANK_SLOTS;

    if (bare_end > size - slots * SLOT_ || store->flash->unit > 4 ||
        !reads_erased(store->flash, bare_end, size))
        return false;
    /* A HEAD that was begun might look erased now and then. */
    for (uint32_t i = 0; i < DOUBT_READS_; i++)
        if (!reads_erased(store->flash, size - MODFMT_STORE_BLANK_SLOTS * SLOT_, size))
            return false;
    return true;
}

/** How far a sector is used as far as can be seen, from byte `fill` up to `end`. */
static uint32_t visible_fill(struct modfmt_flash *flash, uint32_t sector, uint32_t fill,
                             uint32_t end)
{
    uint32_t begin = modfmt_store_sector_offset(flash, sector);

    for (uint32_t at = fill; at < end; at += SLOT_)
        if (!reads_erased(flash, begin + at, begin + at + SLOT_))
            fill = at + SLOT_;
    return fill;
}

/**
 * A first directory that was begun and not finished (more than its HEAD is there), or one
 * that is RETIRED, and its successor gone: it is gone on with, not erased. One whose
 * erase was begun might still look whole, and nothing could tell it from one that is.
 */
static bool resume(struct modfmt_store *store, uint32_t bare_end)
{
    struct modfmt_store begun = {
        .flash = store->flash, .geometry = store->geometry, .fresh = true};
    uint32_t highest, sector = modfmt_store_newest_(store, &highest), left;
    uint32_t fills = (store->flash->sector_count + 7u) / 8u;

    if (sector == STORE_NOWHERE_ || store->anew)
        return false;
    for (uint32_t i = 0; i < DOUBT_READS_; i++) {
        if (!modfmt_store_read_directory_(&begun, sector) || begun.next_slot <= 2u)
            continue;
        begun.head = sector;
        left = modfmt_store_slots_left_(&begun);
        if (left < fills + 4u ||
            modfmt_store_sector_offset(store->flash, sector + 1u) - left * SLOT_ <
                bare_end)
            return false;
        store->head = sector;
        store->generation = begun.generation;
        store->next_slot = begun.next_slot;
        /* It may have been begun behind a bare image that is gone now. */
        store->fill[sector] =
            visible_fill(store->flash, sector, begun.fill[sector],
                         store->flash->sector_size[sector] -
                             (begun.next_slot + MODFMT_STORE_BLANK_SLOTS) * SLOT_);
        if (modfmt_store_slots_left_(store) >= fills + 4u)
            return true;
        store->head = MODFMT_STORE_NONE;
        store->fill[sector] = store->flash->sector_size[sector];
        return false;
    }
    return false;
}

/** Erase a sector for a first directory, and begin it. @return 0 or an error */
static int begin_first(struct modfmt_store *store, uint32_t bare_end,
                       struct modfmt_diag *diag)
{
    uint32_t sector = first_head(store, bare_end);
    uint32_t highest;
    int rc = 0;

    /* Of a directory that was given up, a successor that was begun may be there. */
    (void)modfmt_store_newest_(store, &highest);
    if (highest > store->generation)
        store->generation = highest;
    if (sector != MODFMT_STORE_NONE)
        rc = erase(store, sector, diag);
    else if (fits_behind(store, bare_end))
        sector = store->flash->sector_count - 1u;
    else
        rc = modfmt_store_fail_(diag, MODFMT_E_STORE_COMPACT, bare_end, 0);
    return rc == 0 ? modfmt_store_head_begin_(store, sector, diag) : rc;
}

/** Make the region's first directory, with the bare image in it if there is one. */
static int create(struct modfmt_store *store, struct modfmt_diag *diag)
{
    uint32_t bare_end = store->count != 0 ? store->image[0].size : 0, members;
    bool whole;
    int rc;

    for (uint32_t i = 0; i < store->flash->sector_count; i++)
        store->fill[i] = store->flash->sector_size[i];
    rc = resume(store, bare_end) ? append_fills(store, diag)
                                 : begin_first(store, bare_end, diag);
    if (rc < 0)
        return rc;
    members = (uint32_t)rc;
    if (store->count != 0) {
        whole = modfmt_store_sector_offset(store->flash, store->head) >= bare_end;
        store->image[0].flags = whole ? MODFMT_STORE_FILLED : 0;
        store->origin = store->image[0];
        modfmt_store_fill_(store, 0, bare_end, whole);
        rc = modfmt_store_list_(store, &store->image[0], diag);
        if (rc != 0)
            return rc;
        members++;
    }
    return modfmt_store_head_end_(store, members, diag);
}

/** Take an image that another tool wrote over the region's start into the directory. */
static int adopt(struct modfmt_store *store, struct modfmt_diag *diag)
{
    for (uint32_t i = 0; i < store->count; i++) {
        struct modfmt_store_image *image = &store->image[i];
        int rc;

        if ((image->flags & MODFMT_STORE_BARE) == 0)
            continue;
        /* Who knows where else that tool has written. */
        for (uint32_t k = 0; k < store->flash->sector_count; k++)
            if (k != store->head)
                store->fill[k] = store->flash->sector_size[k];
        rc = append_fills(store, diag);
        image->flags = MODFMT_STORE_FILLED;
        if (rc >= 0)
            rc = modfmt_store_list_(store, image, diag);
        if (rc != 0)
            return rc;
        store->origin = *image;
        return modfmt_store_commit_(store, 1, diag);
    }
    return 0;
}

/** Was the sector whose erase is pending written by another tool since? */
static bool is_rewritten(const struct modfmt_store *store, uint32_t sector)
{
    for (uint32_t i = 0; i < store->count; i++)
        if ((store->image[i].flags & MODFMT_STORE_BARE) != 0 &&
            modfmt_store_overlap_(store->flash, sector, &store->image[i]) != 0)
            return true;
    return false;
}

int modfmt_store_prepare_(struct modfmt_store *store, struct modfmt_diag *diag)
{
    int rc = 0;

    if (store->head == MODFMT_STORE_NONE)
        return create(store, diag);
    if (!store->confirmed)
        rc = modfmt_store_finish_(store, diag);
    if (rc == 0 && store->pending != MODFMT_STORE_NONE &&
        !is_rewritten(store, store->pending))
        rc = redo_erase(store, diag);
    return rc != 0 ? rc : adopt(store, diag);
}
