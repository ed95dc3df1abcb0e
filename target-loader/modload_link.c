/* SPDX-License-Identifier: BSD-2-Clause */
#include "modload_link.h"

/** An image in the store, to read it. */
struct stored_ {
    struct modfmt_bytes bytes;
    struct modfmt_flash *flash;
    uint32_t offset;
};

static int stored_read_(struct modfmt_bytes *self, uint32_t offset, void *to,
                        uint32_t size)
{
    const struct stored_ *s = (const struct stored_ *)self;
    int rc = s->flash->read(s->flash, s->offset + offset, to, size);

    return rc ? MODFMT_E_STORE_READ : 0;
}

static struct stored_ stored_(const struct modload_linking *g,
                              const struct modfmt_store_image *image)
{
    return (struct stored_){{stored_read_, image->size}, g->store->flash, image->offset};
}

/** Is a stored image linked, and for what? What cannot be read is not: it does not load.
 */
static bool linked_(const struct modload_linking *g,
                    const struct modfmt_store_image *image,
                    struct modfmt_linked *ret_linked)
{
    struct stored_ stored = stored_(g, image);
    struct modfmt_diag diag;

    return modfmt_linked_read(&stored.bytes, ret_linked, &diag) == 1;
}

static bool is_ours_(const struct modload_linking *g, const struct modfmt_linked *linked)
{
    const struct modload_identity *id = g->identity;

    if (linked->api != id->api || linked->build_id_size != id->build_id_size)
        return false;
    for (uint32_t k = 0; k < id->build_id_size; k++)
        if (linked->build_id[k] != id->build_id[k])
            return false;
    return true;
}

/* ---- RAM ---------------------------------------------------------------------- */

/** Is [begin, begin + size) free of other images' data? If not, *ret_next is where the
 * one in the way ends. `loadable`: of this firmware's images alone, as no loader loads
 * the others; otherwise of all that are linked. */
static bool free_(const struct modload_linking *g, uint32_t begin, uint32_t size,
                  uint32_t own_name, bool loadable, uint32_t *ret_next)
{
    for (uint32_t k = 0; k < g->store->count; k++) {
        const struct modfmt_store_image *image = &g->store->image[k];
        struct modfmt_linked linked;

        if (image->hash == own_name || !linked_(g, image, &linked) ||
            linked.data == linked.data_end || linked.data_end <= begin ||
            linked.data >= begin + size || (loadable && !is_ours_(g, &linked)))
            continue;
        *ret_next = linked.data_end;
        return false;
    }
    return true;
}

/** Is it in the arena? */
static bool inside_(const struct modload_linking *g, uint32_t begin, uint32_t size)
{
    return begin >= g->arena_begin && begin <= g->arena_end &&
           size <= g->arena_end - begin;
}

/** Bytes from an address to the next one where data may lie, by its alignment. */
static uint32_t gap_(const struct modfmt_linker *l, uint32_t at)
{
    return (l->text_mem - at) & ((1u << l->data_align) - 1);
}

/** Take the first piece of the arena that is free. @return false: none is */
static bool take_first_(struct modload_linking *g, uint32_t name, bool loadable)
{
    struct modfmt_linker *l = &g->linker_;
    uint32_t size = l->data_mem, at, next = g->arena_begin;

    /* Each step leads behind an image's data: it ends. */
    for (;;) {
        at = next + gap_(l, next);
        if (at < next || !inside_(g, at, size))
            return false;
        if (free_(g, at, size, name, loadable, &next)) {
            l->data = at;
            return true;
        }
    }
}

/** Find RAM for the image's data: what it has; or what nobody has; or what nobody has who
 * can be loaded. */
static int allot_(struct modload_linking *g, uint32_t name, uint32_t had,
                  struct modfmt_diag *diag)
{
    struct modfmt_linker *l = &g->linker_;
    uint32_t size = l->data_mem, next;

    l->data = had;
    if (size == 0 ||
        (!g->pack_ && gap_(l, had) == 0 && inside_(g, had, size) &&
         free_(g, had, size, name, true, &next)) ||
        (!g->pack_ && take_first_(g, name, false)) || take_first_(g, name, true))
        return 0;
    return modfmt_fail(diag, MODLOAD_E_MEMORY, 0, size, 1u << l->data_align);
}

/** Can all images that are to be linked anew stay in the RAM that they have? If one
 * cannot, the others must not be in its way for having been there before. */
static bool all_stay_(const struct modload_linking *g)
{
    for (uint32_t k = 0; k < g->store->count; k++) {
        const struct modfmt_store_image *image = &g->store->image[k];
        struct modfmt_linked linked;
        uint32_t size, next;

        if (!linked_(g, image, &linked) || is_ours_(g, &linked))
            continue;
        size = linked.data_end - linked.data;
        if (size && (!inside_(g, linked.data, size) ||
                     !free_(g, linked.data, size, image->hash, false, &next)))
            return false;
    }
    return true;
}

/* ---- linking, and writing what comes of it -------------------------------------- */

static int find_(struct modfmt_linker *l, uint32_t index, uint32_t hash, uint32_t type,
                 uint32_t *ret_address)
{
    struct modload_linking *g = l->ctx;
    int result = MODLOAD_E_IMPORT;

    (void)index;
    for (uint32_t k = 0; k < g->table_count; k++) {
        int rc = modload_table_find(&g->tables[k], hash, type, ret_address);

        if (rc == 0)
            return 0;
        if (rc == MODLOAD_E_TYPE)
            result = rc;
    }
    return result;
}

/** For the store: the linked image. It is good for the planned place alone, which the
 * store has noted when it reads the image from its beginning, to write it. */
static int source_read_(struct modfmt_store_source *source, uint32_t offset, void *bytes,
                        uint32_t size)
{
    struct modload_linking *g = source->ctx;
    bool writes = offset == 0 && size > MODFMT_STORE_RECORD_SIZE && source->image.size;

    if (writes && g->place_ != MODFMT_STORE_NONE && source->image.offset != g->place_) {
        return MODLOAD_E_LINKED;
    }
    return g->linker_.bytes.read(&g->linker_.bytes, offset, bytes, size);
}

/** Have the store put the image somewhere: really, or (plan) only as a rehearsal. */
static int store_(struct modload_linking *g, bool plan, struct modfmt_diag *diag)
{
    int (*program)(struct modfmt_flash *, uint32_t, const void *, uint32_t) =
        g->store->flash->program;
    uint32_t size = (g->buffer_size - 2 * g->linker_.buffer_size) & ~31u;
    int rc;

    g->source_ = (struct modfmt_store_source){
        .read = source_read_, .ctx = g, .flags = MODFMT_STORE_PINNED, .force = true};
    if (!plan)
        return modfmt_store_install(g->store, &g->source_, 1, g->buffer, size, diag);
    g->place_ = MODFMT_STORE_NONE;
    g->plan_ = *g->store;
    g->plan_.image = g->spare;
    if (g->store->count)
        __builtin_memcpy(g->spare, g->store->image, g->store->count * sizeof(*g->spare));
    g->store->flash->program = NULL;
    rc = modfmt_store_install(&g->plan_, &g->source_, 1, g->buffer, size, diag);
    g->store->flash->program = program;
    return rc;
}

/** Divide the buffer: a quarter or more for the store, the rest for linking and
 * unlinking. */
static int begin_(struct modload_linking *g, struct modfmt_diag *diag)
{
    uint32_t part = g->buffer_size / 8 * 3;
    uint8_t *end = (uint8_t *)g->buffer + g->buffer_size;

    if (g->buffer_size < MODLOAD_LINK_BUFFER_MIN)
        return modfmt_fail(diag, MODFMT_E_NO_SPACE, 0, g->buffer_size,
                           MODLOAD_LINK_BUFFER_MIN);
    if (g->identity->build_id_size == 0)
        return modfmt_fail(diag, MODLOAD_E_LINKED, 0, 0, 0);
    if (part < MODFMT_LINK_BUFFER_MIN)
        part = MODFMT_LINK_BUFFER_MIN;
    g->linker_ = (struct modfmt_linker){.buffer = end - part,
                                        .buffer_size = part,
                                        .api = g->identity->api,
                                        .build_id = g->identity->build_id,
                                        .build_id_size = g->identity->build_id_size,
                                        .find = find_,
                                        .ctx = g};
    g->unlinker_ = (struct modfmt_linker){.buffer = end - 2 * part, .buffer_size = part};
    return 0;
}

/** Read the image, through the unlinker if it is linked, and see how large it will be. */
static int look_(struct modload_linking *g, struct modfmt_bytes *image,
                 struct modfmt_diag *diag)
{
    struct modfmt_linked linked;
    uint32_t needs;
    int rc = modfmt_linked_read(image, &linked, diag);

    if (rc < 0)
        return rc;
    g->linker_.image = image;
    if (rc) {
        g->unlinker_.image = image;
        rc = modfmt_unlink_begin(&g->unlinker_, diag);
        if (rc)
            return rc;
        g->linker_.image = &g->unlinker_.bytes;
    }
    rc = modfmt_link_plan(&g->linker_, diag);
    if (rc)
        return rc;
    needs = modfmt_get16(g->linker_.header + MODFMT_OFF_NEEDS);
    if (needs & ~g->features)
        return modfmt_fail(diag, MODLOAD_E_NEEDS, MODFMT_OFF_NEEDS, needs, g->features);
    return 0;
}

/** Did this very image become the linked one, for this firmware? */
static bool is_same_(struct modload_linking *g, const struct modfmt_linked *linked)
{
    uint8_t header[MODFMT_HEADER_SIZE];
    struct modfmt_bytes *image = g->linker_.image;

    return is_ours_(g, linked) && image->read(image, 0, header, sizeof(header)) == 0 &&
           linked->crc == modfmt_get32(header + MODFMT_OFF_CRC) &&
           linked->total_size == modfmt_get32(header + MODFMT_OFF_TOTAL_SIZE);
}

int modload_link_install(struct modload_linking *linking, struct modfmt_bytes *image,
                         struct modfmt_diag *diag)
{
    struct modload_linking *g = linking;
    const struct modfmt_store_image *old;
    struct modfmt_linked linked = {.data = 0};
    uint32_t place, name;
    int rc = begin_(g, diag);

    g->unchanged = false;
    if (rc == 0)
        rc = look_(g, image, diag);
    if (rc == 0)
        rc = store_(g, true, diag);
    if (rc)
        return rc;
    place = g->source_.image.offset;
    name = g->source_.image.hash;
    old = modfmt_store_find(g->store, name);
    if (old && linked_(g, old, &linked) && is_same_(g, &linked)) {
        g->unchanged = true;
        return modfmt_store_settle(g->store, diag);
    }
    g->linker_.text = g->store->flash->base + place + MODFMT_HEADER_SIZE;
    rc = allot_(g, name, linked.data, diag);
    if (rc == 0)
        rc = modfmt_link_begin(&g->linker_, diag);
    if (rc)
        return rc;
    g->place_ = place;
    return store_(g, false, diag);
}

int modload_link_again(struct modload_linking *linking, struct modfmt_diag *diag)
{
    struct modfmt_store *store = linking->store;
    struct modfmt_diag fault;
    int result = 0;

    linking->pack_ = !all_stay_(linking);
    for (uint32_t k = 0; k < store->count;) {
        struct stored_ stored = stored_(linking, &store->image[k]);
        struct modfmt_linked linked;
        int rc = 0;

        if (!linked_(linking, &store->image[k], &linked) || is_ours_(linking, &linked)) {
            k++;
            continue;
        }
        rc = modload_link_install(linking, &stored.bytes, &fault);
        /* What was linked anew is the last one now, and the next one is here. */
        k += rc != 0;
        if (rc && result == 0) {
            result = rc;
            *diag = fault;
        }
        if (rc <= MODFMT_E_STORE_READ && rc >= MODFMT_E_STORE_VERIFY)
            break;
    }
    linking->pack_ = false;
    return result;
}
