/* SPDX-License-Identifier: BSD-2-Clause */
/* Damaged images of modules that need each other: header_check and crc are set right
 * again (mostly), so that the damage is seen by all that comes behind them. Built with a
 * sanitizer it shows reads outside of images and memory, which have exactly their size;
 * in any build that nothing is left over, that no loop is endless, and that exports are
 * of the module.
 *
 *     life-hostile-test [ROUNDS [SEED]] */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "world.h"

#define ROUNDS 60000ul
/** So long may a round take, in seconds: it takes a thousandth of one. */
#define LIMIT 60u

static uint64_t random_state = 1;

static uint32_t random_below(uint32_t limit)
{
    random_state ^= random_state << 13;
    random_state ^= random_state >> 7;
    random_state ^= random_state << 17;
    return (uint32_t)(random_state >> 16) % limit;
}

static struct {
    unsigned long loaded, refused, symbols, outside, params, changed;
    unsigned long codes[256];
} count;

/* ---- damage -------------------------------------------------------------------------
 */

static uint32_t odd_number(void)
{
    static const uint32_t odd[] = {0,          1,          3,          0x7f,
                                   0x80,       0xff,       0xffff,     0x0fffffff,
                                   0x10000000, 0x7fffffff, 0x80000000, 0x80000001,
                                   0xfffffffc, 0xffffffff};

    if (random_below(2))
        return random_below(300);
    return odd[random_below(sizeof(odd) / sizeof(odd[0]))];
}

/** Offset of something that means something: mostly in tables and tags. */
static uint32_t place_in(const struct recipe_image *image)
{
    struct modfmt_areas at;

    modfmt_areas(image->bytes, &at);
    switch (random_below(4)) {
    case 0:
        return random_below(MODFMT_HEADER_SIZE);
    case 1:
        if (at.relocs < at.tags && at.tags < image->size)
            return at.relocs + random_below(at.tags - at.relocs);
        break;
    case 2:
        if (at.tags < image->size)
            return at.tags + random_below(image->size - at.tags);
        break;
    default:
        break;
    }
    return random_below(image->size);
}

static void damage(struct recipe_image *image)
{
    uint32_t at = place_in(image);

    switch (random_below(5)) {
    case 0:
        image->bytes[at] ^= (uint8_t)(1u << random_below(8));
        break;
    case 1:
        image->bytes[at] = (uint8_t)odd_number();
        break;
    case 2:
        if (at + 2 <= image->size)
            modfmt_put16(image->bytes + at, odd_number());
        break;
    case 3:
        at &= ~3u;
        modfmt_put32(image->bytes + at, odd_number());
        break;
    default:
        /* A tag's or a table's row over another one. */
        at &= ~3u;
        if (at + 16 <= image->size)
            memmove(image->bytes + at,
                    image->bytes + 4 * random_below((image->size - 16) / 4 + 1), 16);
        break;
    }
}

/** The image ends sooner, or later. */
static void resize(struct recipe_image *image)
{
    uint32_t size = (uint32_t)((int)image->size + 32 * ((int)random_below(5) - 2));
    uint8_t *bytes = malloc(size);
    uint32_t copied = size < image->size ? size : image->size;

    assert_non_null(bytes);
    memset(bytes, 0, size);
    memcpy(bytes, image->bytes, copied);
    free(image->bytes);
    *image = (struct recipe_image){bytes, size};
    modfmt_put32(bytes + MODFMT_OFF_TOTAL_SIZE, size);
}

static void mend_checks(struct recipe_image *image)
{
    uint8_t *b = image->bytes;

    modfmt_put32(b, MODFMT_MAGIC);
    if (random_below(16) == 0)
        return;
    b[MODFMT_OFF_MAJOR] = MODFMT_MAJOR;
    modfmt_put16(b + MODFMT_OFF_HEADER_SIZE, MODFMT_HEADER_SIZE);
    modfmt_put16(b + MODFMT_OFF_MACHINE, 40);
    if (random_below(8))
        modfmt_put32(b + MODFMT_OFF_TOTAL_SIZE, image->size);
    modfmt_put32(b + MODFMT_OFF_HEADER_CHECK, modfmt_crc32(0, b, MODFMT_OFF_CRC));
    modfmt_put32(b + MODFMT_OFF_CRC, modfmt_image_crc(b, image->size));
}

/** What is read twice may differ: a source that changes under way. */
static void change(uint32_t offset, uint8_t *buffer, uint32_t size)
{
    if (random_below(40))
        return;
    buffer[random_below(size)] = (uint8_t)odd_number();
    if (offset == 0 && size == MODFMT_HEADER_SIZE && random_below(4))
        modfmt_put32(buffer + MODFMT_OFF_HEADER_CHECK,
                     modfmt_crc32(0, buffer, MODFMT_OFF_CRC));
    count.changed++;
}

/* ---- looking at what was loaded
 * --------------------------------------------------------- */

static bool within(const struct modload_module *m, uint32_t address)
{
    const struct modfmt_segment *s = m->image.segment;

    return address - s[0].address < s[0].size || address - s[1].address < s[1].size;
}

static void look_at_symbols(const struct modload_module *m)
{
    static const char *const names[] = {"a", "b", "b2", "c", "d", "e", "f"};

    for (unsigned i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        uint32_t address = 0x12345678;
        int rc = modload_symbol(&world.r, m, names[i], 0, &address);

        if (rc == 0) {
            count.symbols++;
            assert_true(within(m, address) || within(m, address & ~1u));
            assert_true(modload_at(&world.r, address) == m ||
                        modload_at(&world.r, address & ~1u) == m);
        } else {
            assert_int_equal(address, 0x12345678);
            count.outside += rc == MODFMT_E_EXPORT;
        }
    }
}

static void look_at_params(const struct modload_module *m)
{
    uint32_t size;
    uint8_t *p = modload_params(m, &size);

    if (!p)
        return;
    count.params++;
    assert_int_not_equal(size, 0);
    memset(p, 0x55, size); /* a sanitizer says if it is not all the module's */
}

static int look_at(struct modload_module *m, void *context)
{
    unsigned *users = context;

    assert_true(m->need_count <= MODLOAD_NEEDS_MAX);
    for (unsigned i = 0; i < m->need_count; i++)
        assert_true(m->need[i]->state != MODLOAD_EMPTY);
    *users += m->need_count;
    *users -= m->users;
    look_at_symbols(m);
    look_at_params(m);
    return 0;
}

/* ---- rounds ---------------------------------------------------------------------------
 */

static void shelve(void)
{
    world_shelve(MODULE("A", NEEDS(ANY("B"), ANY("C"), ANY("D")), .init = 2, .fini = 1,
                        IMPORTS({"b", 1, 0, 0, 0}, {"c", 0, 1, 0, 0}, {"d", 3, 0, 0, 0}),
                        EXPORTS({"a", 0, .value = 1}), .params = 16, .params_size = 8));
    world_shelve(MODULE("B", NEEDS({"E", {1, 0, 0}, {2, 0, 0}}, ANY("D")), .init = 1,
                        IMPORTS({"e", 0, 0, 0, 0}), .params = MODFMT_PLACE_DATA | 4,
                        .params_size = 12,
                        EXPORTS({"b", 1, .value = 5}, {"b2", 2, .value = 7})));
    world_shelve(MODULE("C", NEEDS(ANY("E")), .fini = 2, IMPORTS({"e", 0, 1, 0, 0}),
                        EXPORTS({"c", 2, .value = 0, .flags = 3})));
    world_shelve(MODULE("D", .odd = 3, EXPORTS({"d", 3, .value = 9})));
    world_shelve(MODULE("E", .init = 1, EXPORTS({"e", 0, .value = 11})));
}

static void load_and_look(const char *name)
{
    char there[2000], after[2000];
    struct modload_module *m;
    unsigned users = 0;
    int rc;

    world_state(there, sizeof(there));
    rc = world_load(name, &m, NULL);
    count.codes[-rc & 0xff]++;
    if (rc) {
        world_state(after, sizeof(after));
        assert_string_equal(after, there);
        count.refused++;
        return;
    }
    count.loaded++;
    (void)modload_each(&world.r, look_at, &users);
    assert_int_equal(users, 0);
    if (random_below(2))
        assert_int_equal(modload_start(&world.r, m, NULL), 0);
}

static void one_round(void)
{
    unsigned times = 1 + random_below(4);

    world_mode = random_below(WORLD_MODES);
    world_begin();
    shelve();
    for (unsigned i = 0; i < times; i++) {
        struct recipe_image *image = &world.shelf[random_below(world.shelf_count)].image;

        if (random_below(12) == 0)
            resize(image);
        for (unsigned k = 1 + random_below(3); k; k--)
            damage(image);
        mend_checks(image);
    }
    if (random_below(4) == 0)
        world.r.port.options &= ~MODLOAD_OPT_CRC;
    if (random_below(8) == 0)
        world.changed = change;
    if (random_below(8) == 0)
        load_and_look("E");
    load_and_look("A");
    world_end();
}

static unsigned long rounds = ROUNDS;

static void damaged_images_do_no_harm(void **state)
{
    (void)state;
    for (unsigned long i = 0; i < rounds; i++) {
        if (i % 256 == 0)
            (void)alarm(LIMIT); /* an endless loop ends here */
        one_round();
    }
    (void)alarm(0);
    printf("%lu loaded, %lu refused, %lu symbols, %lu of them outside, %lu parameter "
           "blocks\n",
           count.loaded, count.refused, count.symbols, count.outside, count.params);
    for (int i = 0; i < 256; i++)
        if (count.codes[i])
            printf("%lu %s\n", count.codes[i], i ? modfmt_strerror_name(-i) : "good");
    /* That it was not all refused at the first check, nor all let through. */
    assert_true(count.loaded > rounds / 20);
    assert_true(count.refused > rounds / 20);
    assert_true(count.symbols && count.outside && count.params && count.changed);
    assert_true(count.codes[-MODLOAD_E_CYCLE] && count.codes[-MODLOAD_E_DEPENDENCY] &&
                count.codes[-MODLOAD_E_TWICE] && count.codes[-MODLOAD_E_TYPE] &&
                count.codes[-MODLOAD_E_UNSUPPORTED] && count.codes[-MODFMT_E_TAG_END]);
}

int main(int argc, char **argv)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(damaged_images_do_no_harm)};

    if (argc > 1)
        rounds = strtoul(argv[1], NULL, 0);
    if (argc > 2)
        random_state = strtoul(argv[2], NULL, 0) | 1;
    return cmocka_run_group_tests(tests, NULL, NULL) != 0;
}
