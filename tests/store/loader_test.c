/* SPDX-License-Identifier: BSD-2-Clause */
/* The loader's own search in a store, modload_scan(), against the model and against
 * modfmt_store_open(): whatever verbs and power cuts did to a region, each name is found
 * in a version that it may have, and in the very one when that is settled.
 *
 * loader_test [ROUNDS [SEED]] */
#include <stdio.h>
#include <stdlib.h>

#include "modload_scan.h"
#include "world.h"

#define STEPS 40u

static struct world world;
static uint32_t state;
static unsigned long looks, found, settled, bare_ones;

static uint32_t next_random(void)
{
    state ^= state << 13;
    state ^= state >> 17;
    state ^= state << 5;
    return state;
}

/** Which version of a name does modload_scan() find? 0: none. */
static uint32_t version_found(uint32_t name, int *ret_rc)
{
    const char word = (char)('a' + name);
    struct modfmt_flash *flash = &world.sim.flash;
    struct modload_source source;
    uint8_t header[MODFMT_HEADER_SIZE];
    uint32_t size;

    *ret_rc = modload_scan(flash, modfmt_hash(&word, 1), &source);
    if (*ret_rc != 0)
        return 0;
    if (flash->read(flash, source.address - flash->base, header, sizeof(header)) != 0)
        return 0;
    for (uint32_t version = 1; version < WORLD_VERSIONS; version++) {
        const uint8_t *want = world_image(world.scale, name, version, &size);

        if (modfmt_get32(want + MODFMT_OFF_CRC) == modfmt_get32(header + MODFMT_OFF_CRC))
            return size == source.available ? version : WORLD_VERSIONS;
    }
    return WORLD_VERSIONS;
}

/** Is there an image that no record names? Then the two readers are not of one mind. */
static bool is_bare(void)
{
    struct modfmt_store_image image[WORLD_NAMES + 2u];
    struct modfmt_store store;
    struct modfmt_diag diag;

    if (modfmt_store_open(&store, &world.sim.flash, image, WORLD_NAMES + 2u, &diag) != 0)
        return true;
    for (uint32_t i = 0; i < store.count; i++)
        if (image[i].flags & MODFMT_STORE_BARE)
            return true;
    return false;
}

static bool look(void)
{
    if (is_bare()) {
        bare_ones++;
        return true;
    }
    settled += world.settled;
    for (uint32_t name = 0; name < WORLD_NAMES; name++) {
        int rc;
        uint32_t version = version_found(name, &rc);
        bool allowed = false;

        for (uint32_t i = 0; i < world.allowed_count; i++)
            allowed |= (world.allowed[i] >> 8u * name & 0xffu) == version;
        if (!allowed || (rc != 0 && rc != MODFMT_E_STORE_NOT_FOUND)) {
            printf("name %u: version %u, %d\n", (unsigned)name, (unsigned)version, rc);
            return false;
        }
        looks++;
        found += version != 0;
    }
    return true;
}

static bool step(void)
{
    static const char kinds[] = "iiiiirrcsp";
    struct verb verb = {kinds[next_random() % (sizeof(kinds) - 1u)], 0};
    bool cut = next_random() % 3u == 0;
    struct outcome outcome;

    for (uint32_t left = 1u + next_random() % 2u; left; left--) {
        uint32_t shift = 8u * (next_random() % 5u);

        if (verb.kind == 'c' || verb.kind == 's')
            break;
        verb.set &= ~((uint64_t)0xff << shift);
        verb.set |= (uint64_t)(1u + next_random() % (WORLD_VERSIONS - 1u)) << shift;
    }
    simulator_arm(&world.sim, cut ? 1u + next_random() % (8u << next_random() % 10u) : 0,
                  (enum torn)(next_random() % TORN_KINDS), next_random());
    if (!world_do(&world, &verb, &outcome))
        return false;
    simulator_power_on(&world.sim);
    return world_scan(&world, 1) && look() && look();
}

int main(int argc, char **argv)
{
    static const uint32_t units[] = {1, 4, 8, 16, 32};
    uint32_t rounds = argc > 1 ? (uint32_t)atoi(argv[1]) : 3;
    uint32_t seed = argc > 2 ? (uint32_t)atoi(argv[2]) : 1;

    for (uint32_t g = 0; g < world_geometry_count; g++)
        for (uint32_t u = 0; u < 5; u++)
            for (uint32_t round = 0; round < rounds; round++) {
                state = (seed + round) * 2654435761u + g * 5u + u + 1u;
                world_begin(&world, &world_geometries[g], units[u]);
                for (uint32_t i = 0; i < STEPS; i++)
                    if (!step()) {
                        printf("FAIL: %s: %s, unit %u, round %u, step %u\n",
                               world.problem ? world.problem : "the loader's search",
                               world_geometries[g].name, (unsigned)units[u],
                               (unsigned)round, (unsigned)i);
                        return 1;
                    }
            }
    printf("%lu looks, %lu found, %lu states settled, %lu with a bare image\n", looks,
           found, settled, bare_ones);
    return looks < 1000 || found < looks / 20 || settled == 0;
}
