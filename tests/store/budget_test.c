/* SPDX-License-Identifier: BSD-2-Clause */
/* What verbs may cost, and that a plan says so beforehand: bytes programmed, sectors
 * erased, reads of a scan. Also what unreadable flash may cost: the module that lies
 * there. */
#include <stdio.h>
#include <string.h>

#include "world.h"

static struct world world;
static uint32_t failures, checks;

static void expect(bool good, const char *geometry, uint32_t unit, const char *what,
                   uint32_t got, uint32_t limit)
{
    checks++;
    if (good)
        return;
    printf("FAIL: %s, unit %u: %s: %u, limit %u\n", geometry, unit, what, got, limit);
    failures++;
}

static uint32_t size_of(const struct geometry *geometry, uint64_t set)
{
    uint32_t total = 0;

    for (uint32_t i = 0; i < WORLD_NAMES; i++) {
        uint32_t version = (uint32_t)(set >> 8u * i) & 0xffu, size = 0;

        if (version != 0)
            world_image(geometry->scale, i, version, &size);
        total += size;
    }
    return total;
}

/** Do it, and hold what was programmed and erased against the budget. */
static void spend(const struct geometry *geometry, uint32_t unit, const char *word)
{
    uint32_t markers = unit <= 16 ? 64 : 96, limit;
    uint64_t before = world.sim.programmed;
    struct outcome outcome;
    struct verb verb;

    verb_parse(word, &verb);
    limit = markers + (verb.kind == 'r' ? 0 : size_of(geometry, verb.set));
    if (!world_do(&world, &verb, &outcome) || !world_scan(&world, 2)) {
        expect(false, geometry->name, unit, world.problem, 0, 0);
        return;
    }
    expect(outcome.code == 0, geometry->name, unit, word, (uint32_t)-outcome.code, 0);
    expect(world.sim.programmed - before <= limit, geometry->name, unit, word,
           (uint32_t)(world.sim.programmed - before), limit);
    expect(world.sim.programmed - before == outcome.programmed, geometry->name, unit,
           "it says what it programmed", outcome.programmed, limit);
    expect(outcome.erased == 0, geometry->name, unit, "erased", outcome.erased, 0);
}

/** While there is room, an update costs itself and three records, and erases nothing. */
static void budgets(const struct geometry *geometry, uint32_t unit)
{
    const char *const words[] = {"i0.2", "r1", "i0.3", "f0.3", "i0.4", "r0"};

    world_begin(&world, geometry, unit);
    world_run(&world, "i0.1 i1.1");
    for (uint32_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
        spend(geometry, unit, words[i]);
    /* What is there already costs nothing. */
    world_run(&world, "i0.5");
    {
        uint64_t before = world.sim.programmed;

        world_run(&world, "i0.5 s");
        expect(world.sim.programmed == before, geometry->name, unit, "nothing to do",
               (uint32_t)(world.sim.programmed - before), 0);
    }
}

/** Plan each verb of a random life, then do it: the same counters, and no touch before.
 */
static void plans(const struct geometry *geometry, uint32_t unit, uint32_t seed)
{
    static struct world copy;
    uint32_t random = seed;

    world_begin(&world, geometry, unit);
    for (uint32_t i = 0; i < 60; i++) {
        struct outcome planned, done;
        struct verb verb = {"iiiifrcs"[(random >> 16) % 8u], 0};

        random = random * 1664525u + 1013904223u;
        if (verb.kind != 'c' && verb.kind != 's')
            verb.set = (uint64_t)(1u + (random >> 20) % 15u)
                       << 8u * ((random >> 16) % 6u);
        simulator_arm(&world.sim, 0, TORN_NOISY, 0);
        world_copy(&copy, &world);
        world_plan(&world, &verb, &planned);
        expect(memcmp(copy.sim.bytes, world.sim.bytes, world.sim.size) == 0 &&
                   memcmp(copy.sim.state, world.sim.state, world.sim.size / unit) == 0 &&
                   world.sim.operation == 0,
               geometry->name, unit, "a plan writes", i, seed);
        simulator_arm(&world.sim, 0, TORN_NOISY, 0);
        if (!world_do(&world, &verb, &done) || !world_scan(&world, 1)) {
            expect(false, geometry->name, unit, world.problem, i, seed);
            return;
        }
        expect(planned.code == done.code && planned.erased == done.erased &&
                   planned.programmed == done.programmed && planned.moved == done.moved &&
                   planned.head_moved == done.head_moved,
               geometry->name, unit, "the plan differs from what was done", i, seed);
        random = random * 1664525u + 1013904223u;
    }
}

/** A scan's reads grow with records and sectors, and not with bytes. */
static void reads(const struct geometry *geometry, uint32_t unit)
{
    char word[8];

    world_begin(&world, geometry, unit);
    for (uint32_t i = 0; i < 24; i++) {
        struct modfmt_store_image image[WORLD_NAMES];
        struct modfmt_store store;
        struct modfmt_diag diag;
        uint32_t limit, before = world.sim.reads;

        modfmt_store_open(&store, &world.sim.flash, image, WORLD_NAMES, &diag);
        /* Slot 0 of each sector, thrice; a record once, if it counts twice more; the
         * eight blank ones and the two skipped; header and name of each image and a bare
         * one. */
        limit = 3u * (geometry->count + 1u) + 3u * store.next_slot + 10u +
                4u * (store.count + 1u);
        if (store.head != MODFMT_STORE_NONE)
            expect(world.sim.reads - before <= limit, geometry->name, unit, "reads",
                   world.sim.reads - before, limit);
        snprintf(word, sizeof(word), "i%u.%u", i % 2u, 1u + i % 15u);
        if (!world_run(&world, word))
            expect(false, geometry->name, unit, world.problem, i, 0);
    }
}

/** Damage one image's first or last bytes; the others must stay, whatever is done next.
 */
static void damage(const struct geometry *geometry, uint32_t unit, bool header)
{
    struct modfmt_store_image image[WORLD_NAMES], victim;
    struct modfmt_store store;
    struct modfmt_diag diag;
    const char *const after[] = {"", "i0.2", "r0", "i2.1", "c", "i1.1"};

    for (uint32_t i = 0; i < sizeof(after) / sizeof(after[0]); i++) {
        struct verb verb;

        world_begin(&world, geometry, unit);
        world_run(&world, "i0.1 i1.1 i7.1");
        modfmt_store_open(&store, &world.sim.flash, image, WORLD_NAMES, &diag);
        victim = image[1];
        simulator_damage(&world.sim, victim.offset + (header ? 0 : victim.size - 32u),
                         32);
        if (after[i][0] != '\0' && verb_parse(after[i], &verb))
            world_do(&world, &verb, NULL);
        expect(!world.sim.violation, geometry->name, unit, after[i], i, header);
        expect(modfmt_store_open(&store, &world.sim.flash, image, WORLD_NAMES, &diag) ==
                   0,
               geometry->name, unit, "a scan of damaged flash", i, header);
        for (uint32_t k = 0; k < store.count; k++)
            if (image[k].hash == victim.hash && image[k].crc == victim.crc)
                image[k] = image[--store.count];
        expect(store.count >= (after[i][0] == 'r' ? 1u : 2u), geometry->name, unit,
               "modules that are left", store.count, header);
    }
}

int main(void)
{
    static const uint32_t units[] = {1, 2, 4, 8, 16, 32};

    for (uint32_t g = 0; g < world_geometry_count; g++)
        for (uint32_t u = 0; u < 6; u++) {
            const struct geometry *geometry = &world_geometries[g];

            /* Its smallest sectors have little room beside a directory. */
            if (geometry->size[geometry->count - 1u] >= 4096 &&
                strcmp(geometry->name, "f4") != 0)
                budgets(geometry, units[u]);
            for (uint32_t seed = 1; seed <= 8; seed++)
                plans(geometry, units[u], seed);
            if (geometry->size[0] >= 4096)
                reads(geometry, units[u]);
            damage(geometry, units[u], true);
            damage(geometry, units[u], false);
        }
    printf("%u checks, %u failures\n", checks, failures);
    return failures != 0 || checks < 1000;
}
