/* SPDX-License-Identifier: BSD-2-Clause */
/* Install, remove, compact, settle: specs/store.md, 5 and 6. */
#include "modfmt_store_parts.h"

/* ---- install ------------------------------------------------------------------ */

/** Read the images' headers, and see which are there already. @return how many are to be
 *  written, or an error */
static int describe_all(struct modfmt_store *store, struct modfmt_store_source *source,
                        uint32_t count, struct modfmt_diag *diag)
{
    int wanted = 0;

    for (uint32_t i = 0; i < count; i++) {
        const struct modfmt_store_image *image = &source[i].image, *there;
        int rc = modfmt_store_describe_(&source[i], MODFMT_SIZE_MAX, diag);

        if (rc != 0)
            return rc;
        for (uint32_t k = 0; k < i; k++)
            if (source[k].image.hash == image->hash)
                return modfmt_store_fail_(diag, MODFMT_E_STORE_TWICE, i, k);
        there = modfmt_store_find(store, image->hash);
        source[i].unchanged = there && there->crc == image->crc &&
                              there->size == image->size && !source[i].force;
        if (source[i].unchanged)
            source[i].image = *there;
        else
            wanted++;
    }
    return wanted;
}

/** Mark the images that the new ones replace. */
static void mark_dying(struct modfmt_store *store,
                       const struct modfmt_store_source *source, uint32_t count,
                       bool dying)
{
    for (uint32_t i = 0; i < count; i++) {
        struct modfmt_store_image *image = modfmt_store_find(store, source[i].image.hash);

        if (!image || source[i].unchanged)
            continue;
        image->flags &= ~STORE_DYING_;
        image->flags |= dying ? STORE_DYING_ : 0;
    }
}

/** Is there a place for each? Sets the images' offsets. */
static bool place_all(const struct modfmt_store *store,
                      struct modfmt_store_source *source, uint32_t count,
                      struct store_plan_ *plan)
{
    modfmt_store_plan_(store, count + 2u, plan);
    for (uint32_t i = 0; i < count; i++) {
        if (source[i].unchanged)
            continue;
        source[i].image.offset = modfmt_store_place_(store, plan, source[i].image.size);
        if (source[i].image.offset == STORE_NOWHERE_)
            return false;
    }
    return true;
}

/** Records that carrying out the plan takes, besides the images' own. */
static uint32_t erase_slots(const struct store_plan_ *plan)
{
    uint32_t slots = 0;

    for (uint32_t bits = plan->erase; bits != 0; bits &= bits - 1u)
        slots += 2u;
    return slots;
}

/** One transaction: erase what is needed, IMAGE and bytes of each, COMMIT, CONFIRM. */
static int write_all(struct modfmt_store *store, struct modfmt_store_source *source,
                     uint32_t count, const struct store_plan_ *plan,
                     struct store_buffer_ *buffer, struct modfmt_diag *diag)
{
    uint32_t members = 0;
    int rc = 0;

    for (uint32_t i = 0; i < store->flash->sector_count && rc == 0; i++)
        if ((plan->erase >> i & 1u) != 0)
            rc = modfmt_store_clear_(store, i, diag);
    for (uint32_t i = 0; i < count && rc == 0; i++) {
        if (source[i].unchanged)
            continue;
        rc = modfmt_store_put_(store, &source[i], source[i].image.offset, buffer->bytes,
                               buffer->size, diag);
        members++;
    }
    if (rc == 0)
        rc = modfmt_store_commit_(store, members, diag);
    for (uint32_t i = 0; i < count && rc == 0; i++)
        if (!source[i].unchanged)
            rc = modfmt_store_enter_(store, &source[i].image, diag);
    return rc == 0 ? modfmt_store_finish_(store, diag) : rc;
}

/** What the largest of the images needs, for the message. */
static uint32_t largest(const struct modfmt_store_source *source, uint32_t count)
{
    uint32_t size = 0;

    for (uint32_t i = 0; i < count; i++)
        if (!source[i].unchanged && source[i].image.size > size)
            size = source[i].image.size;
    return size;
}

/** Make room until everything fits. @return 0 when it is written */
static int make_room_and_write(struct modfmt_store *store,
                               struct modfmt_store_source *source, uint32_t count,
                               struct store_buffer_ *buffer, struct modfmt_diag *diag)
{
    /* Each round frees a sector or moves the directory: it ends. */
    for (uint32_t round = 0; round < 3u * MODFMT_STORE_SECTOR_MAX; round++) {
        struct store_plan_ plan;
        bool placed = place_all(store, source, count, &plan), slots;
        int rc;

        slots = modfmt_store_slots_left_(store) >=
                count + 3u + erase_slots(&plan) + MODFMT_STORE_KEPT_SLOTS;
        if (placed && slots && modfmt_store_reserve_(store, &plan))
            return write_all(store, source, count, &plan, buffer, diag);
        rc = slots ? modfmt_store_reclaim_(store, buffer, diag) : 0;
        if (rc < 0)
            return rc;
        if (rc > 0)
            continue;
        rc = modfmt_store_move_head_(store, source, count, buffer, diag);
        if (rc != 0)
            return rc > 0 ? 0 : rc;
        if (!slots ||
            store->fill[store->head] - modfmt_store_live_(store, store->head, false) >=
                MODFMT_STORE_GAIN_MIN) {
            /* The new directory begins without the new images: the old ones live on. */
            mark_dying(store, source, count, false);
            rc = modfmt_store_move_head_(store, NULL, 0, buffer, diag);
            mark_dying(store, source, count, true);
            if (rc < 0)
                return rc;
            if (rc > 0)
                continue;
        }
        if (!slots)
            return modfmt_store_fail_(diag, MODFMT_E_STORE_SLOTS, store->next_slot, 0);
        return modfmt_store_fail_(diag,
                                  placed ? MODFMT_E_STORE_RESERVE : MODFMT_E_STORE_FULL,
                                  largest(source, count), 0);
    }
    return modfmt_store_fail_(diag, MODFMT_E_STORE_FULL, largest(source, count), 0);
}

int modfmt_store_install(struct modfmt_store *store, struct modfmt_store_source *source,
                         uint32_t count, void *bytes, uint32_t size,
                         struct modfmt_diag *diag)
{
    struct store_buffer_ buffer = {bytes, size};
    int rc = describe_all(store, source, count, diag), wanted;

    if (rc < 0)
        return rc;
    /* Nothing to write; but if what is there may not last, make it last. */
    if (rc == 0 && !store->anew)
        return modfmt_store_settle(store, diag);
    wanted = rc;
    rc = modfmt_store_prepare_(store, diag);
    if (rc != 0 || wanted == 0)
        return rc;
    mark_dying(store, source, count, true);
    rc = make_room_and_write(store, source, count, &buffer, diag);
    mark_dying(store, source, count, false);
    return rc;
}

/* ---- remove -------------------------------------------------------------------- */

/** Mark the images that are to be removed. @return 0, or the first that is not there */
static int mark_removed(struct modfmt_store *store, const uint32_t *hash, uint32_t count,
                        bool dying, struct modfmt_diag *diag)
{
    for (uint32_t i = 0; i < count; i++) {
        struct modfmt_store_image *image = modfmt_store_find(store, hash[i]);

        if (!image)
            return modfmt_store_fail_(diag, MODFMT_E_STORE_NOT_FOUND, hash[i], i);
        image->flags &= ~STORE_DYING_;
        image->flags |= dying ? STORE_DYING_ : 0;
    }
    return 0;
}

/** One transaction: an IMAGE that is nowhere for each, COMMIT, CONFIRM. */
static int log_removal(struct modfmt_store *store, const uint32_t *hash, uint32_t count,
                       struct modfmt_diag *diag)
{
    int rc = 0;

    if (modfmt_store_slots_left_(store) < count + 3u + STORE_MOVE_SLOTS_)
        return modfmt_store_fail_(diag, MODFMT_E_STORE_SLOTS, store->next_slot, 0);
    for (uint32_t i = 0; i < count && rc == 0; i++) {
        uint32_t word[4] = {MODFMT_STORE_NONE, 0, hash[i],
                            modfmt_store_find(store, hash[i])->crc};

        rc = modfmt_store_append_(store, MODFMT_STORE_IMAGE, 0, word, diag);
    }
    if (rc == 0)
        rc = modfmt_store_commit_(store, count, diag);
    if (rc != 0)
        return rc;
    for (uint32_t i = 0; i < count; i++)
        modfmt_store_drop_(store, hash[i]);
    return modfmt_store_finish_(store, diag);
}

int modfmt_store_remove(struct modfmt_store *store, const uint32_t *hash, uint32_t count,
                        void *bytes, uint32_t size, struct modfmt_diag *diag)
{
    struct store_buffer_ buffer = {bytes, size};
    int rc = mark_removed(store, hash, count, false, diag);

    if (rc == 0)
        rc = modfmt_store_prepare_(store, diag);
    if (rc != 0)
        return rc;
    if (modfmt_store_slots_left_(store) < count + 3u + MODFMT_STORE_KEPT_SLOTS) {
        /* A new directory simply leaves them out. */
        mark_removed(store, hash, count, true, diag);
        rc = modfmt_store_move_head_(store, NULL, 0, &buffer, diag);
        if (rc != 0)
            return rc > 0 ? 0 : rc;
        mark_removed(store, hash, count, false, diag);
    }
    return log_removal(store, hash, count, diag);
}

/* ---- compact, settle, retire ----------------------------------------------------- */

/** Bytes that are neither live nor free, in sectors that cannot simply be erased. */
static uint32_t dead_bytes(const struct modfmt_store *store)
{
    uint32_t dead = 0;

    for (uint32_t i = 0; i < store->flash->sector_count; i++) {
        uint32_t live = modfmt_store_live_(store, i, false);

        if ((i == store->head || live != 0) &&
            store->fill[i] - live >= MODFMT_STORE_GAIN_MIN)
            dead += store->fill[i] - live;
    }
    return dead;
}

int modfmt_store_compact(struct modfmt_store *store, void *bytes, uint32_t size,
                         struct modfmt_diag *diag)
{
    struct store_buffer_ buffer = {bytes, size};
    uint32_t moved = 0;
    int rc;

    if (store->head == MODFMT_STORE_NONE)
        return 0;
    rc = modfmt_store_prepare_(store, diag);
    for (uint32_t round = 0; rc == 0 && round < MODFMT_STORE_SECTOR_MAX; round++) {
        rc = modfmt_store_reclaim_(store, &buffer, diag);
        if (rc <= 0)
            break;
        moved++;
        rc = 0;
    }
    if (rc == 0 &&
        (modfmt_store_slots_left_(store) < MODFMT_STORE_KEPT_SLOTS ||
         store->fill[store->head] - modfmt_store_live_(store, store->head, false) >=
             MODFMT_STORE_GAIN_MIN))
        rc = modfmt_store_move_head_(store, NULL, 0, &buffer, diag);
    if (rc < 0)
        return rc;
    moved += (uint32_t)rc;
    if (moved == 0 && dead_bytes(store) != 0)
        return modfmt_store_fail_(diag, MODFMT_E_STORE_COMPACT, dead_bytes(store), 0);
    return modfmt_store_finish_(store, diag);
}

int modfmt_store_settle(struct modfmt_store *store, struct modfmt_diag *diag)
{
    uint8_t bytes[MODFMT_HEADER_SIZE];
    struct store_buffer_ buffer = {bytes, sizeof(bytes)};
    bool low;
    int rc = 0;

    if (store->head == MODFMT_STORE_NONE || !store->unsettled)
        return 0;
    low = modfmt_store_slots_left_(store) < MODFMT_STORE_KEPT_SLOTS;
    if (low || store->pending != MODFMT_STORE_NONE || !store->confirmed)
        rc = modfmt_store_prepare_(store, diag);
    /* Cut after cut takes slots: have them while the directory can still move. */
    if (rc == 0 && low)
        rc = modfmt_store_move_head_(store, NULL, 0, &buffer, diag);
    return rc >= 0 ? modfmt_store_finish_(store, diag) : rc;
}

int modfmt_store_retire(struct modfmt_store *store, struct modfmt_diag *diag)
{
    bool settles;
    int rc = 0;

    if (store->head == MODFMT_STORE_NONE)
        return 0;
    settles = modfmt_store_slots_left_(store) >= MODFMT_STORE_KEPT_SLOTS / 2u;
    /* A successor may have been begun where an erase is pending: it must not take over.
     */
    if (settles && store->pending != MODFMT_STORE_NONE)
        rc = modfmt_store_prepare_(store, diag);
    /* RETIRED does not say what stood; so that is settled, where there are the slots. */
    if (rc == 0 && (settles || !store->confirmed))
        rc = modfmt_store_finish_(store, diag);
    return rc != 0 ? rc
                   : modfmt_store_append_(store, MODFMT_STORE_RETIRED, 0, NULL, diag);
}

void modfmt_store_reset(struct modfmt_store *store)
{
    /* What is at the region's start, live or dead, is not to come back by itself. */
    for (uint32_t i = 0; i < store->count; i++)
        if ((store->image[i].flags & MODFMT_STORE_BARE) != 0)
            store->origin = store->image[i];
    store->count = store->lost = 0;
    store->head = store->pending = MODFMT_STORE_NONE;
    store->base = store->base_count = 0;
    store->unsettled = false;
    store->anew = true;
}
