/* SPDX-License-Identifier: BSD-2-Clause */
/* Flash that somebody else has written: flipped bits, garbage, records that are valid and
 * lie. Nothing may be read or written outside the region, nothing may take for ever, and
 * an image may not pass for a directory. Built with ASan and UBSan as well.
 *
 * store-hostile-test [ROUNDS [SEED]] */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "world.h"

static struct world world;
static uint32_t failures, random_state, rounds_seen;

static uint32_t next_random(void)
{
    random_state = random_state * 1664525u + 1013904223u;
    return random_state >> 8;
}

static void expect(bool good, const char *what, uint32_t seed)
{
    if (good)
        return;
    printf("FAIL: %s, seed %u\n", what, seed);
    failures++;
}

/** As much as a scan may ever read: heads, and three times the slots of each directory.
 */
static uint32_t most_reads(const struct geometry *geometry)
{
    uint32_t slots = 0;

    for (uint32_t i = 0; i < geometry->count; i++)
        slots += geometry->size[i] / MODFMT_STORE_RECORD_SIZE;
    /* Unsettled directories are looked for up to sixteen times; a body's CRC once. */
    return 16u * (2u * slots + (geometry->count + 2u) * geometry->count) + 2u * slots +
           400u;
}

/** A record that is valid but for what it says. */
static void forge(uint8_t *bytes, uint32_t slot, uint32_t generation, uint32_t geometry)
{
    static const uint8_t types[] = {
        MODFMT_STORE_HEAD,    MODFMT_STORE_IMAGE,  MODFMT_STORE_CONFIRM,
        MODFMT_STORE_FILL,    MODFMT_STORE_DEAD,   MODFMT_STORE_COMMIT,
        MODFMT_STORE_SETTLE,  MODFMT_STORE_ERASE,  MODFMT_STORE_CLEAN,
        MODFMT_STORE_RETIRED, 0x66 /* nobody's */, 0x77};
    uint32_t type = types[slot == 0 ? 0 : next_random() % sizeof(types)], check;

    for (uint32_t i = 0; i < 32; i++)
        bytes[i] = (uint8_t)(next_random() % 3u == 0 ? 0xff : next_random() % 8u);
    bytes[MODFMT_STORE_OFF_TYPE] = (uint8_t)type;
    modfmt_put16(bytes + MODFMT_STORE_OFF_SLOT, slot);
    modfmt_put16(bytes + MODFMT_STORE_OFF_BASE, next_random() % 4u == 0
                                                    ? next_random()
                                                    : slot - next_random() % (slot + 1u));
    modfmt_put16(bytes + MODFMT_STORE_OFF_COUNT, next_random() % 5u);
    modfmt_put32(bytes + MODFMT_STORE_OFF_GENERATION, generation);
    if (type == MODFMT_STORE_IMAGE && next_random() % 2u == 0) {
        modfmt_put32(bytes + 12, next_random() % 512u * 32u);
        modfmt_put32(bytes + 16,
                     next_random() % 3u == 0 ? 0xffffffe0u : next_random() % 4096u);
    }
    check = type & 0x10u ? MODFMT_STORE_OFF_SHORT_CHECK : MODFMT_STORE_OFF_LONG_CHECK;
    modfmt_put32(bytes + check, modfmt_crc32(geometry, bytes, check));
}

/** Directories full of lies at the ends of sectors. */
static void write_lies(const struct geometry *geometry)
{
    uint32_t end = 0, check = world_geometry_check(&world);

    for (uint32_t i = 0; i < geometry->count; i++) {
        uint32_t slots = next_random() % (geometry->size[i] / 32u);
        uint32_t generation = 1u + next_random() % 4u;

        end += geometry->size[i];
        for (uint32_t slot = 0; slot < slots; slot++) {
            uint8_t *bytes = world.sim.bytes + end - 32u * (slot + 1u);

            forge(bytes, slot, generation,
                  next_random() % 16u == 0 ? next_random() : check);
        }
    }
}

/** Look at it, and do what a user might. Any error is fine. */
static void use(const struct geometry *geometry, uint32_t seed)
{
    const char *const words[] = {"i0.3", "c", "i3.1+1.2", "r0", "f5.2", "s", "i1.3"};
    struct modfmt_store_image image[WORLD_NAMES];
    struct modfmt_store store;
    struct modfmt_diag diag;
    uint32_t before = world.sim.reads;

    rounds_seen++;
    world.sim.lenient = true;
    modfmt_store_open(&store, &world.sim.flash, image, next_random() % (WORLD_NAMES + 1u),
                      &diag);
    expect(world.sim.reads - before <= most_reads(geometry), "too many reads", seed);
    for (uint32_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
        struct outcome outcome;
        struct verb verb;

        before = world.sim.operation;
        verb_parse(words[i], &verb);
        world_do(&world, &verb, &outcome);
        world.problem = NULL;
        expect(!world.sim.violation, world.sim.violation, seed);
        expect(world.sim.operation - before < 8u * world.sim.size, "it does not end",
               seed);
    }
}

static void one_round(const struct geometry *geometry, uint32_t unit, uint32_t seed)
{
    uint32_t flips;

    random_state = seed * 2654435761u;
    world_begin(&world, geometry, unit);
    world_run(&world, "i0.1 i1.1 i3.1 i0.2 r1");
    switch (seed % 4u) {
    case 0: /* a few bits, mostly in the directories */
        flips = 1u << next_random() % 8u;
        while (flips-- > 0) {
            uint32_t at = next_random() % world.sim.size;

            if (next_random() % 4u != 0)
                at = modfmt_store_sector_offset(&world.sim.flash,
                                                1u + next_random() % geometry->count) -
                     1u - next_random() % 512u;
            world.sim.bytes[at] ^= (uint8_t)(1u << next_random() % 8u);
        }
        break;
    case 1:
        simulator_soil(&world.sim);
        break;
    case 2:
        write_lies(geometry);
        break;
    default: /* lies over garbage */
        simulator_soil(&world.sim);
        write_lies(geometry);
    }
    use(geometry, seed);
}

/** An image that has a valid HEAD where a sector will end is refused, and one that has it
 *  a little beside that is not. */
static void forged_image(uint32_t unit, bool at_end)
{
    const struct geometry *geometry = world_geometry("even");
    uint32_t size, version = at_end ? 14 : 13, at = 4096u - (at_end ? 32u : 64u);
    struct modfmt_store_image image[WORLD_NAMES];
    struct modfmt_store store;
    struct modfmt_diag diag;
    struct outcome outcome;
    struct verb verb;
    /* It lies at 0 and goes over the first sector's end. */
    uint8_t *bytes = world_image_edit(geometry->scale, 5, version, &size);

    world_begin(&world, geometry, unit);
    forge(bytes + at, 0, 7, world_geometry_check(&world));
    modfmt_put32(bytes + MODFMT_OFF_CRC, modfmt_image_crc(bytes, size));
    world_run(&world, "i0.1");
    verb_parse(at_end ? "i5.14" : "i5.13", &verb);
    world_do(&world, &verb, &outcome);
    expect(outcome.code == (at_end ? MODFMT_E_STORE_FORGED : 0), "a forged HEAD", unit);
    world.problem = NULL;
    modfmt_store_open(&store, &world.sim.flash, image, WORLD_NAMES, &diag);
    expect(store.count == (at_end ? 1u : 2u), "modules beside a forged HEAD", unit);
}

int main(int argc, char **argv)
{
    static const uint32_t units[] = {1, 4, 8, 16, 32};
    uint32_t rounds = argc > 1 ? (uint32_t)atoi(argv[1]) : 300;

    for (uint32_t g = 0; g < world_geometry_count; g++)
        for (uint32_t u = 0; u < 5; u++) {
            if (argc > 2)
                one_round(&world_geometries[g], units[u], (uint32_t)atoi(argv[2]));
            else
                for (uint32_t seed = 0; seed < rounds && failures < 20; seed++)
                    one_round(&world_geometries[g], units[u], seed);
        }
    for (uint32_t u = 0; u < 5; u++) {
        forged_image(units[u], true);
        forged_image(units[u], false);
    }
    printf("%u rounds, %u failures\n", rounds_seen, failures);
    return failures != 0 || rounds_seen == 0;
}
