/* SPDX-License-Identifier: BSD-2-Clause */
/* What interface/check says of modules is what the loader does with them: random
 * firmwares and modules that need each other, each of them loaded, and refused for a
 * reason that the check has told.
 *
 *     agree-test [ROUNDS [SEED]] */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "../life/world.h"
#include "check.h"

#define ROUNDS  4000ul
#define MODULES 4u
#define SYMBOLS 6u

static unsigned long rounds = ROUNDS;
static uint64_t random_state = 1;
static unsigned long loaded, refused, reasons[CHECK_CONDITION + 1];

static const char *const module_names[] = {"m0", "m1", "m2", "m3", "nobody"};
static const char *const symbol_names[SYMBOLS] = {"ant", "bee", "cat",
                                                  "dog", "eel", "fly"};

static uint32_t random_below(uint32_t limit)
{
    random_state ^= random_state << 13;
    random_state ^= random_state >> 7;
    random_state ^= random_state << 17;
    return (uint32_t)(random_state >> 16) % limit;
}

/* ---- a firmware and modules ----------------------------------------------------------
 */

/** Twice the same table: as the loader has it, and as it lies in flash. */
struct firmware_table {
    struct modload_export entries[SYMBOLS];
    uint8_t bytes[SYMBOLS * MODFMT_EXPORT_SIZE];
    uint32_t count;
};

static int by_hash(const void *a, const void *b)
{
    const struct modload_export *x = a, *y = b;

    return (x->hash > y->hash) - (x->hash < y->hash);
}

static void make_table(struct firmware_table *t)
{
    t->count = 0;
    for (unsigned i = 0; i < SYMBOLS; i++) {
        if (random_below(3) != 0) {
            t->entries[t->count++] = (struct modload_export){
                recipe_hash(symbol_names[i]), random_below(3), 0x08000001u + 16u * i};
        }
    }
    qsort(t->entries, t->count, sizeof t->entries[0], by_hash);
    for (uint32_t i = 0; i < t->count; i++) {
        uint8_t *p = t->bytes + i * MODFMT_EXPORT_SIZE;

        modfmt_put32(p + MODFMT_EXPORT_OFF_HASH, t->entries[i].hash);
        modfmt_put32(p + MODFMT_EXPORT_OFF_TYPE, t->entries[i].type);
        modfmt_put32(p + MODFMT_EXPORT_OFF_VALUE, t->entries[i].address);
    }
}

/* Any subset of the symbols. */
static void make_symbols(struct recipe_symbol *list, uint32_t one_in, bool imports)
{
    for (unsigned i = 0; i < SYMBOLS; i++) {
        if (random_below(one_in) == 0) {
            *list++ = (struct recipe_symbol){
                .name = symbol_names[i],
                .type = random_below(3),
                .weak = imports && random_below(4) == 0,
                .value = imports ? 0 : RECIPE_ENTRY,
                .flags = imports && random_below(4) == 0 ? MODFMT_IMPORT_UNVERIFIED : 0,
            };
        }
    }
}

static void make_module(unsigned index)
{
    struct recipe r = {.name = module_names[index], .init = random_below(2)};

    r.version[0] = (uint16_t)random_below(3);
    r.version[random_below(3)] = (uint16_t)random_below(3);
    r.needs = random_below(5) == 0 ? MODFMT_NEED_V7M : 0;
    make_symbols(r.import, 5, true);
    make_symbols(r.export, 3, false);
    for (unsigned i = random_below(3); i != 0; i--) {
        struct recipe_need *need = &r.need[i - 1];

        /* Mostly of a later one, so that not everything is a circle. */
        need->name =
            module_names[random_below(4) != 0 ? index + 1 + random_below(4 - index)
                                              : random_below(5)];
        need->lowest[random_below(3)] = (uint16_t)random_below(2);
        need->too_high[0] = (uint16_t)(random_below(4) == 0 ? 1 + random_below(2) : 9);
    }
    world_shelve(&r);
}

static void begin_world(struct firmware_table *t, uint32_t features)
{
    for (unsigned i = 0; i < 2; i++) { /* two tables, as a firmware may have */
        world.table[i] =
            (struct modload_table){.entries = t[i].entries, .count = t[i].count};
    }
    world.r.table_count = 2;
    world.r.port.features = features;
}

/* ---- the comparison -------------------------------------------------------------------
 */

static bool told(const struct check_report *report, int code)
{
    for (size_t i = 0; i < report->count; i++) {
        enum check_kind kind = report->problems[i].kind;

        if (report->problems[i].warning) {
            continue;
        }
        if ((code == MODLOAD_E_NEEDS && kind == CHECK_FEATURES) ||
            (code == MODLOAD_E_IMPORT && kind == CHECK_MISSING) ||
            (code == MODLOAD_E_TYPE && kind == CHECK_CHANGED) ||
            (code == MODLOAD_E_DEPENDENCY &&
             (kind == CHECK_NEED_MISSING || kind == CHECK_NEED_VERSION)) ||
            (code == MODLOAD_E_CYCLE && kind == CHECK_CYCLE)) {
            reasons[kind]++;
            return true;
        }
    }
    return false;
}

/* Load it into an empty registry; what it needs is supplied. */
static void compare(const struct check *check, const size_t *number, unsigned index)
{
    const struct check_report *report = check_report_of(check, number[index]);
    struct modload_module *m;
    int rc = world_load(module_names[index], &m, NULL);

    assert_int_equal(rc == 0, report->good);
    if (rc == 0) {
        loaded++;
        assert_int_equal(modload_unload(&world.r, m), 0);
        return;
    }
    refused++;
    /* The module that failed was told to fail for that reason. */
    for (unsigned i = 0; i < world.shelf_count; i++) {
        if (world.shelf[i].image.bytes == world.r.failed.mapped) {
            assert_true(told(check_report_of(check, number[i]), rc));
            return;
        }
    }
    fail_msg("no image of the shelf failed");
}

static void one_round(void)
{
    struct modfmt_image image[MODULES];
    struct firmware_table table[2];
    struct modfmt_diag diag;
    struct check *check = check_new();
    uint32_t features = MODFMT_NEED_V6M | (random_below(4) != 0 ? MODFMT_NEED_V7M : 0);
    size_t number[MODULES];

    world_begin();
    for (unsigned i = 0; i < 2; i++) {
        make_table(&table[i]);
        table[1].count = random_below(2) != 0 ? table[1].count : 0;
        assert_true(
            check_offer(check, "table", NULL, false, table[i].bytes, table[i].count));
    }
    begin_world(table, features);
    check_features(check, features);
    for (unsigned i = 0; i < MODULES; i++) {
        const struct recipe_image *made;

        make_module(i);
        made = &world.shelf[i].image;
        assert_int_equal(modfmt_open(made->bytes, made->size, &image[i], &diag), 0);
        assert_int_equal(modfmt_check(&image[i], &diag), 0);
        number[i] = check_module(check, module_names[i], &image[i]);
    }
    check_run(check);
    for (unsigned i = 0; i < MODULES; i++) {
        compare(check, number, i);
    }
    check_free(check);
    world_end();
}

static void check_and_loader_agree(void **state)
{
    (void)state;
    for (unsigned long i = 0; i < rounds; i++) {
        one_round();
    }
    print_message(
        "%lu loaded, %lu refused: features %lu, missing %lu, changed %lu, needed "
        "and missing %lu, version %lu, circle %lu\n",
        loaded, refused, reasons[CHECK_FEATURES], reasons[CHECK_MISSING],
        reasons[CHECK_CHANGED], reasons[CHECK_NEED_MISSING], reasons[CHECK_NEED_VERSION],
        reasons[CHECK_CYCLE]);
    /* A test that never gets so far would not find much. */
    assert_true(loaded > rounds / 4 && refused > rounds / 4);
    for (unsigned kind = 0; kind <= CHECK_CYCLE; kind++) {
        if (kind != CHECK_UNSUPPORTED && kind != CHECK_NEED_BAD) {
            assert_true(reasons[kind] > 0);
        }
    }
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(check_and_loader_agree)};

    rounds = argc > 1 ? strtoul(argv[1], NULL, 0) : rounds;
    random_state = argc > 2 ? strtoul(argv[2], NULL, 0) : random_state;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
