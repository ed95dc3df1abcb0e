/* SPDX-License-Identifier: BSD-2-Clause */
/* Every call of the port and of the registry's firmware fails, one at a time: the load or
 * the start ends with the code for it, and all is as it was before. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "world.h"

/** What was there before: F by hand, with its D. */
static void before(void)
{
    world_begin();
    world_shelve(MODULE("A", NEEDS(ANY("B"), ANY("C"), ANY("D")), .init = 2, .fini = 1,
                        IMPORTS({"b", 1, 0, 0, 0}, {"c", 0, 1, 0, 0}, {"d", 3, 0, 0, 0}),
                        EXPORTS({"a", 0, .value = 1}), .params = 16, .params_size = 8));
    world_shelve(MODULE("B", NEEDS(ANY("E"), ANY("D")), .init = 1,
                        IMPORTS({"e", 0, 0, 0, 0}),
                        EXPORTS({"b", 1, .value = 5}, {"b2", 2, .value = 7})));
    world_shelve(MODULE("C", NEEDS(ANY("E")), .fini = 2, IMPORTS({"e", 0, 1, 0, 0}),
                        EXPORTS({"c", 2, .value = 0, .flags = 3})));
    world_shelve(MODULE("D", EXPORTS({"d", 3, .value = 9})));
    world_shelve(MODULE("E", .init = 1, EXPORTS({"e", 0, .value = 11})));
    world_shelve(MODULE("F", NEEDS(ANY("D")), IMPORTS({"d", 3, 0, 0, 0})));
    (void)world_loaded("F");
}

/** The code for the call that failed. A weak import may stay unbound. */
static void says(int rc, bool loading)
{
    switch (world.failed) {
    case WORLD_READ:
        assert_int_equal(rc, MODLOAD_E_READ);
        break;
    case WORLD_PLACE:
        assert_int_equal(rc, MODLOAD_E_MEMORY);
        break;
    case WORLD_FIND:
        assert_true(rc == MODLOAD_E_IMPORT || rc == 0);
        break;
    case WORLD_SUPPLY:
        assert_int_equal(rc, MODLOAD_E_DEPENDENCY);
        break;
    case WORLD_ENTER:
        assert_int_equal(rc, MODLOAD_E_START);
        assert_false(loading);
        break;
    case WORLD_NONE:
        assert_int_equal(rc, 0);
        break;
    }
}

static void every_call_of_a_load_fails_once(void **state)
{
    static char there[2000], after[2000];
    unsigned seen[WORLD_ENTER + 1] = {0}, unbound = 0, k = 0;

    (void)state;
    before();
    world_state(there, sizeof(there));
    do {
        struct modload_module *a;
        int rc;

        world_fail_at(++k);
        rc = world_load("A", &a, NULL);
        seen[world.failed]++;
        says(rc, true);
        if (rc == 0) {
            unbound += world.failed == WORLD_FIND;
            assert_string_equal(world_list(), "A C B E F D ");
            assert_int_equal(modload_unload(&world.r, a), 0);
        }
        world_state(after, sizeof(after));
        assert_string_equal(after, there);
        assert_string_equal(world.log, "");
    } while (world.failed != WORLD_NONE);
    assert_int_equal(seen[WORLD_PLACE], world.mode & WORLD_APART ? 8 : 4);
    assert_true((world.r.modules->image.placement == MODLOAD_IN_PLACE) ==
                ((world.mode & WORLD_PLACES) == WORLD_IN_PLACE));
    assert_int_equal(seen[WORLD_SUPPLY], 3);
    assert_int_equal(seen[WORLD_FIND], 5);
    assert_int_equal(unbound, 2);
    if (world.mode & WORLD_IN_PIECES)
        assert_in_range(seen[WORLD_READ], 60, 400);
    else
        assert_int_equal(seen[WORLD_READ], 0);
    world_end();
}

/** A call fails, and the next one again: undoing asks for nothing that can fail. */
static void load_after_a_failed_one_is_the_same(void **state)
{
    struct modload_module *a, *again;
    uint32_t address;

    (void)state;
    before();
    a = world_loaded("A");
    address = a->image.segment[0].address;
    assert_int_equal(modload_unload(&world.r, a), 0);
    for (unsigned k = 1; k < 12; k++) {
        world_fail_at(k);
        if (world_load("A", &again, NULL) == 0)
            assert_int_equal(modload_unload(&world.r, again), 0);
    }
    world_fail_at(0);
    a = world_loaded("A");
    assert_int_equal(a->need_count, 3);
    assert_in_range(a->image.segment[0].address, address, address + 0x10000);
    world_end();
}

/** No module but `running` is left started, and those that were are stopped. */
static void every_start_fails_once(void **state)
{
    (void)state;
    for (unsigned k = 1; k <= 5; k++) {
        struct modload_module *a;
        unsigned started = 0, stopped = 0;
        int rc;

        before();
        world_enters();
        a = world_loaded("A");
        world_fail_at(k);
        rc = modload_start(&world.r, a, NULL);
        says(rc, false);
        assert_int_equal(rc, MODLOAD_E_START);
        for (struct modload_module *m = world.r.modules; m; m = m->next) {
            started += m->state == MODLOAD_STARTED;
            stopped += m->state == MODLOAD_STOPPED;
            for (unsigned i = 0; i < m->need_count; i++)
                assert_true(m->state != MODLOAD_STARTED ||
                            m->need[i]->state == MODLOAD_STARTED);
        }
        assert_int_equal(started, k - 1);
        assert_int_equal(stopped, 1);
        assert_int_equal(modload_start(&world.r, a, NULL), MODLOAD_E_STATE);
        assert_int_equal(modload_unload(&world.r, a), 0);
        assert_string_equal(world_list(), "F D ");
        world_end();
    }
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_call_of_a_load_fails_once),
        cmocka_unit_test(load_after_a_failed_one_is_the_same),
        cmocka_unit_test(every_start_fails_once),
    };
    int failed = 0;

    for (world_mode = 0; world_mode < WORLD_MODES; world_mode++)
        failed += cmocka_run_group_tests(tests, NULL, NULL);
    return failed != 0;
}
