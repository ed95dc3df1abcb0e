/* SPDX-License-Identifier: BSD-2-Clause */
/* libmodfmt: what is written is what is read; the numbers others rely on. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <zlib.h>

#include "modfmt.h"

static uint32_t random_state = 1;

/** xorshift: the same tests every time. */
static uint32_t random_below(uint32_t limit)
{
    random_state ^= random_state << 13;
    random_state ^= random_state >> 17;
    random_state ^= random_state << 5;
    return random_state % limit;
}

static void range_never_overflows(void **state)
{
    (void)state;
    assert_true(modfmt_range(0, 0, 0));
    assert_true(modfmt_range(4, 4, 8));
    assert_false(modfmt_range(5, 4, 8));
    assert_false(modfmt_range(9, 0, 8));
    assert_false(modfmt_range(4, 0xfffffffc, 8));
    assert_false(modfmt_range(0xffffffff, 0xffffffff, 0xfffffffe));
}

static void hash_is_fnv1a(void **state)
{
    (void)state;
    /* From the test suite of the FNV reference code. */
    assert_int_equal(modfmt_hash("", 0), 0x811c9dc5);
    assert_int_equal(modfmt_hash("a", 1), 0xe40c292c);
    assert_int_equal(modfmt_hash("foobar", 6), 0xbf9cf968);
}

static void every_error_has_name_and_text(void **state)
{
    (void)state;
#define LOOK(name, number, text)                                                         \
    assert_string_equal(modfmt_strerror_name(number), #name);                            \
    assert_string_equal(modfmt_strerror(number), text);
    MODFMT_ERRORS(LOOK)
#undef LOOK
    assert_string_equal(modfmt_strerror(-9999), "unknown error");
    assert_string_equal(modfmt_strerror(0), "no error");
    assert_string_equal(modfmt_strerror_name(1), "?");
}

/** Which import or segment, where, of what kind: all that a list is about. */
static struct modfmt_fixup random_fixup(uint32_t text, uint32_t data, uint32_t imports)
{
    struct modfmt_fixup f = {.segment = (uint8_t)random_below(2)};
    uint32_t size = f.segment ? data : text;

    f.kind = random_below(3) ? MODFMT_KIND_WORD : MODFMT_KIND_MOV;
    f.target = (uint8_t)random_below(MODFMT_TARGET_IMPORT + 1);
    f.relative = random_below(4) == 0;
    if (f.target == MODFMT_TARGET_ABSOLUTE)
        f.relative = 1;
    if (f.target == 2) /* means nothing */
        f.target = MODFMT_TARGET_TEXT;
    if (f.target == MODFMT_TARGET_IMPORT)
        f.import_index = (uint16_t)random_below(imports);
    f.place = random_below(size - 20);
    if (f.kind == MODFMT_KIND_MOV) {
        f.place &= ~1u;
        f.distance = (uint8_t)random_below(MODFMT_MOV_DISTANCE_MAX + 1);
        /* The text is all zero: what is alone there reads as a MOVW. */
        if (f.distance <= MODFMT_MOV_MOVT_ALONE) {
            f.distance = MODFMT_MOV_MOVW_ALONE;
            f.low = (uint16_t)random_below(0x10000);
        }
    } else if (random_below(8)) {
        f.place &= ~3u;
    }
    return f;
}

/** Sort, and drop what overlaps in one list (a writer's precondition). @return how many
 */
static size_t tidy(struct modfmt_fixup *f, size_t count)
{
    size_t kept = 0;

    qsort(f, count, sizeof(*f), modfmt_fixup_compare);
    for (size_t k = 0; k < count; k++) {
        const struct modfmt_fixup *last = kept ? &f[kept - 1] : NULL;

        if (last && last->segment == f[k].segment && last->target == f[k].target &&
            last->relative == f[k].relative && last->kind == f[k].kind &&
            last->import_index == f[k].import_index && f[k].place >= last->place &&
            f[k].place < last->place + 4)
            continue;
        f[kept++] = f[k];
    }
    return kept;
}

/** Are these the same, but for the order of the imports' lists? */
static void assert_same(struct modfmt_fixup *found, const struct modfmt_fixup *wanted,
                        size_t count)
{
    qsort(found, count, sizeof(*found), modfmt_fixup_compare);
    for (size_t k = 0; k < count; k++) {
        assert_int_equal(modfmt_fixup_compare(&found[k], &wanted[k]), 0);
        assert_int_equal(found[k].distance, wanted[k].distance);
        assert_int_equal(found[k].low, wanted[k].low);
    }
}

static void encoded_fixups_come_back(void **state)
{
    enum { TEXT = 70000, DATA = 5000, IMPORTS = 9, MOST = 400 };
    static struct modfmt_fixup fixups[MOST], found[MOST];
    static uint8_t relocs[MOST * 8], text[TEXT], data[DATA], buffer[100000];

    (void)state;
    for (unsigned round = 0; round < 300; round++) {
        struct modfmt_import imports[IMPORTS] = {{0}};
        struct modfmt_source source = {
            .flags = MODFMT_FLAG_BLOCK | MODFMT_FLAG_APART,
            .machine = 40,
            .text = text,
            .text_stored = TEXT,
            .text_mem = TEXT,
            .data = data,
            .data_stored = DATA,
            .data_mem = DATA,
            .text_align = 2,
            .data_align = 2,
            .relocs = relocs,
            .imports = imports,
            .import_count = IMPORTS,
        };
        struct modfmt_image image;
        struct modfmt_fixups it;
        struct modfmt_diag diag;
        uint32_t size, needed;
        size_t count = random_below(MOST);

        for (size_t k = 0; k < count; k++)
            fixups[k] = random_fixup(TEXT, DATA, IMPORTS);
        count = tidy(fixups, count);
        for (uint32_t k = 0; k < IMPORTS; k++)
            imports[k].hash = 10 * k + 1;
        assert_int_equal(modfmt_encode_fixups(fixups, count, NULL, 0, &needed),
                         count ? MODFMT_E_NO_SPACE : 0);
        assert_true(needed <= sizeof(relocs));
        assert_int_equal(modfmt_encode_fixups(fixups, count, relocs, needed, &size), 0);
        assert_int_equal(size, needed);
        source.reloc_size = size;
        assert_int_equal(modfmt_write(&source, buffer, sizeof(buffer), &size), 0);
        assert_int_equal(modfmt_open(buffer, size, &image, &diag), 0);
        modfmt_fixups_begin(&image, &it);
        for (size_t k = 0; k < count; k++)
            assert_int_equal(modfmt_fixups_next(&it, &found[k], &diag), 1);
        assert_int_equal(modfmt_fixups_next(&it, &found[count], &diag), 0);
        assert_same(found, fixups, count);
    }
}

static void write_needs_its_room_and_is_deterministic(void **state)
{
    static const uint8_t text[6] = {0x00, 0x20, 0x70, 0x47, 0xc0, 0x46};
    const struct modfmt_tag_source tags[] = {{MODFMT_TAG_NAME, 3, "abc"}};
    struct modfmt_source source = {
        .flags = MODFMT_FLAG_BLOCK,
        .machine = 40,
        .entry = 1,
        .text = text,
        .text_stored = sizeof(text),
        .text_mem = sizeof(text),
        .text_align = 2,
        .data_align = 2,
        .tags = tags,
        .tag_count = 1,
    };
    uint8_t one[128], two[128];
    uint32_t size = modfmt_write_size(&source), got = 0;
    struct modfmt_image image;
    struct modfmt_diag diag;

    (void)state;
    memset(one, 0x55, sizeof(one));
    memset(two, 0xaa, sizeof(two));
    assert_int_equal(size, 96);
    assert_int_equal(modfmt_write(&source, one, size - 1, &got), MODFMT_E_NO_SPACE);
    assert_int_equal(got, 0);
    assert_int_equal(one[0], 0x55);
    assert_int_equal(modfmt_write(&source, one, sizeof(one), &got), 0);
    assert_int_equal(modfmt_write(&source, two, size, &got), 0);
    assert_int_equal(got, size);
    assert_memory_equal(one, two, size);
    assert_int_equal(one[size], 0x55);
    assert_int_equal(modfmt_open(one, size, &image, &diag), 0);
    assert_int_equal(modfmt_check(&image, &diag), 0);
}

static void crc_field_is_zlibs(void **state)
{
    uint8_t bytes[96];
    uLong crc;

    (void)state;
    for (unsigned k = 0; k < sizeof(bytes); k++)
        bytes[k] = (uint8_t)(k * 7);
    crc = crc32(0, bytes, 56);
    crc = crc32(crc, (const Bytef *)"\0\0\0", 4);
    crc = crc32(crc, bytes + 60, sizeof(bytes) - 60);
    assert_int_equal(modfmt_image_crc(bytes, sizeof(bytes)), crc);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(range_never_overflows),
        cmocka_unit_test(hash_is_fnv1a),
        cmocka_unit_test(every_error_has_name_and_text),
        cmocka_unit_test(encoded_fixups_come_back),
        cmocka_unit_test(write_needs_its_room_and_is_deterministic),
        cmocka_unit_test(crc_field_is_zlibs),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
