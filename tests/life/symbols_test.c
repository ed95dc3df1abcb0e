/* SPDX-License-Identifier: BSD-2-Clause */
/* What others see of a module: its parameters, its exports, its addresses; and what its
 * imports are bound to. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "world.h"

/* ---- parameters ----------------------------------------------------------------------
 */

static void parameters_are_where_the_tag_says(void **state)
{
    struct modload_module *a, *b, *c;
    uint32_t size = 0;

    (void)state;
    world_shelve(MODULE("A", .params = 48, .params_size = 16));
    world_shelve(MODULE("B", .params = MODFMT_PLACE_DATA | 4, .params_size = 12));
    world_shelve(MODULE("C"));
    a = world_loaded("A");
    b = world_loaded("B");
    c = world_loaded("C");
    if ((world.mode & WORLD_PLACES) == WORLD_IN_PLACE) {
        assert_null(modload_params(a, &size)); /* in flash */
    } else {
        assert_ptr_equal(modload_params(a, &size), a->image.segment[0].bytes + 48);
        assert_int_equal(size, 16);
    }
    assert_ptr_equal(modload_params(b, &size), b->image.segment[1].bytes + 4);
    assert_int_equal(size, 12);
    size = 77;
    assert_null(modload_params(c, &size));
    assert_int_equal(size, 77);
}

static void parameters_outside_are_none(void **state)
{
    static const struct {
        uint32_t place, size;
    } cases[] = {
        {48, 17},
        {64, 1},
        {65, 1},
        {0, 0x80000000},
        {0x7fffffff, 1},
        {63, 0xffffffff},
        {0x80000000, 25},
        {0x80000018, 1},
        {0xffffffff, 1},
        {0x80000017, 2},
        {0xffffffff, 0xffffffff},
    };

    (void)state;
    for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        uint32_t size = 77;
        struct modload_module *a;

        world_shelve(MODULE("A", .params = cases[i].place, .params_size = cases[i].size));
        a = world_loaded("A");
        assert_int_equal(a->image.segment[1].size, RECIPE_FREE + RECIPE_BSS);
        assert_null(modload_params(a, &size));
        assert_int_equal(size, 77);
        assert_int_equal(modload_unload(&world.r, a), 0);
    }
}

static void parameters_are_gone_with_the_module(void **state)
{
    static struct modload_module own;
    struct modload_source source;
    struct modfmt_diag diag;
    uint32_t size, address;

    (void)state;
    world.r.dismiss = NULL;
    world_shelve(
        MODULE("A", .params = 48, .params_size = 16, EXPORTS({"f", 5, .value = 1})));
    source = world_source("A");
    assert_int_equal(modload_load(&world.r, &source, &own, &diag), 0);
    assert_int_equal(modload_symbol(&world.r, &own, "f", 0, &address), 0);
    assert_int_equal(modload_unload(&world.r, &own), 0);
    assert_null(modload_params(&own, &size));
    assert_int_equal(modload_symbol(&world.r, &own, "f", 0, &address), MODLOAD_E_IMPORT);
}

/* ---- exports and imports
 * ---------------------------------------------------------------- */

static uint32_t text_of(const struct modload_module *m)
{
    return m->image.segment[0].address;
}

static uint32_t data_of(const struct modload_module *m)
{
    return m->image.segment[1].address;
}

/** The word of `m` where its import `index` appears. */
static uint32_t bound(const struct modload_module *m, const struct recipe *recipe,
                      unsigned index)
{
    return modfmt_get32(m->image.segment[1].bytes + recipe_import_place(recipe, index));
}

static void symbols_by_name_and_type(void **state)
{
    struct modload_module *a;
    uint32_t address = 77;

    (void)state;
    world_shelve(MODULE(
        "A", EXPORTS({"function", 0x111, .value = 9},
                     {"constant", 0x222, .value = 60, .flags = MODFMT_EXPORT_OBJECT},
                     {"variable", 0x333, .value = 4,
                      .flags = MODFMT_EXPORT_OBJECT | MODFMT_EXPORT_DATA},
                     {"untyped", 0, .value = 11})));
    a = world_loaded("A");
    assert_int_equal(modload_symbol(&world.r, a, "function", 0x111, &address), 0);
    assert_int_equal(address, text_of(a) + 9);
    assert_int_equal(modload_symbol(&world.r, a, "constant", 0, &address), 0);
    assert_int_equal(address, text_of(a) + 60);
    assert_int_equal(modload_symbol(&world.r, a, "variable", 0x333, &address), 0);
    assert_int_equal(address, data_of(a) + 4);
    assert_int_equal(modload_symbol(&world.r, a, "untyped", 0x444, &address), 0);
    assert_int_equal(address, text_of(a) + 11);
    address = 77;
    assert_int_equal(modload_symbol(&world.r, a, "function", 0x112, &address),
                     MODLOAD_E_TYPE);
    assert_int_equal(modload_symbol(&world.r, a, "functio", 0, &address),
                     MODLOAD_E_IMPORT);
    assert_int_equal(modload_symbol(&world.r, a, "", 0, &address), MODLOAD_E_IMPORT);
    world_fail_at(1);
    if (world.mode & WORLD_IN_PIECES)
        assert_int_equal(modload_symbol(&world.r, a, "function", 0, &address),
                         MODLOAD_E_READ);
    assert_int_equal(address, 77);
}

static void symbols_outside_their_segment(void **state)
{
    static const struct recipe_symbol cases[] = {
        {"x", 0, 0, 65, 0}, {"x", 0, 0, 0xffffffff, 0}, {"x", 0, 0, 64, 2},
        {"x", 0, 0, 24, 3}, {"x", 0, 0, 25, 1},         {"x", 0, 0, 0x80000001, 1},
    };

    (void)state;
    for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct modload_module *a;
        uint32_t address = 77;

        world_shelve(MODULE("A", EXPORTS(cases[i])));
        a = world_loaded("A");
        assert_int_equal(modload_symbol(&world.r, a, "x", 0, &address), MODFMT_E_EXPORT);
        assert_int_equal(address, 77);
        assert_int_equal(modload_unload(&world.r, a), 0);
    }
}

static void object_at_the_end_of_an_odd_segment(void **state)
{
    struct modload_module *a;
    uint32_t address = 77;

    (void)state;
    world_shelve(
        MODULE("A", .odd = 1,
               EXPORTS({"last", 0, .value = 64, .flags = MODFMT_EXPORT_OBJECT},
                       {"behind", 0, .value = 65, .flags = MODFMT_EXPORT_OBJECT})));
    a = world_loaded("A");
    assert_int_equal(a->image.segment[0].size, 65);
    assert_int_equal(modload_symbol(&world.r, a, "last", 0, &address), 0);
    assert_int_equal(address, text_of(a) + 64);
    assert_int_equal(modload_symbol(&world.r, a, "behind", 0, &address), MODFMT_E_EXPORT);
}

static void imports_are_bound_to_exports_of_needs(void **state)
{
    const struct recipe *a_recipe =
        MODULE("A", NEEDS(ANY("B"), ANY("C")),
               IMPORTS({"b_function", 1, 0, 0, 0}, {"b_data", 2, 0, 0, 0},
                       {"c_function", 0, 0, 0, 0}));
    struct modload_module *a, *b, *c;

    (void)state;
    world_shelve(a_recipe);
    world_shelve(
        MODULE("B", EXPORTS({"b_function", 1, .value = 17},
                            {"b_data", 2, .value = 8, .flags = MODFMT_EXPORT_DATA | 2})));
    world_shelve(MODULE("C", EXPORTS({"c_function", 3, .value = 21})));
    a = world_loaded("A");
    b = a->need[0];
    c = a->need[1];
    assert_int_equal(bound(a, a_recipe, 0), text_of(b) + 17);
    assert_int_equal(bound(a, a_recipe, 1), data_of(b) + 8);
    assert_int_equal(bound(a, a_recipe, 2), text_of(c) + 21);
}

/** Only of those that it needs itself. */
static void exports_of_others_are_not_offered(void **state)
{
    struct modload_module *a;
    struct modfmt_diag diag;

    (void)state;
    world_shelve(MODULE("A", NEEDS(ANY("B")), IMPORTS({"c_function", 0, 0, 0, 0})));
    world_shelve(MODULE("B", NEEDS(ANY("C"))));
    world_shelve(MODULE("C", EXPORTS({"c_function", 0, .value = 21})));
    assert_int_equal(world_load("A", &a, &diag), MODLOAD_E_IMPORT);
    assert_int_equal(diag.got, recipe_hash("c_function"));
    assert_string_equal(world_list(), "");
}

/** What the firmware offers, sorted by hash. */
static int by_hash(const void *a, const void *b)
{
    const struct modload_export *x = a, *y = b;

    return x->hash < y->hash ? -1 : x->hash > y->hash;
}

static void set_table(unsigned index, struct modload_export *entries, uint32_t count)
{
    if (count)
        qsort(entries, count, sizeof(*entries), by_hash);
    world.table[index] = (struct modload_table){entries, count};
    world.r.table_count = index + 1;
}

static void tables_come_in_order_and_before_modules(void **state)
{
    const struct recipe *a_recipe =
        MODULE("A", NEEDS(ANY("B")),
               IMPORTS({"one", 1, 0, 0, 0}, {"two", 2, 0, 0, 0}, {"three", 3, 0, 0, 0},
                       {"four", 4, 0, 0, 0}));
    struct modload_export first[] = {{recipe_hash("one"), 1, 0x1001},
                                     {recipe_hash("two"), 9, 0x1002}};
    struct modload_export second[] = {{recipe_hash("one"), 1, 0x2001},
                                      {recipe_hash("two"), 2, 0x2002},
                                      {recipe_hash("three"), 0, 0x2003}};
    struct modload_module *a;

    (void)state;
    world_shelve(a_recipe);
    world_shelve(
        MODULE("B", EXPORTS({"four", 4, .value = 17}, {"three", 3, .value = 19})));
    set_table(0, first, 2);
    set_table(1, NULL, 0);
    set_table(2, second, 3);
    a = world_loaded("A");
    assert_int_equal(bound(a, a_recipe, 0), 0x1001);
    assert_int_equal(bound(a, a_recipe, 1), 0x2002);
    assert_int_equal(bound(a, a_recipe, 2), 0x2003);
    assert_int_equal(bound(a, a_recipe, 3), text_of(a->need[0]) + 17);
}

static void another_type_is_refused_as_that(void **state)
{
    struct modload_export table[] = {{recipe_hash("one"), 1, 0x1001}};
    struct modload_module *a;
    struct modfmt_diag diag;

    (void)state;
    world_shelve(MODULE("A", IMPORTS({"one", 2, 0, 0, 0})));
    set_table(0, table, 1);
    assert_int_equal(world_load("A", &a, &diag), MODLOAD_E_TYPE);
    assert_int_equal(diag.got, recipe_hash("one"));
    assert_int_equal(diag.want, 2);
    assert_int_equal(diag.offset, 0);
    /* The same by a needed module, whether or not another offers no such name. */
    world.r.table_count = 0;
    world_shelve(MODULE("A", NEEDS(ANY("B"), ANY("C")), IMPORTS({"one", 2, 0, 0, 0})));
    world_shelve(MODULE("B", EXPORTS({"one", 3, .value = 17})));
    world_shelve(MODULE("C", EXPORTS({"other", 2, .value = 17})));
    assert_int_equal(world_load("A", &a, &diag), MODLOAD_E_TYPE);
    assert_string_equal(world_list(), "");
}

static void weak_imports_may_stay_unbound(void **state)
{
    const struct recipe *a_recipe =
        MODULE("A", NEEDS(ANY("B")),
               IMPORTS({"missing", 1, 1, 0, 0}, {"other_type", 1, 1, 0, 0},
                       {"there", 1, 1, 0, 0}));
    struct modload_module *a;

    (void)state;
    world_shelve(a_recipe);
    world_shelve(
        MODULE("B", EXPORTS({"other_type", 2, .value = 17}, {"there", 1, .value = 19})));
    a = world_loaded("A");
    assert_int_equal(bound(a, a_recipe, 0), 0);
    assert_int_equal(bound(a, a_recipe, 1), 0);
    assert_int_equal(bound(a, a_recipe, 2), text_of(a->need[0]) + 19);
}

/** A weak import is not for hiding that a needed module's image is bad. */
static void weak_import_of_a_bad_export_is_refused(void **state)
{
    struct modload_module *a;

    (void)state;
    world_shelve(MODULE("A", NEEDS(ANY("B")), IMPORTS({"bad", 1, 1, 0, 0})));
    world_shelve(MODULE("B", EXPORTS({"bad", 1, .value = 0x1001})));
    assert_int_equal(world_load("A", &a, NULL), MODFMT_E_EXPORT);
}

/** Every name of tables of all sizes, and names between; in order, and not. */
static void table_search_agrees_with_a_plain_one(void **state)
{
    static struct modload_export table[140];
    uint32_t seed = 1;

    (void)state;
    for (uint32_t count = 0; count < 140; count++) {
        struct modload_table t = {count ? table : NULL, count};

        for (uint32_t i = 0; i < count; i++)
            table[i] = (struct modload_export){7 + 3 * i, i % 3, 1000 + i};
        for (uint32_t k = 0; k < 600; k++) {
            uint32_t hash = k < 460 ? k : (seed = seed * 1664525 + 1013904223) >> 23;
            uint32_t i = (hash - 7) / 3, address = 77, type = k % 4;
            bool there = hash >= 7 && (hash - 7) % 3 == 0 && i < count;
            bool fits = there && (type == 0 || i % 3 == 0 || i % 3 == type);

            assert_int_equal(modload_table_find(&t, hash, type, &address),
                             fits    ? 0
                             : there ? MODLOAD_E_TYPE
                                     : MODLOAD_E_IMPORT);
            assert_int_equal(address, fits ? 1000 + i : 77);
        }
    }
}

static void extreme_hashes_are_found(void **state)
{
    static const struct modload_export table[] = {
        {0, 0, 10}, {1, 0, 11}, {0xffffffff, 0, 12}};
    struct modload_table t = {table, 3};
    uint32_t address;

    (void)state;
    for (unsigned i = 0; i < 27; i++) {
        unsigned which = (i / 9 + i / 3 + i) % 3;

        assert_int_equal(modload_table_find(&t, table[which].hash, 0, &address), 0);
        assert_int_equal(address, 10 + which);
    }
}

/* ---- addresses
 * ---------------------------------------------------------------------------- */

static void address_belongs_to_its_module(void **state)
{
    struct modload_module *a;

    (void)state;
    world_shelve(MODULE("A", .init = 1, NEEDS(ANY("B"))));
    world_shelve(MODULE("B", .odd = 3, NEEDS(ANY("C"))));
    world_shelve(MODULE("C"));
    a = world_loaded("A");
    for (struct modload_module *m = a; m; m = m->next) {
        for (unsigned i = 0; i < 2; i++) {
            const struct modfmt_segment *s = &m->image.segment[i];

            assert_ptr_equal(modload_at(&world.r, s->address), m);
            assert_ptr_equal(modload_at(&world.r, s->address + s->size - 1), m);
        }
        assert_ptr_not_equal(modload_at(&world.r, text_of(m) - 1), m);
        assert_ptr_not_equal(modload_at(&world.r, data_of(m) + m->image.segment[1].size),
                             m);
    }
    assert_null(modload_at(&world.r, 0));
    assert_null(modload_at(&world.r, 0xffffffff));
    assert_null(modload_at(&world.r, 0x1fffffff));
}

#define TEST(function)                                                                   \
    cmocka_unit_test_setup_teardown(function, world_setup, world_teardown)

int main(void)
{
    static const struct CMUnitTest tests[] = {
        TEST(parameters_are_where_the_tag_says),
        TEST(parameters_outside_are_none),
        TEST(parameters_are_gone_with_the_module),
        TEST(symbols_by_name_and_type),
        TEST(symbols_outside_their_segment),
        TEST(object_at_the_end_of_an_odd_segment),
        TEST(imports_are_bound_to_exports_of_needs),
        TEST(exports_of_others_are_not_offered),
        TEST(tables_come_in_order_and_before_modules),
        TEST(another_type_is_refused_as_that),
        TEST(weak_imports_may_stay_unbound),
        TEST(weak_import_of_a_bad_export_is_refused),
        TEST(table_search_agrees_with_a_plain_one),
        TEST(extreme_hashes_are_found),
        TEST(address_belongs_to_its_module),
    };
    int failed = 0;

    for (world_mode = 0; world_mode < WORLD_MODES; world_mode++)
        failed += cmocka_run_group_tests(tests, NULL, NULL);
    return failed != 0;
}
