/* SPDX-License-Identifier: BSD-2-Clause */
/* The registry with a feature left out: a module that does without it lives as ever, one
 * that wants it is refused, before anything is asked of the firmware. Built once for
 * each MODLOAD_WITH_*=0. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "modfmt_link.h"
#include "world.h"

static int begin(void **state)
{
    (void)state;
    world_begin();
    if (!MODLOAD_WITH_APART)
        world.r.port.options &= ~MODLOAD_OPT_APART;
    return 0;
}

static int end(void **state)
{
    (void)state;
    world_end();
    return 0;
}

static void plain_module_lives(void **state)
{
    struct modload_module *a;
    uint32_t size;

    (void)state;
    world_shelve(MODULE("A", .params = MODFMT_PLACE_DATA | 4, .params_size = 8));
    a = world_loaded("A");
    assert_ptr_equal(modload_find(&world.r, "A"), a);
    assert_ptr_equal(modload_at(&world.r, a->image.entry), a);
    assert_ptr_equal(modload_params(a, &size), a->image.segment[1].bytes + 4);
    assert_int_equal(modload_start(&world.r, a, NULL), 0);
    assert_int_equal(modload_unload(&world.r, a), 0);
    assert_string_equal(world.log, "A.entry A.leave ");
}

static void arrays(void **state)
{
    struct modload_module *a;

    (void)state;
    world_shelve(MODULE("A", .init = 2, .fini = 1));
    assert_int_equal(world_load("A", &a, NULL),
                     MODLOAD_WITH_ARRAYS ? 0 : MODLOAD_E_UNSUPPORTED);
    if (!a)
        return;
    assert_int_equal(modload_start(&world.r, a, NULL), 0);
    assert_int_equal(modload_unload(&world.r, a), 0);
    assert_string_equal(world.log, "A.init0 A.init1 A.entry A.leave A.fini0 ");
}

static void needs(void **state)
{
    struct modload_module *a;

    (void)state;
    world_shelve(MODULE("A", NEEDS(ANY("B"))));
    world_shelve(MODULE("B"));
    world_fail_at(0);
    assert_int_equal(world_load("A", &a, NULL),
                     MODLOAD_WITH_DEPENDENCIES ? 0 : MODLOAD_E_UNSUPPORTED);
    assert_string_equal(world_list(), MODLOAD_WITH_DEPENDENCIES ? "A B " : "");
    assert_int_equal(world.storage_count, MODLOAD_WITH_DEPENDENCIES ? 2 : 0);
}

static void imports(void **state)
{
    static const struct modload_export offered[] = {{0xe40c292c, 0, 0x1001}};
    const struct recipe *recipe = MODULE("A", IMPORTS({"a", 0, 0, 0, 0}));
    struct modload_module *a;

    (void)state;
    assert_int_equal(recipe_hash("a"), offered[0].hash);
    world.table[0] = (struct modload_table){offered, 1};
    world.r.table_count = 1;
    world_shelve(recipe);
    assert_int_equal(world_load("A", &a, NULL),
                     MODFMT_WITH_IMPORTS ? 0 : MODFMT_E_RELOC_LIST);
    if (a)
        assert_int_equal(modfmt_get32(a->image.segment[1].bytes), 0x1001);
}

static void check(void **state)
{
    struct modload_module *a;

    (void)state;
    world_shelve(MODULE("A"));
    world.shelf[0].image.bytes[MODFMT_HEADER_SIZE + 20] ^= 1;
    assert_int_equal(world_load("A", &a, NULL), MODLOAD_WITH_CRC ? MODFMT_E_CRC : 0);
}

/** A linked image that has no other critical tag needs no arrays; without linked images
 * it is refused like any that cannot be placed. */
static void linked(void **state)
{
    static const uint8_t build_id[4] = {1, 2, 3, 4};
    static const struct modload_identity identity = {build_id, sizeof(build_id), 7};
    const uint32_t address = WORLD_FLASH + world.shelf_count * WORLD_STEP;
    struct modfmt_linker l = {.build_id = build_id,
                              .build_id_size = sizeof(build_id),
                              .api = 7,
                              .text = address + MODFMT_HEADER_SIZE,
                              .data = 0x20004000};
    struct recipe_image *image, done;
    struct modfmt_memory memory;
    uint8_t buffer[1024];
    struct modfmt_diag diag;
    struct modload_module *a;

    (void)state;
    if (world.mode & WORLD_IN_PIECES)
        return;
    world_shelve(MODULE("A"));
    image = &world.shelf[world.shelf_count - 1].image;
    memory = modfmt_memory_bytes(image->bytes, image->size);
    l.image = &memory.bytes;
    l.buffer = buffer;
    l.buffer_size = sizeof(buffer);
    assert_int_equal(modfmt_link_begin(&l, &diag), 0);
    done = (struct recipe_image){malloc(l.bytes.size), l.bytes.size};
    assert_int_equal(l.bytes.read(&l.bytes, 0, done.bytes, done.size), 0);
    free(image->bytes);
    *image = done;
    world.r.port.identity = &identity;
    world.arena_begin = 0x20004000;
    world.arena_end = 0x20005000;
    assert_int_equal(world_load("A", &a, NULL),
                     MODLOAD_WITH_LINKED ? 0 : MODLOAD_E_PLACEMENT);
}

/** Whoever has no linked images gives no memory for them: an image that lies, and allows
 * other placements as well, is placed as any other. */
static void linked_that_lies(void **state)
{
    struct modload_module *a;
    uint8_t *bytes;

    (void)state;
    if (MODLOAD_WITH_LINKED)
        return;
    world_shelve(MODULE("A"));
    bytes = world.shelf[world.shelf_count - 1].image.bytes;
    bytes[MODFMT_OFF_FLAGS] |= MODFMT_FLAG_LINKED;
    modfmt_put32(bytes + MODFMT_OFF_HEADER_CHECK, modfmt_crc32(0, bytes, MODFMT_OFF_CRC));
    modfmt_put32(bytes + MODFMT_OFF_CRC,
                 modfmt_image_crc(bytes, world.shelf[world.shelf_count - 1].image.size));
    a = world_loaded("A");
    if (a->image.placement != MODLOAD_AS_BLOCK)
        assert_int_equal(a->image.data_purpose, MODLOAD_DATA);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, begin, end)

int main(void)
{
    static const struct CMUnitTest tests[] = {
        TEST(plain_module_lives),
        TEST(arrays),
        TEST(needs),
        TEST(imports),
        TEST(check),
        TEST(linked),
        TEST(linked_that_lies),
    };
    int failed = 0;

    for (world_mode = 0; world_mode < WORLD_MODES; world_mode++)
        if ((MODLOAD_WITH_READ || !(world_mode & WORLD_IN_PIECES)) &&
            (MODLOAD_WITH_APART || !(world_mode & WORLD_APART)) &&
            (MODLOAD_WITH_IN_PLACE || !(world_mode & WORLD_IN_PLACE)))
            failed += cmocka_run_group_tests(tests, NULL, NULL);
    return failed != 0;
}
