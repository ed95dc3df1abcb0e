/* SPDX-License-Identifier: BSD-2-Clause */
/* Relocation lists: rows of imports and long runs, as the writer makes them, as the
 * iterator tells them, and as the loaders apply them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "modfmt.h"
#include "modfmt_link.h"
#include "modload.h"
#include "modload_trusted.h"

enum {
    TEXT = 6000,
    DATA = 4003,
    IMPORTS = 300,
    MOST = 3000,
    IMAGE = 40000,
    TEXT_AT = 0x20001300,
    DATA_AT = 0x10004400,
};

static uint32_t random_state = 1;

/** xorshift: the same tests every time. */
static uint32_t random_below(uint32_t limit)
{
    random_state ^= random_state << 13;
    random_state ^= random_state >> 17;
    random_state ^= random_state << 5;
    return random_state % limit;
}

/* ---- what the writer makes -------------------------------------------------- */

static struct modfmt_fixup fixups[MOST];
static size_t fixup_count;

static void add(uint32_t place, uint32_t target, uint32_t import)
{
    assert_true(fixup_count < MOST);
    fixups[fixup_count++] = (struct modfmt_fixup){.place = place,
                                                  .target = (uint8_t)target,
                                                  .import_index = (uint16_t)import,
                                                  .kind = MODFMT_KIND_WORD};
}

/** Are the fix-ups' lists these? */
static void assert_lists(const char *expected, uint32_t size)
{
    uint8_t bytes[64];
    uint32_t got;

    qsort(fixups, fixup_count, sizeof(fixups[0]), modfmt_fixup_compare);
    assert_int_equal(
        modfmt_encode_fixups(fixups, fixup_count, bytes, sizeof(bytes), &got), 0);
    assert_int_equal(got, size);
    assert_memory_equal(bytes, expected, size);
    fixup_count = 0;
}

/** A string of bytes and how many they are. */
#define BYTES(text) text, sizeof(text) - 1

static void runs_have_a_count_from_seven_words_on(void **state)
{
    static const struct {
        uint32_t words;
        const char *lists;
        uint32_t size;
    } run[] = {
        {1, BYTES("\x40\x09\x00")},
        {6, BYTES("\x40\x0e\x00")},
        {7, BYTES("\x40\x0f\x00\x00")},
        {8, BYTES("\x40\x0f\x01\x00")},
        {261, BYTES("\x40\x0f\xfe\x00")},
        {262, BYTES("\x40\x0f\xff\x00")},
        {263, BYTES("\x40\x0f\xff\x01\x00")},
        {269, BYTES("\x40\x0f\xff\x07\x00\x00")},
        {525, BYTES("\x40\x0f\xff\x07\xff\x01\x00")},
    };

    (void)state;
    for (unsigned i = 0; i < sizeof(run) / sizeof(run[0]); i++) {
        for (uint32_t k = 0; k < run[i].words; k++)
            add(4 + 4 * k, MODFMT_TARGET_TEXT, 0);
        assert_lists(run[i].lists, run[i].size);
    }
}

/** One import has a run as other targets have. */
static void run_of_one_import_has_a_count(void **state)
{
    (void)state;
    for (uint32_t k = 0; k < 9; k++)
        add(4 * k, MODFMT_TARGET_IMPORT, 3);
    assert_lists(BYTES("\x44\x03\x00\x07\x02\x00"));
}

/** {place, import}, ended by an import of 0xffff: what is a row, and what is none. */
static void rows_are_of_consecutive_imports_with_one_word_each(void **state)
{
    static const struct {
        uint16_t fix[6][2];
        const char *lists;
        uint32_t size;
    } row[] = {
        /* one, two, three; over two groups */
        {{{0, 5}, {0, 0xffff}}, BYTES("\x44\x05\x00\x01\x00")},
        {{{4, 5}, {8, 6}, {0, 0xffff}}, BYTES("\x45\x05\x00\x0a\x00")},
        {{{0, 0}, {4, 1}, {12, 2}, {0, 0xffff}}, BYTES("\x45\x00\x00\x02\x09\x00")},
        {{{0, 0x1ff}, {4, 0x200}, {0, 0xffff}}, BYTES("\x45\xff\x01\x02\x00")},
        /* places that descend */
        {{{8, 0}, {4, 1}, {0, 0xffff}},
         BYTES("\x44\x00\x00\x11\x00\x44\x01\x00\x09\x00")},
        {{{8, 0}, {12, 1}, {0, 2}, {4, 3}, {0, 0xffff}},
         BYTES("\x45\x00\x00\x12\x00\x45\x02\x00\x02\x00")},
        /* an import that has no word, or two */
        {{{0, 0}, {4, 2}, {0, 0xffff}},
         BYTES("\x44\x00\x00\x01\x00\x44\x02\x00\x09\x00")},
        {{{0, 0}, {4, 1}, {8, 1}, {12, 2}, {0, 0xffff}},
         BYTES("\x44\x00\x00\x01\x00\x44\x01\x00\x0a\x00\x44\x02\x00\x19\x00")},
        {{{0, 0}, {4, 1}, {8, 2}, {12, 2}, {0, 0xffff}},
         BYTES("\x44\x02\x00\x12\x00\x45\x00\x00\x02\x00")},
        /* what rows leave over comes first, and the next row after it */
        {{{0, 0}, {4, 1}, {8, 3}, {0, 0xffff}},
         BYTES("\x44\x03\x00\x11\x00\x45\x00\x00\x02\x00")},
        /* unaligned words; the same that overlap; one of each */
        {{{1, 0}, {6, 1}, {0, 0xffff}}, BYTES("\x05\x00\x00\x09\x09\x00")},
        {{{1, 0}, {3, 1}, {0, 0xffff}},
         BYTES("\x04\x00\x00\x09\x00\x04\x01\x00\x19\x00")},
        {{{0, 0}, {5, 1}, {0, 0xffff}},
         BYTES("\x04\x01\x00\x29\x00\x44\x00\x00\x01\x00")},
    };

    (void)state;
    for (unsigned i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
        for (unsigned k = 0; row[i].fix[k][1] != 0xffff; k++)
            add(row[i].fix[k][0], MODFMT_TARGET_IMPORT, row[i].fix[k][1]);
        assert_lists(row[i].lists, row[i].size);
    }
}

/** Segments, and words that are relative, have rows of their own; pairs have none. */
static void rows_are_of_one_descriptor_and_of_words(void **state)
{
    (void)state;
    for (uint32_t k = 0; k < 4; k++) {
        add(4 * k, MODFMT_TARGET_IMPORT, k);
        fixups[k].segment = k >= 2;
    }
    assert_lists(BYTES("\x45\x00\x00\x02\x00\x4d\x02\x00\x12\x00"));
    for (uint32_t k = 0; k < 4; k++) {
        add(4 * k, MODFMT_TARGET_IMPORT, k);
        fixups[k].relative = k >= 2;
    }
    assert_lists(BYTES("\x45\x00\x00\x02\x00\x55\x02\x00\x12\x00"));
    for (uint32_t k = 0; k < 2; k++) {
        add(8 * k, MODFMT_TARGET_IMPORT, k);
        fixups[k].kind = MODFMT_KIND_MOV;
        fixups[k].distance = 2;
    }
    assert_lists(BYTES("\x24\x00\x00\x01\x00\x24\x01\x00\x21\x00"));
}

/* ---- images ------------------------------------------------------------------- */

static uint8_t image_bytes[IMAGE], text[TEXT], data[DATA];
static struct modfmt_import imports[IMPORTS];

/** An image of these lists. @return its size */
static uint32_t write_lists(const uint8_t *relocs, uint32_t size, uint32_t import_count)
{
    struct modfmt_source source = {
        .flags = MODFMT_FLAG_BLOCK | MODFMT_FLAG_APART,
        .machine = 40,
        .needs = MODFMT_NEED_V6M,
        .text = text,
        .text_stored = TEXT,
        .text_mem = TEXT,
        .data = data,
        .data_stored = DATA,
        .data_mem = DATA,
        .text_align = 2,
        .data_align = 2,
        .relocs = relocs,
        .reloc_size = size,
        .imports = imports,
        .import_count = import_count,
    };

    for (uint32_t k = 0; k < TEXT; k++)
        text[k] = (uint8_t)(k * 37 + k / 256);
    for (uint32_t k = 0; k < DATA; k++)
        data[k] = (uint8_t)(k * 91 + k / 256);
    for (uint32_t k = 0; k < IMPORTS; k++)
        imports[k].hash = 1000 + k;
    assert_int_equal(modfmt_write(&source, image_bytes, IMAGE, &size), 0);
    return size;
}

static uint32_t address_of(uint32_t import)
{
    return 0x08000001 + 0x10230 * import;
}

/** Runs and rows of all lengths in a segment, one behind the other. */
static void add_runs(uint32_t segment, uint32_t size, bool trusted)
{
    static const uint16_t lengths[] = {1, 2, 3, 6, 7, 8, 9, 31, 100, 261, 262, 263};
    static const uint8_t targets[] = {MODFMT_TARGET_TEXT, MODFMT_TARGET_DATA,
                                      MODFMT_TARGET_ABSOLUTE, MODFMT_TARGET_IMPORT,
                                      MODFMT_TARGET_IMPORTS};
    uint32_t place = random_below(9);

    for (;;) {
        uint32_t n = lengths[random_below(sizeof(lengths) / sizeof(lengths[0]))];
        uint32_t target = targets[random_below(trusted ? 2 : 5)];
        uint32_t import = random_below(IMPORTS - 263);
        bool relative =
            !trusted && (target == MODFMT_TARGET_ABSOLUTE || random_below(4) == 0);

        if (place + 4 * n > size)
            return;
        for (uint32_t k = 0; k < n; k++, place += 4) {
            add(place, target == MODFMT_TARGET_IMPORTS ? MODFMT_TARGET_IMPORT : target,
                target == MODFMT_TARGET_IMPORTS  ? import + k
                : target == MODFMT_TARGET_IMPORT ? import
                                                 : 0);
            fixups[fixup_count - 1].segment = (uint8_t)segment;
            fixups[fixup_count - 1].relative = relative;
        }
        place += random_below(3) ? 4 * random_below(50) : random_below(50);
    }
}

/** An image of runs. @return its lists' size, *ret_image, open and good */
static uint32_t random_image(struct modfmt_image *ret_image, bool trusted)
{
    static uint8_t relocs[8 * MOST];
    struct modfmt_diag diag;
    uint32_t size;

    fixup_count = 0;
    add_runs(0, TEXT, trusted);
    add_runs(1, DATA, trusted);
    qsort(fixups, fixup_count, sizeof(fixups[0]), modfmt_fixup_compare);
    assert_int_equal(
        modfmt_encode_fixups(fixups, fixup_count, relocs, sizeof(relocs), &size), 0);
    assert_int_equal(modfmt_open(image_bytes,
                                 write_lists(relocs, size, trusted ? 0 : IMPORTS),
                                 ret_image, &diag),
                     0);
    assert_int_equal(modfmt_check(ret_image, &diag), 0);
    return size;
}

/** Memory as it should be: each fix-up that was asked for, applied by itself. */
static void fix_all(uint8_t *const *memory, const uint32_t *address)
{
    memcpy(memory[0], text, TEXT);
    memcpy(memory[1], data, DATA);
    for (size_t k = 0; k < fixup_count; k++) {
        const struct modfmt_fixup *f = &fixups[k];
        uint8_t *p = memory[f->segment] + f->place;
        uint32_t v = f->target == MODFMT_TARGET_IMPORT     ? address_of(f->import_index)
                     : f->target == MODFMT_TARGET_ABSOLUTE ? 0
                                                           : address[f->target];

        modfmt_put32(p, modfmt_get32(p) + v - (f->relative ? address[f->segment] : 0));
    }
}

/* ---- the iterator ------------------------------------------------------------- */

static void runs_and_rows_come_back(void **state)
{
    static struct modfmt_fixup found[MOST];

    (void)state;
    for (unsigned round = 0; round < 200; round++) {
        struct modfmt_image image;
        struct modfmt_fixups it;
        struct modfmt_diag diag;

        random_image(&image, false);
        modfmt_fixups_begin(&image, &it);
        for (size_t k = 0; k < fixup_count; k++)
            assert_int_equal(modfmt_fixups_next(&it, &found[k], &diag), 1);
        assert_int_equal(modfmt_fixups_next(&it, &found[0], &diag), 0);
        qsort(found, fixup_count, sizeof(found[0]), modfmt_fixup_compare);
        for (size_t k = 0; k < fixup_count; k++) {
            assert_int_equal(modfmt_fixup_compare(&found[k], &fixups[k]), 0);
            assert_int_equal(found[k].target, fixups[k].target);
        }
    }
}

/* ---- the loader's relocator ----------------------------------------------------- */

/** Hands the table out by pieces, each in memory of just its size. */
struct windows {
    struct modfmt_relocator r;
    const uint8_t *table;
    uint32_t step; /**< bytes of a piece */
    uint32_t cut;  /**< reading fails behind so many bytes */
    uint8_t *piece;
    uint32_t import_count;
};

static int refill(struct modfmt_relocator *r)
{
    struct windows *w = (struct windows *)(void *)r;
    uint32_t size = r->remaining < w->step ? r->remaining : w->step;

    assert_true(size != 0 && r->next == r->end);
    if (w->cut < size)
        return MODLOAD_E_READ;
    w->cut -= size;
    free(w->piece);
    w->piece = malloc(size);
    assert_non_null(w->piece);
    memcpy(w->piece, w->table, size);
    w->table += size;
    r->next = w->piece;
    r->end = r->next + size;
    r->remaining -= size;
    return 0;
}

static int bind(struct modfmt_relocator *r, uint8_t *words, uint32_t count)
{
    const struct windows *w = (const struct windows *)(const void *)r;

    assert_int_not_equal(count, 0);
    for (; count; count--, words += 4) {
        if (r->index >= w->import_count)
            return MODFMT_E_RELOC_IMPORT;
        modfmt_put32(words, modfmt_get32(words) + address_of(r->index++) - r->base);
    }
    return 0;
}

/** Apply lists to memory, by pieces. @return what modfmt_relocate() does */
static int relocate(struct windows *w, const uint8_t *lists, uint32_t size,
                    uint8_t *const *memory)
{
    const struct modfmt_segment segment[2] = {{memory[0], TEXT_AT, TEXT},
                                              {memory[1], DATA_AT, DATA}};
    int rc;

    w->r = (struct modfmt_relocator){
        .remaining = size, .segment = segment, .refill = refill, .bind = bind};
    w->table = lists;
    rc = modfmt_relocate(&w->r);
    free(w->piece);
    w->piece = NULL;
    return rc;
}

/** Pieces of one byte end behind each byte there is: a group's head, its count, in the
 * midst of a row. */
static void lists_come_in_pieces_of_any_size(void **state)
{
    static const uint32_t address[2] = {TEXT_AT, DATA_AT};
    static const uint32_t steps[] = {1, 2, 3, 5, 17, 64, 100000};
    uint8_t *wanted[2] = {malloc(TEXT), malloc(DATA)};
    uint8_t *memory[2] = {malloc(TEXT), malloc(DATA)};

    (void)state;
    for (unsigned round = 0; round < 70; round++) {
        struct modfmt_image image;
        uint32_t size = random_image(&image, false);
        struct windows w = {
            .step = steps[round % 7], .cut = size, .import_count = IMPORTS};

        fix_all(wanted, address);
        memcpy(memory[0], text, TEXT);
        memcpy(memory[1], data, DATA);
        assert_int_equal(relocate(&w, image_bytes + image.at.relocs, size, memory), 0);
        assert_memory_equal(memory[0], wanted[0], TEXT);
        assert_memory_equal(memory[1], wanted[1], DATA);
    }
    for (unsigned k = 0; k < 2; k++) {
        free(wanted[k]);
        free(memory[k]);
    }
}

/** Each byte of a table that cannot be read ends it, and what was fixed before. */
static void reading_fails_at_each_byte(void **state)
{
    static const char lists[] = "\x20\x07\x34\x12\x00\x40\x08\x08\x02\x0f\x05\x00"
                                "\x44\x02\x00\x02\x00\x45\x01\x00\x07\x03\x0a\x00";
    uint8_t *memory[2] = {calloc(1, TEXT), calloc(1, DATA)};

    (void)state;
    for (uint32_t step = 1; step < 4; step++)
        for (uint32_t cut = 0; cut <= sizeof(lists) - 1; cut += step) {
            struct windows w = {.step = step, .cut = cut, .import_count = IMPORTS};

            assert_int_equal(
                relocate(&w, (const uint8_t *)lists, sizeof(lists) - 1, memory),
                cut == sizeof(lists) - 1 ? 0 : MODLOAD_E_READ);
        }
    free(memory[0]);
    free(memory[1]);
}

/** A row of 262 words in text, with imports from `first` on. */
static const uint8_t *long_row(uint8_t first)
{
    static uint8_t list[7];

    memcpy(list, (const uint8_t[]){0x45, first, 0, 0x0f, 0xff, 0x00}, 6);
    return list;
}

/** What does not fit, or is cut, by pieces of each size: nothing is written outside. */
static void lists_that_are_cut_or_run_over_are_refused(void **state)
{
    static const struct {
        const char *lists;
        uint32_t size;
        int rc;
    } bad[] = {
        {BYTES("\x40\x07"), MODFMT_E_RELOC_END},
        {BYTES("\x40\x07\x00"), MODFMT_E_RELOC_END},
        {BYTES("\x40\x01\x0f"), MODFMT_E_RELOC_END},
        {BYTES("\x45\x00"), MODFMT_E_RELOC_END},
        {BYTES("\x45\x00\x00"), MODFMT_E_RELOC_END},
        {BYTES("\x45\x00\x00\x02"), MODFMT_E_RELOC_END},
        {BYTES("\x45\x00\x00\x07"), MODFMT_E_RELOC_END},
        {BYTES("\x44\x00\x00"), MODFMT_E_RELOC_END},
        {BYTES("\x44\x00\x02\x00"), MODFMT_E_RELOC_IMPORT},
        /* text has 1500 words, data 1000 and three bytes */
        {BYTES("\x40\x08\x30\xb7\xff\x00"), 0},
        {BYTES("\x40\x08\x30\xbf\xff\x00"), MODFMT_E_RELOC_PLACE},
        {BYTES("\x45\x00\x00\x08\x30\xb7\xff\x00"), 0},
        {BYTES("\x45\x00\x00\x08\x30\xbf\xff\x00"), MODFMT_E_RELOC_PLACE},
        {BYTES("\x48\xf8\x07\x01\x00"), 0},
        {BYTES("\x48\xf8\x0f\x01\x00"), MODFMT_E_RELOC_PLACE},
        {BYTES("\x40\x08\x30\xb7\xff\x01\x00"), MODFMT_E_RELOC_PLACE},
        {BYTES("\x45\x00\x00\x08\x30\xb7\xff\x01\x00"), MODFMT_E_RELOC_PLACE},
        {BYTES("\x47\x00\x00"), MODFMT_E_RELOC_LIST},
        {BYTES("\x46\x00\x00"), MODFMT_E_RELOC_LIST},
    };
    uint8_t *memory[2] = {calloc(1, TEXT), calloc(1, DATA)};

    (void)state;
    for (unsigned k = 0; k < sizeof(bad) / sizeof(bad[0]); k++)
        for (uint32_t step = 1; step < 8; step++) {
            struct windows w = {
                .step = step, .cut = bad[k].size, .import_count = IMPORTS};

            assert_int_equal(
                relocate(&w, (const uint8_t *)bad[k].lists, bad[k].size, memory),
                bad[k].rc);
        }
    free(memory[0]);
    free(memory[1]);
}

/** The trusted loader knows long runs, too. */
static void trusted_loader_does_the_same(void **state)
{
    static const uint32_t address[2] = {TEXT_AT, TEXT_AT + TEXT};
    uint8_t *memory = malloc(TEXT + DATA), *wanted = malloc(TEXT + DATA);
    uint8_t *const parts[2] = {wanted, wanted + TEXT};

    (void)state;
    for (unsigned round = 0; round < 100; round++) {
        struct modfmt_image image;

        random_image(&image, true);
        fix_all(parts, address);
        memset(memory, 0xa5, TEXT + DATA);
        assert_int_equal(modload_trusted(image_bytes, memory, TEXT_AT), TEXT_AT);
        assert_memory_equal(memory, wanted, TEXT + DATA);
    }
    free(memory);
    free(wanted);
}

/* ---- whose import it is ----------------------------------------------------------- */

/** An import that does not exist is named by the reader and by the linker. */
static void import_that_does_not_exist_is_named(void **state)
{
    uint32_t size = write_lists(long_row(0), 6, 9);
    struct modfmt_image image;
    struct modfmt_fixups it;
    struct modfmt_fixup f;
    struct modfmt_diag diag;

    (void)state;
    assert_int_equal(modfmt_open(image_bytes, size, &image, &diag), 0);
    modfmt_fixups_begin(&image, &it);
    for (uint32_t k = 0; k < 9; k++) {
        assert_int_equal(modfmt_fixups_next(&it, &f, &diag), 1);
        assert_int_equal(f.target, MODFMT_TARGET_IMPORT);
        assert_int_equal(f.import_index, k);
        assert_int_equal(f.place, 4 + 4 * k);
    }
    assert_int_equal(modfmt_fixups_next(&it, &f, &diag), MODFMT_E_RELOC_IMPORT);
    assert_int_equal(diag.got, 9);
    assert_int_equal(diag.want, 9);
    memset(&diag, 0, sizeof(diag));
    assert_int_equal(modfmt_check(&image, &diag), MODFMT_E_RELOC_IMPORT);
    assert_int_equal(diag.got, 9);
    assert_int_equal(diag.want, 9);
}

static int read_image(struct modfmt_bytes *self, uint32_t offset, void *to, uint32_t size)
{
    assert_true(modfmt_range(offset, size, self->size));
    memcpy(to, image_bytes + offset, size);
    return 0;
}

/** All but the 10th. */
static int find_linked(struct modfmt_linker *self, uint32_t index, uint32_t hash,
                       uint32_t type, uint32_t *ret_address)
{
    (void)self;
    (void)type;
    assert_int_equal(hash, 1000 + index);
    *ret_address = address_of(index);
    return index == 9 ? MODLOAD_E_IMPORT : 0;
}

static void linker_names_the_import(void **state)
{
    static const struct {
        uint32_t import_count;
        int rc;
    } row[] = {{9, MODFMT_E_RELOC_IMPORT}, {300, MODLOAD_E_IMPORT}};

    (void)state;
    for (unsigned k = 0; k < 2; k++)
        for (uint32_t size = MODFMT_LINK_BUFFER_MIN; size < 20000; size += size / 3) {
            struct modfmt_bytes bytes = {
                read_image, write_lists(long_row(0), 6, row[k].import_count)};
            struct modfmt_linker l = {.image = &bytes,
                                      .buffer = malloc(size),
                                      .buffer_size = size,
                                      .text = 0x08060040,
                                      .data = 0x20010000,
                                      .find = find_linked};
            struct modfmt_diag diag = {0};

            assert_int_equal(modfmt_link_begin(&l, &diag), row[k].rc);
            assert_int_equal(row[k].import_count == 9 ? diag.got : diag.offset, 9);
            free(l.buffer);
        }
}

static void sync(const struct modload_port *port, const struct modload_image *module)
{
    (void)port;
    assert_int_equal(module->placement, MODLOAD_BLOCK);
}

static int place(const struct modload_port *port, enum modload_purpose purpose,
                 uint32_t align, uint32_t offset, struct modfmt_segment *segment)
{
    (void)align;
    assert_int_equal(offset, 0);
    assert_int_equal(purpose, MODLOAD_BLOCK);
    assert_int_equal(segment->size, TEXT + DATA);
    segment->bytes = port->ctx;
    segment->address = TEXT_AT;
    return 0;
}

static void release(const struct modload_port *port, enum modload_purpose purpose,
                    const struct modfmt_segment *segment)
{
    (void)purpose;
    assert_ptr_equal(segment->bytes, port->ctx);
}

/** Which import is not offered, and how many were asked for. */
static uint32_t unbound, asked;

static int find(const struct modload_port *port, uint32_t hash, uint32_t type,
                uint32_t *ret_address)
{
    (void)port;
    (void)type;
    asked++;
    *ret_address = address_of(hash - 1000);
    return hash == 1000 + unbound ? MODLOAD_E_IMPORT : 0;
}

/** The offset in the image that cannot be read; 0: there is none. */
static uint32_t unreadable;

static int read_source(const struct modload_port *port,
                       const struct modload_source *source, uint32_t offset, void *buffer,
                       uint32_t size)
{
    (void)port;
    assert_true(modfmt_range(offset, size, source->available));
    if (unreadable && modfmt_range(unreadable - offset, 1, size))
        return -1;
    memcpy(buffer, image_bytes + offset, size);
    return 0;
}

/** Load what is in image_bytes to memory, in pieces or not. */
static int load(uint8_t *memory, uint32_t size, bool mapped, struct modfmt_diag *ret_diag)
{
    const struct modload_port port = {.ctx = memory,
                                      .features = MODFMT_NEED_ALL,
                                      .read = read_source,
                                      .place = place,
                                      .release = release,
                                      .find = find,
                                      .sync = sync};
    struct modload_source source = {mapped ? image_bytes : NULL, size, NULL, 0};
    struct modload_image module;

    asked = 0;
    return modload_image_load(&port, &source, &module, ret_diag);
}

/** Rows over several groups, and all else, by the loader as a whole. */
static void loader_applies_runs_and_rows(void **state)
{
    static const uint32_t address[2] = {TEXT_AT, TEXT_AT + TEXT};
    uint8_t *memory = malloc(TEXT + DATA), *wanted = malloc(TEXT + DATA);
    uint8_t *const parts[2] = {wanted, wanted + TEXT};

    (void)state;
    unbound = IMPORTS;
    for (unsigned round = 0; round < 100; round++) {
        struct modfmt_image image;
        struct modfmt_diag diag = {0};

        random_image(&image, false);
        fix_all(parts, address);
        assert_int_equal(load(memory, image.size, round % 2, &diag), 0);
        assert_memory_equal(memory, wanted, TEXT + DATA);
    }
    free(memory);
    free(wanted);
}

/** One of a row's imports is not there, or not offered: the loader asks for none behind
 * it, and says which it was. */
static void loader_names_the_import(void **state)
{
    static const struct {
        uint32_t import_count, unbound;
        int rc;
    } row[] = {{300, 9, MODLOAD_E_IMPORT},        {300, 0, MODLOAD_E_IMPORT},
               {300, 261, MODLOAD_E_IMPORT},      {300, 262, 0},
               {9, 300, MODFMT_E_RELOC_IMPORT},   {0, 300, MODFMT_E_RELOC_IMPORT},
               {261, 300, MODFMT_E_RELOC_IMPORT}, {262, 300, 0}};
    uint8_t *memory = malloc(TEXT + DATA);

    (void)state;
    for (unsigned k = 0; k < 2 * sizeof(row) / sizeof(row[0]); k++) {
        uint32_t size = write_lists(long_row(0), 6, row[k / 2].import_count);
        struct modfmt_diag diag = {0};

        unbound = row[k / 2].unbound;
        assert_int_equal(load(memory, size, k % 2, &diag), row[k / 2].rc);
        if (row[k / 2].rc == MODLOAD_E_IMPORT) {
            assert_int_equal(diag.offset, unbound);
            assert_int_equal(diag.got, 1000 + unbound);
            assert_int_equal(asked, unbound + 1);
        }
        for (uint32_t i = 4; row[k / 2].rc == 0 && i < 4 + 4 * 262; i += 4)
            assert_int_equal(modfmt_get32(memory + i),
                             modfmt_get32(text + i) + address_of(i / 4 - 1));
    }
    free(memory);
}

/** A table that cannot be read further on, where an import's index or the count of a row
 * is expected: no import is asked for, and the failure tells what could not be read. */
static void loader_tells_what_of_a_table_it_could_not_read(void **state)
{
    static const char *const lists[] = {
        /* the index of an import, its second byte, and that of a row */
        "\x40\x09\x09\x09\x09\x09\x09\x09\x09\x09\x09\x09\x09\x09\x00\x44\x01",
        "\x40\x09\x09\x09\x09\x09\x09\x09\x09\x09\x09\x09\x09\x00\x44\x01\x01",
        "\x40\x09\x09\x09\x09\x09\x09\x09\x09\x09\x09\x09\x09\x09\x00\x45\x01",
        /* the count of a row */
        "\x40\x09\x09\x09\x09\x09\x09\x09\x09\x09\x09\x00\x45\x01\x01\x07\x01",
    };
    const uint32_t start = MODFMT_HEADER_SIZE + TEXT + modfmt_up4(DATA);
    uint8_t *memory = malloc(TEXT + DATA);

    (void)state;
    unbound = IMPORTS;
    for (unsigned k = 0; k < sizeof(lists) / sizeof(lists[0]); k++) {
        uint32_t size = write_lists((const uint8_t *)lists[k], 17, IMPORTS);
        struct modfmt_diag diag = {0};

        unreadable = start + 16;
        assert_int_equal(load(memory, size, false, &diag), MODLOAD_E_READ);
        assert_int_equal(asked, 0);
        assert_int_equal(diag.offset, unreadable);
        assert_int_equal(diag.got, 1);
        unreadable = 0;
        assert_int_equal(load(memory, size, k % 2, &diag), MODFMT_E_RELOC_END);
        assert_int_equal(diag.offset, start + 17);
    }
    free(memory);
}

/** The last index that there can be does not wrap: a row from 65533 on has two imports.
 */
static void row_does_not_go_on_with_import_0(void **state)
{
    static struct modfmt_import most[0xffff];
    static uint8_t bytes[700000];
    uint8_t row[] = {0x45, 0xfd, 0xff, 0x02, 0x00};
    struct modfmt_source source = {.flags = MODFMT_FLAG_BLOCK | MODFMT_FLAG_APART,
                                   .machine = 40,
                                   .needs = MODFMT_NEED_V6M,
                                   .text = text,
                                   .text_stored = 16,
                                   .text_mem = 16,
                                   .text_align = 2,
                                   .relocs = row,
                                   .reloc_size = sizeof(row),
                                   .imports = most,
                                   .import_count = 0xffff};

    (void)state;
    for (uint32_t k = 0; k < 0xffff; k++)
        most[k].hash = k;
    for (uint8_t n = 2; n < 4; n++) {
        struct modfmt_image image;
        struct modfmt_diag diag;
        uint32_t size;

        row[3] = n;
        assert_int_equal(modfmt_write(&source, bytes, sizeof(bytes), &size), 0);
        assert_int_equal(modfmt_open(bytes, size, &image, &diag), 0);
        assert_int_equal(modfmt_check(&image, &diag), n == 2 ? 0 : MODFMT_E_RELOC_IMPORT);
        assert_true(n == 2 || (diag.got == 0xffff && diag.want == 0xffff));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(runs_have_a_count_from_seven_words_on),
        cmocka_unit_test(run_of_one_import_has_a_count),
        cmocka_unit_test(rows_are_of_consecutive_imports_with_one_word_each),
        cmocka_unit_test(rows_are_of_one_descriptor_and_of_words),
        cmocka_unit_test(runs_and_rows_come_back),
        cmocka_unit_test(lists_come_in_pieces_of_any_size),
        cmocka_unit_test(reading_fails_at_each_byte),
        cmocka_unit_test(lists_that_are_cut_or_run_over_are_refused),
        cmocka_unit_test(trusted_loader_does_the_same),
        cmocka_unit_test(import_that_does_not_exist_is_named),
        cmocka_unit_test(linker_names_the_import),
        cmocka_unit_test(loader_applies_runs_and_rows),
        cmocka_unit_test(loader_names_the_import),
        cmocka_unit_test(loader_tells_what_of_a_table_it_could_not_read),
        cmocka_unit_test(row_does_not_go_on_with_import_0),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
