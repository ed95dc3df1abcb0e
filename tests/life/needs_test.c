/* SPDX-License-Identifier: BSD-2-Clause */
/* Modules that need modules: what is loaded in which order, what is refused, and who goes
 * with whom. Images mapped and read in pieces, as a block and apart. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "world.h"

/** Loading `name` fails with that code, and leaves all as it was. */
static struct modfmt_diag refused(const char *name, int code)
{
    char before[2000], after[2000];
    struct modfmt_diag diag = {0, 0, 0, 0};
    struct modload_module *m;

    world_state(before, sizeof(before));
    assert_int_equal(world_load(name, &m, &diag), code);
    world_state(after, sizeof(after));
    assert_string_equal(after, before);
    assert_int_equal(diag.code, code);
    return diag;
}

/** The last refusal was about the image on the shelf under that name. */
static void failed_is(const char *name)
{
    struct modload_source source = world_source(name);

    assert_ptr_equal(world.r.failed.handle, source.handle);
    assert_ptr_equal(world.r.failed.mapped, source.mapped);
    assert_int_equal(world.r.failed.available, source.available);
}

/** The type and the name of the tag at diag->offset: a dependency on `needed`. */
static void names_tag(const struct modfmt_diag *diag, const char *needed)
{
    const uint8_t *tag = (const uint8_t *)world.r.failed.handle + diag->offset;

    assert_int_equal(diag->got, recipe_hash(needed));
    assert_int_equal(tag[0], MODFMT_TAG_DEPENDENCY);
    assert_int_equal(tag[1], 12 + strlen(needed));
    assert_memory_equal(tag + 16, needed, strlen(needed));
}

/* ---- order ------------------------------------------------------------------------ */

static void one_without_needs(void **state)
{
    struct modload_module *a;

    (void)state;
    world_shelve(MODULE("A"));
    a = world_loaded("A");
    assert_string_equal(world_list(), "A ");
    assert_int_equal(a->state, MODLOAD_LOADED);
    assert_int_equal(a->automatic, 0);
    assert_int_equal(a->name, recipe_hash("A"));
    assert_int_equal(a->version[0], 1);
    assert_int_equal(a->version[1], 2);
    assert_int_equal(a->version[2], 3);
    assert_string_equal(world.log, "");
    assert_int_equal(world.syncs, 1);
    assert_ptr_equal(modload_find(&world.r, "A"), a);
    assert_null(modload_find(&world.r, "B"));
}

static void shelve_chain(void)
{
    world_shelve(MODULE("A", NEEDS(ANY("B"))));
    world_shelve(MODULE("B", NEEDS(ANY("C"))));
    world_shelve(MODULE("C"));
}

static void chain_is_loaded_from_its_end(void **state)
{
    struct modload_module *a, *b, *c;

    (void)state;
    shelve_chain();
    a = world_loaded("A");
    assert_string_equal(world_list(), "A B C ");
    b = modload_find(&world.r, "B");
    c = modload_find(&world.r, "C");
    assert_int_equal(a->automatic, 0);
    assert_int_equal(b->automatic, 1);
    assert_int_equal(c->automatic, 1);
    assert_int_equal(a->users, 0);
    assert_int_equal(b->users, 1);
    assert_int_equal(c->users, 1);
    assert_ptr_equal(a->need[0], b);
    assert_ptr_equal(b->need[0], c);
    assert_string_equal(world.log, "");
}

static void diamond_shares_its_foot(void **state)
{
    struct modload_module *a;

    (void)state;
    world_shelve(MODULE("A", NEEDS(ANY("B"), ANY("C"))));
    world_shelve(MODULE("B", NEEDS(ANY("D"))));
    world_shelve(MODULE("C", NEEDS(ANY("D"))));
    world_shelve(MODULE("D"));
    a = world_loaded("A");
    assert_string_equal(world_list(), "A C B D ");
    assert_int_equal(modload_find(&world.r, "D")->users, 2);
    assert_int_equal(modload_unload(&world.r, a), 0);
    assert_string_equal(world_list(), "");
}

static void long_chain_is_a_list(void **state)
{
    static const char *const names[] = {"A", "B", "C", "D", "E", "F",
                                        "G", "H", "I", "J", "K"};

    (void)state;
    for (unsigned i = 0; i + 1 < sizeof(names) / sizeof(names[0]); i++)
        world_shelve(MODULE(names[i], NEEDS(ANY(names[i + 1]))));
    world_shelve(MODULE("K"));
    (void)world_loaded("A");
    assert_string_equal(world_list(), "A B C D E F G H I J K ");
}

static void need_that_is_loaded_is_not_asked_for(void **state)
{
    struct modload_module *b;

    (void)state;
    shelve_chain();
    b = world_loaded("B");
    assert_int_equal(b->automatic, 0);
    world.r.supply = NULL;
    (void)world_loaded("A");
    assert_string_equal(world_list(), "A B C ");
    assert_int_equal(b->users, 1);
    assert_int_equal(b->automatic, 0);
}

static void same_need_twice_counts_twice(void **state)
{
    struct modload_module *a;

    (void)state;
    world_shelve(MODULE("A", NEEDS(ANY("C"), ANY("C"))));
    world_shelve(MODULE("C"));
    a = world_loaded("A");
    assert_int_equal(modload_find(&world.r, "C")->users, a->need_count);
    assert_int_equal(modload_unload(&world.r, a), 0);
    assert_string_equal(world_list(), "");
}

static void modules_without_names_live_together(void **state)
{
    static const struct recipe nameless = {.version = {1, 0, 0}};
    struct modload_module *a, *b;

    (void)state;
    world_shelve_as(&nameless, "first");
    world_shelve_as(&nameless, "second");
    a = world_loaded("first");
    b = world_loaded("second");
    assert_int_equal(a->name | b->name, 0);
    assert_ptr_equal(world.r.modules, b);
    assert_ptr_equal(b->next, a);
    assert_null(modload_find(&world.r, ""));
}

static void storage_keeps_its_index_only(void **state)
{
    struct modload_source source;
    struct modload_module *m = world_storage();
    struct modfmt_diag diag;

    (void)state;
    world_shelve(MODULE("A"));
    source = world_source("A");
    memset(m, 0xee, sizeof(*m));
    m->index = 7;
    assert_int_equal(modload_load(&world.r, &source, m, &diag), 0);
    assert_int_equal(m->index, 7);
    assert_null(m->owner);
    assert_int_equal(m->users, 0);
    assert_int_equal(m->result, 0);
    assert_int_equal(m->automatic, 0);
}

/* ---- refusals ---------------------------------------------------------------------- */

static void cycle_of_one_is_refused(void **state)
{
    struct modfmt_diag diag;

    (void)state;
    world_shelve(MODULE("A", NEEDS(ANY("A"))));
    diag = refused("A", MODLOAD_E_CYCLE);
    failed_is("A");
    names_tag(&diag, "A");
}

static void cycle_of_two_is_refused(void **state)
{
    struct modfmt_diag diag;

    (void)state;
    world_shelve(MODULE("A", NEEDS(ANY("B"))));
    world_shelve(MODULE("B", NEEDS(ANY("A"))));
    diag = refused("A", MODLOAD_E_CYCLE);
    failed_is("B");
    names_tag(&diag, "A");
    (void)refused("B", MODLOAD_E_CYCLE);
    failed_is("A");
}

static void cycle_of_three_is_refused(void **state)
{
    struct modfmt_diag diag;

    (void)state;
    world_shelve(MODULE("A", NEEDS(ANY("D"), ANY("B"))));
    world_shelve(MODULE("B", NEEDS(ANY("C"))));
    world_shelve(MODULE("C", NEEDS(ANY("D"), ANY("A"))));
    world_shelve(MODULE("D"));
    diag = refused("A", MODLOAD_E_CYCLE);
    failed_is("C");
    names_tag(&diag, "A");
}

static void missing_need_is_refused_by_name(void **state)
{
    struct modfmt_diag diag;

    (void)state;
    world_shelve(MODULE("A", NEEDS(ANY("D"), ANY("B"))));
    world_shelve(MODULE("D"));
    diag = refused("A", MODLOAD_E_DEPENDENCY);
    failed_is("A");
    names_tag(&diag, "B");
    world.r.supply = NULL;
    diag = refused("A", MODLOAD_E_DEPENDENCY);
    names_tag(&diag, "D");
}

static void missing_need_of_a_need_names_who_needs_it(void **state)
{
    struct modfmt_diag diag;

    (void)state;
    world_shelve(MODULE("A", NEEDS(ANY("B"))));
    world_shelve(MODULE("B", NEEDS(ANY("C"))));
    diag = refused("A", MODLOAD_E_DEPENDENCY);
    failed_is("B");
    names_tag(&diag, "C");
}

/** A needs B from the lowest version on, below the other. */
static int with_versions(const uint16_t *lowest, const uint16_t *too_high,
                         const uint16_t *version)
{
    struct recipe a = {.name = "A", .need = {{.name = "B"}}}, b = {.name = "B"};
    struct modload_module *m;
    struct modfmt_diag diag;
    int rc;

    memcpy(a.need[0].lowest, lowest, sizeof(a.need[0].lowest));
    memcpy(a.need[0].too_high, too_high, sizeof(a.need[0].too_high));
    memcpy(b.version, version, sizeof(b.version));
    world_begin();
    world_shelve(&a);
    world_shelve(&b);
    rc = world_load("A", &m, &diag);
    if (rc) {
        failed_is("A");
        names_tag(&diag, "B");
        assert_string_equal(world_list(), "");
    }
    world_end();
    return rc;
}

static void versions_from_lowest_to_below_too_high(void **state)
{
    static const uint16_t lowest[] = {1, 2, 3}, too_high[] = {2, 0, 0};
    static const struct {
        uint16_t version[3];
        bool good;
    } cases[] = {
        {{1, 2, 3}, true},     {{1, 2, 2}, false},         {{1, 2, 4}, true},
        {{1, 1, 9}, false},    {{0, 65535, 65535}, false}, {{1, 65535, 65535}, true},
        {{2, 0, 0}, false},    {{2, 0, 1}, false},         {{65535, 0, 0}, false},
        {{1, 2, 65535}, true}, {{1, 3, 0}, true},          {{0, 0, 0}, false},
    };

    for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        assert_int_equal(with_versions(lowest, too_high, cases[i].version),
                         cases[i].good ? 0 : MODLOAD_E_DEPENDENCY);
    world_begin();
    (void)state;
}

static void version_parts_do_not_run_into_each_other(void **state)
{
    static const uint16_t high[] = {0x8000, 0x8000, 0x8000},
                          next[] = {0x8000, 0x8000, 0x8001};
    static const uint16_t below[] = {0x8000, 0x7fff, 0xffff}, over[] = {0x8001, 0, 0};
    static const uint16_t top[] = {0xffff, 0xffff, 0xffff};

    (void)state;
    assert_int_equal(with_versions(high, next, high), 0);
    assert_int_equal(with_versions(high, next, below), MODLOAD_E_DEPENDENCY);
    assert_int_equal(with_versions(high, next, next), MODLOAD_E_DEPENDENCY);
    assert_int_equal(with_versions(high, next, over), MODLOAD_E_DEPENDENCY);
    /* A range that holds nothing, and the version that no range can hold. */
    assert_int_equal(with_versions(next, high, high), MODLOAD_E_DEPENDENCY);
    assert_int_equal(with_versions(top, top, top), MODLOAD_E_DEPENDENCY);
    world_begin();
}

static void wrong_version_of_what_is_loaded_stays_loaded(void **state)
{
    struct modfmt_diag diag;

    (void)state;
    world_shelve(MODULE("A", NEEDS({"B", {2, 0, 0}, {3, 0, 0}})));
    world_shelve(MODULE("B"));
    (void)world_loaded("B");
    diag = refused("A", MODLOAD_E_DEPENDENCY);
    names_tag(&diag, "B");
    assert_string_equal(world_list(), "B ");
}

static void more_needs_than_the_loader_has_room_for(void **state)
{
    struct modload_module *m;

    (void)state;
    world_shelve(MODULE("A", NEEDS(ANY("B"), ANY("C"), ANY("D"), ANY("E"), ANY("F"))));
    world_shelve(MODULE("B"));
    world_shelve(MODULE("C"));
    world_shelve(MODULE("D"));
    world_shelve(MODULE("E"));
    world_shelve(MODULE("F"));
    assert_int_equal(MODLOAD_NEEDS_MAX, 4);
    (void)refused("A", MODLOAD_E_DEPENDENCIES);
    failed_is("A");
    world_shelve_as(MODULE("A", NEEDS(ANY("B"), ANY("C"), ANY("D"), ANY("E"))), "four");
    assert_int_equal(world_load("four", &m, NULL), 0);
    assert_int_equal(m->need_count, 4);
}

static void supplied_image_has_another_name(void **state)
{
    struct modfmt_diag diag;

    (void)state;
    world_shelve(MODULE("A", NEEDS(ANY("B"))));
    world_shelve_as(MODULE("X"), "B");
    diag = refused("A", MODLOAD_E_DEPENDENCY);
    failed_is("B");
    assert_int_equal(diag.got, recipe_hash("B"));
    world_shelve_as(&(const struct recipe){.version = {1, 0, 0}}, "B");
    (void)refused("A", MODLOAD_E_DEPENDENCY);
    /* Or that of one that waits. */
    world_shelve_as(MODULE("A"), "B");
    (void)refused("A", MODLOAD_E_TWICE);
}

static void a_name_can_be_loaded_once(void **state)
{
    struct modfmt_diag diag;

    (void)state;
    shelve_chain();
    (void)world_loaded("A");
    diag = refused("A", MODLOAD_E_TWICE);
    assert_int_equal(diag.want, recipe_hash("A"));
    failed_is("A");
    (void)refused("C", MODLOAD_E_TWICE);
    assert_string_equal(world_list(), "A B C ");
}

static void storage_in_use_is_refused(void **state)
{
    struct modload_module *a;
    struct modload_source source;
    struct modfmt_diag diag;

    (void)state;
    shelve_chain();
    a = world_loaded("A");
    source = world_source("C");
    assert_int_equal(modload_load(&world.r, &source, a, &diag), MODLOAD_E_STATE);
    assert_int_equal(diag.code, MODLOAD_E_STATE);
    assert_int_equal(modload_load(&world.r, &source, a->need[0], &diag), MODLOAD_E_STATE);
    assert_string_equal(world_list(), "A B C ");
    assert_int_equal(a->state, MODLOAD_LOADED);
}

/** Storage that holds a module, or one that waits, is not handed out twice. */
static struct modload_module *supplied_storage;

static int supply_the_same(struct modload_registry *r, uint32_t name,
                           struct modload_source *source,
                           struct modload_module **ret_module)
{
    (void)r;
    *source = world_source(name == recipe_hash("B") ? "B" : "C");
    *ret_module = supplied_storage;
    return 0;
}

static void supplied_storage_is_in_use(void **state)
{
    struct modload_module *d;

    (void)state;
    shelve_chain();
    world_shelve(MODULE("D"));
    d = world_loaded("D");
    world.r.supply = supply_the_same;
    supplied_storage = d;
    (void)refused("A", MODLOAD_E_STATE);
    assert_int_equal(d->state, MODLOAD_LOADED);
    supplied_storage = NULL;
    (void)refused("A", MODLOAD_E_DEPENDENCY);
    /* B and C in the same one. */
    supplied_storage = world_storage();
    assert_int_equal(world_load("A", &d, NULL), MODLOAD_E_STATE);
    assert_int_equal(world.storage_count, 1);
    assert_string_equal(world_list(), "D ");
}

/** No loading while loading. */
static int supply_that_loads(struct modload_registry *r, uint32_t name,
                             struct modload_source *source,
                             struct modload_module **ret_module)
{
    static struct modload_module own;
    struct modfmt_diag diag;

    (void)ret_module;
    *source = world_source("C");
    assert_int_equal(name, recipe_hash("B"));
    assert_int_equal(modload_load(r, source, &own, &diag), MODLOAD_E_STATE);
    return -1;
}

static void loading_while_loading_is_refused(void **state)
{
    (void)state;
    shelve_chain();
    world.r.supply = supply_that_loads;
    (void)refused("A", MODLOAD_E_DEPENDENCY);
    assert_string_equal(world_list(), "");
}

static void bad_image_of_a_need_is_what_failed(void **state)
{
    struct modfmt_diag diag;

    (void)state;
    shelve_chain();
    world.shelf[2].image.bytes[70] ^= 1;
    diag = refused("A", MODFMT_E_CRC);
    failed_is("C");
    assert_int_not_equal(diag.got, diag.want);
    world.shelf[2].image.bytes[0] ^= 1;
    diag = refused("A", MODFMT_E_MAGIC);
    failed_is("C");
    assert_int_equal(diag.want, MODFMT_MAGIC);
}

static void core_feature_of_a_need_is_missing(void **state)
{
    struct modfmt_diag diag;

    (void)state;
    world_shelve(MODULE("A", NEEDS(ANY("B"))));
    world_shelve(MODULE("B", .needs = MODFMT_NEED_MVE));
    diag = refused("A", MODLOAD_E_NEEDS);
    failed_is("B");
    assert_int_equal(diag.got, MODFMT_NEED_V6M | MODFMT_NEED_MVE);
}

/* ---- in use, and going along ---------------------------------------------------------
 */

static void needed_module_is_neither_stopped_nor_unloaded(void **state)
{
    struct modload_module *a, *b, *c;
    char before[2000], after[2000];

    (void)state;
    shelve_chain();
    a = world_loaded("A");
    b = a->need[0];
    c = b->need[0];
    assert_int_equal(modload_start(&world.r, a, NULL), 0);
    world_state(before, sizeof(before));
    assert_int_equal(modload_unload(&world.r, b), MODLOAD_E_IN_USE);
    assert_int_equal(modload_unload(&world.r, c), MODLOAD_E_IN_USE);
    assert_int_equal(modload_stop(&world.r, b), MODLOAD_E_IN_USE);
    assert_int_equal(modload_stop(&world.r, c), MODLOAD_E_IN_USE);
    /* Also by one that is stopped. */
    assert_int_equal(modload_stop(&world.r, a), 0);
    assert_int_equal(modload_unload(&world.r, b), MODLOAD_E_IN_USE);
    assert_int_equal(modload_stop(&world.r, b), MODLOAD_E_IN_USE);
    a->state = MODLOAD_STARTED;
    world_state(after, sizeof(after));
    assert_string_equal(after, before);
    a->state = MODLOAD_STOPPED;
}

static void last_user_takes_automatic_modules_along(void **state)
{
    struct modload_module *a;

    (void)state;
    shelve_chain();
    world_shelve(MODULE("E", NEEDS(ANY("C"))));
    a = world_loaded("A");
    (void)world_loaded("E");
    assert_int_equal(modload_unload(&world.r, a), 0);
    assert_string_equal(world_list(), "E C ");
    assert_int_equal(world.r.modules->need[0]->users, 1);
    assert_int_equal(world.storage_count, 2);
    assert_int_equal(modload_unload(&world.r, world.r.modules), 0);
    assert_string_equal(world_list(), "");
    assert_int_equal(world.storage_count, 0);
    assert_int_equal(world.piece_count, 0);
}

static void modules_loaded_by_hand_stay(void **state)
{
    struct modload_module *a;

    (void)state;
    shelve_chain();
    (void)world_loaded("C");
    a = world_loaded("A");
    assert_int_equal(modload_unload(&world.r, a), 0);
    assert_string_equal(world_list(), "C ");
    assert_int_equal(world.r.modules->users, 0);
    assert_int_equal(modload_unload(&world.r, world.r.modules), 0);
}

static void module_set_to_stay_stays_with_its_needs(void **state)
{
    struct modload_module *a;

    (void)state;
    shelve_chain();
    a = world_loaded("A");
    a->need[0]->automatic = 0;
    assert_int_equal(modload_unload(&world.r, a), 0);
    assert_string_equal(world_list(), "B C ");
    assert_int_equal(modload_unload(&world.r, world.r.modules), 0);
    assert_string_equal(world_list(), "");
}

static void failed_load_keeps_what_others_need(void **state)
{
    (void)state;
    shelve_chain();
    world_shelve(MODULE("E", NEEDS(ANY("D"), ANY("C"), ANY("missing"))));
    world_shelve(MODULE("D"));
    (void)world_loaded("A");
    (void)refused("E", MODLOAD_E_DEPENDENCY);
    assert_string_equal(world_list(), "A B C ");
}

static void what_is_not_loaded_cannot_be_unloaded(void **state)
{
    static struct modload_module never;

    (void)state;
    world_shelve(MODULE("A"));
    (void)world_loaded("A");
    assert_int_equal(modload_unload(&world.r, &never), MODLOAD_E_STATE);
    assert_int_equal(modload_start(&world.r, &never, NULL), MODLOAD_E_STATE);
    assert_int_equal(modload_stop(&world.r, &never), MODLOAD_E_STATE);
    assert_string_equal(world_list(), "A ");
}

static void storage_is_good_for_another_module(void **state)
{
    static struct modload_module own;
    struct modload_source source;
    struct modfmt_diag diag;

    (void)state;
    shelve_chain();
    world.r.dismiss = NULL;
    for (unsigned i = 0; i < 3; i++) {
        source = world_source(i == 1 ? "B" : "C");
        if (i == 1)
            world.r.supply = NULL;
        assert_int_equal(modload_load(&world.r, &source, &own, &diag),
                         i == 1 ? MODLOAD_E_DEPENDENCY : 0);
        assert_int_equal(own.state, i == 1 ? MODLOAD_EMPTY : MODLOAD_LOADED);
        assert_int_equal(modload_unload(&world.r, &own), i == 1 ? MODLOAD_E_STATE : 0);
        assert_int_equal(own.state, MODLOAD_EMPTY);
    }
}

/** Again from where it was: the source in the storage itself. */
static void module_is_loaded_again_from_its_own_source(void **state)
{
    static struct modload_module own;
    struct modload_source source;
    struct modfmt_diag diag;

    (void)state;
    world.r.dismiss = NULL;
    world_shelve(MODULE("A"));
    source = world_source("A");
    assert_int_equal(modload_load(&world.r, &source, &own, &diag), 0);
    assert_int_equal(modload_unload(&world.r, &own), 0);
    assert_int_equal(modload_load(&world.r, &own.source, &own, &diag), 0);
    assert_ptr_equal(own.source.handle, source.handle);
    assert_int_equal(modload_unload(&world.r, &own), 0);
}

#define TEST(function)                                                                   \
    cmocka_unit_test_setup_teardown(function, world_setup, world_teardown)

int main(void)
{
    static const struct CMUnitTest tests[] = {
        TEST(one_without_needs),
        TEST(chain_is_loaded_from_its_end),
        TEST(diamond_shares_its_foot),
        TEST(long_chain_is_a_list),
        TEST(need_that_is_loaded_is_not_asked_for),
        TEST(same_need_twice_counts_twice),
        TEST(modules_without_names_live_together),
        TEST(storage_keeps_its_index_only),
        TEST(cycle_of_one_is_refused),
        TEST(cycle_of_two_is_refused),
        TEST(cycle_of_three_is_refused),
        TEST(missing_need_is_refused_by_name),
        TEST(missing_need_of_a_need_names_who_needs_it),
        TEST(versions_from_lowest_to_below_too_high),
        TEST(version_parts_do_not_run_into_each_other),
        TEST(wrong_version_of_what_is_loaded_stays_loaded),
        TEST(more_needs_than_the_loader_has_room_for),
        TEST(supplied_image_has_another_name),
        TEST(a_name_can_be_loaded_once),
        TEST(storage_in_use_is_refused),
        TEST(supplied_storage_is_in_use),
        TEST(loading_while_loading_is_refused),
        TEST(bad_image_of_a_need_is_what_failed),
        TEST(core_feature_of_a_need_is_missing),
        TEST(needed_module_is_neither_stopped_nor_unloaded),
        TEST(last_user_takes_automatic_modules_along),
        TEST(modules_loaded_by_hand_stay),
        TEST(module_set_to_stay_stays_with_its_needs),
        TEST(failed_load_keeps_what_others_need),
        TEST(what_is_not_loaded_cannot_be_unloaded),
        TEST(storage_is_good_for_another_module),
        TEST(module_is_loaded_again_from_its_own_source),
    };
    int failed = 0;

    for (world_mode = 0; world_mode < WORLD_MODES; world_mode++)
        failed += cmocka_run_group_tests(tests, NULL, NULL);
    return failed != 0;
}
