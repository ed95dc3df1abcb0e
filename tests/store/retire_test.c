/* SPDX-License-Identifier: BSD-2-Clause */
/* A host gives a region of several sectors up after a verb that was cut anywhere, and
 * begins anew: what that verb had begun, a successor of the directory even, must not come
 * back, neither when the directory is retired nor beside the new one. */
#include <stdio.h>
#include <string.h>

#include "modload_scan.h"
#include "world.h"

#define NAME    2u
#define VERSION 9u

static struct world start, world;
static unsigned long cuts, begun;

/** How many images do records name? */
static uint32_t recorded(struct modfmt_store *store)
{
    uint32_t count = 0;

    for (uint32_t i = 0; i < store->count; i++)
        count += (store->image[i].flags & MODFMT_STORE_BARE) == 0;
    return count;
}

/** Retire (or have no slot for that), look, install one image, look.
 *  @return what is wrong, or NULL */
static const char *give_up(struct world *w, bool retires)
{
    const char word = (char)('a' + NAME);
    struct modfmt_store_image image[WORLD_NAMES + 2u], *found;
    struct modfmt_store store, seen;
    struct modfmt_diag diag;
    struct modload_source by_loader;
    struct world_memory memory;
    struct modfmt_store_source source = {.read = world_read_memory, .ctx = &memory};
    uint8_t buffer[128];

    memory.bytes = world_image(w->scale, NAME, VERSION, &memory.size);
    if (modfmt_store_open(&store, &w->sim.flash, image, WORLD_NAMES + 2u, &diag) != 0)
        return "a scan fails";
    begun += store.pending != MODFMT_STORE_NONE;
    if (retires && modfmt_store_retire(&store, &diag) != 0)
        return NULL; /* no slots */
    if (modfmt_store_open(&seen, &w->sim.flash, image, WORLD_NAMES + 2u, &diag) != 0 ||
        (retires && recorded(&seen) != 0))
        return "images are found in a region that was given up";
    modfmt_store_reset(&store);
    if (modfmt_store_install(&store, &source, 1, buffer, sizeof(buffer), &diag) != 0)
        return "nothing can be installed";
    if (modfmt_store_open(&seen, &w->sim.flash, image, WORLD_NAMES + 2u, &diag) != 0)
        return "a scan of the new directory fails";
    found = modfmt_store_find(&seen, modfmt_hash(&word, 1));
    if (found == NULL || recorded(&seen) != 1 ||
        found->crc != modfmt_get32(memory.bytes + MODFMT_OFF_CRC))
        return "the new directory is not the one that is found";
    if (modload_scan(&w->sim.flash, modfmt_hash(&word, 1), &by_loader) != 0 ||
        by_loader.address != w->sim.flash.base + found->offset)
        return "the loader finds another one";
    return w->sim.violation;
}

static bool every_cut(const struct geometry *geometry, uint32_t unit, const char *setup)
{
    struct verb compact = {'c', 0};
    uint32_t operations;

    world_begin(&start, geometry, unit);
    world_run(&start, setup);
    world_copy(&world, &start);
    simulator_arm(&world.sim, 0, TORN_NOISY, 0);
    world_do(&world, &compact, NULL);
    operations = world.sim.operation;
    for (uint32_t cut = 1; cut <= operations; cut++)
        for (uint32_t torn = 0; torn < TORN_KINDS; torn++) {
            const char *problem;

            world_copy(&world, &start);
            simulator_arm(&world.sim, cut, (enum torn)torn, cut + torn);
            world_do(&world, &compact, NULL);
            simulator_power_on(&world.sim);
            problem = give_up(&world, cut % 2u != 0);
            cuts++;
            if (problem) {
                printf("FAIL: %s: %s, unit %u, '%s', cut %u, torn %u\n", problem,
                       geometry->name, (unsigned)unit, setup, (unsigned)cut,
                       (unsigned)torn);
                return false;
            }
        }
    return true;
}

/** What was at the region's start and is removed stays away when all else is written
 * anew; what is live comes in its version. */
static bool stays_dead(const struct geometry *geometry, uint32_t unit)
{
    static const char *const setups[] = {"b0.1 i1.1 r0", "b0.1 i0.2 i1.1", "b0.1 r0 i2.1",
                                         "i1.1 b0.1"};
    const struct verb rewrite = {'j', 0};

    for (uint32_t i = 0; i < 4; i++) {
        world_begin(&world, geometry, unit);
        world_run(&world, setups[i]);
        if (world.problem || !world_do(&world, &rewrite, NULL) ||
            !world_scan(&world, 2)) {
            printf("FAIL: %s: %s, unit %u, '%s j'\n", world.problem, geometry->name,
                   (unsigned)unit, setups[i]);
            return false;
        }
    }
    return true;
}

int main(void)
{
    static const char *const setups[] = {"i0.1 i3.1 r3 i3.2", "i0.1 p1.1 i3.1 r3 i3.2 r3",
                                         "i0.1 i3.1 r3 i3.2 r3 i3.3 i2.1 r2 i3.4"};

    for (uint32_t g = 0; g < world_geometry_count; g++)
        for (uint32_t unit = 8; unit <= 32; unit *= 2) {
            if (!stays_dead(&world_geometries[g], unit))
                return 1;
            for (uint32_t i = 0; i < 3 && world_geometries[g].count > 1; i++)
                if (!every_cut(&world_geometries[g], unit, setups[i]))
                    return 1;
        }
    printf("%lu cuts, an erase was pending after %lu\n", cuts, begun);
    return cuts < 1000 || begun < 100;
}
