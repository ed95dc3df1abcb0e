/* SPDX-License-Identifier: BSD-2-Clause */
/* Thousands of verbs in random order, power failing now and then, several times in a row
 * too, against the model of world.h. Wear is counted, printed, and must not be absurd.
 *
 * - store-random-test: what the test suite runs.
 * - store-random-test RUNS: so many runs for each region and unit.
 * - store-random-test GEOMETRY UNIT SEED [STEPS]: one run, told step by step.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "world.h"

#define STEPS_      120u
#define CUTS_IN_ROW 4u

/** What a kind of region went through. */
struct wear {
    uint64_t verbs;
    uint64_t cuts;
    uint64_t refused;
    uint64_t payload; /**< bytes of images that verbs were to write, and did */
    uint64_t programmed;
    uint64_t erased;
    uint64_t most; /**< erasures of the sector with most of them, in one run */
};

/** One run. */
struct run {
    const struct geometry *geometry;
    uint32_t unit;
    uint32_t seed;
    uint32_t steps;
    uint32_t random;
    bool tell;
    bool calm;    /**< nothing pinned, nothing bare: there is always room for little */
    uint32_t row; /**< cuts since the last verb that ended well */
    bool full;    /**< the last verb was refused */
    struct world world;
};

static uint32_t failures;

static uint32_t next_random(struct run *run)
{
    run->random = run->random * 1664525u + 1013904223u;
    return run->random >> 12;
}

/** What may come next. Some names are more popular than others, and mostly small ones. */
static struct verb random_verb(struct run *run)
{
    const char *kinds = run->calm ? "iiiiiiiiiifrrrcs" : "iiiiiiiiipfrrbcs";
    struct verb verb = {kinds[next_random(run) % 16u], 0};
    uint32_t number;

    if (run->full && run->world.settled && run->world.allowed[0] != 0) {
        verb.kind = 'r';
        for (uint32_t i = 0; i < WORLD_NAMES; i++)
            if (next_random(run) % 2u == 0)
                verb.set |= run->world.allowed[0] & (uint64_t)0xff << 8u * i;
        if (verb.set != 0)
            return verb;
    }
    /* One sector is never more than filled up: that is what the host's journal is for. */
    if (run->geometry->count == 1 && next_random(run) % 8u == 0)
        verb.kind = 'j';
    number = verb.kind != 'b' && next_random(run) % 4u == 0 ? 2 : 1;
    if (verb.kind == 'c' || verb.kind == 's' || verb.kind == 'j')
        return verb;
    while (number-- > 0) {
        uint32_t name = next_random(run) % (next_random(run) % 4u == 0 ? 7u : 5u);
        uint64_t version = 1u + next_random(run) % (WORLD_VERSIONS - 1u);

        verb.set &= ~((uint64_t)0xff << 8u * name);
        verb.set |= version << 8u * name;
    }
    return verb;
}

static uint64_t bytes_of(const struct run *run, uint64_t state)
{
    uint64_t total = 0;

    for (uint32_t i = 0; i < WORLD_NAMES; i++) {
        uint32_t version = (uint32_t)(state >> 8u * i) & 0xffu, size = 0;

        if (version != 0)
            world_image(run->geometry->scale, i, version, &size);
        total += size;
    }
    return total;
}

/** An install must not be refused where there is plenty of room for everything. */
static bool may_refuse(struct run *run, const struct verb *verb, int code)
{
    uint64_t after;
    uint32_t smallest = 0xffffffffu;

    if (code == MODFMT_E_STORE_NOT_FOUND || verb->kind == 'c' || !run->calm ||
        verb->kind == 'r' || strcmp(run->geometry->name, "even") != 0)
        return true;
    for (uint32_t i = 0; i < run->geometry->count; i++)
        if (run->geometry->size[i] < smallest)
            smallest = run->geometry->size[i];
    for (uint32_t i = 0; i < run->world.allowed_count; i++)
        if (world_apply(verb, run->world.allowed[i], &after) &&
            bytes_of(run, after) + bytes_of(run, verb->set) > smallest / 2u)
            return true;
    return false;
}

static bool step(struct run *run, struct wear *wear)
{
    struct verb verb = random_verb(run);
    bool cut = run->row < CUTS_IN_ROW && next_random(run) % 3u == 0 && verb.kind != 'b';
    /* Mostly early: that is where the records are, and what comes after them. */
    uint32_t at = cut ? 1u + next_random(run) % (8u << next_random(run) % 10u) : 0;
    enum torn torn = (enum torn)(next_random(run) % TORN_KINDS);
    struct outcome outcome;
    char word[40];

    /* Who overwrites the directory while something is half done loses what he loses. */
    if ((verb.kind == 'b' || verb.kind == 'j') && !run->world.settled)
        verb = (struct verb){'s', 0};
    for (uint32_t i = 0; i < run->geometry->count && verb.kind == 'b'; i++)
        if (run->world.sim.half[i] != 0)
            verb = (struct verb){'s', 0};
    verb_print(&verb, word);
    simulator_arm(&run->world.sim, at, torn, next_random(run));
    if (run->tell)
        printf("  %s at %u torn %u: ", word, at, (unsigned)torn);
    if (!world_do(&run->world, &verb, &outcome))
        return false;
    cut = run->world.sim.off;
    if (run->tell)
        printf("%s (%d)\n", cut ? "cut" : "done", outcome.code);
    simulator_power_on(&run->world.sim);
    wear->verbs++;
    wear->cuts += cut;
    run->row = cut ? run->row + 1u : outcome.code == 0 ? 0 : run->row;
    run->full = !cut && outcome.code != 0 && verb.kind != 'r';
    if (!cut && outcome.code != 0) {
        wear->refused++;
        if (!may_refuse(run, &verb, outcome.code)) {
            run->world.problem = "refused though there is room";
            return false;
        }
    }
    if (outcome.code == 0 && verb.kind != 'r' && verb.kind != 'b')
        wear->payload += bytes_of(run, verb.set);
    return world_scan(&run->world, 3);
}

static void one_run(struct run *run, struct wear *wear)
{
    run->random = run->seed * 2654435761u + run->unit;
    run->calm = run->seed % 2u == 0;
    run->row = 0;
    run->full = false;
    world_begin(&run->world, run->geometry, run->unit);
    if (run->seed % 3u == 0)
        simulator_soil(&run->world.sim);
    for (uint32_t i = 0; i < run->steps; i++)
        if (!step(run, wear)) {
            printf("FAIL: %s (0x%x), step %u\n      store-random-test %s %u %u\n",
                   run->world.problem, run->world.sim.violation_offset, i,
                   run->geometry->name, run->unit, run->seed);
            if (run->tell)
                world_dump(&run->world);
            if (++failures >= 20)
                exit(1);
            break;
        }
    wear->programmed += run->world.sim.programmed;
    for (uint32_t i = 0; i < run->geometry->count; i++) {
        wear->erased += run->world.sim.erased[i];
        if (run->world.sim.erased[i] > wear->most)
            wear->most = run->world.sim.erased[i];
    }
}

/** Bounds far above what is to be expected: what breaks them has lost its way. */
static void check_wear(const struct geometry *geometry, const struct wear *wear)
{
    printf(
        "%s: %lu verbs, %lu of them cut, %lu refused; %lu bytes wanted, %lu programmed; "
        "%lu erasures, one sector at most %lu in %u verbs\n",
        geometry->name, (unsigned long)wear->verbs, (unsigned long)wear->cuts,
        (unsigned long)wear->refused, (unsigned long)wear->payload,
        (unsigned long)wear->programmed, (unsigned long)wear->erased,
        (unsigned long)wear->most, STEPS_);
    if (wear->programmed > 6u * wear->payload + 400u * wear->verbs ||
        wear->erased > wear->verbs + 2u * wear->cuts ||
        wear->refused * 10u > wear->verbs * 6u) {
        printf("FAIL: that is absurd\n");
        failures++;
    }
}

int main(int argc, char **argv)
{
    static const uint32_t units[] = {1, 2, 4, 8, 16, 32};
    static struct run run;
    uint32_t runs = argc == 2 ? (uint32_t)atoi(argv[1]) : 12;

    setvbuf(stdout, NULL, _IOLBF, 0);
    run.steps = argc > 4 ? (uint32_t)atoi(argv[4]) : STEPS_;
    if (argc > 3) {
        struct wear wear = {0};

        run.tell = true;
        run.geometry = world_geometry(argv[1]);
        run.unit = (uint32_t)atoi(argv[2]);
        run.seed = (uint32_t)atoi(argv[3]);
        one_run(&run, &wear);
        return failures != 0;
    }
    for (uint32_t g = 0; g < world_geometry_count; g++) {
        struct wear wear = {0};

        run.geometry = &world_geometries[g];
        for (uint32_t u = 0; u < sizeof(units) / sizeof(units[0]); u++)
            for (uint32_t seed = 1; seed <= runs; seed++) {
                run.unit = units[u];
                run.seed = seed;
                one_run(&run, &wear);
            }
        check_wear(run.geometry, &wear);
    }
    printf("%u failures\n", failures);
    return failures != 0;
}
