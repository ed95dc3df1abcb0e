/* SPDX-License-Identifier: BSD-2-Clause */
#include "world.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const struct geometry world_geometries[] = {
    {"even", 4096, 4, {4096, 4096, 4096, 4096}},
    {"uneven", 2048, 4, {1024, 1024, 4096, 8192}},
    {"single", 4096, 1, {8192}},
    {"two", 4096, 2, {4096, 4096}},
    {"f4", 4096, 7, {2048, 2048, 2048, 2048, 4096, 8192, 8192}},
    {"falling", 2048, 3, {8192, 4096, 2048}},
};
const uint32_t world_geometry_count =
    sizeof(world_geometries) / sizeof(world_geometries[0]);

const struct geometry *world_geometry(const char *name)
{
    for (uint32_t i = 0; i < world_geometry_count; i++)
        if (strcmp(world_geometries[i].name, name) == 0)
            return &world_geometries[i];
    return NULL;
}

/* ---- verbs as words --------------------------------------------------------------- */

static uint32_t version_in(uint64_t state, uint32_t name)
{
    return (uint32_t)(state >> (8u * name)) & 0xffu;
}

static uint64_t with_version(uint64_t state, uint32_t name, uint32_t version)
{
    return (state & ~((uint64_t)0xff << (8u * name))) | (uint64_t)version << (8u * name);
}

const char *verb_parse(const char *text, struct verb *ret_verb)
{
    char *end;

    ret_verb->kind = *text++;
    ret_verb->set = 0;
    if (!strchr("ifprcsbxj", ret_verb->kind) || ret_verb->kind == '\0')
        return NULL;
    while (*text >= '0' && *text <= '9') {
        uint32_t name = (uint32_t)strtoul(text, &end, 10), version = 1;

        if (*end == '.')
            version = (uint32_t)strtoul(end + 1, &end, 10);
        if (name >= WORLD_NAMES || version == 0 || version >= WORLD_VERSIONS)
            return NULL;
        ret_verb->set = with_version(ret_verb->set, name, version);
        text = *end == '+' ? end + 1 : end;
    }
    return text;
}

void verb_print(const struct verb *verb, char *text)
{
    const char *between = "";

    *text++ = verb->kind;
    *text = '\0';
    for (uint32_t i = 0; i < WORLD_NAMES; i++) {
        uint32_t version = version_in(verb->set, i);

        if (version == 0)
            continue;
        text += verb->kind == 'r' ? sprintf(text, "%s%u", between, i)
                                  : sprintf(text, "%s%u.%u", between, i, version);
        between = "+";
    }
}

bool world_apply(const struct verb *verb, uint64_t state, uint64_t *ret_state)
{
    for (uint32_t i = 0; i < WORLD_NAMES; i++) {
        uint32_t version = version_in(verb->set, i);

        if (version == 0)
            continue;
        if (verb->kind == 'r' && version_in(state, i) == 0)
            return false;
        state = with_version(state, i, verb->kind == 'r' ? 0 : version);
    }
    *ret_state = state;
    return true;
}

/* ---- images ------------------------------------------------------------------------ */

static uint32_t image_size(uint32_t scale, uint32_t name, uint32_t version)
{
    const uint32_t eighths[WORLD_NAMES] = {0, 1, 2, 4, 6, 10, 18, 3};
    uint32_t size = scale / 8u * eighths[name] + 32u * (version % 3u);

    return size < 128 ? 128 + 32u * (version % 3u) : size;
}

static uint8_t *make_image(uint32_t scale, uint32_t name, uint32_t version)
{
    static uint8_t text[SIMULATOR_REGION_MAX];
    char word[2] = {(char)('a' + name), '\0'};
    const struct modfmt_tag_source tags[] = {{MODFMT_TAG_NAME, 1, word}};
    struct modfmt_source source = {.flags = MODFMT_FLAG_BLOCK,
                                   .machine = 40,
                                   .entry = 1,
                                   .text = text,
                                   .text_align = 2,
                                   .data_align = 2,
                                   .tags = tags,
                                   .tag_count = 1};
    uint32_t size = image_size(scale, name, version), random = name * 256u + version;
    uint8_t *bytes = malloc(size);

    for (uint32_t i = 0; i < size; i++) {
        random = random * 1664525u + 1013904223u;
        text[i] = (uint8_t)(random >> 24);
    }
    /* Header, tag (rounded up to 4), and what rounding up to 32 leaves. */
    source.text_stored = source.text_mem = size - MODFMT_HEADER_SIZE - 12u;
    if (!bytes || modfmt_write(&source, bytes, size, &size) != 0)
        abort();
    return bytes;
}

uint8_t *world_image_edit(uint32_t scale, uint32_t name, uint32_t version,
                          uint32_t *ret_size)
{
    static uint8_t *cache[2][WORLD_NAMES][WORLD_VERSIONS];
    uint8_t **image = &cache[scale == 4096][name][version];

    if (!*image)
        *image = make_image(scale, name, version);
    *ret_size = modfmt_get32(*image + MODFMT_OFF_TOTAL_SIZE);
    return *image;
}

const uint8_t *world_image(uint32_t scale, uint32_t name, uint32_t version,
                           uint32_t *ret_size)
{
    return world_image_edit(scale, name, version, ret_size);
}

/* ---- observing -----------------------------------------------------------------------
 */

static bool fail(struct world *world, const char *problem)
{
    if (!world->problem)
        world->problem = problem;
    return false;
}

/** Which name and version a live image is, bytes and all. */
static bool identify(struct world *world, const struct modfmt_store_image *image,
                     uint64_t *state)
{
    static uint8_t bytes[SIMULATOR_REGION_MAX];
    uint32_t size, version;
    struct simulator *sim = &world->sim;

    for (uint32_t name = 0; name < WORLD_NAMES; name++) {
        const char word = (char)('a' + name);

        if (image->hash != modfmt_hash(&word, 1))
            continue;
        for (version = 1; version < WORLD_VERSIONS; version++) {
            const uint8_t *want = world_image(world->scale, name, version, &size);

            if (modfmt_get32(want + MODFMT_OFF_CRC) != image->crc)
                continue;
            if (image->size != size || version_in(*state, name) != 0 ||
                sim->flash.read(&sim->flash, image->offset, bytes, size) != 0 ||
                memcmp(bytes, want, size) != 0)
                return fail(world, "a live image is not what it was");
            *state = with_version(*state, name, version);
            return true;
        }
    }
    return fail(world, "a live image that nobody installed");
}

bool world_observe(struct world *world, uint64_t *ret_state)
{
    struct modfmt_store_image image[WORLD_NAMES + 2u];
    struct modfmt_store store;
    struct modfmt_diag diag;
    uint64_t state = 0;

    if (modfmt_store_open(&store, &world->sim.flash, image, WORLD_NAMES + 2u, &diag) != 0)
        return fail(world, "a scan fails");
    for (uint32_t i = 0; i < store.count && getenv("STORE_TRACE"); i++)
        printf("  at %x size %x hash %x crc %x flags %x\n", image[i].offset,
               image[i].size, image[i].hash, image[i].crc, image[i].flags);
    for (uint32_t i = 0; i < store.count; i++)
        if (!identify(world, &image[i], &state))
            return false;
    *ret_state = state;
    return true;
}

static void allow(struct world *world, uint64_t state)
{
    for (uint32_t i = 0; i < world->allowed_count; i++)
        if (world->allowed[i] == state)
            return;
    if (world->allowed_count == WORLD_ALLOWED_MAX)
        abort();
    world->allowed[world->allowed_count++] = state;
}

bool world_scan(struct world *world, uint32_t times)
{
    while (times-- > 0) {
        uint64_t state;
        bool found = false;

        if (!world_observe(world, &state))
            return false;
        for (uint32_t i = 0; i < world->allowed_count; i++)
            found |= world->allowed[i] == state;
        if (!found && getenv("STORE_TRACE"))
            printf("  found %lx\n", (unsigned long)state);
        if (!found)
            return fail(world, world->settled
                                   ? "a settled state changes"
                                   : "neither the state before nor the one after");
        if (world->settled)
            world->allowed[0] = state, world->allowed_count = 1;
        if (world->sim.violation)
            return fail(world, world->sim.violation);
    }
    return true;
}

/* ---- doing
 * ----------------------------------------------------------------------------- */

int world_read_memory(struct modfmt_store_source *source, uint32_t offset, void *bytes,
                      uint32_t size)
{
    const struct world_memory *memory = source->ctx;

    if (!modfmt_range(offset, size, memory->size))
        return -1;
    memcpy(bytes, memory->bytes + offset, size);
    return 0;
}

static int install(struct world *world, struct modfmt_store *store,
                   const struct verb *verb, struct modfmt_diag *diag)
{
    struct modfmt_store_source source[WORLD_NAMES];
    struct world_memory memory[WORLD_NAMES];
    uint8_t buffer[192];
    uint32_t count = 0;

    for (uint32_t i = 0; i < WORLD_NAMES; i++) {
        uint32_t version = version_in(verb->set, i);

        if (version == 0)
            continue;
        memory[count].bytes = world_image(world->scale, i, version, &memory[count].size);
        source[count] = (struct modfmt_store_source){
            .read = world_read_memory,
            .ctx = &memory[count],
            .flags = verb->kind == 'p' ? MODFMT_STORE_PINNED : 0,
            .force = verb->kind == 'f'};
        count++;
    }
    return modfmt_store_install(store, source, count, buffer,
                                64u << simulator_random(&world->sim) % 2u, diag);
}

static int remove_all(struct modfmt_store *store, const struct verb *verb,
                      struct modfmt_diag *diag)
{
    uint32_t hash[WORLD_NAMES], count = 0;
    uint8_t buffer[64];

    for (uint32_t i = 0; i < WORLD_NAMES; i++) {
        const char word = (char)('a' + i);

        if (version_in(verb->set, i) != 0)
            hash[count++] = modfmt_hash(&word, 1);
    }
    return modfmt_store_remove(store, hash, count, buffer, sizeof(buffer), diag);
}

/** The verb itself. @return what the store says */
static int perform(struct world *world, const struct verb *verb, struct outcome *outcome)
{
    struct modfmt_store_image image[WORLD_NAMES + 2u];
    struct modfmt_store store;
    struct modfmt_diag diag;
    uint8_t buffer[64];
    uint32_t head;
    int code =
        modfmt_store_open(&store, &world->sim.flash, image, WORLD_NAMES + 2u, &diag);

    if (code != 0)
        return code;
    head = store.head;
    if (verb->kind == 'r')
        code = remove_all(&store, verb, &diag);
    else if (verb->kind == 'c')
        code = modfmt_store_compact(&store, buffer, sizeof(buffer), &diag);
    else if (verb->kind == 's')
        code = modfmt_store_settle(&store, &diag);
    else
        code = install(world, &store, verb, &diag);
    *outcome = (struct outcome){code,
                                store.erased_sectors,
                                store.programmed_bytes,
                                store.moved_images,
                                head != MODFMT_STORE_NONE && head != store.head,
                                head == MODFMT_STORE_NONE && store.head != head};
    return code;
}

/**
 * What a host with a journal does: void the directory, and write everything anew. While
 * the power fails it does so again; nobody trusts a scan meanwhile.
 */
static bool rewrite(struct world *world)
{
    struct verb all = {'i', world->allowed[0]};
    struct modfmt_store_image image[WORLD_NAMES + 2u];
    struct modfmt_store store;
    struct modfmt_diag diag;
    int code = -1;

    if (!world->settled)
        return true;
    for (uint32_t i = 0; code != 0; i++) {
        (void)modfmt_store_open(&store, &world->sim.flash, image, WORLD_NAMES + 2u,
                                &diag);
        code = i == 0 ? modfmt_store_retire(&store, &diag) : 0;
        modfmt_store_reset(&store);
        if (code == 0 || code == MODFMT_E_STORE_SLOTS)
            code = install(world, &store, &all, &diag);
        if (world->sim.violation)
            return fail(world, world->sim.violation);
        if (code != 0 && !world->sim.off)
            return fail(world, modfmt_strerror(code));
        simulator_power_on(&world->sim);
    }
    return true;
}

/** Errors that a verb may end with though the power did not fail. */
static bool is_refusal(int code)
{
    return code == MODFMT_E_STORE_FULL || code == MODFMT_E_STORE_RESERVE ||
           code == MODFMT_E_STORE_SLOTS || code == MODFMT_E_STORE_COMPACT ||
           code == MODFMT_E_STORE_NOT_FOUND;
}

/** Does the store know that very image to be at the region's start, dead or alive? And
 *  where is the directory? */
static bool is_known(struct world *world, const uint8_t *bytes, uint32_t *head)
{
    struct modfmt_store_image image[WORLD_NAMES + 2u];
    struct modfmt_store store;
    struct modfmt_diag diag;

    if (modfmt_store_open(&store, &world->sim.flash, image, WORLD_NAMES + 2u, &diag) != 0)
        return false;
    *head = store.head;
    return store.origin.size == modfmt_get32(bytes + MODFMT_OFF_TOTAL_SIZE) &&
           store.origin.crc == modfmt_get32(bytes + MODFMT_OFF_CRC);
}

static void overwrite(struct world *world, const struct verb *verb)
{
    bool known = false;
    uint32_t before = 0, after = 0;

    for (uint32_t i = 0; i < WORLD_NAMES; i++) {
        uint32_t version = version_in(verb->set, i), size;
        const uint8_t *bytes;

        if (version == 0)
            continue;
        bytes = world_image(world->scale, i, version, &size);
        if (size > world->sim.size)
            return;
        known = is_known(world, bytes, &before);
        simulator_overwrite(&world->sim, bytes, size);
        (void)is_known(world, bytes, &after);
    }
    /* What that destroyed is found out by looking: it is not the store's doing. */
    world->settled = true;
    world->allowed_count = 1;
    if (!world_observe(world, &world->allowed[0]))
        return;
    /* The very image that is dead there cannot be told from what it was; nor if an older
     * directory, that does not know the latest, is all that is left. */
    if ((world->allowed[0] & verb->set) != verb->set && !known && before == after)
        fail(world, "a bare image is not found");
}

bool world_do(struct world *world, const struct verb *verb, struct outcome *ret_outcome)
{
    uint64_t before[WORLD_ALLOWED_MAX];
    uint32_t count = world->allowed_count;
    struct outcome unused, *outcome = ret_outcome ? ret_outcome : &unused;

    *outcome = (struct outcome){0};
    if (verb->kind == 'b')
        overwrite(world, verb);
    if (verb->kind == 'x')
        simulator_soil(&world->sim);
    if (verb->kind == 'j')
        return rewrite(world);
    if (verb->kind == 'b' || verb->kind == 'x')
        return world->problem == NULL;
    outcome->code = perform(world, verb, outcome);
    if (world->sim.violation)
        return fail(world, world->sim.violation);
    if (getenv("STORE_TRACE"))
        printf("  %c gives %d\n", verb->kind, outcome->code);
    if (!world->sim.off && outcome->code != 0)
        return is_refusal(outcome->code) || fail(world, modfmt_strerror(outcome->code));
    memcpy(before, world->allowed, sizeof(before));
    if (outcome->code == 0)
        world->allowed_count = 0;
    world->settled = outcome->code == 0;
    for (uint32_t i = 0; i < count; i++) {
        uint64_t after;

        if (world_apply(verb, before[i], &after))
            allow(world, after);
    }
    return true;
}

bool world_run(struct world *world, const char *text)
{
    struct verb verb;

    while (*text == ' ')
        text++;
    while (*text != '\0') {
        text = verb_parse(text, &verb);
        if (!text)
            return fail(world, "this is no verb");
        if (!world_do(world, &verb, NULL) || !world_scan(world, 2))
            return false;
        while (*text == ' ')
            text++;
    }
    return true;
}

void world_plan(struct world *world, const struct verb *verb, struct outcome *ret_outcome)
{
    int (*program)(struct modfmt_flash *, uint32_t, const void *, uint32_t) =
        world->sim.flash.program;

    world->sim.flash.program = NULL;
    *ret_outcome = (struct outcome){0};
    ret_outcome->code = perform(world, verb, ret_outcome);
    world->sim.flash.program = program;
}

static void dump_slot(const struct world *world, uint32_t end, uint32_t slot)
{
    const struct simulator *sim = &world->sim;
    uint32_t at = end - 32u * (slot + 1u), state = 0, zeros = 0;
    const uint8_t *bytes = sim->bytes + at;

    for (uint32_t i = 0; i < 32; i++) {
        zeros += bytes[i] != 0xff;
        if (sim->state[(at + i) / sim->flash.unit] > state)
            state = sim->state[(at + i) / sim->flash.unit];
    }
    if (zeros == 0 && state == 0)
        return;
    printf("    %2u at %05x state %u: %c%u base %u count %u gen %u:", slot, at, state,
           bytes[0] >= 'A' && bytes[0] <= 'Z' ? bytes[0] : '?', bytes[1],
           modfmt_get16(bytes + MODFMT_STORE_OFF_BASE),
           modfmt_get16(bytes + MODFMT_STORE_OFF_COUNT),
           modfmt_get32(bytes + MODFMT_STORE_OFF_GENERATION));
    for (uint32_t i = 0; i < 4; i++)
        printf(" %x", modfmt_get32(bytes + MODFMT_STORE_OFF_PAYLOAD + 4u * i));
    printf("\n");
}

void world_dump(const struct world *world)
{
    uint32_t end = 0;

    printf("  states allowed:");
    for (uint32_t i = 0; i < world->allowed_count; i++)
        printf(" %lx", (unsigned long)world->allowed[i]);
    printf("\n");
    for (uint32_t i = 0; i < world->sim.flash.sector_count; i++) {
        end += world->sim.sector_size[i];
        printf("  sector %u to %05x, half erased: %u\n", i, end, world->sim.half[i]);
        if (world->sim.bytes[end - 32u] == MODFMT_STORE_HEAD)
            for (uint32_t slot = 0; slot < 60; slot++)
                dump_slot(world, end, slot);
    }
}

/* ---- making one
 * -------------------------------------------------------------------------- */

uint32_t world_geometry_check(const struct world *world)
{
    const struct modfmt_flash *flash = &world->sim.flash;
    uint8_t bytes[8 + 4 * SIMULATOR_SECTOR_MAX];

    modfmt_put32(bytes, flash->base);
    modfmt_put32(bytes + 4, flash->unit);
    for (uint32_t i = 0; i < flash->sector_count; i++)
        modfmt_put32(bytes + 8 + 4 * i, flash->sector_size[i]);
    return modfmt_crc32(1 /* the store's version */, bytes, 8 + 4 * flash->sector_count);
}

void world_begin(struct world *world, const struct geometry *geometry, uint32_t unit)
{
    world->scale = geometry->scale;
    world->settled = true;
    world->allowed_count = 1;
    world->allowed[0] = 0;
    world->problem = NULL;
    simulator_begin(&world->sim, 0x08060000, unit, geometry->size, geometry->count);
}

void world_copy(struct world *to, const struct world *from)
{
    memcpy(to, from, offsetof(struct world, sim));
    simulator_copy(&to->sim, &from->sim);
}
