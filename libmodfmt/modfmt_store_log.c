/* SPDX-License-Identifier: BSD-2-Clause */
/* Writing the directory: specs/store.md, 5. Every change of the flash is made here. */
#include "modfmt_store_parts.h"

#define SLOT_ MODFMT_STORE_RECORD_SIZE
/** How often a slot must read as erased before the first record of a verb goes there: a
 *  torn unit reads differently each time. */
#define DOUBT_READS_ 4u

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

/** The first record of a verb: look several times whether its slot is erased. */
static int find_blank_slot(struct modfmt_store *store, struct modfmt_diag *diag)
{
    uint32_t seen = 0;

    while (seen < DOUBT_READS_) {
        struct store_record_ r;

        if (modfmt_store_slots_left_(store) == 0)
            return modfmt_store_fail_(diag, MODFMT_E_STORE_SLOTS, store->next_slot, 0);
        modfmt_store_get_(store->flash, store->head, store->next_slot, &r);
        seen++;
        if (r.type != STORE_BLANK_) {
            store->next_slot += 2u;
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
    uint32_t check = word ? MODFMT_STORE_OFF_LONG_CHECK : MODFMT_STORE_OFF_SHORT_CHECK;

    for (uint32_t i = 0; i < SLOT_; i++)
        bytes[i] = 0xff;
    bytes[MODFMT_STORE_OFF_TYPE] = (uint8_t)type;
    bytes[MODFMT_STORE_OFF_ARGUMENT] = (uint8_t)argument;
    modfmt_put16(bytes + MODFMT_STORE_OFF_BASE, store->base);
    modfmt_put16(bytes + MODFMT_STORE_OFF_SLOT, store->next_slot);
    modfmt_put16(bytes + MODFMT_STORE_OFF_COUNT, store->base_count);
    modfmt_put32(bytes + MODFMT_STORE_OFF_GENERATION, store->generation);
    for (uint32_t i = 0; word && i < 4; i++)
        modfmt_put32(bytes + MODFMT_STORE_OFF_PAYLOAD + 4u * i, word[i]);
    modfmt_put32(bytes + check, modfmt_crc32(0, bytes, check));
    check += 4u;
    return check > store->flash->unit ? check : store->flash->unit;
}

int modfmt_store_append_(struct modfmt_store *store, uint32_t type, uint32_t argument,
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
    store->unsettled = false;
    return 0;
}

int modfmt_store_commit_(struct modfmt_store *store, uint32_t count,
                         struct modfmt_diag *diag)
{
    uint32_t base = store->base, base_count = store->base_count;
    int rc;

    store->base = store->next_slot;
    store->base_count = count;
    rc = modfmt_store_append_(store, MODFMT_STORE_COMMIT, 0, NULL, diag);
    if (rc != 0) {
        store->base = base;
        store->base_count = base_count;
        return rc;
    }
    store->unsettled = true;
    return 0;
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
    int rc = modfmt_store_append_(store, MODFMT_STORE_ERASE, sector, NULL, diag);

    if (rc != 0)
        return rc;
    store->pending = sector;
    return erase(store, sector, diag);
}

/** Nothing is appended between an ERASE and this but by who erased wholly. */
static int log_clean(struct modfmt_store *store, struct modfmt_diag *diag)
{
    int rc = modfmt_store_append_(store, MODFMT_STORE_CLEAN, store->pending, NULL, diag);

    if (rc != 0)
        return rc;
    store->fill[store->pending] = 0;
    if (store->pending == 0)
        store->origin.size = 0;
    store->pending = MODFMT_STORE_NONE;
    return 0;
}

int modfmt_store_clear_(struct modfmt_store *store, uint32_t sector,
                        struct modfmt_diag *diag)
{
    int rc = modfmt_store_erase_(store, sector, diag);

    return rc != 0 ? rc : log_clean(store, diag);
}

/* ---- images ---------------------------------------------------------------- */

/** A module's own bytes must not pass for a directory where they lie at a sector's end.
 */
static int check_forged(struct modfmt_store *store, struct modfmt_store_source *source,
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
        modfmt_store_decode_(bytes, 0, &r);
        if (r.type == MODFMT_STORE_HEAD)
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
    int rc = check_forged(store, source, offset, diag);

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
    uint32_t word[4] = {MODFMT_STORE_VERSION, 0, 0, 0};
    int rc;

    word[1] = modfmt_store_geometry_(store->flash);
    store->head = sector;
    store->generation++;
    store->next_slot = 0;
    store->base = store->base_count = 0;
    store->pending = MODFMT_STORE_NONE;
    store->fill[sector] = 0;
    store->fresh = false;
    rc = modfmt_store_append_(store, MODFMT_STORE_HEAD, 0, word, diag);
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

int modfmt_store_finish_(struct modfmt_store *store, struct modfmt_diag *diag)
{
    return store->unsettled
               ? modfmt_store_append_(store, MODFMT_STORE_SETTLE, 0, NULL, diag)
               : 0;
}

/* ---- before the first change ------------------------------------------------ */

/**
 * The sector that gets a region's first directory. The choice must not depend on the
 * verb: what a cut attempt left there is erased by the next one. Small sectors are quick
 * to erase; but of two, one must stay free to compact the other into.
 */
static uint32_t first_head(const struct modfmt_store *store, uint32_t bare_end)
{
    const struct modfmt_flash *flash = store->flash;
    uint32_t best = MODFMT_STORE_NONE;

    for (uint32_t i = 0; i < flash->sector_count; i++) {
        bool better = best == MODFMT_STORE_NONE ||
                      (flash->sector_count == 2
                           ? flash->sector_size[i] >= flash->sector_size[best]
                           : flash->sector_size[i] <= flash->sector_size[best]);

        if (modfmt_store_sector_offset(flash, i) >= bare_end && better)
            best = i;
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
 * A bare image leaves no sector: put the directory behind it, into the same sector, if
 * that has been erased there. Not on flash with ECC, where bytes that read as erased may
 * have been programmed so.
 */
static int adopt_in_place(struct modfmt_store *store, struct modfmt_diag *diag)
{
    struct modfmt_flash *flash = store->flash;
    uint32_t end = store->image[0].size, size = modfmt_store_region_size_(flash);
    uint32_t last = flash->sector_count - 1u;
    uint32_t slots = (MODFMT_STORE_RESERVE_SLOTS + MODFMT_STORE_BLANK_SLOTS) * SLOT_;
    int rc;

    if (end > size - slots || flash->unit > 4 || !reads_erased(flash, end, size))
        return modfmt_store_fail_(diag, MODFMT_E_STORE_COMPACT, end, 0);
    for (uint32_t i = 0; i <= last; i++)
        store->fill[i] = flash->sector_size[i];
    rc = modfmt_store_head_begin_(store, last, diag);
    if (rc < 0)
        return rc;
    store->image[0].flags = 0;
    store->origin = store->image[0];
    modfmt_store_fill_(store, 0, end, false);
    return modfmt_store_list_(store, &store->image[0], diag) != 0
               ? diag->code
               : modfmt_store_head_end_(store, (uint32_t)rc + 1u, diag);
}

/** Make the region's first directory, with the bare image in it if there is one. */
static int create(struct modfmt_store *store, struct modfmt_diag *diag)
{
    uint32_t sector = first_head(store, store->count != 0 ? store->image[0].size : 0);
    uint32_t members;
    int rc;

    if (sector == MODFMT_STORE_NONE)
        return adopt_in_place(store, diag);
    for (uint32_t i = 0; i < store->flash->sector_count; i++)
        store->fill[i] = store->flash->sector_size[i];
    rc = erase(store, sector, diag);
    if (rc == 0)
        rc = modfmt_store_head_begin_(store, sector, diag);
    if (rc < 0)
        return rc;
    members = (uint32_t)rc;
    if (store->count != 0) {
        store->image[0].flags = MODFMT_STORE_FILLED;
        store->origin = store->image[0];
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
        image->flags = MODFMT_STORE_FILLED;
        rc = modfmt_store_list_(store, image, diag);
        if (rc != 0)
            return rc;
        modfmt_store_fill_(store, image->offset, image->size, true);
        store->origin = *image;
        return modfmt_store_commit_(store, 1, diag);
    }
    return 0;
}

int modfmt_store_prepare_(struct modfmt_store *store, struct modfmt_diag *diag)
{
    int rc = 0;

    if (store->head == MODFMT_STORE_NONE)
        return create(store, diag);
    if (store->pending != MODFMT_STORE_NONE) {
        rc = erase(store, store->pending, diag);
        if (rc == 0)
            rc = log_clean(store, diag);
    }
    return rc != 0 ? rc : adopt(store, diag);
}
