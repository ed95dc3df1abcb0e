/* SPDX-License-Identifier: BSD-2-Clause */
/* The loader's own search in a store, modload_scan(), against the model and against
 * modfmt_store_open(): whatever verbs and power cuts did to a region, each name is found
 * in a version that it may have, and in the very one when that is settled.
 *
 * loader_test [ROUNDS [SEED]] */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "modload_scan.h"
#include "world.h"

#define STEPS 40u

static struct world world;
static uint32_t state;
static unsigned long looks, found, settled, bare_ones, damaged;

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

/* ---- directories that are made up ----------------------------------------------------
 */

/** A directory that is being written. */
struct draft {
    uint32_t end; /**< of its sector */
    uint32_t slot, generation, base, count;
    uint32_t geometry; /**< what checks are continued from */
};

/** What stood before is not the same in all records: then readers may differ. */
static bool lied;

static void put_record(struct draft *d, uint32_t type, uint32_t argument,
                       const uint32_t *words)
{
    uint8_t *bytes = world.sim.bytes + d->end - 32u * (d->slot + 1u);
    uint32_t check = words ? MODFMT_STORE_OFF_LONG_CHECK : MODFMT_STORE_OFF_SHORT_CHECK;
    uint32_t lie = next_random() % 200u;
    uint32_t base = type == MODFMT_STORE_RETIRED ? 0 : d->base;

    /* Records of a transaction that differ in this: a reader may ask any of them. */
    lied |= lie == 0 || lie == 1 || lie == 3;
    memset(bytes, 0xff, 32);
    bytes[MODFMT_STORE_OFF_TYPE] = (uint8_t)type;
    bytes[MODFMT_STORE_OFF_ARGUMENT] = (uint8_t)argument;
    modfmt_put16(bytes + MODFMT_STORE_OFF_BASE,
                 lie == 0 ? next_random() % 2048u : base + (lie == 1));
    modfmt_put16(bytes + MODFMT_STORE_OFF_SLOT, d->slot + (lie == 2));
    modfmt_put16(bytes + MODFMT_STORE_OFF_COUNT,
                 lie == 3 ? next_random() % 2048u : d->count);
    modfmt_put32(bytes + MODFMT_STORE_OFF_GENERATION,
                 next_random() % 40u ? d->generation : d->generation + 1u);
    for (uint32_t i = 0; words && i < 4; i++)
        modfmt_put32(bytes + MODFMT_STORE_OFF_PAYLOAD + 4u * i, words[i]);
    modfmt_put32(bytes + check, modfmt_crc32(d->geometry, bytes, check));
    if (next_random() % 60u == 0)
        bytes[next_random() % 32u] ^= 1u; /* torn */
    d->slot++;
}

/** Where the images are that records speak of: names 0 to 3 in two versions each. */
static uint32_t placed[8][3]; /* offset, size, crc */

static void put_images(const struct geometry *geometry)
{
    uint32_t at = 1024;

    for (uint32_t i = 0; i < 8; i++) {
        uint32_t size;
        const uint8_t *image = world_image(geometry->scale, i / 2u, 1u + i % 2u, &size);

        if (at + size > world.sim.size)
            at = 1024;
        if (at + size <= world.sim.size)
            memcpy(world.sim.bytes + at, image, size);
        placed[i][0] = at;
        placed[i][1] = size;
        placed[i][2] = modfmt_get32(image + MODFMT_OFF_CRC);
        at += (size + 63u) & ~63u;
    }
}

/** An IMAGE, mostly true, or a removal. */
static void put_change(struct draft *d)
{
    const uint32_t *image = placed[next_random() % 8u];
    uint32_t name = (uint32_t)((image - placed[0]) / 6);
    const char word = (char)('a' + name);
    uint32_t words[4] = {image[0], image[1], modfmt_hash(&word, 1), image[2]};
    uint32_t lie = next_random() % 40u;

    if (lie < 2)
        words[next_random() % 2u] += 32u << next_random() % 20u;
    if (lie == 2)
        words[3]++;
    if (lie == 3)
        words[0]++;
    if (next_random() % 5u == 0) {
        words[0] = MODFMT_STORE_NONE;
        words[1] = 0;
    }
    put_record(d, MODFMT_STORE_IMAGE, 0, words);
}

static void put_transaction(struct draft *d)
{
    uint32_t first = d->slot, count = 1u + next_random() % 4u;
    static const uint32_t none[4] = {0, 0, 0, 0};

    for (uint32_t i = 0; i < count; i++)
        if (next_random() % 8u)
            put_change(d);
        else
            put_record(d, next_random() % 4u ? MODFMT_STORE_FILL : 0x6au /* nobody's */,
                       0, none);
    if (next_random() % 8u == 0)
        return; /* cut */
    d->base = d->slot;
    d->count = d->slot - first - (next_random() % 50u == 0);
    put_record(d, MODFMT_STORE_COMMIT, 0, NULL);
}

static void put_directory(const struct geometry *geometry, uint32_t sector)
{
    static const uint32_t none[4] = {0, 0, 0, 0};
    uint32_t limit = geometry->size[sector] / 32u / 2u;
    struct draft d = {modfmt_store_sector_offset(&world.sim.flash, sector + 1u),
                      0,
                      next_random() % 50u ? 1u + next_random() % 3u
                                          : next_random() % 2u - 1u,
                      0,
                      0,
                      world_geometry_check(&world) + (next_random() % 20u == 0)};

    if (next_random() % 10u)
        put_record(&d, MODFMT_STORE_HEAD, 0, NULL);
    else
        put_record(&d, next_random() % 2u ? 0 : 0x6au /* nobody's */, 0, none);
    for (uint32_t left = next_random() % 8u; left && d.slot + 12u < limit; left--) {
        put_transaction(&d);
        if (next_random() % 3u == 0)
            put_record(&d,
                       next_random() % 2u ? MODFMT_STORE_SETTLE : MODFMT_STORE_CONFIRM, 0,
                       NULL);
        if (next_random() % 6u == 0)
            put_record(&d, MODFMT_STORE_ERASE,
                       next_random() % (geometry->count + 1u) + next_random() % 2u * 32u,
                       NULL);
        if (next_random() % 12u == 0)
            put_record(&d, MODFMT_STORE_RETIRED, 0, NULL); /* and yet it goes on */
        if (next_random() % 6u == 0)
            d.slot += next_random() % 9u; /* never begun, or torn to nothing */
    }
    if (next_random() % 3u == 0)
        put_record(&d, MODFMT_STORE_RETIRED, 0, NULL);
}

/** Both readers must say the same of it. */
static bool same_as_open(void)
{
    struct modfmt_store_image image[WORLD_NAMES + 2u];
    struct modfmt_store store;
    struct modfmt_diag diag;
    int opened =
        modfmt_store_open(&store, &world.sim.flash, image, WORLD_NAMES + 2u, &diag);

    for (uint32_t name = 0; name < 4; name++) {
        const char word = (char)('a' + name);
        struct modload_source source;
        struct modfmt_store_image *want;
        int rc = modload_scan(&world.sim.flash, modfmt_hash(&word, 1), &source);

        looks++;
        if (opened != 0 || rc == MODFMT_E_STORE_DAMAGED) {
            damaged++;
            if (opened == rc)
                continue;
            return false;
        }
        want = modfmt_store_find(&store, modfmt_hash(&word, 1));
        if ((rc == 0) != (want != NULL))
            return false;
        if (rc == 0 && (source.address != world.sim.flash.base + want->offset ||
                        source.available != want->size))
            return false;
        found += rc == 0;
    }
    return true;
}

static bool made_up(const struct geometry *geometry, uint32_t unit, uint32_t rounds)
{
    while (rounds--) {
        world_begin(&world, geometry, unit);
        put_images(geometry);
        lied = false;
        for (uint32_t sector = 0; sector < geometry->count; sector++)
            if (next_random() % 3u)
                put_directory(geometry, sector);
        if ((!same_as_open() && !lied) || world.sim.violation) {
            printf("FAIL: two readers differ: %s, unit %u, %u rounds before the end\n",
                   geometry->name, (unsigned)unit, (unsigned)rounds);
            return false;
        }
    }
    return true;
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
    for (uint32_t g = 0; g < world_geometry_count; g++)
        if (!made_up(&world_geometries[g], 4, 200u * rounds))
            return 1;
    printf(
        "%lu looks, %lu found, %lu states settled, %lu with a bare image, %lu damaged\n",
        looks, found, settled, bare_ones, damaged);
    return looks < 1000 || found < looks / 20 || settled == 0 || damaged == 0;
}
