/* SPDX-License-Identifier: BSD-2-Clause */
/* The demo firmware's heap on a host: destructors of instances that share a text.
 * Functions of modules are numbers here, and "calling" them writes them down. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "console.h"
#include "emulation.h"
#include "exports.h"
#include "firmware.h"
#include "heap.h"
#include "modules.h"
#include "port.h"

#define TEXT   0x08060040u
#define DATA_A 0x20001000u
#define DATA_B 0x20002000u

static struct modload_module a, b;
static uint32_t called[4];
static unsigned call_count;
static _Alignas(8) uint8_t memory[1024];

/* ---- the firmware around it ----------------------------------------------------------
 */

struct modload_registry modules_registry;

struct modload_module *modules_owner(const void *code)
{
    (void)code;
    return &b; /* the newest one */
}

int modload_cortex_m_call(uint32_t function, void *param, uint32_t static_base)
{
    (void)param;
    (void)static_base;
    assert_true(call_count < 4);
    called[call_count++] = function;
    return 0;
}

void console_fresh_line(void)
{
}

void modules_print_current(void)
{
}

void fw_print(const char *text)
{
    (void)text;
}

void emulation_end(int status)
{
    (void)status;
    fail();
    __builtin_unreachable();
}

/* ---- tests --------------------------------------------------------------------------
 */

static int begin(void **state)
{
    const struct modload_image image = {
        .segment = {{.address = TEXT, .size = 0x100}, {.address = DATA_A, .size = 64}},
        .placement = MODLOAD_IN_PLACE,
    };

    (void)state;
    a.image = b.image = image;
    b.image.segment[1].address = DATA_B;
    a.index = 0;
    b.index = 1;
    b.next = &a;
    modules_registry.modules = &b;
    modload_arena_begin(&heap_arena, memory, sizeof(memory));
    call_count = 0;
    return 0;
}

static void add(uint32_t object, uint32_t function)
{
    typedef void destructor(void *object);

    assert_int_equal(fw_aeabi_atexit((void *)(uintptr_t)object,
                                     (destructor *)(uintptr_t)function,
                                     (void *)(uintptr_t)(TEXT + 8)),
                     0);
}

/** What is free is not what it was. */
static void use_what_is_free(void)
{
    uint32_t size = fw_free_bytes();
    void *all;

    while ((all = fw_alloc(size)) == NULL && size)
        size -= 8;
    assert_non_null(all);
    memset(all, 0xff, size);
    fw_free(all);
}

/** The older instance registers while the newer one is there, which goes first. */
static void test_newer_goes_first(void **state)
{
    uint32_t before = fw_free_bytes();

    (void)state;
    add(DATA_A + 16, DATA_A + 1);
    add(DATA_B + 16, DATA_B + 1);
    add(DATA_A + 20, TEXT + 3); /* known by the object alone */
    assert_non_null(fw_alloc(40));
    heap_run_destructors(&b);
    assert_int_equal(heap_reclaim(&b), 40);
    modules_registry.modules = &a;
    use_what_is_free();
    heap_run_destructors(&a);
    assert_int_equal(heap_reclaim(&a), 0);
    assert_int_equal(call_count, 3);
    assert_int_equal(called[0], DATA_B + 1);
    assert_int_equal(called[1], TEXT + 3);
    assert_int_equal(called[2], DATA_A + 1);
    assert_int_equal(fw_free_bytes(), before);
}

/** An instance whose start failed: nothing is run, nothing is left. */
static void test_never_run(void **state)
{
    uint32_t before = fw_free_bytes();

    (void)state;
    add(DATA_A + 16, DATA_A + 1);
    add(DATA_B + 16, DATA_B + 1);
    assert_int_equal(heap_reclaim(&b), 0);
    use_what_is_free();
    heap_run_destructors(&a);
    assert_int_equal(call_count, 1);
    assert_int_equal(called[0], DATA_A + 1);
    assert_int_equal(heap_reclaim(&a), 0);
    assert_int_equal(fw_free_bytes(), before);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_newer_goes_first, begin),
        cmocka_unit_test_setup(test_never_run, begin),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
