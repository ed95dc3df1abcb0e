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

static void begin_moving(struct modfmt_store *store,
                         const struct modfmt_store_image *image,
                         struct moving *ret_moving)
{
    *ret_moving = (struct moving){.flash = store->flash, .from = image->offset};
    ret_moving->source.read = read_moving;
    ret_moving->source.ctx = ret_moving;
    ret_moving->source.image = *image;
    store->moved_images++;
}

/** May everything that lives there move? */
static bool movable(const struct modfmt_store *store, uint32_t sector)
{
    for (uint32_t i = 0; i < store->count; i++)
        if ((store->image[i].flags & MODFMT_STORE_PINNED) != 0 &&
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
    uint32_t slots = 2; /* SETTLE, and one that is skipped */

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
            (best != STORE_NOWHERE_ && live >= best_live) || !movable(store, i) ||
            !plan_victim(store, i, &plan) ||
            modfmt_store_slots_left_(store) < victim_slots(store, i, &plan))
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
};

static bool dies(const struct modfmt_store_image *image)
{
    return (image->flags & STORE_DYING_) != 0;
}

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
    /* HEAD, FILLs, images, DEAD, COMMIT, SETTLE. */
    plan->head_slots =
        4u + fills + store->count + move->count + MODFMT_STORE_RESERVE_SLOTS;
    plan->fill[move->target] = 0;
    if (move->evacuate)
        plan->freed = plan->exclude;
}

/** Does everything fit, so that one sector stays free? */
static bool fits(const struct modfmt_store *store, struct move *move)
{
    begin_plan(store, move);
    if (move->plan.head_slots * MODFMT_STORE_RECORD_SIZE >=
        store->flash->sector_size[move->target])
        return false;
    for (uint32_t i = 0; i < store->count; i++)
        if (is_moved(store, move, &store->image[i]) &&
            modfmt_store_place_(store, &move->plan, store->image[i].size) ==
                STORE_NOWHERE_)
            return false;
    for (uint32_t i = 0; i < move->count; i++)
        if (!move->source[i].unchanged &&
            modfmt_store_place_(store, &move->plan, move->source[i].image.size) ==
                STORE_NOWHERE_)
            return false;
    return modfmt_store_reserve_(store, &move->plan);
}

/** Choose the smallest sector that will do. */
static bool choose_target(const struct modfmt_store *store, struct move *move)
{
    const uint32_t *size = store->flash->sector_size;
    uint32_t best = STORE_NOWHERE_;

    for (uint32_t i = 0; i < store->flash->sector_count; i++) {
        if (!modfmt_store_empty_(store, i, false) ||
            (best != STORE_NOWHERE_ && size[i] >= size[best]))
            continue;
        move->target = i;
        if (fits(store, move))
            best = i;
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

/** Tell who reads the old directory that it is one no more: so that it stays dead even if
 *  another tool overwrites the new one. */
static int retire_old(struct modfmt_store *store, const struct modfmt_store *old,
                      struct modfmt_diag *diag)
{
    struct modfmt_store then = *old;
    int rc;

    if (modfmt_store_slots_left_(&then) == 0)
        return 0;
    rc = modfmt_store_append_(&then, MODFMT_STORE_RETIRED, 0, NULL, diag);
    store->programmed_bytes += then.programmed_bytes - old->programmed_bytes;
    return rc;
}

static int carry_out(struct modfmt_store *store, struct move *move,
                     struct store_buffer_ *buffer, struct modfmt_diag *diag)
{
    struct modfmt_store old;
    uint32_t members;
    int rc = modfmt_store_erase_(store, move->target, diag);

    if (rc != 0)
        return rc;
    old = *store;
    begin_plan(store, move);
    /* What is left in the old sector is not added to: its end has a directory. */
    store->fill[move->old] = store->flash->sector_size[move->old];
    rc = modfmt_store_head_begin_(store, move->target, diag);
    if (rc < 0)
        return rc;
    members = (uint32_t)rc;
    rc = write_images(store, move, buffer, &members, diag);
    if (rc == 0)
        rc = write_sources(store, move, buffer, &members, diag);
    if (rc == 0)
        rc = modfmt_store_head_end_(store, members, diag);
    return rc == 0 ? retire_old(store, &old, diag) : rc;
}

int modfmt_store_move_head_(struct modfmt_store *store,
                            struct modfmt_store_source *source, uint32_t count,
                            struct store_buffer_ *buffer, struct modfmt_diag *diag)
{
    struct move move = {.old = store->head, .source = source, .count = count};
    int rc;

    if (modfmt_store_slots_left_(store) == 0)
        return 0;
    move.evacuate = movable(store, store->head);
    if (!choose_target(store, &move)) {
        move.evacuate = false;
        if (!choose_target(store, &move))
            return 0;
    }
    rc = carry_out(store, &move, buffer, diag);
    return rc == 0 ? 1 : rc;
}
