/* SPDX-License-Identifier: BSD-2-Clause */
/* port/cxx on a host: functions are numbers here, and "calling" them writes them down. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "atexit.h"
#include "port.h"

#define TEXT_A 0x20000000u
#define DATA_A 0x10000000u
#define TEXT_B 0x20000100u

static const struct modload_image a = {
    .segment = {{.address = TEXT_A, .size = 0x100}, {.address = DATA_A, .size = 16}},
    .span = {[MODLOAD_STATIC_BASE] = {.address = 0x1234, .size = 4}},
};
static const struct modload_image b = {.segment = {{.address = TEXT_B, .size = 0x100}}};

static struct modload_atexit list;
static uint32_t called[16];
static unsigned call_count, released;
static uint32_t last_base;

typedef void destructor(void *object);

static void add(uint32_t handle, uint32_t function)
{
    struct modload_destructor *d = malloc(sizeof(*d));

    assert_non_null(d);
    modload_atexit_add(&list, d, (void *)(uintptr_t)(function + 1),
                       (destructor *)(uintptr_t)function, (void *)(uintptr_t)handle);
}

static void release(void *memory)
{
    released++;
    free(memory);
}

int modload_cortex_m_call(uint32_t function, void *param, uint32_t static_base)
{
    assert_true(call_count < 16);
    assert_int_equal((uintptr_t)param, function + 1);
    /* Its memory is not needed any more. */
    assert_int_equal(released, call_count + 1);
    called[call_count++] = function;
    last_base = static_base;
    /* This one registers another. */
    if (function == TEXT_A + 0x40)
        add(TEXT_A, TEXT_A + 0x44);
    return 0;
}

static int begin(void **state)
{
    (void)state;
    list.newest = NULL;
    call_count = released = 0;
    return 0;
}

static void test_order(void **state)
{
    (void)state;
    add(TEXT_A, TEXT_A + 2);
    add(TEXT_B, TEXT_B + 2);
    add(TEXT_A + 0xff, TEXT_A + 4);
    add(DATA_A + 15, TEXT_A + 6);
    add(TEXT_B + 0xff, TEXT_B + 4);
    modload_atexit_run(&list, &a, release);
    assert_int_equal(call_count, 3);
    assert_int_equal(called[0], TEXT_A + 6);
    assert_int_equal(called[1], TEXT_A + 4);
    assert_int_equal(called[2], TEXT_A + 2);
    assert_int_equal(last_base, 0x1234);
    call_count = released = 0;
    modload_atexit_run(&list, &a, release);
    assert_int_equal(call_count, 0);
    modload_atexit_run(&list, &b, release);
    assert_int_equal(call_count, 2);
    assert_int_equal(called[0], TEXT_B + 4);
    assert_int_equal(last_base, 0);
    assert_null(list.newest);
}

/** What a destructor registers runs next, before older ones. */
static void test_more(void **state)
{
    (void)state;
    add(TEXT_A, TEXT_A + 2);
    add(TEXT_A, TEXT_A + 0x40);
    modload_atexit_run(&list, &a, release);
    assert_int_equal(call_count, 3);
    assert_int_equal(called[1], TEXT_A + 0x44);
    assert_int_equal(called[2], TEXT_A + 2);
    assert_null(list.newest);
}

/** A module without a handle is told by its code; a handle counts for more than that. */
static void test_handle(void **state)
{
    (void)state;
    add(0, TEXT_A + 2);
    add(TEXT_B, TEXT_A + 4);
    modload_atexit_run(&list, &a, release);
    assert_int_equal(call_count, 1);
    assert_int_equal(called[0], TEXT_A + 2);
    call_count = released = 0;
    modload_atexit_run(&list, &b, release);
    assert_int_equal(call_count, 1);
    assert_null(list.newest);
}

/** Instances that run in place share text and handle; what is in their data does not. */
static void test_instances(void **state)
{
    const uint32_t data_b = DATA_A + 0x100;
    struct modload_image one = a;
    struct modload_image two = a;

    (void)state;
    one.placement = two.placement = MODLOAD_IN_PLACE;
    two.segment[1].address = data_b;
    add(TEXT_A, DATA_A + 1);     /* trampolines */
    add(TEXT_A, data_b + 1);     /* … */
    add(TEXT_A, data_b - 1);     /* a function of the firmware, an object of two's */
    add(DATA_A + 4, TEXT_A + 8); /* told by a handle of its own */
    modload_atexit_run(&list, &one, release);
    assert_int_equal(call_count, 2);
    assert_int_equal(called[0], TEXT_A + 8);
    assert_int_equal(called[1], DATA_A + 1);
    call_count = released = 0;
    modload_atexit_run(&list, &two, release);
    assert_int_equal(call_count, 2);
    assert_int_equal(called[0], data_b - 1);
    assert_null(list.newest);
}

static void test_guard(void **state)
{
    uint32_t guard = 0;

    (void)state;
    assert_int_equal(modload_guard_acquire(&guard), MODLOAD_GUARD_YOURS);
    assert_int_equal(guard & 1, 0); /* compilers look at it */
    assert_int_equal(modload_guard_acquire(&guard), MODLOAD_GUARD_ANOTHER);
    modload_guard_abort(&guard);
    assert_int_equal(modload_guard_acquire(&guard), MODLOAD_GUARD_YOURS);
    modload_guard_release(&guard);
    assert_int_equal(guard & 1, 1);
    assert_int_equal(modload_guard_acquire(&guard), MODLOAD_GUARD_DONE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_order, begin),
        cmocka_unit_test_setup(test_more, begin),
        cmocka_unit_test_setup(test_handle, begin),
        cmocka_unit_test_setup(test_instances, begin),
        cmocka_unit_test(test_guard),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
