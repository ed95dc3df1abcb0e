/* SPDX-License-Identifier: BSD-2-Clause */
/* Power fails at every operation of every verb; then at operations of the verb that comes
 * next. Each scan must find one of the states that are allowed, and after the first verb
 * that ends well always the same.
 *
 * - store-cut-test: what the test suite runs. Every cut of every verb, but for the middle
 *   of bodies, of which one unit in sixteen is tried (fewer with sanitizers); each in all
 *   ways that a unit or sector can be torn. Second verbs and their cuts are sampled.
 * - store-cut-test long: all second verbs, more of their cuts, more scenes; minutes.
 * - store-cut-test all: everything; hours.
 * - store-cut-test GEOMETRY UNIT 'SETUP | VERB' [CUT TORN SEED [FOLLOW CUT TORN THIRD]]:
 *   one scene, or one case of it, as failures are printed.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "world.h"

/** A setup and the verb whose cuts are tried. */
struct scene {
    char setup[600];
    struct verb verb;
};

/** One case: three verbs, of which the first two may be cut. */
struct trial {
    const struct geometry *geometry;
    uint32_t unit;
    const struct scene *scene;
    uint32_t cut;
    enum torn torn;
    uint32_t seed;
    struct verb follow;
    uint32_t cut2; /**< 0: the second verb is not cut */
    enum torn torn2;
    struct verb third;
};

static struct {
    bool all;
    bool quick;
    bool told; /**< follow, cut2, torn2 and third were given: that case only */
    uint64_t trials;
    uint32_t failures;
    uint32_t refused; /**< verbs that a cut before made impossible */
    uint32_t scenes;
} test;

static void report(const struct trial *t, const struct world *world)
{
    char verb[40], follow[40], third[40];

    verb_print(&t->scene->verb, verb);
    verb_print(&t->follow, follow);
    verb_print(&t->third, third);
    printf("FAIL: %s (0x%x)\n      store-cut-test %s %u '%s | %s' %u %u %u %s %u %u %s\n",
           world->problem, world->sim.violation_offset, t->geometry->name, t->unit,
           t->scene->setup, verb, t->cut, (unsigned)t->torn, t->seed, follow, t->cut2,
           (unsigned)t->torn2, third);
    if (test.told)
        world_dump(world);
    if (++test.failures >= 20)
        exit(1);
}

/** Is this one of the operations that are tried? */
static bool is_tried(const struct world *world, uint32_t cut, uint32_t salt,
                     uint32_t rate)
{
    if (test.all)
        return true;
    if ((world->sim.bulk[cut / 8u] & 1u << cut % 8u) != 0)
        rate *= 16u;
    return rate <= 1 || (cut * 2654435761u + salt * 40503u) / 64u % rate == 0;
}

static void third_verb(struct trial *t, const struct world *cut_twice)
{
    static struct world world;
    struct outcome outcome;

    test.trials++;
    world_copy(&world, cut_twice);
    if (test.told)
        world_dump(&world);
    if (!world_do(&world, &t->third, &outcome) ||
        !world_scan(&world, test.quick ? 3 : 20))
        report(t, &world);
    test.refused += outcome.code != 0;
}

/** The second verb with a cut. */
static void second_cut(struct trial *t, const struct world *cut_once)
{
    static struct world world;

    world_copy(&world, cut_once);
    simulator_arm(&world.sim, t->cut2, t->torn2, t->seed * 31u + t->cut2);
    if (!world_do(&world, &t->follow, NULL)) {
        report(t, &world);
        return;
    }
    simulator_power_on(&world.sim);
    if (!world_scan(&world, 4))
        report(t, &world);
    else
        third_verb(t, &world);
}

/** Of how many cuts in the second verb one is tried. */
static uint32_t unit_rate(uint32_t unit)
{
    uint32_t rate = unit >= 8 ? 24 : unit >= 4 ? 48 : 160;

    return test.quick ? rate * 12u : rate;
}

/** The second verb, wholly; then with cuts. */
static void second_verb(struct trial *t, const struct world *cut_once)
{
    static struct world whole;
    struct outcome outcome;
    uint32_t operations;

    world_copy(&whole, cut_once);
    simulator_arm(&whole.sim, 0, TORN_NOISY, t->seed);
    t->cut2 = 0;
    test.trials++;
    if (!world_do(&whole, &t->follow, &outcome) ||
        !world_scan(&whole, test.quick ? 4 : 20)) {
        report(t, &whole);
        return;
    }
    test.refused += outcome.code != 0;
    operations = whole.sim.operation;
    for (t->cut2 = 1; t->cut2 <= operations; t->cut2++) {
        uint32_t salt = t->cut * 31u + t->seed * 7u + (uint32_t)t->torn;

        if (!is_tried(&whole, t->cut2, salt, unit_rate(t->unit)))
            continue;
        t->torn2 = (enum torn)((t->cut2 + salt) % TORN_KINDS);
        second_cut(t, cut_once);
    }
}

/** Which verbs come after the cut. */
static void follow_up(struct trial *t, const struct world *cut_once)
{
    static const struct verb settle = {'s', 0}, other = {'i', 0x0700000000000000u};
    const struct verb follows[] = {t->scene->verb, other, settle};

    if (test.told) {
        world_dump(cut_once);
        if (t->cut2 == 0)
            second_verb(t, cut_once);
        else
            second_cut(t, cut_once);
        return;
    }
    for (uint32_t i = 0; i < 3; i++) {
        if (test.quick && (t->cut + (uint32_t)t->torn) % 3u != i)
            continue;
        t->follow = follows[i];
        t->third = follows[(t->cut + i) % 3u];
        second_verb(t, cut_once);
    }
}

static void one_cut(struct trial *t, const struct world *start)
{
    static struct world world;

    world_copy(&world, start);
    simulator_arm(&world.sim, t->cut, t->torn, t->seed);
    if (!world_do(&world, &t->scene->verb, NULL)) {
        report(t, &world);
        return;
    }
    simulator_power_on(&world.sim);
    if (!world_scan(&world, 4))
        report(t, &world);
    else
        follow_up(t, &world);
}

/* Sanitizers are slow and look for other things: of units below 8 bytes, one cut in twenty. */
#ifdef __SANITIZE_ADDRESS__
#define SMALL_RATE 20u
#else
#define SMALL_RATE 1u
#endif

static void every_cut(const struct geometry *geometry, uint32_t unit,
                      const struct scene *scene)
{
    static struct world start, whole;
    struct trial t = {.geometry = geometry, .unit = unit, .scene = scene};
    uint32_t operations;

    world_begin(&start, geometry, unit);
    world_run(&start, scene->setup);
    world_copy(&whole, &start);
    simulator_arm(&whole.sim, 0, TORN_NOISY, 0);
    if (start.problem || !world_do(&whole, &scene->verb, NULL) ||
        !world_scan(&whole, 2)) {
        report(&t, &whole);
        return;
    }
    test.scenes++;
    operations = whole.sim.operation;
    for (t.cut = 1; t.cut <= operations; t.cut++) {
        if (!is_tried(&whole, t.cut, test.scenes, unit < 8 ? SMALL_RATE : 1))
            continue;
        for (uint32_t torn = 0; torn < TORN_KINDS; torn++) {
            t.torn = (enum torn)torn;
            t.seed = t.cut + torn;
            one_cut(&t, &start);
        }
    }
}

/* ---- scenes -------------------------------------------------------------------------
 */

/** Verbs that every geometry and unit is put through. */
static const char *const named[] = {
    " | i0.1",                        /* the first one ever */
    "x | i0.1",                       /* on flash that is full of something */
    " | i0.1+1.1+2.1",                /* several */
    "i0.1 i1.1 | i2.1",               /* one more */
    "i0.1 i1.1 | i0.2",               /* update */
    "i0.1 i1.1 i2.1 | i0.2+1.2+7.2",  /* update two, add one */
    "i0.1 i1.1 | f0.1",               /* the same once more */
    "i0.1 | i0.1",                    /* nothing to do */
    "i0.1 i1.1 | r0",                 /* remove */
    "i0.1 i1.1 i2.1 | r0+2",          /* remove several */
    "i0.1 p1.1 i3.1 r3 i3.2 r3 | c",  /* compact around a pinned one */
    "p0.1 p1.1 i2.1 | p0.2+1.2",      /* relink: pinned ones, all at once */
    "p3.1 p3.2 p0.1 | p3.3",          /* relink, and make room beside pinned ones */
    "i0.1 i3.1 r3 i3.2 | c",          /* compact */
    "i0.1 | s",                       /* settle */
    "i0.1 i5.1 | i5.2",               /* larger than a sector, or refused */
    "i6.1 | r6",                      /* over several sectors */
    "x b0.1 | i1.1",                  /* beside a bare image */
    "b0.1 | i0.2",                    /* in place of a bare image */
    "b0.1 | r0",                      /* remove a bare image */
    "b5.1 | i1.1",                    /* beside a large one */
    "b0.1 i1.1 b0.2 | i2.1",          /* a bare one again */
    "i0.1 i1.1 i2.1 b3.1 | i7.1",     /* over a store */
    "i0.1 i1.1 i2.1 b0.2 | r0",       /* over a store, one with the same name */
    "i3.1 i3.2 i3.3 i3.4 b0.1 r0 | c" /* dead again */
};

/** What a verb had to do, for choosing scenes. */
static uint32_t path_of(const struct outcome *o, char kind)
{
    uint32_t path = (o->erased > 1) + 2u * (o->erased != 0) + 4u * (o->moved != 0) +
                    8u * o->head_moved + 16u * o->created + 32u * (o->code != 0);

    return path + 64u * (kind == 'r' ? 1u : kind == 'c' ? 2u : kind == 's' ? 3u : 0u);
}

static uint32_t next_random(uint32_t *random)
{
    *random = *random * 1664525u + 1013904223u;
    return *random >> 12;
}

/** A verb that may come next; most are installs. */
static void random_verb(uint32_t *random, struct verb *verb)
{
    const char *kinds = "iiiiiiiiiipfrrcb";
    uint32_t number = next_random(random) % 3u == 0 ? 2 : 1;
    char text[40];

    verb->kind = kinds[next_random(random) % 16u];
    verb->set = 0;
    if (verb->kind == 'b')
        number = 1;
    while (number-- > 0 && verb->kind != 'c')
        verb->set |= (uint64_t)(1u + next_random(random) % (WORLD_VERSIONS - 1u))
                     << 8u * (next_random(random) % WORLD_NAMES);
    /* Two versions of one name may have been joined. */
    for (uint32_t i = 0; i < WORLD_NAMES; i++)
        if ((verb->set >> 8u * i & 0xffu) >= WORLD_VERSIONS)
            verb->set ^= verb->set & (uint64_t)0xff << 8u * i;
    if (verb->set == 0 && verb->kind != 'c')
        verb->kind = 's';
    verb_print(verb, text);
}

/** Wander about, and try the cuts of every verb that takes a way not taken before. */
static void harvest(const struct geometry *geometry, uint32_t unit, uint32_t seed,
                    uint32_t *paths)
{
    static struct world world;
    static struct scene scene;
    uint32_t random = seed * 2654435761u + unit;
    size_t length = 0;

    scene.setup[0] = '\0';
    world_begin(&world, geometry, unit);
    for (uint32_t step = 0; step < 40 && length < sizeof(scene.setup) - 42; step++) {
        struct outcome outcome;
        uint32_t path;

        random_verb(&random, &scene.verb);
        if (!world_do(&world, &scene.verb, &outcome) || !world_scan(&world, 1)) {
            struct trial t = {.geometry = geometry, .unit = unit, .scene = &scene};

            report(&t, &world);
            return;
        }
        path = path_of(&outcome, scene.verb.kind);
        if (scene.verb.kind != 'b' && (path & 32u) == 0 &&
            paths[path] < (test.all ? 4u : 1u)) {
            paths[path]++;
            every_cut(geometry, unit, &scene);
        }
        scene.setup[length++] = ' ';
        verb_print(&scene.verb, scene.setup + length);
        length = strlen(scene.setup);
    }
}

static bool parse_scene(const char *text, struct scene *ret_scene)
{
    const char *bar = strchr(text, '|');
    size_t length = bar ? (size_t)(bar - text) : 0;

    if (!bar || length >= sizeof(ret_scene->setup))
        return false;
    while (length > 0 && text[length - 1u] == ' ')
        length--;
    memcpy(ret_scene->setup, text, length);
    ret_scene->setup[length] = '\0';
    for (bar++; *bar == ' '; bar++)
        ;
    return verb_parse(bar, &ret_scene->verb) != NULL;
}

/** Ways that no test that is worth its name leaves out. */
static void check_paths(const struct geometry *geometry, const uint32_t *paths)
{
    uint32_t erase = 0, move = 0, head = 0;

    for (uint32_t i = 0; i < 256; i++) {
        erase += paths[i] != 0 && (i & 2u) != 0;
        move += paths[i] != 0 && (i & 4u) != 0 && (i & 8u) == 0;
        head += paths[i] != 0 && (i & 8u) != 0;
    }
    printf(
        "  %s: ways: %u with an erase, %u with moved images, %u with a moved directory\n",
        geometry->name, erase, move, head);
    if (geometry->count > 2 && (erase == 0 || move == 0 || head == 0)) {
        printf("FAIL: a way is never taken\n");
        test.failures++;
    }
}

static void whole_suite(void)
{
    static const uint32_t units[] = {1, 4, 8, 16, 32};
    static struct scene scene;

    for (uint32_t g = 0; g < world_geometry_count; g++) {
        uint32_t paths[256] = {0}, total[256] = {0};

        for (uint32_t u = 0; u < 5; u++) {
            uint64_t trials = test.trials;

            if (test.quick && g >= 3 && units[u] != 4 && units[u] != 32)
                continue;

            for (uint32_t i = 0; i < sizeof(named) / sizeof(named[0]); i++) {
                if (!parse_scene(named[i], &scene))
                    abort();
                every_cut(&world_geometries[g], units[u], &scene);
            }
            memset(paths, 0, sizeof(paths));
            for (uint32_t seed = 0; seed < (test.all     ? 100u
                                            : test.quick ? 4u
                                                         : 12u);
                 seed++)
                harvest(&world_geometries[g], units[u], seed, paths);
            for (uint32_t i = 0; i < 256; i++)
                total[i] += paths[i];
            printf("%s, unit %u: %u scenes so far, %lu trials\n",
                   world_geometries[g].name, units[u], test.scenes,
                   (unsigned long)(test.trials - trials));
        }
        check_paths(&world_geometries[g], total);
    }
}

/** One scene, or one case of it. */
static void replay(int count, char **word)
{
    static struct scene scene;
    static struct world start;
    struct trial t = {.geometry = world_geometry(word[1]),
                      .unit = (uint32_t)atoi(word[2]),
                      .scene = &scene};

    if (!t.geometry || !parse_scene(word[3], &scene)) {
        fputs("store-cut-test: no such geometry or scene\n", stderr);
        exit(2);
    }
    test.all = true;
    if (count < 7) {
        every_cut(t.geometry, t.unit, &scene);
        return;
    }
    t.cut = (uint32_t)atoi(word[4]);
    t.torn = (enum torn)atoi(word[5]);
    t.seed = (uint32_t)atoi(word[6]);
    if (count > 10) {
        test.told = true;
        test.all = false;
        verb_parse(word[7], &t.follow);
        t.cut2 = (uint32_t)atoi(word[8]);
        t.torn2 = (enum torn)atoi(word[9]);
        verb_parse(word[10], &t.third);
    }
    world_begin(&start, t.geometry, t.unit);
    if (world_run(&start, scene.setup))
        one_cut(&t, &start);
    else
        report(&t, &start);
}

int main(int argc, char **argv)
{
    setvbuf(stdout, NULL, _IOLBF, 0);
    test.all = argc == 2 && strcmp(argv[1], "all") == 0;
    test.quick = argc == 1;
    if (argc >= 4)
        replay(argc, argv);
    else
        whole_suite();
    printf("%u scenes, %lu trials, %u verbs refused, %u failures\n", test.scenes,
           (unsigned long)test.trials, test.refused, test.failures);
    return test.failures != 0 || test.scenes == 0;
}
