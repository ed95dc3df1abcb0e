/* SPDX-License-Identifier: BSD-2-Clause */
/* Making room: specs/store.md, 6. Nothing here changes which images are live, but for
 * modfmt_store_move_head_(), whose new directory may begin with new ones. */
#include "modfmt_store_parts.h"

/** An image that is moved: read from where it lies. */
struct moving {
    struct modfmt_store_source source;
    struct modfmt_flash *flash;
    uint32_t from;
};

static int read_moving(struct modfmt_store_source *source, uint32_t offset, void *bytes,
                       uint32_t size)
{
    struct moving *moving = source->ctx;

    return moving->flash->read(moving->flash, moving->from + offset, bytes, size);
}

static void begin_moving(const struct modfmt_store *store,
                         const struct modfmt_store_image *image,
                         struct moving *ret_moving)
{
    *ret_moving = (struct moving){.flash = store->flash, .from = image->offset};
    ret_moving->source.read = read_moving;
    ret_moving->source.ctx = ret_moving;
    ret_moving->source.image = *image;
}

static bool dies(const struct modfmt_store_image *image)
{
    return (image->flags & STORE_DYING_) != 0;
}

/** May everything that lives there move? `replacing`: what dies need not. */
static bool movable(const struct modfmt_store *store, uint32_t sector, bool replacing)
{
    for (uint32_t i = 0; i < store->count; i++)
        if ((store->image[i].flags & MODFMT_STORE_PINNED) != 0 &&
            !(replacing && dies(&store->image[i])) &&
            modfmt_store_overlap_(store->flash, sector, &store->image[i]) != 0)
            return false;
    return true;
}

/* ---- a sector of images ------------------------------------------------------ */

/** Plan to move everything out of `victim`. The plan comes out the same whenever it is
 * made from the same state, image after image. */
static bool plan_victim(const struct modfmt_store *store, uint32_t victim,
                        struct store_plan_ *plan)
{
    modfmt_store_plan_(store, 0, plan);
    plan->exclude = plan->freed = (uint32_t)1 << victim;
    for (uint32_t i = 0; i < store->count; i++)
        if (modfmt_store_overlap_(store->flash, victim, &store->image[i]) != 0 &&
            modfmt_store_place_(store, plan, store->image[i].size) == STORE_NOWHERE_)
            return false;
    return true;
}

/** Records that carrying out the plan takes. */
static uint32_t victim_slots(const struct modfmt_store *store, uint32_t victim,
                             const struct store_plan_ *plan)
{
    uint32_t slots = 2; /* CONFIRM, and one that is skipped */

    for (uint32_t i = 0; i < store->count; i++)
        if (modfmt_store_overlap_(store->flash, victim, &store->image[i]) != 0)
            slots += 2u; /* IMAGE, COMMIT */
    for (uint32_t bits = plan->erase; bits != 0; bits &= bits - 1u)
        slots += 2u; /* ERASE, CLEAN */
    return slots;
}

/** Move one image: a transaction of its own. @return 1 if there is no place for it */
static int move_image(struct modfmt_store *store, uint32_t index, uint32_t victim,
                      struct store_buffer_ *buffer, struct modfmt_diag *diag)
{
    struct store_plan_ plan;
    struct moving moving;
    uint32_t offset;
    int rc = 0;

    modfmt_store_plan_(store, 0, &plan);
    plan.exclude = (uint32_t)1 << victim;
    offset = modfmt_store_place_(store, &plan, store->image[index].size);
    if (offset == STORE_NOWHERE_)
        return 1;
    for (uint32_t i = 0; i < store->flash->sector_count && rc == 0; i++)
        if ((plan.erase >> i & 1u) != 0)
            rc = modfmt_store_clear_(store, i, diag);
    if (rc != 0)
        return rc;
    begin_moving(store, &store->image[index], &moving);
    store->moved_images++;
    rc = modfmt_store_put_(store, &moving.source, offset, buffer->bytes, buffer->size,
                           diag);
    if (rc == 0)
        rc = modfmt_store_commit_(store, 1, diag);
    if (rc == 0)
        store->image[index].offset = offset;
    return rc;
}

/** The sector whose moving gains most for what must be copied; STORE_NOWHERE_: none. */
static uint32_t choose_victim(const struct modfmt_store *store)
{
    uint32_t best = STORE_NOWHERE_, best_live = 0;
    struct store_plan_ plan;

    for (uint32_t i = 0; i < store->flash->sector_count; i++) {
        uint32_t live = modfmt_store_live_(store, i, false);

        if (i == store->head || live == 0 ||
            store->fill[i] - live < MODFMT_STORE_GAIN_MIN ||
            (best != STORE_NOWHERE_ && live >= best_live) || !movable(store, i, false) ||
            !plan_victim(store, i, &plan) ||
            modfmt_store_slots_left_(store) <
                victim_slots(store, i, &plan) + MODFMT_STORE_KEPT_SLOTS)
            continue;
        best = i;
        best_live = live;
    }
    return best;
}

int modfmt_store_reclaim_(struct modfmt_store *store, struct store_buffer_ *buffer,
                          struct modfmt_diag *diag)
{
    uint32_t victim = choose_victim(store);

    if (victim == STORE_NOWHERE_)
        return 0;
    for (uint32_t i = 0; i < store->count; i++) {
        int rc;

        if (modfmt_store_overlap_(store->flash, victim, &store->image[i]) == 0)
            continue;
        rc = move_image(store, i, victim, buffer, diag);
        if (rc != 0)
            return rc < 0 ? rc : 0;
    }
    return 1;
}

/* ---- the directory ------------------------------------------------------------ */

/** A new directory that is to be made. */
struct move {
    uint32_t target; /**< sector that gets it */
    uint32_t old;    /**< the one that had it */
    bool evacuate;   /**< also move the images out of the old sector */
    struct modfmt_store_source *source;
    uint32_t count;
    struct store_plan_ plan;
    uint32_t reserved; /**< images whose places the old directory must be told of */
};

static bool is_moved(const struct modfmt_store *store, const struct move *move,
                     const struct modfmt_store_image *image)
{
    return move->evacuate && !dies(image) &&
           modfmt_store_overlap_(store->flash, move->old, image) != 0;
}

static void begin_plan(const struct modfmt_store *store, struct move *move)
{
    struct store_plan_ *plan = &move->plan;
    uint32_t fills = (store->flash->sector_count + 7u) / 8u;

    modfmt_store_plan_(store, 0, plan);
    plan->may_erase = false;
    plan->exclude = (uint32_t)1 << move->old;
    plan->head = move->target;
    /* HEAD, FILLs, images, DEAD, COMMIT, CONFIRM. */
    plan->head_slots =
        4u + fills + store->count + move->count + MODFMT_STORE_RESERVE_SLOTS;
    /* The old directory will not know what is in the new one's sector; at the region's
     * start it would look like another tool's. */
    plan->fill[move->target] = move->target == 0 ? MODFMT_STORE_PLACE_ALIGN : 0;
    if (move->evacuate)
        plan->freed = plan->exclude;
}

/**
 * Plan the place of one image; or, if `reserve`, tell the old directory of it, if that is
 * not the new one's sector: it must know the bytes as used even if this is cut.
 * @return 0, 1 if there is no place, or an error
 */
static int plan_one(struct modfmt_store *store, struct move *move,
                    struct modfmt_store_source *source, bool reserve,
                    struct modfmt_diag *diag)
{
    struct modfmt_store_image image = source->image;

    image.flags = 0;
    image.offset = modfmt_store_place_(store, &move->plan, image.size);
    if (image.offset == STORE_NOWHERE_)
        return 1;
    if (modfmt_store_overlap_(store->flash, move->target, &image) != image.size) {
        if (reserve)
            return modfmt_store_list_(store, &image, diag);
        move->reserved++;
    }
    return modfmt_store_forged_(store, source, image.offset, diag);
}

/** The same for all. */
static int plan_all(struct modfmt_store *store, struct move *move, bool reserve,
                    struct modfmt_diag *diag)
{
    int rc = 0;

    begin_plan(store, move);
    for (uint32_t i = 0; i < store->count && rc == 0; i++) {
        struct moving moving;

        if (!is_moved(store, move, &store->image[i]))
            continue;
        begin_moving(store, &store->image[i], &moving);
        rc = plan_one(store, move, &moving.source, reserve, diag);
    }
    for (uint32_t i = 0; i < move->count && rc == 0; i++)
        if (!move->source[i].unchanged)
            rc = plan_one(store, move, &move->source[i], reserve, diag);
    return rc;
}

/** Does everything fit, so that one sector stays free? */
static bool fits(struct modfmt_store *store, struct move *move)
{
    struct modfmt_diag diag;

    move->reserved = 0;
    return plan_all(store, move, false, &diag) == 0 &&
           move->plan.head_slots * MODFMT_STORE_RECORD_SIZE <
               store->flash->sector_size[move->target] &&
           modfmt_store_slots_left_(store) >= move->reserved + STORE_MOVE_SLOTS_ &&
           modfmt_store_reserve_(store, &move->plan);
}

/** Choose the smallest sector that will do. */
static bool choose_target(struct modfmt_store *store, struct move *move)
{
    const uint32_t *size = store->flash->sector_size;
    uint32_t best = STORE_NOWHERE_;

    for (uint32_t i = 0; i < store->flash->sector_count; i++) {
        if (!modfmt_store_empty_(store, i, false) ||
            (best != STORE_NOWHERE_ && size[i] >= size[best]))
            continue;
        move->target = i;
        if (!fits(store, move))
            continue;
        best = i;
        /* One that has just been erased, after a cut, needs no more records. */
        if (store->erased && store->pending == i)
            break;
    }
    move->target = best;
    return best != STORE_NOWHERE_;
}

/** Records of the images that live on, with the bytes of those that move. */
static int write_images(struct modfmt_store *store, struct move *move,
                        struct store_buffer_ *buffer, uint32_t *members,
                        struct modfmt_diag *diag)
{
    uint32_t kept = 0;

    for (uint32_t i = 0; i < store->count; i++) {
        struct modfmt_store_image image = store->image[i];
        struct moving moving;
        int rc;

        if (dies(&image))
            continue;
        if (is_moved(store, move, &image)) {
            begin_moving(store, &image, &moving);
            store->moved_images++;
            image.offset = modfmt_store_place_(store, &move->plan, image.size);
            image.flags = 0;
            rc = modfmt_store_put_(store, &moving.source, image.offset, buffer->bytes,
                                   buffer->size, diag);
        } else {
            rc = modfmt_store_list_(store, &image, diag);
        }
        if (rc != 0)
            return rc;
        store->image[kept++] = image;
        ++*members;
    }
    store->count = kept;
    return 0;
}

static int write_sources(struct modfmt_store *store, struct move *move,
                         struct store_buffer_ *buffer, uint32_t *members,
                         struct modfmt_diag *diag)
{
    for (uint32_t i = 0; i < move->count; i++) {
        struct modfmt_store_source *source = &move->source[i];
        uint32_t offset;
        int rc;

        if (source->unchanged)
            continue;
        offset = modfmt_store_place_(store, &move->plan, source->image.size);
        rc = modfmt_store_put_(store, source, offset, buffer->bytes, buffer->size, diag);
        if (rc == 0)
            rc = modfmt_store_enter_(store, &source->image, diag);
        if (rc != 0)
            return rc;
        ++*members;
    }
    return 0;
}

static int carry_out(struct modfmt_store *store, struct move *move,
                     struct store_buffer_ *buffer, struct modfmt_diag *diag)
{
    uint32_t members, slot;
    int rc = plan_all(store, move, true, diag);

    if (rc == 0)
        rc = modfmt_store_erase_(store, move->target, diag);
    if (rc != 0)
        return rc;
    slot = store->next_slot;
    begin_plan(store, move);
    /* What is left in the old sector is not added to: its end has a directory. */
    store->fill[move->old] = store->flash->sector_size[move->old];
    rc = modfmt_store_head_begin_(store, move->target, diag);
    if (rc < 0)
        return rc;
    store->previous = move->old;
    store->previous_slot = slot;
    members = (uint32_t)rc;
    rc = write_images(store, move, buffer, &members, diag);
    if (rc == 0)
        rc = write_sources(store, move, buffer, &members, diag);
    return rc == 0 ? modfmt_store_head_end_(store, members, diag) : rc;
}

int modfmt_store_move_head_(struct modfmt_store *store,
                            struct modfmt_store_source *source, uint32_t count,
                            struct store_buffer_ *buffer, struct modfmt_diag *diag)
{
    struct move move = {.old = store->head, .source = source, .count = count};
    int rc;

    move.evacuate = movable(store, store->head, true);
    if (!choose_target(store, &move)) {
        move.evacuate = false;
        if (!choose_target(store, &move))
            return 0;
    }
    rc = carry_out(store, &move, buffer, diag);
    return rc == 0 ? 1 : rc;
}
