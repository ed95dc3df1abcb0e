/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * chip_test PROGRAM.bin: the store's verbs on a Cortex-M4, with the STM32F4 flash driver,
 * on the virtual board's flash controller: they do byte for byte what they do on a host,
 * survive power cuts, and say so when the flash does not do as it should.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <cmocka.h>

#include "twin.h"

#define NAMES 6u

static const char *program;

static int begin(void **state)
{
    static struct twin twin;

    twin_begin(&twin, program);
    *state = &twin;
    return 0;
}

static int end(void **state)
{
    twin_end(*state);
    return 0;
}

/* ---- the same as on a host ------------------------------------------------------- */

/** What each name should return; 0: it is not there. */
struct wanted {
    uint32_t value[NAMES];
};

static void random_images(struct twin *twin, struct image *image, uint32_t count,
                          struct wanted *wanted)
{
    uint32_t first = twin_random(twin, NAMES);

    for (uint32_t i = 0; i < count; i++) {
        uint32_t number = (first + i) % NAMES, value = 1u + twin_random(twin, 200);
        uint32_t payload = twin_random(twin, twin_random(twin, 4) == 0 ? 7000 : 500);

        twin_image(&image[i], number, payload, value);
        wanted->value[number] = value;
    }
}

static void install_some(struct twin *twin, struct wanted *wanted)
{
    static struct image image[2];
    struct wanted then = *wanted;
    struct chip_call call = twin_call(twin, CHIP_INSTALL);
    uint32_t count = 1u + twin_random(twin, 2);

    random_images(twin, image, count, &then);
    twin_source(twin, &call, image, count);
    call = twin_both(twin, &call);
    if (call.rc == 0)
        *wanted = then;
}

static void remove_one(struct twin *twin, struct wanted *wanted)
{
    struct chip_call call = twin_call(twin, CHIP_REMOVE);
    uint32_t number = twin_random(twin, NAMES);
    struct image image;

    twin_image(&image, number, 0, 0);
    call.count = 1;
    call.hash[0] = image.hash;
    call = twin_both(twin, &call);
    assert_int_equal(call.rc, wanted->value[number] ? 0 : MODFMT_E_STORE_NOT_FOUND);
    wanted->value[number] = 0;
}

/** Every module that should be there is found by its name, loaded, and is the right one.
 */
static void run_all(struct twin *twin, const struct wanted *wanted)
{
    for (uint32_t i = 0; i < NAMES; i++) {
        struct chip_call call = twin_call(twin, CHIP_RUN);
        const char name[] = {'m', 'o', 'd', 'u', 'l', 'e', (char)('0' + i), 0};

        machine_put(&twin->machine, MACHINE_IMAGES, name, sizeof(name));
        call.address[0] = MACHINE_IMAGES;
        assert_int_equal(machine_call(&twin->machine, &call), MACHINE_DONE);
        assert_int_equal(call.rc, wanted->value[i] ? 0 : MODFMT_E_STORE_NOT_FOUND);
        if (wanted->value[i] != 0)
            assert_int_equal(call.value, wanted->value[i]);
    }
}

static void same_as_on_a_host(void **state)
{
    struct twin *twin = *state;

    for (uint32_t i = 0; i < TWIN_REGIONS; i++) {
        struct wanted wanted = {{0}};
        uint32_t installed = 0;

        twin_region(twin, &twin_regions[i]);
        for (uint32_t round = 0; round < 50; round++) {
            uint32_t what = twin_random(twin, 10);
            struct chip_call call = twin_call(twin, CHIP_OPEN);

            if (what < 7)
                install_some(twin, &wanted);
            else if (what < 9)
                remove_one(twin, &wanted);
            else if (round % 2 == 0)
                call = twin_call(twin, CHIP_COMPACT);
            call = twin_both(twin, &call);
            assert_int_equal(call.open_rc, 0);
            installed += call.live;
            if (round % 10 == 9)
                run_all(twin, &wanted);
        }
        assert_true(installed > 0);
    }
}

/* ---- power cuts ------------------------------------------------------------------- */

/** So many cuts of each verb, spread over its operations, those at both ends surely. */
#define CUTS 14u
#define ENDS 5u

static uint32_t cut_at(struct twin *twin, uint32_t index, uint32_t operations)
{
    if (operations <= CUTS)
        return index + 1u;
    if (index < ENDS)
        return index + 1u;
    if (index < 2 * ENDS)
        return operations - (index - ENDS);
    return 1u + twin_random(twin, operations);
}

/** The same images live? In any order, and wherever they lie. */
static bool same_live(const struct chip_call *a, const struct chip_call *b)
{
    uint32_t found = 0;

    for (uint32_t i = 0; i < a->live; i++)
        for (uint32_t k = 0; k < b->live; k++)
            found += a->image[i].hash == b->image[k].hash &&
                     a->image[i].crc == b->image[k].crc;
    return a->live == b->live && found == a->live;
}

/** A verb that is going to be cut. */
struct cutting {
    struct twin *twin;
    struct chip_call call;
    struct chip_call before;
    struct chip_call after;
    const struct image *image; /**< of an install */
    uint8_t cells[CHIP_FLASH_SIZE];
};

static void put_images(struct cutting *cutting)
{
    if (cutting->call.verb == CHIP_INSTALL)
        twin_source(cutting->twin, &cutting->call, cutting->image, cutting->call.count);
}

/** The power fails at operation `at` of this verb, and comes back. @return did it fail?
 */
static bool cut(struct twin *twin, const struct chip_call *verb, uint32_t at)
{
    struct chip_call call = *verb;
    enum machine_end how;

    twin->machine.faults.after_operation = at;
    how = machine_call(&twin->machine, &call);
    machine_power_on(&twin->machine);
    twin_copy(twin);
    assert_int_not_equal(how, MACHINE_STUCK);
    return how == MACHINE_CUT;
}

static void cut_once(struct cutting *cutting, uint32_t at)
{
    struct twin *twin = cutting->twin;
    struct chip_call open = twin_call(twin, CHIP_OPEN), now;
    struct chip_call settle = twin_call(twin, CHIP_SETTLE);
    bool done;

    machine_set(&twin->machine, twin->begin, cutting->cells, twin->size);
    machine_power_on(&twin->machine);
    put_images(cutting);
    assert_true(cut(twin, &cutting->call, at));
    now = twin_both(twin, &open);
    assert_int_equal(now.rc, 0);
    done = same_live(&now, &cutting->after);
    assert_true(done || same_live(&now, &cutting->before));
    /* The recovery is cut as well, and then not. */
    (void)cut(twin, &settle, 1u + twin_random(twin, 2));
    now = twin_both(twin, &settle);
    assert_int_equal(now.rc, 0);
    assert_true(same_live(&now, done ? &cutting->after : &cutting->before));
    put_images(cutting);
    now = twin_both(twin, &cutting->call);
    assert_true(now.rc == 0 || (done && now.rc == MODFMT_E_STORE_NOT_FOUND));
    now = twin_both(twin, &open);
    assert_true(same_live(&now, &cutting->after));
}

/** Cut the verb at many places, then let it be. */
static void cut_verb(struct twin *twin, const struct chip_call *call,
                     const struct image *image)
{
    static struct cutting cutting;
    uint32_t operations;

    cutting.twin = twin;
    cutting.call = *call;
    cutting.image = image;
    memcpy(cutting.cells, twin->bytes, twin->size);
    cutting.before = twin_call(twin, CHIP_OPEN);
    twin_host(twin, &cutting.before);
    put_images(&cutting);
    cutting.after = cutting.call;
    operations = twin->operations;
    twin_host(twin, &cutting.after);
    operations = twin->operations - operations;
    assert_int_equal(cutting.after.rc, 0);
    for (uint32_t i = 0; i < CUTS && i < operations; i++)
        cut_once(&cutting, cut_at(twin, i, operations));
    machine_set(&twin->machine, twin->begin, cutting.cells, twin->size);
    machine_power_on(&twin->machine);
    twin_copy(twin);
    put_images(&cutting);
    cutting.after = twin_both(twin, &cutting.call);
    assert_int_equal(cutting.after.rc, 0);
}

static void cut_install(struct twin *twin, uint32_t first, uint32_t count,
                        uint32_t payload, uint32_t value)
{
    static struct image image[CHIP_COUNT_MAX];
    struct chip_call call = twin_call(twin, CHIP_INSTALL);

    for (uint32_t i = 0; i < count; i++)
        twin_image(&image[i], first + i, payload, value);
    call.count = count;
    cut_verb(twin, &call, image);
}

static void survives_power_cuts(void **state)
{
    struct twin *twin = *state;

    for (uint32_t i = 0; i < TWIN_REGIONS; i++) {
        struct chip_call call;
        struct image image;

        twin_region(twin, &twin_regions[i]);
        cut_install(twin, 0, 1, 100, 1);
        cut_install(twin, 1, 3, 1500, 2);
        cut_install(twin, 2, 1, 700, 3);
        twin_image(&image, 1, 0, 0);
        call = twin_call(twin, CHIP_REMOVE);
        call.count = 1;
        call.hash[0] = image.hash;
        cut_verb(twin, &call, NULL);
        if (twin_regions[i].count == 1)
            continue;
        /* Until room must be made for it. */
        for (uint32_t round = 0; round < 4; round++)
            cut_install(twin, 4, 1, 9000, 10u + round);
        call = twin_call(twin, CHIP_COMPACT);
        cut_verb(twin, &call, NULL);
        assert_true(twin->erases[0] + twin->erases[1] + twin->erases[2] > 0);
    }
}

/* ---- flash that does not do as it should ------------------------------------------- */

static struct chip_call install_one(struct twin *twin)
{
    static struct image image;
    struct chip_call call = twin_call(twin, CHIP_INSTALL);

    twin_image(&image, 0, 100, 7);
    twin_source(twin, &call, &image, 1);
    assert_int_equal(machine_call(&twin->machine, &call), MACHINE_DONE);
    assert_true(flash_locked(&twin->machine.flash));
    return call;
}

/** Write-protect all of flash, or nothing. */
static void protect(struct twin *twin, bool protected)
{
    struct flash *flash = &twin->machine.flash;

    flash->options = FLASH_OPTCR_RESET;
    for (uint32_t i = 0; protected && i < CHIP_SECTORS; i++)
        flash_protect(flash, i);
    flash->counts.refusals = 0;
}

static void protected_sectors_are_reported(void **state)
{
    struct twin *twin = *state;
    struct chip_call call;
    struct image image;

    twin_region(twin, &twin_regions[0]);
    protect(twin, true);
    assert_int_equal(install_one(twin).rc, MODFMT_E_STORE_ERASE);
    protect(twin, false);
    assert_int_equal(install_one(twin).rc, 0);
    protect(twin, true);
    call = twin_call(twin, CHIP_REMOVE);
    call.count = 1;
    twin_image(&image, 0, 0, 0);
    call.hash[0] = image.hash;
    assert_int_equal(machine_call(&twin->machine, &call), MACHINE_DONE);
    assert_int_equal(call.rc, MODFMT_E_STORE_PROGRAM);
    assert_true(flash_locked(&twin->machine.flash));
    protect(twin, false);
}

static void stuck_controller_is_reported(void **state)
{
    struct twin *twin = *state;

    twin_region(twin, &twin_regions[0]);
    twin->machine.flash.busy = 0x10000000u;
    assert_int_equal(install_one(twin).rc, MODFMT_E_STORE_ERASE);
    /* Neither locked nor touched again while it was busy; it comes to itself. */
    twin->machine.flash.busy = 0;
    assert_int_equal(install_one(twin).rc, 0);
}

/** Caches are on again, and errors of others do not count. */
static void leaves_the_controller_as_it_was(void **state)
{
    struct twin *twin = *state;
    const uint32_t acr = 0x705u;
    struct chip_call call;

    twin_region(twin, &twin_regions[0]);
    (void)flash_write_register(&twin->machine.flash, FLASH_ACR, acr);
    twin->machine.flash.sr = FLASH_SR_PGSERR | FLASH_SR_WRPERR | FLASH_SR_OPERR;
    call = install_one(twin);
    assert_int_equal(call.rc, 0);
    assert_int_equal(flash_read_register(&twin->machine.flash, FLASH_ACR), acr);
    assert_int_equal(twin->machine.flash.sr, 0);
    assert_int_equal(call.erased_sectors, 1);
    /* Right before, and at each look: the model is busy for three. */
    assert_int_equal(call.watchdog, 1 + 4);
}

/** A region that is not whole sectors is refused before anything is read. */
static void odd_regions_are_refused(void **state)
{
    static const uint32_t odd[][2] = {{0x08060000, 0x08070000}, {0x08060400, 0x08080000},
                                      {0x08080000, 0x08060000}, {0x080e0000, 0x08120000},
                                      {0x08060000, 0x08060000}, {0x20000000, 0x20020000}};
    struct twin *twin = *state;

    for (uint32_t i = 0; i < sizeof(odd) / sizeof(odd[0]); i++) {
        struct chip_call call = twin_call(twin, CHIP_OPEN);

        call.begin = odd[i][0];
        call.end = odd[i][1];
        assert_int_equal(machine_call(&twin->machine, &call), MACHINE_DONE);
        assert_int_equal(call.rc, MODFMT_E_STORE_GEOMETRY);
    }
}

/** The only sector cannot be compacted here: that is said, and what is there stays. */
static void full_sector_is_reported(void **state)
{
    static struct image image;
    struct twin *twin = *state;
    struct chip_call call, open;
    uint32_t installed = 0;

    twin_region(twin, &twin_regions[2]);
    do {
        twin_image(&image, 0, 12000, ++installed);
        call = twin_call(twin, CHIP_INSTALL);
        twin_source(twin, &call, &image, 1);
        call = twin_both(twin, &call);
    } while (call.rc == 0 && installed < 20);
    assert_int_equal(call.rc, MODFMT_E_STORE_FULL);
    assert_in_range(installed, 10, 11);
    open = twin_call(twin, CHIP_OPEN);
    open = twin_both(twin, &open);
    assert_int_equal(open.live, 1);
}

/** What the README shows: an image that was received into RAM is checked and installed.
 */
static void updates_as_the_readme_does(void **state)
{
    struct twin *twin = *state;
    struct chip_call call, open;
    struct image image;

    twin_region(twin, &twin_regions[2]);
    for (uint32_t value = 1; value <= 3; value++) {
        twin_image(&image, 0, 300, value);
        call = twin_call(twin, CHIP_UPDATE);
        twin_source(twin, &call, &image, 1);
        call.count = image.size;
        assert_int_equal(machine_call(&twin->machine, &call), MACHINE_DONE);
        assert_int_equal(call.rc, 0);
        twin_copy(twin);
        open = twin_call(twin, CHIP_OPEN);
        open = twin_both(twin, &open);
        assert_int_equal(open.live, 1);
        assert_int_equal(open.image[0].crc, modfmt_get32(image.bytes + MODFMT_OFF_CRC));
    }
    image.bytes[80] ^= 1;
    twin_source(twin, &call, &image, 1);
    call.count = image.size;
    assert_int_equal(machine_call(&twin->machine, &call), MACHINE_DONE);
    assert_int_equal(call.rc, MODFMT_E_CRC);
    call.count = image.size - 32u;
    assert_int_equal(machine_call(&twin->machine, &call), MACHINE_DONE);
    assert_int_equal(call.rc, MODFMT_E_TRUNCATED);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(same_as_on_a_host),
        cmocka_unit_test(survives_power_cuts),
        cmocka_unit_test(protected_sectors_are_reported),
        cmocka_unit_test(stuck_controller_is_reported),
        cmocka_unit_test(leaves_the_controller_as_it_was),
        cmocka_unit_test(odd_regions_are_refused),
        cmocka_unit_test(full_sector_is_reported),
        cmocka_unit_test(updates_as_the_readme_does),
    };

    program = argc > 1 ? argv[1] : "chip_store.bin";
    return cmocka_run_group_tests_name("chip", tests, begin, end);
}
