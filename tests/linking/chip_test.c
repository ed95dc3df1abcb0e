/* SPDX-License-Identifier: BSD-2-Clause */
/* Linking on the chip (target-loader/modload_link.h): images are installed into a
 * simulated flash, linked, and loaded by the loader; another firmware links them anew;
 * power fails at every operation of both. `chip-test all`: every cut in all ways;
 * without: a sample. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "modload_link.h"
#include "simulator.h"

enum {
    BASE = 0x08060000,
    ARENA = 0x20010000,
    ARENA_SIZE = 0x400,
    RAM_SIZE = 0x600, /* from ARENA on: arenas that moved are in it as well */
    IMAGES = 12,
    SECTORS = 6,
    WORDS = 60,  /* of text */
    STORED = 40, /* bytes of data that are stored */
};

static unsigned failures, cuts, updated;
static const char *doing = "";

static bool expect(bool good, const char *what)
{
    if (!good && ++failures < 30)
        printf("FAIL: %s: %s\n", doing, what);
    return good;
}

/* ---- images ----------------------------------------------------------------------- */

static uint32_t hash_of(const char *name)
{
    return modfmt_hash(name, (uint32_t)strlen(name));
}

struct file {
    struct modfmt_memory memory;
    uint8_t bytes[2048];
};

static uint32_t data_align = 3;

/** Text of words: one for text, one for data, one for each import, and so on; data
 * likewise. `version` is in them, so that versions differ. */
static void make(struct file *f, const char *name, uint32_t version, uint32_t bss,
                 uint32_t needs)
{
    uint8_t text[4 * WORDS] = {0}, data[STORED] = {0}, relocs[512];
    struct modfmt_import imports[2] = {{.hash = hash_of("first"), .type = 5},
                                       {.hash = hash_of("second"), .weak = 1}};
    struct modfmt_fixup fixups[2 * WORDS] = {{0}};
    const struct modfmt_tag_source tag = {MODFMT_TAG_NAME, (uint32_t)strlen(name), name};
    struct modfmt_source source = {.flags = MODFMT_FLAG_BLOCK | MODFMT_FLAG_APART,
                                   .machine = 40,
                                   .needs = needs,
                                   .text = text,
                                   .text_stored = sizeof(text),
                                   .text_mem = sizeof(text),
                                   .data = data,
                                   .data_stored = sizeof(data),
                                   .data_mem = STORED + bss,
                                   .text_align = 2,
                                   .data_align = data_align,
                                   .relocs = relocs,
                                   .imports = imports,
                                   .import_count = 2,
                                   .tags = &tag,
                                   .tag_count = 1};
    uint32_t count = 0, size;

    if (imports[0].hash > imports[1].hash) {
        struct modfmt_import first = imports[0];

        imports[0] = imports[1];
        imports[1] = first;
    }
    for (uint32_t k = 0; k < WORDS + STORED / 4; k++) {
        bool in_data = k >= WORDS;
        uint32_t place = 4 * (in_data ? k - WORDS : k), kind = (k + version) % 5;

        modfmt_put32((in_data ? data : text) + place, 16 * version + kind);
        if (kind < 4)
            fixups[count++] = (struct modfmt_fixup){
                .place = place,
                .segment = in_data,
                .kind = MODFMT_KIND_WORD,
                .target = (uint8_t)(kind < 2 ? kind : MODFMT_TARGET_IMPORT),
                .import_index = (uint16_t)(kind < 2 ? 0 : kind - 2)};
    }
    qsort(fixups, count, sizeof(fixups[0]), modfmt_fixup_compare);
    modfmt_encode_fixups(fixups, count, relocs, sizeof(relocs), &source.reloc_size);
    if (modfmt_write(&source, f->bytes, sizeof(f->bytes), &size))
        abort();
    f->memory = modfmt_memory_bytes(f->bytes, size);
}

/* ---- firmware, flash ----------------------------------------------------------------
 */

struct board {
    struct simulator *sim;
    struct modfmt_store store;
    struct modfmt_store_image image[IMAGES], spare[IMAGES];
    struct modload_identity identity;
    struct modload_export entries[2];
    struct modload_table table;
    struct modload_linking linking;
    uint8_t buffer[640];
    struct modfmt_diag diag;
};

/** Firmware number `n`: from 2 on without the weak import, 9 without the other one too.
 */
static void boot(struct board *b, struct simulator *sim, unsigned n)
{
    static const uint8_t build_id[10][20] = {"zero", "one", "two",   "three", "four",
                                             "five", "six", "seven", "eight", "nine"};
    struct modload_export first = {hash_of("first"), 5, 0x08000001 + 0x1000 * n};
    struct modload_export second = {hash_of("second"), 0, 0x20000100 + 0x100 * n};
    bool swap = first.hash > second.hash;

    memset(b, 0, sizeof(*b));
    b->sim = sim;
    b->identity = (struct modload_identity){build_id[n], 20, 0x10000 + n};
    b->entries[swap] = first;
    b->entries[!swap] = second;
    b->table = (struct modload_table){.entries = b->entries, .count = 2};
    if (n >= 2)
        b->table = (struct modload_table){.entries = &b->entries[swap], .count = n < 9};
    b->linking = (struct modload_linking){.store = &b->store,
                                          .spare = b->spare,
                                          .tables = &b->table,
                                          .table_count = 1,
                                          .identity = &b->identity,
                                          .features = 3,
                                          .arena_begin = ARENA,
                                          .arena_end = ARENA + ARENA_SIZE,
                                          .buffer = b->buffer,
                                          .buffer_size = sizeof(b->buffer)};
    if (modfmt_store_open(&b->store, &sim->flash, b->image, IMAGES, &b->diag))
        expect(false, "the store does not open");
}

static int install(struct board *b, struct file *f)
{
    return modload_link_install(&b->linking, &f->memory.bytes, &b->diag);
}

static struct modfmt_store_image *find(struct board *b, const char *name)
{
    return modfmt_store_find(&b->store, hash_of(name));
}

/** What the store has, in memory. */
static uint8_t *stored(struct board *b, const struct modfmt_store_image *image)
{
    uint8_t *bytes = malloc(image->size);

    if (!bytes || b->sim->flash.read(&b->sim->flash, image->offset, bytes, image->size))
        expect(false, "the image cannot be read");
    return bytes;
}

static struct modfmt_linked linked(struct board *b,
                                   const struct modfmt_store_image *image)
{
    uint8_t *bytes = stored(b, image);
    struct modfmt_memory m = modfmt_memory_bytes(bytes, image->size);
    struct modfmt_linked result = {0};

    expect(modfmt_linked_read(&m.bytes, &result, &b->diag) == 1,
           "the image is not linked");
    free(bytes);
    return result;
}

/* ---- the loader ---------------------------------------------------------------------
 */

static uint8_t ram[RAM_SIZE];

static int place(const struct modload_port *port, enum modload_purpose purpose,
                 uint32_t align, uint32_t offset, struct modfmt_segment *segment)
{
    (void)port;
    if (purpose != MODLOAD_FIXED || (segment->address - offset) % align ||
        !modfmt_range(segment->address - ARENA, segment->size, RAM_SIZE))
        return MODLOAD_E_MEMORY;
    segment->bytes = ram + (segment->address - ARENA);
    return 0;
}

static void release(const struct modload_port *port, enum modload_purpose purpose,
                    const struct modfmt_segment *segment)
{
    (void)port;
    (void)purpose;
    (void)segment;
}

static void sync(const struct modload_port *port, const struct modload_image *module)
{
    (void)port;
    (void)module;
}

static int no_import(const struct modload_port *port, uint32_t hash, uint32_t type,
                     uint32_t *ret_address)
{
    (void)port;
    (void)hash;
    (void)type;
    (void)ret_address;
    expect(false, "a linked image asks for an import");
    return MODLOAD_E_IMPORT;
}

/** Load what lies in flash, as this firmware does. *ret_module is good until `bytes` go.
 */
static int load(struct board *b, const struct modfmt_store_image *image, uint8_t *bytes,
                struct modload_image *ret_module)
{
    const struct modload_port port = {.features = 3,
                                      .options = MODLOAD_OPT_CRC,
                                      .identity = &b->identity,
                                      .read = modload_read_mapped,
                                      .place = place,
                                      .release = release,
                                      .find = no_import,
                                      .sync = sync};
    const struct modload_source source = {
        .mapped = bytes, .available = image->size, .address = BASE + image->offset};

    memset(ram, 0xa5, sizeof(ram));
    return modload_image_load(&port, &source, ret_module, &b->diag);
}

/** Each word of text and data is what make() put there and linking was to add, and the
 * rest of data is zero. */
static void check_words(struct board *b, const struct modload_image *m, uint32_t version)
{
    bool swap = hash_of("first") > hash_of("second");
    struct modload_export *e = b->entries;
    uint32_t second = b->table.count == 2 ? e[!swap].address : 0;
    const uint32_t added[5] = {m->segment[0].address, m->segment[1].address,
                               swap ? second : e[swap].address,
                               swap ? e[swap].address : second, 0};

    for (uint32_t k = 0; k < WORDS + STORED / 4; k++) {
        const struct modfmt_segment *s = &m->segment[k >= WORDS];
        uint32_t kind = (k + version) % 5, offset = 4 * (k >= WORDS ? k - WORDS : k);

        if (!expect(modfmt_get32(s->bytes + offset) == 16 * version + kind + added[kind],
                    "a word is not what it should be"))
            return;
    }
    for (uint32_t k = STORED; k < m->segment[1].size; k++)
        if (!expect(m->segment[1].bytes[k] == 0, "bss is not zero"))
            return;
}

/** The image of that name is there, pinned, in that version, and loads. */
static void check_loads(struct board *b, const char *name, uint32_t version)
{
    const struct modfmt_store_image *image = find(b, name);
    struct modload_image module;
    uint8_t *bytes;

    if (!expect(image != NULL, "the image is not there"))
        return;
    expect(image->flags & MODFMT_STORE_PINNED, "the image is not pinned");
    bytes = stored(b, image);
    if (expect(load(b, image, bytes, &module) == 0, "the image does not load"))
        check_words(b, &module, version);
    free(bytes);
}

/** No two linked images have the same RAM. */
static void check_ram(struct board *b)
{
    for (uint32_t i = 0; i < b->store.count; i++)
        for (uint32_t k = 0; k < i; k++) {
            struct modfmt_linked one = linked(b, &b->store.image[i]);
            struct modfmt_linked other = linked(b, &b->store.image[k]);

            expect(one.data_end <= other.data || other.data_end <= one.data,
                   "two images have the same RAM");
        }
}

static struct simulator *fresh(uint32_t unit)
{
    static const uint32_t sector_size[SECTORS] = {2048, 2048, 2048, 2048, 4096, 4096};
    static struct simulator sim;

    simulator_begin(&sim, BASE, unit, sector_size, SECTORS);
    return &sim;
}

/* ---- tests --------------------------------------------------------------------------
 */

static void test_install(void)
{
    struct simulator *sim = fresh(4);
    static struct board b;
    static struct file a1, a2, other, large;

    doing = "install";
    boot(&b, sim, 0);
    make(&a1, "a", 1, 8, 3);
    make(&a2, "a", 2, 300, 3);
    make(&other, "other", 3, 0, 3);
    make(&large, "large", 4, 700, 3);
    expect(install(&b, &a1) == 0 && install(&b, &other) == 0, "two images");
    check_loads(&b, "a", 1);
    check_loads(&b, "other", 3);
    check_ram(&b);
    expect(linked(&b, find(&b, "a")).data == ARENA, "the first free RAM");
    expect(linked(&b, find(&b, "other")).data == ARENA + 48, "the next free RAM");
    expect(install(&b, &a2) == 0, "a larger one");
    check_loads(&b, "a", 2);
    check_ram(&b);
    expect(linked(&b, find(&b, "a")).data == ARENA + 88, "RAM behind the other one");
    expect(install(&b, &large) == MODLOAD_E_MEMORY && b.diag.got == 740 &&
               b.diag.want == 8,
           "an arena that is full");
    expect(install(&b, &a1) == 0 && linked(&b, find(&b, "a")).data == ARENA + 88,
           "an update keeps its RAM");
    check_loads(&b, "a", 1);
    boot(&b, sim, 0);
    check_loads(&b, "a", 1);
    check_loads(&b, "other", 3);
    expect(b.store.count == 2 && !sim->violation, "nothing else");
}

/** RAM is kept where it can be, and only there. */
static void test_ram(void)
{
    struct simulator *sim = fresh(4);
    static struct board b;
    static struct file a, other;

    doing = "RAM";
    boot(&b, sim, 0);
    make(&a, "a", 1, 8, 3);
    make(&other, "other", 3, 0, 3);
    expect(install(&b, &other) == 0 && install(&b, &a) == 0, "two images");
    make(&other, "other", 4, 0, 3);
    expect(install(&b, &other) == 0 && linked(&b, find(&b, "other")).data == ARENA,
           "RAM that ends where the other one's begins");
    data_align = 6;
    make(&a, "a", 2, 8, 3);
    data_align = 3;
    expect(linked(&b, find(&b, "a")).data == ARENA + 40, "RAM behind the other one");
    /* 240 bytes of text: data is at 48 modulo 64. */
    expect(install(&b, &a) == 0 && linked(&b, find(&b, "a")).data == ARENA + 48,
           "RAM for a larger alignment");
    check_loads(&b, "a", 2);
    check_loads(&b, "other", 4);
    b.linking.arena_begin = ARENA + 128;
    make(&a, "a", 3, 8, 3);
    expect(install(&b, &a) == 0 && linked(&b, find(&b, "a")).data == ARENA + 128,
           "RAM that is in the arena no more");
    check_ram(&b);
}

/** An arena that ends where addresses do: no sum wraps. */
static void test_ram_at_the_end(void)
{
    const uint32_t where = 0u - 0x8000 + 4 * WORDS, size = STORED + 8;
    struct simulator *sim = fresh(4);
    static struct board b;
    static struct file f;

    doing = "RAM at the end of all addresses";
    boot(&b, sim, 0);
    data_align = 15;
    make(&f, "a", 1, 8, 3);
    data_align = 3;
    b.linking.arena_end = 0xffffffff;
    b.linking.arena_begin = where + 1;
    expect(install(&b, &f) == MODLOAD_E_MEMORY && b.diag.want == 32768,
           "aligning leads past the end");
    b.linking.arena_begin = where;
    b.linking.arena_end = where + size - 1;
    expect(install(&b, &f) == MODLOAD_E_MEMORY, "a byte is missing");
    expect(sim->programmed == 0 && b.store.count == 0, "something was written");
    b.linking.arena_end = where + size;
    expect(install(&b, &f) == 0 && linked(&b, find(&b, "a")).data == where,
           "the last place of all");
    b.linking.arena_begin = where - 0x7fff;
    make(&f, "b", 1, 8, 3);
    expect(install(&b, &f) == 0 && linked(&b, find(&b, "b")).data_end <= where,
           "in front of it");
    check_ram(&b);
}

static void test_unchanged(void)
{
    struct simulator *sim = fresh(16);
    static struct board b;
    static struct file a, linked_file;
    uint64_t programmed;
    uint8_t *bytes;

    doing = "unchanged";
    boot(&b, sim, 1);
    make(&a, "a", 1, 8, 3);
    expect(install(&b, &a) == 0 && !b.linking.unchanged, "first");
    programmed = sim->programmed;
    expect(install(&b, &a) == 0 && b.linking.unchanged, "again");
    bytes = stored(&b, find(&b, "a"));
    memcpy(linked_file.bytes, bytes, find(&b, "a")->size);
    linked_file.memory = modfmt_memory_bytes(linked_file.bytes, find(&b, "a")->size);
    expect(install(&b, &linked_file) == 0 && b.linking.unchanged,
           "the linked image itself");
    expect(sim->programmed == programmed, "something was written");
    b.identity.api++;
    expect(install(&b, &a) == 0 && !b.linking.unchanged, "another interface");
    b.identity.build_id = (const uint8_t *)"another firmware....";
    expect(install(&b, &a) == 0 && !b.linking.unchanged, "another build id");
    check_loads(&b, "a", 1);
    free(bytes);
    sim = fresh(4);
    boot(&b, sim, 3);
    expect(install(&b, &linked_file) == 0 && !b.linking.unchanged,
           "an image that was linked on another board");
    check_loads(&b, "a", 1);
}

static void test_another_firmware(void)
{
    struct simulator *sim = fresh(4);
    static struct board b;
    static struct file f;
    struct modload_image module;
    uint64_t programmed;
    uint8_t *bytes;

    doing = "another firmware";
    boot(&b, sim, 0);
    for (uint32_t k = 0; k < 3; k++) {
        make(&f, (const char *[]){"a", "b", "c"}[k], k + 1, 16 * k, 3);
        expect(install(&b, &f) == 0, "install");
    }
    for (unsigned n = 1; n < 4; n++) {
        boot(&b, sim, n);
        bytes = stored(&b, find(&b, "a"));
        expect(load(&b, find(&b, "a"), bytes, &module) == MODLOAD_E_LINKED,
               "not refused");
        free(bytes);
        expect(modload_link_again(&b.linking, &b.diag) == 0, "linking anew");
        for (uint32_t k = 0; k < 3; k++)
            check_loads(&b, (const char *[]){"a", "b", "c"}[k], k + 1);
        check_ram(&b);
        programmed = sim->programmed;
        expect(modload_link_again(&b.linking, &b.diag) == 0, "nothing to do");
        expect(sim->programmed == programmed, "something was written");
    }
    boot(&b, sim, 9);
    programmed = sim->programmed;
    expect(modload_link_again(&b.linking, &b.diag) == MODLOAD_E_IMPORT &&
               b.diag.got == hash_of("first") && b.diag.want == 5,
           "an import that is gone");
    expect(b.store.count == 3 && sim->programmed == programmed, "they stay as they are");
    expect(!sim->violation, "the flash was treated badly");
}

/** Firmware number `n`, whose arena is somewhere else. */
static void boot_moved(struct board *b, struct simulator *sim, unsigned n, uint32_t by,
                       uint32_t size)
{
    boot(b, sim, n);
    b->linking.arena_begin = ARENA + by;
    b->linking.arena_end = ARENA + by + size;
}

/** Four images that fill the arena, "a" first or in another order. */
static void fill_arena(struct board *b, struct simulator *sim, const char *order,
                       uint32_t needs_of_a)
{
    static struct file f;

    boot(b, sim, 0);
    for (uint32_t k = 0; k < 4; k++) {
        const char name[2] = {order[k], 0};

        make(&f, name, 1 + k, 256 - STORED, order[k] == 'a' ? needs_of_a : 1);
        expect(install(b, &f) == 0, "an image of the four");
    }
}

/** They load, with RAM of their own. */
static void check_four(struct board *b, const char *order, uint32_t first)
{
    check_ram(b);
    for (uint32_t k = first; k < 4; k++) {
        const char name[2] = {order[k], 0};

        check_loads(b, name, 1 + k);
    }
}

/** An arena that moved by a little has room for all if they do not keep what they had:
 * whichever comes first, and wherever the power fails. */
static void test_moved_arena(void)
{
    static const char *const orders[] = {"abcd", "dcba", "bcda", "adbc", "cadb"};
    static struct simulator start, sim;
    static struct board b;

    doing = "an arena that moved";
    for (unsigned n = 0; n < 5; n++) {
        struct simulator *first = fresh(4);
        bool cut = true;

        fill_arena(&b, first, orders[n], 1);
        memcpy(&start, first, sizeof(start));
        start.flash = first->flash;
        for (uint32_t at = n; cut; at += 1 + at % 5) { /* 0: never */
            simulator_copy(&sim, &start);
            boot_moved(&b, &sim, 1, 64, ARENA_SIZE);
            simulator_arm(&sim, at, (enum torn)(at % TORN_KINDS), at * 7919u);
            modload_link_again(&b.linking, &b.diag);
            cut = sim.off || at == 0;
            simulator_power_on(&sim);
            boot_moved(&b, &sim, 1, 64, ARENA_SIZE);
            expect(modload_link_again(&b.linking, &b.diag) == 0, "all fit, but not here");
            check_four(&b, orders[n], 0);
            expect(b.store.count == 4 && !sim.violation, "an image is lost");
        }
        /* Back again: the arena is where it was, and again nobody can stay. */
        boot(&b, &sim, 2);
        expect(modload_link_again(&b.linking, &b.diag) == 0, "nor back again");
        check_four(&b, orders[n], 0);
    }
}

/** What is linked for another firmware and cannot be linked anew has no RAM. */
static void test_stale_ram(void)
{
    struct simulator *sim = fresh(4);
    static struct board b;
    static struct file e;

    doing = "RAM of what cannot be loaded";
    fill_arena(&b, sim, "abcd", 3);
    boot_moved(&b, sim, 1, 64, 768);
    b.linking.features = 1;
    expect(modload_link_again(&b.linking, &b.diag) == MODLOAD_E_NEEDS,
           "a is not refused");
    for (unsigned n = 0; n < 3; n++)
        expect(linked(&b, find(&b, (const char *[]){"b", "c", "d"}[n])).data ==
                   ARENA + 64 + 256 * n,
               "the others have all of the arena");
    check_loads(&b, "b", 2);
    check_loads(&b, "d", 4);
    /* Nor where one is installed; but what others have is taken last. */
    sim = fresh(4);
    fill_arena(&b, sim, "abcd", 1);
    boot_moved(&b, sim, 1, 0, ARENA_SIZE + 64);
    make(&e, "e", 5, 64 - STORED, 1);
    expect(install(&b, &e) == 0 && linked(&b, find(&b, "e")).data == ARENA + ARENA_SIZE,
           "RAM that nobody has");
    make(&e, "f", 6, 64 - STORED, 1);
    expect(install(&b, &e) == 0 && linked(&b, find(&b, "f")).data == ARENA,
           "RAM of one that cannot be loaded");
    expect(modload_link_again(&b.linking, &b.diag) == MODLOAD_E_MEMORY, "all of them");
    check_loads(&b, "e", 5);
    check_loads(&b, "f", 6);
}

static void test_refusals(void)
{
    struct simulator *sim = fresh(4);
    static struct board b;
    static struct file f;

    doing = "refusals";
    boot(&b, sim, 0);
    make(&f, "a", 1, 8, 7);
    expect(install(&b, &f) == MODLOAD_E_NEEDS && b.diag.got == 7, "needs");
    make(&f, "a", 1, 8, 3);
    b.linking.buffer_size = MODLOAD_LINK_BUFFER_MIN - 1;
    expect(install(&b, &f) == MODFMT_E_NO_SPACE, "the buffer");
    b.linking.buffer_size = sizeof(b.buffer);
    b.entries[0].type = b.entries[1].type = 6;
    expect(install(&b, &f) == MODLOAD_E_TYPE, "another type");
    b.table.count = 0;
    expect(install(&b, &f) == MODLOAD_E_IMPORT, "no import");
    boot(&b, sim, 0);
    f.bytes[100] ^= 1;
    expect(install(&b, &f) == MODFMT_E_CRC, "a damaged image");
    f.bytes[100] ^= 1;
    b.linking.arena_end = ARENA + 47;
    expect(install(&b, &f) == MODLOAD_E_MEMORY, "a small arena");
    b.identity.build_id_size = 0;
    expect(install(&b, &f) == MODLOAD_E_LINKED, "no build id");
    expect(sim->programmed == 0 && b.store.count == 0, "something was written");
    boot(&b, sim, 0);
    b.linking.buffer_size = MODLOAD_LINK_BUFFER_MIN;
    expect(install(&b, &f) == 0, "the least buffer");
    check_loads(&b, "a", 1);
}

/** Updates without end, in a region that must be compacted for them, and new firmwares:
 * the plan that the link was made for is the place that the store finds. */
static void test_churn(uint32_t unit)
{
    static const char *const names[] = {"a", "b", "c", "d"};
    struct simulator *sim = fresh(unit);
    uint32_t version[4] = {0}, erased = 0;
    static struct board b;
    static struct file f;
    unsigned firmware = 0;

    doing = "churn";
    boot(&b, sim, firmware);
    for (uint32_t round = 0; round < 150; round++) {
        uint32_t luck = simulator_random(sim), k = luck % 4;

        if (luck / 4 % 10 == 0) {
            firmware = (firmware + 1) % 4;
            erased += b.store.erased_sectors;
            boot(&b, sim, firmware);
            expect(modload_link_again(&b.linking, &b.diag) == 0, "linking anew");
        } else {
            version[k] = 1 + (version[k] + luck / 64 % 4) % 100;
            make(&f, names[k], version[k], luck / 1024 % 70, 3);
            if (!expect(install(&b, &f) == 0, "install"))
                printf("      round %u: %d\n", (unsigned)round, (int)b.diag.code);
        }
        check_ram(&b);
        for (k = 0; k < 4; k++)
            if (version[k])
                check_loads(&b, names[k], version[k]);
    }
    expect(erased > 20 && !sim->violation, "compaction was not needed, or went wrong");
    printf("churn: %u sectors erased\n", (unsigned)erased);
}

/** Which version of make()'s is it? Its fourth word has no fix-up in version 1. */
static uint32_t version_of(struct board *b, const struct modfmt_store_image *image)
{
    uint8_t *bytes = stored(b, image);
    uint32_t word = modfmt_get32(bytes + MODFMT_HEADER_SIZE + 12);

    free(bytes);
    return word == 16 + 4 ? 1 : 2;
}

/** Does the store have images that make sense, "a" in a version that it may be of?
 * Linking anew then makes them all this firmware's. */
static void check_after_cut(struct board *b, uint32_t newest)
{
    uint32_t version = find(b, "a") ? version_of(b, find(b, "a")) : 1;

    expect(b->store.count == 3, "an image is lost");
    check_ram(b);
    expect(modload_link_again(&b->linking, &b->diag) == 0, "linking anew after the cut");
    check_ram(b);
    expect(version <= newest, "a version from nowhere");
    cuts++;
    updated += version == 2;
    check_loads(b, "a", version);
    check_loads(b, "b", 5);
    check_loads(b, "c", 6);
}

/** Cut one verb of firmware `n` at every operation. `update`: install version 2 of "a";
 * otherwise link all anew for that firmware. */
static void cut_all(const struct simulator *start, unsigned n, struct file *update,
                    bool all)
{
    static struct simulator sim;
    static struct board b;
    bool cut = true;

    for (uint32_t at = 1; cut; at += all ? 1 : 1 + at % 7) {
        for (unsigned torn = 0; torn < TORN_KINDS; torn++) {
            if (!all && (at + torn) % TORN_KINDS)
                continue;
            simulator_copy(&sim, start);
            boot(&b, &sim, n);
            simulator_arm(&sim, at, (enum torn)torn, at * 7919u + torn);
            if (update)
                install(&b, update);
            else
                modload_link_again(&b.linking, &b.diag);
            cut = sim.off;
            simulator_power_on(&sim);
            boot(&b, &sim, n);
            check_after_cut(&b, update ? 2 : 1);
            expect(!sim.violation, "the flash was treated badly");
        }
    }
}

static void test_cuts(bool all)
{
    static struct board b;
    static struct file a, b5, c6, a2;
    static struct simulator start;
    const uint32_t units[] = {4, 16};

    make(&a, "a", 1, 8, 3);
    make(&b5, "b", 5, 0, 3);
    make(&c6, "c", 6, 40, 3);
    make(&a2, "a", 2, 100, 3);
    for (unsigned k = 0; k < 2; k++) {
        struct simulator *sim = fresh(units[k]);

        doing = "cuts: setup";
        boot(&b, sim, 0);
        expect(install(&b, &a) == 0 && install(&b, &b5) == 0 && install(&b, &c6) == 0,
               "");
        memcpy(&start, sim, sizeof(start));
        start.flash = sim->flash;
        doing = "an update that is cut";
        cut_all(&start, 0, &a2, all);
        doing = "linking anew that is cut";
        cut_all(&start, 1, NULL, all);
    }
}

int main(int argc, char **argv)
{
    test_install();
    test_ram();
    test_ram_at_the_end();
    test_unchanged();
    test_another_firmware();
    test_moved_arena();
    test_stale_ram();
    test_refusals();
    test_churn(4);
    test_churn(32);
    test_cuts(argc > 1 && strcmp(argv[1], "all") == 0);
    printf("%u cuts, after %u of them the update stands; %u failures\n", cuts, updated,
           failures);
    if (updated == 0 || updated >= cuts / 2)
        return 1;
    return failures != 0;
}
