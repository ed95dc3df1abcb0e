/* SPDX-License-Identifier: BSD-2-Clause */
/* Text that runs in place, instances that share it, and linked images: what is placed,
 * for what, what is refused, and that nothing else is written to. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "modfmt_link.h"
#include "world.h"

#define DATA      0x20004100u
#define ARENA     0x20004000u
#define ARENA_END 0x20005000u

static const uint8_t build_id[20] = {1, 2, 3, 4};
static struct modload_identity identity = {build_id, sizeof(build_id), 0x10002};

static int begin(void **state)
{
    (void)state;
    world_mode = WORLD_IN_PLACE;
    world_begin();
    world.arena_begin = ARENA;
    world.arena_end = ARENA_END;
    identity = (struct modload_identity){build_id, sizeof(build_id), 0x10002};
    world.r.port.identity = &identity;
    return 0;
}

static void refused(const char *name, int code)
{
    struct modload_module *m;

    assert_int_equal(world_load(name, &m, NULL), code);
    assert_int_equal(world.piece_count, 0);
    assert_string_equal(world_list(), "");
}

/** Was one piece placed, for that purpose, and does it hold data? */
static void data_alone(const struct modload_module *m, enum modload_purpose purpose)
{
    assert_int_equal(world.piece_count, 1);
    assert_int_equal(world.piece[0].purpose, purpose);
    assert_ptr_equal(world.piece[0].segment.bytes, m->image.segment[1].bytes);
    assert_int_equal(world.piece[0].segment.address, m->image.segment[1].address);
}

/* ---- in place ------------------------------------------------------------------------
 */

static void text_in_place_data_is_placed_alone(void **state)
{
    struct modload_module *a;

    (void)state;
    world_shelve(MODULE("A", .init = 1));
    a = world_loaded("A");
    data_alone(a, MODLOAD_DATA);
    assert_int_equal(a->image.placement, MODLOAD_IN_PLACE);
    assert_ptr_equal(a->image.segment[0].bytes, world.shelf[0].image.bytes + 64);
    assert_int_equal(a->image.segment[0].address, WORLD_FLASH + 64);
    assert_int_equal(a->image.segment[0].size, RECIPE_TEXT);
    assert_int_equal(a->image.entry, WORLD_FLASH + 64 + RECIPE_ENTRY);
    /* What data says of text is where it lies. */
    assert_int_equal(modfmt_get32(a->image.segment[1].bytes),
                     WORLD_FLASH + 64 + RECIPE_INIT(0));
    assert_int_equal(modload_start(&world.r, a, NULL), 0);
    assert_string_equal(world.log, "A.init0 A.entry ");
}

/** Without being asked for, from where it cannot run, or at an odd place: it is copied.
 */
static void text_is_copied_where_it_cannot_stay(void **state)
{
    static const struct {
        uint32_t options, address;
    } cases[] = {{0, WORLD_FLASH},
                 {MODLOAD_OPT_IN_PLACE, 0},
                 {MODLOAD_OPT_IN_PLACE, WORLD_FLASH + 2}};

    (void)state;
    world_shelve(MODULE("A"));
    for (unsigned i = 0; i < 3; i++) {
        struct modload_source source = world_source("A");
        struct modload_module *m = world_storage();
        struct modfmt_diag diag;

        source.address = cases[i].address;
        world.r.port.options = cases[i].options;
        assert_int_equal(modload_load(&world.r, &source, m, &diag), 0);
        assert_int_equal(m->image.placement, MODLOAD_AS_BLOCK);
        assert_int_equal(world.piece[0].purpose, MODLOAD_BLOCK);
        assert_ptr_equal(m->image.segment[0].bytes, world.piece[0].segment.bytes);
        assert_int_equal(modload_unload(&world.r, m), 0);
    }
}

static void image_that_does_not_allow_it_is_copied(void **state)
{
    struct modload_module *a;

    (void)state;
    world_shelve(MODULE("A"));
    world.shelf[0].image.bytes[MODFMT_OFF_FLAGS] &= (uint8_t)~MODFMT_FLAG_IN_PLACE;
    recipe_mend(&world.shelf[0].image);
    a = world_loaded("A");
    assert_int_equal(a->image.placement, MODLOAD_AS_BLOCK);
}

static void code_in_data_asks_for_memory_that_executes(void **state)
{
    struct modload_module *a;

    (void)state;
    world_shelve(MODULE("A", .flags = MODFMT_FLAG_CODE_IN_DATA));
    a = world_loaded("A");
    data_alone(a, MODLOAD_DATA_CODE);
    assert_int_equal(world.syncs, 1);
    assert_int_equal(modload_unload(&world.r, a), 0);
    world.mode = WORLD_APART;
    world.r.port.options = MODLOAD_OPT_APART;
    a = world_loaded("A");
    assert_int_equal(world.piece[0].purpose, MODLOAD_TEXT);
    assert_int_equal(world.piece[1].purpose, MODLOAD_DATA_CODE);
    assert_int_equal(modload_unload(&world.r, a), 0);
    world.mode = 0;
    world.r.port.options = 0;
    a = world_loaded("A");
    assert_int_equal(world.piece[0].purpose, MODLOAD_BLOCK);
}

static void memory_that_cannot_execute_is_refused_by_name(void **state)
{
    (void)state;
    world_shelve(MODULE("A", .flags = MODFMT_FLAG_CODE_IN_DATA));
    world_shelve(MODULE("B"));
    world.no_execute = true;
    refused("A", MODLOAD_E_EXECUTE);
    data_alone(world_loaded("B"), MODLOAD_DATA);
}

/** Whichever of text and data asks for more, in one block. */
static void block_is_aligned_as_both_ask(void **state)
{
    static const uint8_t aligns[][2] = {{2, 6}, {6, 2}, {6, 6}};

    (void)state;
    world.mode = world.r.port.options = 0;
    world_shelve(MODULE("A"));
    (void)world_loaded("A");
    for (unsigned i = 0; i < 3; i++) {
        struct recipe_image *image;
        struct modload_module *b;

        world_shelve(MODULE("B"));
        image = &world.shelf[i + 1].image;
        image->bytes[MODFMT_OFF_TEXT_ALIGN] = aligns[i][0];
        image->bytes[MODFMT_OFF_DATA_ALIGN] = aligns[i][1];
        recipe_mend(image);
        b = world_loaded("B");
        assert_int_equal(b->image.segment[0].address % 64, 0);
        assert_int_equal(modload_unload(&world.r, b), 0);
    }
}

/** A list whose place is text, in an image that says there is none: nothing is written,
 * and world_load() would see it. */
static void fixup_in_text_is_refused(void **state)
{
    static const uint8_t lists[][4] = {
        {0x40, 0x01, 0x00, 0x00}, {0x00, 0x01, 0x00, 0x00}, {0x20, 0x01, 0x00, 0x00},
        {0x41, 0xf9, 0x00, 0x00}, {0x44, 0x00, 0x00, 0x09}, {0x20, 0x27, 0x00, 0x00},
        {0x45, 0x00, 0x00, 0x01}, {0x40, 0x07, 0x00, 0x00}, {0x40, 0x07, 0xff, 0x00},
    };

    (void)state;
    for (unsigned i = 0; i < sizeof(lists) / sizeof(lists[0]); i++) {
        struct recipe_image *image;
        uint32_t relocs;

        world_shelve(
            MODULE("A", .init = 2, IMPORTS({"f", 0, 1, 0, 0}), .needs = MODFMT_NEED_V6M));
        image = &world.shelf[i].image;
        relocs = 64 + RECIPE_TEXT + modfmt_get32(image->bytes + MODFMT_OFF_DATA_STORED);
        memcpy(image->bytes + relocs, lists[i], 4);
        recipe_mend(image);
        refused("A", MODFMT_E_RELOC_PLACE);
    }
}

static void text_that_is_longer_than_what_is_stored_is_refused(void **state)
{
    struct recipe_image *image;

    (void)state;
    world_shelve(MODULE("A"));
    image = &world.shelf[0].image;
    modfmt_put32(image->bytes + MODFMT_OFF_TEXT_MEM, RECIPE_TEXT + 4);
    recipe_mend(image);
    refused("A", MODFMT_E_IN_PLACE);
}

static void parameters_in_flash_cannot_be_filled(void **state)
{
    struct modload_module *a, *b;
    uint32_t size;

    (void)state;
    world_shelve(MODULE("A", .params = 16, .params_size = 8));
    world_shelve(MODULE("B", .params = MODFMT_PLACE_DATA, .params_size = 8));
    a = world_loaded("A");
    b = world_loaded("B");
    assert_null(modload_params(a, &size));
    assert_ptr_equal(modload_params(b, &size), b->image.segment[1].bytes);
}

/* ---- instances ------------------------------------------------------------------------
 */

static void instances_share_text_and_have_data_of_their_own(void **state)
{
    struct modload_module *first, *second, *user;
    uint32_t one, two;

    (void)state;
    world_shelve(MODULE("A", EXPORTS({"variable", 0, .value = 4, .flags = 3},
                                     {"function", 0, .value = 9, .flags = 1})));
    world_shelve(MODULE("U", NEEDS(ANY("two")), IMPORTS({"function", 0, 0, 0, 0})));
    first = world_loaded("A");
    assert_int_equal(world_load_as("A", "two", &second, NULL), 0);
    assert_ptr_equal(modload_find(&world.r, "A"), first);
    assert_ptr_equal(modload_find(&world.r, "two"), second);
    assert_ptr_equal(first->image.segment[0].bytes, second->image.segment[0].bytes);
    assert_int_equal(first->image.segment[0].address, second->image.segment[0].address);
    assert_ptr_not_equal(first->image.segment[1].bytes, second->image.segment[1].bytes);
    assert_int_equal(modload_symbol(&world.r, first, "variable", 0, &one), 0);
    assert_int_equal(modload_symbol(&world.r, second, "variable", 0, &two), 0);
    assert_int_equal(one, first->image.segment[1].address + 4);
    assert_int_equal(two, second->image.segment[1].address + 4);
    /* A function that is exported from data is a trampoline, and keeps its Thumb bit. */
    assert_int_equal(modload_symbol(&world.r, second, "function", 0, &two), 0);
    assert_int_equal(two, second->image.segment[1].address + 9);
    user = world_loaded("U");
    assert_int_equal(modfmt_get32(user->image.segment[1].bytes), two);
    assert_int_equal(modload_unload(&world.r, second), MODLOAD_E_IN_USE);
    assert_int_equal(modload_unload(&world.r, first), 0);
    assert_ptr_equal(modload_at(&world.r, second->image.entry), second);
}

static void instance_of_a_name_that_is_there_is_refused(void **state)
{
    struct modload_module *m;
    struct modfmt_diag diag;

    (void)state;
    world_shelve(MODULE("A"));
    world_shelve(MODULE("B"));
    (void)world_loaded("A");
    (void)world_load_as("A", "two", &m, NULL);
    assert_int_equal(world_load_as("A", "two", &m, &diag), MODLOAD_E_TWICE);
    assert_int_equal(diag.want, recipe_hash("two"));
    assert_int_equal(world_load_as("B", "A", &m, NULL), MODLOAD_E_TWICE);
    assert_int_equal(world_load_as("A", NULL, &m, NULL), MODLOAD_E_TWICE);
    assert_int_equal(world_load_as("A", "B", &m, NULL), 0);
    assert_int_equal(world_load("B", &m, NULL), MODLOAD_E_TWICE);
    assert_int_equal(world.piece_count, 3);
}

/* ---- linked images
 * ---------------------------------------------------------------------- */

static int bind(struct modfmt_linker *self, uint32_t index, uint32_t hash, uint32_t type,
                uint32_t *ret_address)
{
    (void)self;
    (void)index;
    (void)type;
    *ret_address = hash | 1;
    return 0;
}

/** Link the image on the shelf for where it lies there, with its data at `data`. */
static void link_there(unsigned index, uint32_t data)
{
    struct recipe_image *image = &world.shelf[index].image, linked;
    struct modfmt_memory memory = modfmt_memory_bytes(image->bytes, image->size);
    uint8_t buffer[1024];
    struct modfmt_linker l = {.image = &memory.bytes,
                              .buffer = buffer,
                              .buffer_size = sizeof(buffer),
                              .build_id = build_id,
                              .build_id_size = sizeof(build_id),
                              .api = 0x10002,
                              .find = bind,
                              .data = data,
                              .text = WORLD_FLASH + index * WORLD_STEP + 64};
    struct modfmt_diag diag;

    assert_int_equal(modfmt_link_begin(&l, &diag), 0);
    linked = (struct recipe_image){malloc(l.bytes.size), l.bytes.size};
    assert_int_equal(l.bytes.read(&l.bytes, 0, linked.bytes, linked.size), 0);
    free(image->bytes);
    *image = linked;
}

static void shelve_linked(void)
{
    world_shelve(MODULE("A", .init = 2, .fini = 1, .flags = MODFMT_FLAG_CODE_IN_DATA,
                        IMPORTS({"f", 0, 0, 0, 0}), .params = MODFMT_PLACE_DATA | 16,
                        .params_size = 4));
    link_there(world.shelf_count - 1, DATA);
}

static void linked_image_is_copied_and_run(void **state)
{
    struct modload_module *a;
    uint8_t *data;

    (void)state;
    shelve_linked();
    a = world_loaded("A");
    data_alone(a, MODLOAD_FIXED_CODE);
    assert_int_equal(a->image.placement, MODLOAD_LINKED);
    assert_int_equal(a->image.segment[1].address, DATA);
    assert_int_equal(world.finds, 0);
    data = a->image.segment[1].bytes;
    assert_int_equal(modfmt_get32(data), WORLD_FLASH + 64 + RECIPE_INIT(0));
    assert_int_equal(modfmt_get32(data + 12), recipe_hash("f") | 1);
    /* What is not stored is 0, although memory was not. */
    assert_int_equal(modfmt_get32(data + 32) | modfmt_get32(data + 36), 0);
    assert_int_equal(a->image.segment[1].size, 40);
    assert_int_equal(modload_start(&world.r, a, NULL), 0);
    assert_int_equal(modload_unload(&world.r, a), 0);
    assert_string_equal(world.log, "A.init0 A.init1 A.entry A.leave A.fini0 ");
    assert_int_equal(world.piece_count, 0);
}

/** Data without code asks for no memory that executes; and no data for none at all. */
static void linked_image_asks_for_what_it_needs(void **state)
{
    (void)state;
    world_shelve(MODULE("A"));
    link_there(0, DATA);
    world.no_execute = true;
    data_alone(world_loaded("A"), MODLOAD_FIXED);
    shelve_linked();
    world.shelf[1].text = "B";
    assert_int_equal(modload_unload(&world.r, world.r.modules), 0);
    refused("B", MODLOAD_E_EXECUTE);
}

static void linked_for_another_place_is_refused(void **state)
{
    struct modload_source source;
    struct modfmt_diag diag;

    (void)state;
    shelve_linked();
    source = world_source("A");
    for (uint32_t off = 1; off; off <<= 1) {
        struct modload_module *m = world_storage();

        source.address = WORLD_FLASH + off;
        assert_int_equal(modload_load(&world.r, &source, m, &diag), MODLOAD_E_LINKED);
        assert_int_equal(diag.got, WORLD_FLASH + 64);
        assert_int_equal(diag.want, source.address + 64);
        assert_int_equal(world.piece_count, 0);
    }
}

/** 64 is no address that a source without one has. */
static void linked_image_that_is_not_where_code_runs_is_refused(void **state)
{
    struct modload_source source;
    struct modload_module *m = world_storage();
    struct modfmt_diag diag;
    struct recipe_image *image;

    (void)state;
    shelve_linked();
    image = &world.shelf[0].image;
    modfmt_put32(image->bytes + recipe_tags(image) + 4 + MODFMT_LINKED_OFF_TEXT, 64);
    recipe_mend(image);
    source = world_source("A");
    source.address = 0;
    assert_int_equal(modload_load(&world.r, &source, m, &diag), MODLOAD_E_LINKED);
    m = world_storage();
    source.mapped = NULL;
    assert_int_equal(modload_load(&world.r, &source, m, &diag), MODLOAD_E_LINKED);
}

static void linked_for_another_firmware_is_refused(void **state)
{
    uint8_t other[sizeof(build_id) + 1];
    struct modload_module *m;
    struct modfmt_diag diag;

    (void)state;
    shelve_linked();
    for (unsigned bit = 0; bit < 8 * sizeof(build_id); bit += 7) {
        memcpy(other, build_id, sizeof(build_id));
        other[bit / 8] ^= (uint8_t)(1u << bit % 8);
        identity.build_id = other;
        assert_int_equal(world_load("A", &m, &diag), MODLOAD_E_LINKED);
        assert_int_equal(diag.got, diag.want);
    }
    memcpy(other, build_id, sizeof(build_id));
    other[sizeof(build_id)] = 0;
    for (uint32_t size = 0; size <= sizeof(other); size++) {
        identity.build_id_size = size;
        assert_int_equal(world_load("A", &m, NULL),
                         size == sizeof(build_id) ? 0 : MODLOAD_E_LINKED);
        if (m)
            assert_int_equal(modload_unload(&world.r, m), 0);
    }
    identity = (struct modload_identity){build_id, sizeof(build_id), 0x10003};
    assert_int_equal(world_load("A", &m, &diag), MODLOAD_E_LINKED);
    assert_int_equal(diag.got, 0x10002);
    assert_int_equal(diag.want, 0x10003);
    world.r.port.identity = NULL;
    refused("A", MODLOAD_E_LINKED);
}

/** What the loader alone says: the registry, which walks all tags, may find fault before.
 */
static int loader_says(const char *name)
{
    struct modload_source source = world_source(name);
    struct modload_image image;
    struct modfmt_diag diag;
    int rc = modload_image_load(&world.r.port, &source, &image, &diag);

    assert_int_equal(world.piece_count, 0);
    return rc;
}

/** The tag is not there, is not the first, is of another length, or does not end. */
static void linked_image_without_its_tag_is_refused(void **state)
{
    struct recipe_image *image;
    uint32_t tag, total;

    (void)state;
    shelve_linked();
    image = &world.shelf[0].image;
    tag = recipe_tags(image);
    for (unsigned bit = 0; bit < 32; bit++) {
        uint32_t head = modfmt_get32(image->bytes + tag);

        modfmt_put32(image->bytes + tag, head ^ 1u << bit);
        recipe_mend(image);
        assert_int_equal(loader_says("A"), MODLOAD_E_LINKED);
        modfmt_put32(image->bytes + tag, head);
    }
    total = (tag + 4 + MODFMT_LINKED_SIZE + (uint32_t)sizeof(build_id) - 1) & ~31u;
    modfmt_put32(image->bytes + MODFMT_OFF_TOTAL_SIZE, total);
    recipe_mend(image);
    image->bytes = realloc(image->bytes, total);
    image->size = total;
    assert_int_equal(loader_says("A"), MODLOAD_E_LINKED);
}

static void critical_tags_behind_it_are_looked_at(void **state)
{
    struct recipe_image *image;
    uint32_t tag;

    (void)state;
    shelve_linked();
    image = &world.shelf[0].image;
    tag = recipe_tags(image) + 4 + MODFMT_LINKED_SIZE + sizeof(build_id);
    assert_int_equal(image->bytes[tag], MODFMT_TAG_INIT_ARRAY);
    image->bytes[tag] = 0xfd;
    recipe_mend(image);
    refused("A", MODLOAD_E_UNSUPPORTED);
    image->bytes[tag] = MODFMT_TAG_INIT_ARRAY;
    modfmt_put32(image->bytes + tag + 8, 44);
    recipe_mend(image);
    refused("A", MODFMT_E_TAG_VALUE);
}

/** A tag that says so is not enough: the flag does not let other placements be. */
static void linked_tag_without_the_flag_is_refused(void **state)
{
    struct recipe_image *image;

    (void)state;
    shelve_linked();
    image = &world.shelf[0].image;
    image->bytes[MODFMT_OFF_FLAGS] = MODFMT_FLAG_BLOCK;
    recipe_mend(image);
    refused("A", MODLOAD_E_UNSUPPORTED);
}

static void linked_data_that_is_not_aligned_is_refused(void **state)
{
    /* Data is to be the size of text modulo its alignment. */
    const uint32_t where[] = {DATA, DATA + RECIPE_TEXT}, most[] = {6, 8};

    (void)state;
    assert_int_equal(DATA % 512, 256);
    for (unsigned i = 0; i < 2; i++) {
        struct recipe_image *image;

        world_shelve(MODULE("A"));
        link_there(0, where[i]);
        image = &world.shelf[0].image;
        image->bytes[MODFMT_OFF_DATA_ALIGN] = (uint8_t)(most[i] + 1);
        recipe_mend(image);
        refused("A", MODLOAD_E_LINKED);
        image->bytes[MODFMT_OFF_DATA_ALIGN] = (uint8_t)most[i];
        recipe_mend(image);
        assert_int_equal(modload_unload(&world.r, world_loaded("A")), 0);
        free(world.shelf[--world.shelf_count].image.bytes);
    }
}

static void linked_text_that_is_not_all_stored_is_refused(void **state)
{
    struct recipe_image *image;

    (void)state;
    shelve_linked();
    image = &world.shelf[0].image;
    modfmt_put32(image->bytes + MODFMT_OFF_TEXT_MEM, RECIPE_TEXT + 1);
    recipe_mend(image);
    refused("A", MODFMT_E_IN_PLACE);
}

/** In flash the constructors' addresses are read, too. */
static void arrays_in_linked_text_are_called(void **state)
{
    struct recipe_image *image;
    uint32_t tag;

    (void)state;
    shelve_linked();
    image = &world.shelf[0].image;
    tag = recipe_tags(image) + 4 + MODFMT_LINKED_SIZE + sizeof(build_id);
    modfmt_put32(image->bytes + 64 + 40, WORLD_FLASH + 64 + RECIPE_INIT(5));
    modfmt_put32(image->bytes + tag + 4, 40);
    modfmt_put32(image->bytes + tag + 8, 4);
    recipe_mend(image);
    assert_int_equal(modload_start(&world.r, world_loaded("A"), NULL), 0);
    assert_string_equal(world.log, "A.init5 A.entry ");
}

/* ---- the arena
 * -------------------------------------------------------------------------- */

/** What place() makes of a linked image with its data at `data`. */
static int places_at(uint32_t data)
{
    struct modload_module *m;
    int rc;

    world_shelve(MODULE("T", .odd = 0));
    link_there(world.shelf_count - 1, data);
    rc = world_load("T", &m, NULL);
    if (m)
        assert_int_equal(modload_unload(&world.r, m), 0);
    free(world.shelf[--world.shelf_count].image.bytes);
    return rc;
}

static void data_is_in_the_arena(void **state)
{
    const uint32_t size = RECIPE_FREE + RECIPE_BSS;

    (void)state;
    assert_int_equal(places_at(ARENA), 0);
    assert_int_equal(places_at(ARENA_END - size), 0);
    assert_int_equal(places_at(ARENA - 4), MODLOAD_E_MEMORY);
    assert_int_equal(places_at(ARENA_END - size + 4), MODLOAD_E_MEMORY);
    assert_int_equal(places_at(ARENA_END), MODLOAD_E_MEMORY);
    assert_int_equal(places_at(0x10000000), MODLOAD_E_MEMORY);
    assert_int_equal(places_at(0xffffffe0), MODLOAD_E_MEMORY);
    world.arena_begin = world.arena_end = 0; /* there is none */
    assert_int_equal(places_at(ARENA), MODLOAD_E_MEMORY);
}

static void data_of_two_modules_does_not_overlap(void **state)
{
    const uint32_t size = 40, mine = RECIPE_FREE + RECIPE_BSS;
    struct modload_module *a;

    (void)state;
    shelve_linked();
    a = world_loaded("A");
    assert_int_equal(a->image.segment[1].size, size);
    assert_int_equal(places_at(DATA - mine), 0);
    assert_int_equal(places_at(DATA + size), 0);
    for (uint32_t at = DATA - mine + 4; at < DATA + size; at += 4)
        assert_int_equal(places_at(at), MODLOAD_E_MEMORY);
    assert_int_equal(modload_unload(&world.r, a), 0);
    assert_int_equal(places_at(DATA), 0);
}

/** At the ends of all addresses, and with the largest offset that an image can have. */
static void check_of_fixed_memory_takes_offsets(void **state)
{
    const uint32_t align = 32768, offset = 0x0fffffff;
    struct modfmt_segment s = {NULL, 0xffff7fff, 0x8000};

    (void)state;
    assert_int_equal(
        modload_fixed_check(&world.r, align, offset, &s, 0xffff0000, 0xffffffff), 0);
    s.size++;
    assert_int_equal(
        modload_fixed_check(&world.r, align, offset, &s, 0xffff0000, 0xffffffff),
        MODLOAD_E_MEMORY);
    s = (struct modfmt_segment){NULL, 0x7fff, 1};
    assert_int_equal(modload_fixed_check(&world.r, align, offset, &s, 0, 0x8000), 0);
    assert_int_equal(modload_fixed_check(&world.r, align, offset, &s, 0, 0x7fff),
                     MODLOAD_E_MEMORY);
    for (s.address = 0; s.address < 0x7fff; s.address += 0x55)
        assert_int_equal(modload_fixed_check(&world.r, align, offset, &s, 0, 0x8000),
                         MODLOAD_E_LINKED);
    s.address = 0xffff8000;
    assert_int_equal(
        modload_fixed_check(&world.r, align, offset, &s, 0xffff0000, 0xffffffff),
        MODLOAD_E_LINKED);
}

/** Nor does a second instance, or a module whose data is as large as all, or none. */
static void check_of_fixed_memory_counts_bytes(void **state)
{
    struct modfmt_segment s = {NULL, 0, 0xffffffff};

    (void)state;
    assert_int_equal(modload_fixed_check(&world.r, 1, 0, &s, 0, 0xffffffff), 0);
    s.address = 1;
    assert_int_equal(modload_fixed_check(&world.r, 1, 0, &s, 0, 0xffffffff),
                     MODLOAD_E_MEMORY);
    s = (struct modfmt_segment){NULL, 0xfffffff0, 0x20};
    assert_int_equal(modload_fixed_check(&world.r, 1, 0, &s, 0xffffff00, 0xffffffff),
                     MODLOAD_E_MEMORY);
    shelve_linked();
    (void)world_loaded("A");
    s = (struct modfmt_segment){NULL, DATA - 100, 200};
    assert_int_equal(modload_fixed_check(&world.r, 1, 0, &s, ARENA, ARENA_END),
                     MODLOAD_E_MEMORY);
    /* One of no bytes is in nobody's way. */
    world.r.modules->image.segment[1].size = 0;
    assert_int_equal(modload_fixed_check(&world.r, 1, 0, &s, ARENA, ARENA_END), 0);
}

static void second_instance_of_a_linked_image_is_refused(void **state)
{
    struct modload_module *m;

    (void)state;
    shelve_linked();
    (void)world_loaded("A");
    assert_int_equal(world_load_as("A", "two", &m, NULL), MODLOAD_E_MEMORY);
    assert_int_equal(world.piece_count, 1);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, begin, world_teardown)

int main(void)
{
    static const struct CMUnitTest tests[] = {
        TEST(text_in_place_data_is_placed_alone),
        TEST(text_is_copied_where_it_cannot_stay),
        TEST(image_that_does_not_allow_it_is_copied),
        TEST(code_in_data_asks_for_memory_that_executes),
        TEST(memory_that_cannot_execute_is_refused_by_name),
        TEST(block_is_aligned_as_both_ask),
        TEST(fixup_in_text_is_refused),
        TEST(text_that_is_longer_than_what_is_stored_is_refused),
        TEST(parameters_in_flash_cannot_be_filled),
        TEST(instances_share_text_and_have_data_of_their_own),
        TEST(instance_of_a_name_that_is_there_is_refused),
        TEST(linked_image_is_copied_and_run),
        TEST(linked_image_asks_for_what_it_needs),
        TEST(linked_for_another_place_is_refused),
        TEST(linked_image_that_is_not_where_code_runs_is_refused),
        TEST(linked_for_another_firmware_is_refused),
        TEST(linked_image_without_its_tag_is_refused),
        TEST(critical_tags_behind_it_are_looked_at),
        TEST(linked_tag_without_the_flag_is_refused),
        TEST(linked_data_that_is_not_aligned_is_refused),
        TEST(linked_text_that_is_not_all_stored_is_refused),
        TEST(arrays_in_linked_text_are_called),
        TEST(data_is_in_the_arena),
        TEST(data_of_two_modules_does_not_overlap),
        TEST(check_of_fixed_memory_counts_bytes),
        TEST(check_of_fixed_memory_takes_offsets),
        TEST(second_instance_of_a_linked_image_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL) != 0;
}
