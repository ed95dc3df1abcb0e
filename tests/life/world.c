/* SPDX-License-Identifier: BSD-2-Clause */
#include "world.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct world world;
uint32_t world_mode;

static _Noreturn void wrong(const char *what)
{
    fprintf(stderr, "world: %s\n", what);
    abort();
}

static bool fails(enum world_call call)
{
    if (++world.calls != world.fail_at)
        return false;
    world.failed = call;
    return true;
}

void world_fail_at(unsigned fail_at)
{
    world.calls = 0;
    world.fail_at = fail_at;
    world.failed = WORLD_NONE;
}

/* ---- the port ------------------------------------------------------------------- */

static int read_(const struct modload_port *port, const struct modload_source *source,
                 uint32_t offset, void *buffer, uint32_t size)
{
    const uint8_t *bytes = source->handle;

    if (port != &world.r.port)
        wrong("read with another port");
    if (!modfmt_range(offset, size, source->available))
        wrong("read outside the image");
    /* A short read: half of it comes. */
    if (fails(WORLD_READ)) {
        memcpy(buffer, bytes + offset, size / 2);
        return -1;
    }
    memcpy(buffer, bytes + offset, size);
    if (world.changed && size)
        world.changed(offset, buffer, size);
    return 0;
}

/** May a segment be placed for that purpose, in this mode? */
static bool wanted(enum modload_purpose purpose)
{
    if (purpose >= MODLOAD_FIXED)
        return world.r.port.identity && purpose <= MODLOAD_FIXED_CODE;
    if (purpose == MODLOAD_BLOCK)
        return !(world.mode & WORLD_APART);
    return world.mode & WORLD_APART ||
           ((world.mode & WORLD_PLACES) == WORLD_IN_PLACE && purpose != MODLOAD_TEXT);
}

static int place_(const struct modload_port *port, enum modload_purpose purpose,
                  uint32_t align, uint32_t offset, struct modfmt_segment *segment)
{
    struct world_piece *piece = &world.piece[world.piece_count];
    bool code = purpose != MODLOAD_DATA && purpose != MODLOAD_FIXED;

    (void)port;
    if (fails(WORLD_PLACE) || segment->size > WORLD_RAM ||
        world.piece_count == WORLD_PIECES)
        return MODLOAD_E_MEMORY;
    if (!wanted(purpose) || segment->size == 0)
        wrong("another purpose was wanted, or no byte");
    if (code && world.no_execute)
        return MODLOAD_E_EXECUTE;
    if (purpose >= MODLOAD_FIXED) {
        int rc = modload_fixed_check(&world.r, align, offset, segment, world.arena_begin,
                                     world.arena_end);

        if (rc != 0)
            return rc;
    }
    if (world.piece_count == 0)
        world.next_address = 0x20000000;
    segment->bytes = malloc(segment->size);
    if (!segment->bytes)
        wrong("out of memory");
    memset(segment->bytes, 0xa5, segment->size);
    if (purpose < MODLOAD_FIXED) {
        segment->address = world.next_address;
        segment->address += (offset - segment->address) & (align - 1);
        world.next_address = segment->address + segment->size + 1;
    }
    *piece = (struct world_piece){*segment, purpose};
    world.piece_count++;
    return 0;
}

static void release_(const struct modload_port *port, enum modload_purpose purpose,
                     const struct modfmt_segment *segment)
{
    unsigned i = world.piece_count;

    (void)port;
    while (i && (world.piece[i - 1].segment.bytes != segment->bytes ||
                 world.piece[i - 1].segment.address != segment->address ||
                 world.piece[i - 1].purpose != purpose))
        i--;
    if (i == 0)
        wrong("memory was released that was not given like that");
    free(segment->bytes);
    memmove(&world.piece[i - 1], &world.piece[i],
            (world.piece_count - i) * sizeof(world.piece[0]));
    world.piece_count--;
}

static int find_(const struct modload_port *port, uint32_t hash, uint32_t type,
                 uint32_t *ret_address)
{
    world.finds++;
    return fails(WORLD_FIND) ? MODLOAD_E_IMPORT
                             : world.find(port, hash, type, ret_address);
}

static void sync_(const struct modload_port *port, const struct modload_image *image)
{
    (void)port;
    (void)image;
    world.syncs++;
}

/* ---- the registry's firmware ------------------------------------------------------- */

const char *world_name(const struct modload_module *m)
{
    for (unsigned i = 0; i < world.shelf_count; i++)
        if (world.shelf[i].name == m->name)
            return world.shelf[i].text;
    return "?";
}

static void log_(const struct modload_module *m, const char *what)
{
    size_t used = strlen(world.log);

    snprintf(world.log + used, sizeof(world.log) - used, "%s.%s ", world_name(m), what);
}

/** Which of the recipe's functions an address of a module is. */
static const char *function_name(const struct modload_module *m, uint32_t function)
{
    static char text[24];
    uint32_t at = function - m->image.segment[0].address;

    if (at == RECIPE_ENTRY)
        return "entry";
    if (at >= RECIPE_INIT(0) && at < RECIPE_INIT(8) && at % 2)
        snprintf(text, sizeof(text), "init%u", (unsigned)(at - RECIPE_INIT(0)) / 2);
    else if (at >= RECIPE_FINI(0) && at < RECIPE_FINI(8) && at % 2)
        snprintf(text, sizeof(text), "fini%u", (unsigned)(at - RECIPE_FINI(0)) / 2);
    else
        snprintf(text, sizeof(text), "0x%x", (unsigned)at);
    return text;
}

static int call_(struct modload_registry *r, struct modload_module *m, uint32_t function,
                 void *param)
{
    if (r != &world.r)
        wrong("another registry");
    log_(m, function_name(m, function));
    if (param)
        log_(m, param);
    if (world.inside)
        world.inside(m, function);
    return function - m->image.segment[0].address == RECIPE_ENTRY ? world.entry_result
                                                                  : 99;
}

static int enter_(struct modload_registry *r, struct modload_module *m, void *param)
{
    (void)r;
    (void)param;
    if (fails(WORLD_ENTER))
        return -1;
    log_(m, "enter");
    return 0;
}

static void leave_(struct modload_registry *r, struct modload_module *m)
{
    (void)r;
    log_(m, "leave");
}

static int supply_(struct modload_registry *r, uint32_t name,
                   struct modload_source *source, struct modload_module **ret_module)
{
    (void)r;
    if (fails(WORLD_SUPPLY))
        return -1;
    for (unsigned i = world.shelf_count; i--;) {
        if (world.shelf[i].name != name)
            continue;
        *source = world_source(world.shelf[i].text);
        *ret_module = world_storage();
        return 0;
    }
    return -1;
}

static void dismiss_(struct modload_registry *r, struct modload_module *m)
{
    if (m->state != MODLOAD_EMPTY || m->need_count || r != &world.r)
        wrong("dismissed while it is something");
    if (m->image.segment[0].bytes || m->image.segment[1].bytes)
        wrong("dismissed with memory");
    if (world.storage_count-- == 0)
        wrong("dismissed more often than taken");
    free(m);
}

void world_enters(void)
{
    world.r.enter = enter_;
}

/* ---- the world ------------------------------------------------------------------- */

void world_begin(void)
{
    memset(&world, 0, sizeof(world));
    world.mode = world_mode;
    world.r.port = (struct modload_port){
        .features = MODFMT_NEED_V6M,
        .options = MODLOAD_OPT_CRC | (world.mode & WORLD_APART ? MODLOAD_OPT_APART : 0) |
                   (world.mode & WORLD_IN_PLACE ? MODLOAD_OPT_IN_PLACE : 0),
        .read = read_,
        .place = place_,
        .release = release_,
        .sync = sync_,
    };
    world.r.tables = world.table;
    world.r.call = call_;
    world.r.leave = leave_;
    world.r.supply = supply_;
    world.r.dismiss = dismiss_;
    modload_begin(&world.r);
    world.find = world.r.port.find;
    world.r.port.find = find_;
}

void world_end(void)
{
    struct modload_module *m;

    world.inside = NULL;
    /* The newest that nobody needs: there is always one. */
    while (world.r.modules) {
        for (m = world.r.modules; m && m->users; m = m->next)
            ;
        if (!m || modload_unload(&world.r, m))
            wrong("modules are left that cannot be unloaded");
    }
    if (world.piece_count || world.storage_count || world.r.pending)
        wrong("memory, storage or something pending is left over");
    for (unsigned i = 0; i < world.shelf_count; i++)
        free(world.shelf[i].image.bytes);
    world.shelf_count = 0;
}

void world_shelve_as(const struct recipe *recipe, const char *name)
{
    if (world.shelf_count == WORLD_SHELF)
        wrong("the shelf is full");
    world.shelf[world.shelf_count++] =
        (struct world_image){recipe_hash(name), recipe_image(recipe), name};
}

void world_shelve(const struct recipe *recipe)
{
    world_shelve_as(recipe, recipe->name);
}

struct modload_source world_source(const char *name)
{
    for (unsigned i = world.shelf_count; i--;) {
        const struct recipe_image *image = &world.shelf[i].image;

        if (strcmp(world.shelf[i].text, name) != 0)
            continue;
        return world.mode & WORLD_IN_PIECES
                   ? (struct modload_source){NULL, image->size, image->bytes, 0}
                   : (struct modload_source){image->bytes, image->size, image->bytes,
                                             WORLD_FLASH + i * WORLD_STEP};
    }
    wrong("no such image on the shelf");
}

struct modload_module *world_storage(void)
{
    struct modload_module *m = calloc(1, sizeof(*m));

    if (!m)
        wrong("out of memory");
    world.storage_count++;
    return m;
}

/** What all images are, as one number. */
static uint32_t shelf_sum(void)
{
    uint32_t sum = 0;

    for (unsigned i = 0; i < world.shelf_count; i++)
        sum = modfmt_crc32(sum, world.shelf[i].image.bytes, world.shelf[i].image.size);
    return sum;
}

int world_load_as(const char *image, const char *name, struct modload_module **ret_module,
                  struct modfmt_diag *diag)
{
    struct modload_source source = world_source(image);
    uint32_t sum = shelf_sum();
    struct modfmt_diag own;
    int rc;

    diag = diag ? diag : &own;
    *ret_module = world_storage();
    rc = name ? modload_load_as(&world.r, &source, *ret_module, name, diag)
              : modload_load(&world.r, &source, *ret_module, diag);
    if (shelf_sum() != sum)
        wrong("an image was written to");
    if (diag->code != rc)
        wrong("diag has another code than was returned");
    if (rc)
        *ret_module = NULL;
    return rc;
}

int world_load(const char *name, struct modload_module **ret_module,
               struct modfmt_diag *diag)
{
    return world_load_as(name, NULL, ret_module, diag);
}

struct modload_module *world_loaded(const char *name)
{
    struct modload_module *m;
    int rc = world_load(name, &m, NULL);

    if (rc) {
        fprintf(stderr, "%s: %d\n", name, rc);
        wrong("an image does not load that should");
    }
    return m;
}

const char *world_list(void)
{
    static char text[200];

    text[0] = '\0';
    for (const struct modload_module *m = world.r.modules; m; m = m->next) {
        strcat(text, world_name(m));
        strcat(text, " ");
    }
    return text;
}

void world_state(char *text, size_t size)
{
    size_t used = 0;

    for (const struct modload_module *m = world.r.modules; m; m = m->next)
        used += (size_t)snprintf(text + used, size - used,
                                 "%s users %u state %u auto %u needs %u; ", world_name(m),
                                 m->users, m->state, m->automatic, m->need_count);
    for (unsigned i = 0; i < world.piece_count; i++)
        used += (size_t)snprintf(text + used, size - used, "%p ",
                                 (void *)world.piece[i].segment.bytes);
    snprintf(text + used, size - used, "storage %u pending %p", world.storage_count,
             (void *)world.r.pending);
}

int world_setup(void **state)
{
    (void)state;
    world_begin();
    return 0;
}

int world_teardown(void **state)
{
    (void)state;
    world_end();
    return 0;
}
