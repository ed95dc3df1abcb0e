/* SPDX-License-Identifier: BSD-2-Clause */
/* Where an image goes: specs/store.md, 6. Looks at the store only; changes a plan. */
#include "modfmt_store_parts.h"

uint32_t modfmt_store_overlap_(const struct modfmt_flash *flash, uint32_t sector,
                               const struct modfmt_store_image *image)
{
    uint32_t begin = modfmt_store_sector_offset(flash, sector);
    uint32_t end = begin + flash->sector_size[sector];
    uint32_t image_end = image->offset + image->size;

    if (image->offset > begin)
        begin = image->offset;
    if (image_end < end)
        end = image_end;
    return begin < end ? end - begin : 0;
}

uint32_t modfmt_store_live_(const struct modfmt_store *store, uint32_t sector, bool dying)
{
    uint32_t live = 0;

    for (uint32_t i = 0; i < store->count; i++)
        if (!dying || (store->image[i].flags & STORE_DYING_) == 0)
            live += modfmt_store_overlap_(store->flash, sector, &store->image[i]);
    return live;
}

bool modfmt_store_empty_(const struct modfmt_store *store, uint32_t sector, bool dying)
{
    return sector != store->head && modfmt_store_live_(store, sector, dying) == 0;
}

bool modfmt_store_reserve_(const struct modfmt_store *store,
                           const struct store_plan_ *plan)
{
    for (uint32_t i = 0; i < store->flash->sector_count; i++) {
        uint32_t bit = (uint32_t)1 << i;

        if (i == plan->head || (plan->used & bit) != 0)
            continue;
        if ((plan->freed & bit) != 0 || modfmt_store_empty_(store, i, true))
            return true;
    }
    return store->flash->sector_count == 1;
}

void modfmt_store_plan_(const struct modfmt_store *store, uint32_t slots,
                        struct store_plan_ *ret_plan)
{
    for (uint32_t i = 0; i < MODFMT_STORE_SECTOR_MAX; i++)
        ret_plan->fill[i] = store->fill[i];
    ret_plan->erase = ret_plan->used = ret_plan->exclude = ret_plan->freed = 0;
    ret_plan->may_erase = true;
    ret_plan->head = store->head;
    ret_plan->head_slots = store->next_slot + slots + MODFMT_STORE_RESERVE_SLOTS;
}

/** One way to put an image: from `start` of a sector on, over as many as it takes. */
struct way {
    uint32_t offset;
    uint32_t last;   /**< sector with its end */
    uint32_t end;    /**< and how much of that is then used */
    uint32_t erase;  /**< bit a sector: must be erased */
    uint32_t erases; /**< how many those are */
    uint32_t opened; /**< sectors that are empty now */
    uint32_t slack;  /**< bytes left in the last sector */
};

/** Bytes of a sector that bodies may use. */
static uint32_t body_limit(const struct modfmt_store *store,
                           const struct store_plan_ *plan, uint32_t sector)
{
    uint32_t size = store->flash->sector_size[sector];
    uint32_t kept = plan->head_slots * MODFMT_STORE_RECORD_SIZE;

    if (sector != plan->head)
        return size;
    return kept < size ? size - kept : 0;
}

/** May an image begin in this sector at byte 0, and must it be erased for that? */
static bool can_open(const struct modfmt_store *store, const struct store_plan_ *plan,
                     uint32_t sector, bool *ret_erase)
{
    uint32_t bit = (uint32_t)1 << sector;

    *ret_erase = false;
    if ((plan->exclude & bit) != 0)
        return false;
    if (plan->fill[sector] == 0)
        return true;
    *ret_erase = true;
    return plan->may_erase && sector != plan->head && (plan->used & bit) == 0 &&
           modfmt_store_empty_(store, sector, false);
}

/** Take the sector's bytes from 0 on. @return false if it cannot be */
static bool open_sector(const struct modfmt_store *store, const struct store_plan_ *plan,
                        uint32_t sector, struct way *way)
{
    bool erase;

    if (!can_open(store, plan, sector, &erase))
        return false;
    if (erase) {
        way->erase |= (uint32_t)1 << sector;
        way->erases++;
    }
    if (sector != plan->head)
        way->opened++;
    return true;
}

/** Work out the way that begins at byte `start` of a sector. */
static bool find_way(const struct modfmt_store *store, const struct store_plan_ *plan,
                     uint32_t sector, uint32_t start, uint32_t size, struct way *ret_way)
{
    struct way way = {0, 0, 0, 0, 0, 0, 0};
    uint32_t limit = body_limit(store, plan, sector), room;

    start = (start + MODFMT_STORE_PLACE_ALIGN - 1u) & ~(MODFMT_STORE_PLACE_ALIGN - 1u);
    if (start >= limit || (start == 0 && !open_sector(store, plan, sector, &way)))
        return false;
    way.offset = modfmt_store_sector_offset(store->flash, sector) + start;
    room = limit - start;
    while (size > room) {
        /* The directory is at the end of its sector: nothing runs across. */
        if (sector == plan->head || sector + 1u >= store->flash->sector_count ||
            !open_sector(store, plan, sector + 1u, &way))
            return false;
        size -= room;
        sector++;
        start = 0;
        room = limit = body_limit(store, plan, sector);
    }
    way.last = sector;
    way.end = start + size;
    way.slack = limit - way.end;
    *ret_way = way;
    return true;
}

/** Erase as little as possible, then open as few empty sectors, then leave the least. */
static bool better(const struct way *a, const struct way *b)
{
    if (a->erases != b->erases)
        return a->erases < b->erases;
    if (a->opened != b->opened)
        return a->opened < b->opened;
    return a->slack < b->slack;
}

static void take(const struct modfmt_store *store, struct store_plan_ *plan,
                 const struct way *way, uint32_t size)
{
    struct modfmt_store_image image = {.offset = way->offset, .size = size};

    for (uint32_t i = 0; i <= way->last; i++)
        if (modfmt_store_overlap_(store->flash, i, &image) != 0) {
            plan->fill[i] = store->flash->sector_size[i];
            plan->used |= (uint32_t)1 << i;
        }
    plan->fill[way->last] = way->end;
    plan->erase |= way->erase;
}

uint32_t modfmt_store_place_(const struct modfmt_store *store, struct store_plan_ *plan,
                             uint32_t size)
{
    struct way best = {STORE_NOWHERE_, 0, 0, 0, 0, 0, 0}, way;

    for (uint32_t i = 0; i < store->flash->sector_count; i++) {
        if ((plan->exclude >> i & 1u) != 0)
            continue;
        if (plan->fill[i] != 0 && find_way(store, plan, i, plan->fill[i], size, &way) &&
            (best.offset == STORE_NOWHERE_ || better(&way, &best)))
            best = way;
        if (find_way(store, plan, i, 0, size, &way) &&
            (best.offset == STORE_NOWHERE_ || better(&way, &best)))
            best = way;
    }
    if (best.offset != STORE_NOWHERE_)
        take(store, plan, &best, size);
    return best.offset;
}
