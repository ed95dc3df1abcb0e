/* SPDX-License-Identifier: BSD-2-Clause */
/* Modules that run: what is called in which order, and what a start that fails
 * undoes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "world.h"

/** What was called since the last time. */
static void called(const char *text)
{
    assert_string_equal(world.log, text);
    world.log[0] = '\0';
}

/* ---- starting and stopping
 * ------------------------------------------------------------- */

static void shelve_chain(void)
{
    world_shelve(MODULE("A", .init = 2, .fini = 2, NEEDS(ANY("B"))));
    world_shelve(MODULE("B", .init = 1, .fini = 3, NEEDS(ANY("C"))));
    world_shelve(MODULE("C", .init = 3, .fini = 1));
}

static void constructors_up_destructors_down(void **state)
{
    struct modload_module *c;

    (void)state;
    shelve_chain();
    world_shelve(MODULE("D", .fini = 3, .init = 4));
    c = world_loaded("D");
    assert_int_equal(modload_start(&world.r, c, NULL), 0);
    assert_int_equal(c->state, MODLOAD_STARTED);
    called("D.init0 D.init1 D.init2 D.init3 D.entry ");
    assert_int_equal(modload_stop(&world.r, c), 0);
    assert_int_equal(c->state, MODLOAD_STOPPED);
    called("D.leave D.fini2 D.fini1 D.fini0 ");
    assert_int_equal(modload_unload(&world.r, c), 0);
    called("");
}

static void needs_are_started_first_and_stopped_last(void **state)
{
    struct modload_module *a;
    char parameter[] = "parameter";

    (void)state;
    shelve_chain();
    a = world_loaded("A");
    called("");
    assert_int_equal(modload_start(&world.r, a, parameter), 0);
    called("C.init0 C.init1 C.init2 C.entry B.init0 B.entry A.init0 A.init1 A.entry "
           "A.parameter ");
    for (struct modload_module *m = a; m; m = m->next)
        assert_int_equal(m->state, MODLOAD_STARTED);
    assert_int_equal(modload_unload(&world.r, a), 0);
    called("A.leave A.fini1 A.fini0 B.leave B.fini2 B.fini1 B.fini0 C.leave C.fini0 ");
}

static void foot_of_a_diamond_starts_once(void **state)
{
    struct modload_module *a;

    (void)state;
    world_shelve(MODULE("A", NEEDS(ANY("B"), ANY("C"))));
    world_shelve(MODULE("B", NEEDS(ANY("D"))));
    world_shelve(MODULE("C", NEEDS(ANY("D"), ANY("B"))));
    world_shelve(MODULE("D", .init = 1));
    a = world_loaded("A");
    assert_int_equal(modload_start(&world.r, a, NULL), 0);
    called("D.init0 D.entry B.entry C.entry A.entry ");
    assert_int_equal(modload_unload(&world.r, a), 0);
    called("A.leave C.leave B.leave D.leave ");
}

static void started_needs_are_not_started_again(void **state)
{
    struct modload_module *a, *b;

    (void)state;
    shelve_chain();
    b = world_loaded("B");
    assert_int_equal(modload_start(&world.r, b, NULL), 0);
    called("C.init0 C.init1 C.init2 C.entry B.init0 B.entry ");
    a = world_loaded("A");
    assert_int_equal(modload_start(&world.r, a, NULL), 0);
    called("A.init0 A.init1 A.entry ");
}

static void states_allow_what_the_diagram_shows(void **state)
{
    struct modload_module *a;

    (void)state;
    world_shelve(MODULE("A"));
    a = world_loaded("A");
    assert_int_equal(modload_stop(&world.r, a), MODLOAD_E_STATE);
    assert_int_equal(modload_start(&world.r, a, NULL), 0);
    assert_int_equal(modload_start(&world.r, a, NULL), MODLOAD_E_STATE);
    assert_int_equal(modload_stop(&world.r, a), 0);
    assert_int_equal(modload_stop(&world.r, a), MODLOAD_E_STATE);
    assert_int_equal(modload_start(&world.r, a, NULL), MODLOAD_E_STATE);
    called("A.entry A.leave ");
    assert_int_equal(modload_unload(&world.r, a), 0);
    called("");
}

static void unloaded_without_a_start_nothing_runs(void **state)
{
    (void)state;
    shelve_chain();
    assert_int_equal(modload_unload(&world.r, world_loaded("A")), 0);
    called("");
}

static void result_is_the_entrys(void **state)
{
    struct modload_module *a;

    (void)state;
    shelve_chain();
    a = world_loaded("A");
    world.entry_result = -7;
    assert_int_equal(modload_start(&world.r, a, NULL), 0);
    assert_int_equal(a->result, -7);
    assert_int_equal(a->need[0]->result, -7);
}

static void module_without_entry_only_constructs(void **state)
{
    struct modload_module *a;

    (void)state;
    world_shelve(MODULE("A", .no_entry = true, .init = 1, .fini = 1));
    world_enters();
    a = world_loaded("A");
    assert_int_equal(modload_start(&world.r, a, NULL), 0);
    assert_int_equal(a->result, 0);
    assert_int_equal(modload_unload(&world.r, a), 0);
    called("A.init0 A.leave A.fini0 ");
}

static void arrays_skip_what_is_no_function(void **state)
{
    struct modload_module *a;
    uint8_t *word;

    (void)state;
    world_shelve(MODULE("A", .init = 4, .fini = 3));
    a = world_loaded("A");
    word = a->image.segment[1].bytes;
    modfmt_put32(word, 0);
    modfmt_put32(word + 4, 0xffffffff);
    modfmt_put32(word + 5 * 4, 0);
    assert_int_equal(modload_start(&world.r, a, NULL), 0);
    assert_int_equal(modload_stop(&world.r, a), 0);
    called("A.init2 A.init3 A.entry A.leave A.fini2 A.fini0 ");
}

static void enter_has_the_entry_run(void **state)
{
    struct modload_module *a;

    (void)state;
    shelve_chain();
    world_enters();
    a = world_loaded("A");
    assert_int_equal(modload_start(&world.r, a, NULL), 0);
    called("C.init0 C.init1 C.init2 C.enter B.init0 B.enter A.init0 A.init1 A.enter ");
    assert_int_equal(a->result, 0);
}

static void enter_that_fails_undoes_the_start(void **state)
{
    struct modload_module *a;

    (void)state;
    shelve_chain();
    world_enters();
    a = world_loaded("A");
    world_fail_at(3);
    assert_int_equal(modload_start(&world.r, a, NULL), MODLOAD_E_START);
    called("C.init0 C.init1 C.init2 C.enter B.init0 B.enter A.init0 A.init1 "
           "A.leave A.fini1 A.fini0 ");
    assert_int_equal(a->state, MODLOAD_STOPPED);
    assert_int_equal(a->need[0]->state, MODLOAD_STARTED);
    assert_int_equal(modload_unload(&world.r, a), 0);
    called("B.leave B.fini2 B.fini1 B.fini0 C.leave C.fini0 ");
}

/** A needed module whose enter() fails is undone as well, and nobody runs on it. */
static void enter_of_a_need_that_fails_undoes_its_start(void **state)
{
    struct modload_module *a;

    (void)state;
    shelve_chain();
    world_enters();
    a = world_loaded("A");
    world_fail_at(2);
    assert_int_equal(modload_start(&world.r, a, NULL), MODLOAD_E_START);
    called("C.init0 C.init1 C.init2 C.enter B.init0 B.leave B.fini2 B.fini1 B.fini0 ");
    assert_int_equal(a->state, MODLOAD_LOADED);
    assert_int_equal(a->need[0]->state, MODLOAD_STOPPED);
    assert_int_equal(a->need[0]->need[0]->state, MODLOAD_STARTED);
    assert_int_equal(modload_start(&world.r, a, NULL), MODLOAD_E_STATE);
    assert_int_equal(a->state, MODLOAD_LOADED);
    called("");
    assert_int_equal(modload_unload(&world.r, a), 0);
    called("C.leave C.fini0 ");
}

/** Nobody is bound to a module whose destructors have run. */
static void stopped_module_meets_no_need(void **state)
{
    struct modload_module *a, *b;

    (void)state;
    shelve_chain();
    b = world_loaded("B");
    assert_int_equal(modload_start(&world.r, b, NULL), 0);
    assert_int_equal(modload_stop(&world.r, b), 0);
    assert_int_equal(world_load("A", &a, NULL), MODLOAD_E_STATE);
    assert_string_equal(world_list(), "B C ");
    assert_int_equal(b->users, 0);
}

/** As modload_each()'s comment says. */
static void unloading_the_first_again_and_again_unloads_all(void **state)
{
    unsigned times = 0;

    (void)state;
    shelve_chain();
    world_shelve(MODULE("E", NEEDS(ANY("C"))));
    world_shelve(MODULE("F"));
    (void)world_loaded("F");
    (void)world_loaded("A");
    (void)world_loaded("E");
    for (; world.r.modules; times++)
        assert_int_equal(modload_unload(&world.r, world.r.modules), 0);
    assert_int_equal(times, 3);
    assert_int_equal(world.storage_count, 0);
}

static int note_it(struct modload_module *m, void *context)
{
    strcat(context, world_name(m));
    return strcmp(world_name(m), "B") == 0 ? 42 : 0;
}

static void each_goes_from_the_newest_until_told_to_end(void **state)
{
    char text[20] = "";

    (void)state;
    assert_int_equal(modload_each(&world.r, note_it, text), 0);
    shelve_chain();
    (void)world_loaded("A");
    assert_int_equal(modload_each(&world.r, note_it, text), 42);
    assert_string_equal(text, "AB");
}

/* A module that unloads another one, or loads one, while it is run. */
static int inside_code;
static struct modload_module *inside_other;

static void load_other(struct modload_module *m, uint32_t function)
{
    if (function - m->image.segment[0].address == RECIPE_ENTRY && !inside_other)
        inside_code = world_load("E", &inside_other, NULL);
}

static void entry_may_load_another_module(void **state)
{
    struct modload_module *a;

    (void)state;
    world_shelve(MODULE("A"));
    world_shelve(MODULE("E"));
    a = world_loaded("A");
    inside_other = NULL;
    inside_code = 1;
    world.inside = load_other;
    assert_int_equal(modload_start(&world.r, a, NULL), 0);
    assert_int_equal(inside_code, 0);
    assert_string_equal(world_list(), "E A ");
}

static unsigned inside_times;

/** The destructor of B has A loaded, which needs B. */
static void need_the_dying(struct modload_module *m, uint32_t function)
{
    if (function == m->image.segment[0].address + RECIPE_FINI(0) && inside_times++ == 0)
        inside_code = world_load("A", &inside_other, NULL);
}

static void dying_module_finds_no_user(void **state)
{
    struct modload_module *b;

    (void)state;
    shelve_chain();
    b = world_loaded("B");
    assert_int_equal(modload_start(&world.r, b, NULL), 0);
    inside_times = 0;
    world.inside = need_the_dying;
    assert_int_equal(modload_unload(&world.r, b), 0);
    assert_int_equal(inside_code, MODLOAD_E_STATE);
    assert_string_equal(world_list(), "");
}

/** The destructor of C, which goes along with A, has others loaded, refused and unloaded.
 */
static void load_while_going_along(struct modload_module *m, uint32_t function)
{
    if (m->name != recipe_hash("C") ||
        function != m->image.segment[0].address + RECIPE_FINI(0))
        return;
    inside_times++;
    inside_code = world_load("X", &inside_other, NULL);
    assert_int_equal(modload_unload(&world.r, world_loaded("E")), 0);
}

static void module_that_goes_along_is_not_taken_twice(void **state)
{
    struct modload_module *a;

    (void)state;
    shelve_chain();
    world_shelve(MODULE("X", NEEDS(ANY("missing"))));
    world_shelve(MODULE("E"));
    a = world_loaded("A");
    assert_int_equal(modload_start(&world.r, a, NULL), 0);
    inside_times = 0;
    world.log[0] = '\0';
    world.inside = load_while_going_along;
    assert_int_equal(modload_unload(&world.r, a), 0);
    assert_int_equal(inside_times, 1);
    assert_int_equal(inside_code, MODLOAD_E_DEPENDENCY);
    called("A.leave A.fini1 A.fini0 B.leave B.fini2 B.fini1 B.fini0 C.leave C.fini0 ");
    assert_string_equal(world_list(), "");
    assert_int_equal(world.storage_count, 0);
}

/** A destructor that asks for its own module to be stopped and unloaded: neither. */
static void stop_itself(struct modload_module *m, uint32_t function)
{
    if (function != m->image.segment[0].address + RECIPE_FINI(0) || inside_times++)
        return;
    assert_int_equal(m->state, MODLOAD_STOPPING);
    assert_int_equal(modload_start(&world.r, m, NULL), MODLOAD_E_STATE);
    assert_int_equal(modload_stop(&world.r, m), MODLOAD_E_STATE);
    assert_int_equal(modload_unload(&world.r, m), MODLOAD_E_STATE);
}

static void destructor_cannot_end_its_own_module(void **state)
{
    struct modload_module *a;

    (void)state;
    world_shelve(MODULE("A", .fini = 1));
    a = world_loaded("A");
    assert_int_equal(modload_start(&world.r, a, NULL), 0);
    world.log[0] = '\0';
    inside_times = 0;
    world.inside = stop_itself;
    assert_int_equal(modload_stop(&world.r, a), 0);
    assert_int_equal(inside_times, 1);
    called("A.leave A.fini0 ");
}

#define TEST(function)                                                                   \
    cmocka_unit_test_setup_teardown(function, world_setup, world_teardown)

int main(void)
{
    static const struct CMUnitTest tests[] = {
        TEST(constructors_up_destructors_down),
        TEST(needs_are_started_first_and_stopped_last),
        TEST(foot_of_a_diamond_starts_once),
        TEST(started_needs_are_not_started_again),
        TEST(states_allow_what_the_diagram_shows),
        TEST(unloaded_without_a_start_nothing_runs),
        TEST(result_is_the_entrys),
        TEST(module_without_entry_only_constructs),
        TEST(arrays_skip_what_is_no_function),
        TEST(enter_has_the_entry_run),
        TEST(enter_that_fails_undoes_the_start),
        TEST(enter_of_a_need_that_fails_undoes_its_start),
        TEST(stopped_module_meets_no_need),
        TEST(unloading_the_first_again_and_again_unloads_all),
        TEST(each_goes_from_the_newest_until_told_to_end),
        TEST(entry_may_load_another_module),
        TEST(dying_module_finds_no_user),
        TEST(module_that_goes_along_is_not_taken_twice),
        TEST(destructor_cannot_end_its_own_module),
    };
    int failed = 0;

    for (world_mode = 0; world_mode < WORLD_MODES; world_mode++)
        failed += cmocka_run_group_tests(tests, NULL, NULL);
    return failed != 0;
}
