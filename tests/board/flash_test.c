/* SPDX-License-Identifier: BSD-2-Clause */
/** The board's flash controller against RM0090 section 3, and what a cut leaves. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "chip.h"
#include "flash.h"

#define SECTOR_5   0x20000u
#define ALL_ERRORS 0xf2u

static uint8_t cells[CHIP_FLASH_SIZE];
static struct faults faults;
static struct flash flash;
static const struct trace trace;

static int power_on(void **state)
{
    (void)state;
    memset(cells, 0xff, sizeof cells);
    faults_init(&faults, 1);
    flash_init(&flash, cells, &faults, &trace);
    return 0;
}

static bool put(uint32_t reg, uint32_t value)
{
    return flash_write_register(&flash, reg, value);
}

static uint32_t get(uint32_t reg)
{
    return flash_read_register(&flash, reg);
}

static void unlock(void)
{
    assert_true(put(FLASH_KEYR, FLASH_KEY1));
    assert_true(put(FLASH_KEYR, FLASH_KEY2));
}

static void unlock_options(void)
{
    assert_true(put(FLASH_OPTKEYR, FLASH_OPTKEY1));
    assert_true(put(FLASH_OPTKEYR, FLASH_OPTKEY2));
}

/* Unlock, and be ready to program in units of 1, 2 or 4 bytes. */
static void prepare(uint32_t parallelism)
{
    unlock();
    put(FLASH_CR, FLASH_CR_PG | parallelism);
}

static void erase_sector(unsigned sector)
{
    put(FLASH_CR, FLASH_CR_SER | FLASH_CR_PSIZE_X32 | sector << FLASH_CR_SNB_SHIFT);
    put(FLASH_CR,
        FLASH_CR_SER | FLASH_CR_PSIZE_X32 | sector << FLASH_CR_SNB_SHIFT | FLASH_CR_STRT);
}

/* The flags, once nothing is under way; and clear them. */
static uint32_t take_flags(void)
{
    uint32_t status = get(FLASH_SR);
    for (unsigned i = 0; (status & FLASH_SR_BSY) != 0; i++) {
        assert_in_range(i, 0, 10);
        status = get(FLASH_SR);
    }
    put(FLASH_SR, ALL_ERRORS | FLASH_SR_EOP);
    assert_int_equal(get(FLASH_SR), 0);
    return status;
}

static bool all_erased(uint32_t offset, uint32_t size)
{
    for (uint32_t i = 0; i < size; i++) {
        if (cells[offset + i] != 0xff) {
            return false;
        }
    }
    return true;
}

/* ---- locks ---------------------------------------------------------------------- */

static void keys_unlock(void **state)
{
    (void)state;
    assert_int_equal(get(FLASH_CR), FLASH_CR_LOCK);
    put(FLASH_CR, FLASH_CR_PG);
    assert_int_equal(get(FLASH_CR), FLASH_CR_LOCK);
    unlock();
    assert_int_equal(get(FLASH_CR), 0);
    put(FLASH_CR, FLASH_CR_PG);
    assert_int_equal(get(FLASH_CR), FLASH_CR_PG);
    put(FLASH_CR, FLASH_CR_LOCK);
    assert_int_equal(get(FLASH_CR), FLASH_CR_LOCK);
    unlock();
    assert_false(flash_locked(&flash));
}

static void wrong_key_locks_until_reset(void **state)
{
    static const uint32_t wrong[][2] = {{0x11111111, FLASH_KEY2},
                                        {FLASH_KEY2, FLASH_KEY1},
                                        {FLASH_KEY1, FLASH_KEY1},
                                        {FLASH_KEY1, 0}};
    for (unsigned i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        power_on(state);
        bool first = put(FLASH_KEYR, wrong[i][0]);
        bool second = put(FLASH_KEYR, wrong[i][1]);
        assert_false(first && second); /* a bus error */
        assert_false(put(FLASH_KEYR, FLASH_KEY1));
        assert_false(put(FLASH_KEYR, FLASH_KEY2));
        assert_int_equal(get(FLASH_CR), FLASH_CR_LOCK);
        flash_reset(&flash);
        unlock();
        assert_int_equal(get(FLASH_CR), 0);
    }
}

static void reset_locks(void **state)
{
    (void)state;
    prepare(FLASH_CR_PSIZE_X8);
    unlock_options();
    flash_reset(&flash);
    assert_int_equal(get(FLASH_CR), FLASH_CR_LOCK);
    assert_int_equal(get(FLASH_OPTCR), FLASH_OPTCR_RESET);
}

/* ---- programming ---------------------------------------------------------------- */

static void programs_in_each_size(void **state)
{
    (void)state;
    prepare(FLASH_CR_PSIZE_X32);
    flash_store(&flash, 0x100, 4, 0x12345678);
    assert_int_equal(take_flags(), 0);
    put(FLASH_CR, FLASH_CR_PG | FLASH_CR_PSIZE_X16);
    flash_store(&flash, 0x106, 2, 0xabcd);
    assert_int_equal(take_flags(), 0);
    put(FLASH_CR, FLASH_CR_PG | FLASH_CR_PSIZE_X8);
    flash_store(&flash, 0x10b, 1, 0x5a);
    assert_int_equal(take_flags(), 0);
    static const uint8_t wanted[] = {0x78, 0x56, 0x34, 0x12, 0xff, 0xff,
                                     0xcd, 0xab, 0xff, 0xff, 0xff, 0x5a};
    assert_memory_equal(cells + 0x100, wanted, sizeof wanted);
    assert_true(all_erased(0x10c, 0x100));
    assert_int_equal(flash.counts.programs, 3);
    assert_int_equal(flash.counts.bytes_programmed, 7);
}

static void programming_only_clears_bits(void **state)
{
    (void)state;
    prepare(FLASH_CR_PSIZE_X32);
    flash_store(&flash, 0, 4, 0xf0f0f0f0);
    assert_int_equal(flash.counts.overprograms, 0);
    flash_store(&flash, 0, 4, 0x0fff00ff);
    assert_int_equal(flash_load(&flash, 0, 4), 0x00f000f0);
    assert_int_equal(flash.counts.overprograms, 1);
    flash_store(&flash, 0, 4, 0xffffffff);
    assert_int_equal(flash_load(&flash, 0, 4), 0x00f000f0);
    assert_int_equal(take_flags(), 0);
}

static void store_is_refused(uint32_t offset, unsigned size, uint32_t flag)
{
    uint64_t refusals = flash.counts.refusals;
    flash_store(&flash, offset, size, 0);
    assert_int_equal(take_flags(), flag);
    assert_int_equal(flash.counts.refusals, refusals + 1);
    assert_true(all_erased(0, CHIP_FLASH_SIZE));
    assert_int_equal(faults.operations, 0);
}

static void no_sequence_no_programming(void **state)
{
    (void)state;
    store_is_refused(0, 4, FLASH_SR_PGSERR);
    unlock();
    put(FLASH_CR, FLASH_CR_PSIZE_X32);
    store_is_refused(0, 4, FLASH_SR_PGSERR);
    put(FLASH_CR, FLASH_CR_PG | FLASH_CR_PSIZE_X32 | FLASH_CR_LOCK);
    store_is_refused(0, 4, FLASH_SR_PGSERR);
}

static void parallelism_must_match(void **state)
{
    static const uint32_t modes[] = {FLASH_CR_PSIZE_X8, FLASH_CR_PSIZE_X16,
                                     FLASH_CR_PSIZE_X32, FLASH_CR_PSIZE_X64};
    (void)state;
    unlock();
    for (unsigned mode = 0; mode < 4; mode++) {
        put(FLASH_CR, FLASH_CR_PG | modes[mode]);
        for (unsigned size = 1; size <= 4; size *= 2) {
            if (size != 1u << mode) {
                store_is_refused(0x40, size, FLASH_SR_PGPERR);
            }
        }
    }
    put(FLASH_CR, FLASH_CR_PG | FLASH_CR_PSIZE_X32);
    store_is_refused(0x42, 4, FLASH_SR_PGPERR); /* the bus would split it */
}

static void no_store_crosses_a_row(void **state)
{
    (void)state;
    prepare(FLASH_CR_PSIZE_X32);
    store_is_refused(0x4d, 4, FLASH_SR_PGAERR);
    put(FLASH_CR, FLASH_CR_PG | FLASH_CR_PSIZE_X16);
    store_is_refused(0x4f, 2, FLASH_SR_PGAERR);
}

static void stores_wait_for_the_one_before(void **state)
{
    (void)state;
    prepare(FLASH_CR_PSIZE_X32);
    flash_store(&flash, 0, 4, 1);
    assert_int_equal(get(FLASH_SR), FLASH_SR_BSY);
    assert_int_equal(get(FLASH_SR), 0);
    flash_store(&flash, 4, 4, 2);
    flash_store(&flash, 8, 4, 3);
    assert_int_equal(flash_load(&flash, 8, 4), 3);
    assert_int_equal(get(FLASH_SR), 0); /* the load has waited */
}

static void interrupts_enable_their_flags(void **state)
{
    (void)state;
    prepare(FLASH_CR_PSIZE_X32 | FLASH_CR_EOPIE);
    flash_store(&flash, 0, 4, 0);
    assert_int_equal(take_flags(), FLASH_SR_EOP);
    put(FLASH_CR, FLASH_CR_PG | FLASH_CR_PSIZE_X8 | FLASH_CR_ERRIE);
    flash_store(&flash, 4, 4, 0);
    assert_int_equal(take_flags(), FLASH_SR_PGPERR | FLASH_SR_OPERR);
}

static void flags_are_cleared_one_by_one(void **state)
{
    (void)state;
    flash_store(&flash, 0, 4, 0);
    prepare(FLASH_CR_PSIZE_X8);
    flash_store(&flash, 0, 4, 0);
    put(FLASH_SR, FLASH_SR_PGPERR);
    assert_int_equal(get(FLASH_SR), FLASH_SR_PGSERR);
    put(FLASH_SR, 0);
    assert_int_equal(get(FLASH_SR), FLASH_SR_PGSERR);
}

/* ---- erasing -------------------------------------------------------------------- */

static void erases_one_sector(void **state)
{
    static const uint32_t kib[] = {16, 16, 16, 16, 64, 128, 128, 128, 128, 128, 128, 128};
    uint32_t offset = 0;
    (void)state;
    unlock();
    for (unsigned sector = 0; sector < CHIP_SECTORS; sector++) {
        uint32_t size = kib[sector] * 1024;
        memset(cells, 0, sizeof cells);
        erase_sector(sector);
        assert_int_equal(take_flags(), 0);
        assert_true(all_erased(offset, size));
        assert_int_equal(offset > 0 ? cells[offset - 1] : 0, 0);
        assert_int_equal(offset + size < CHIP_FLASH_SIZE ? cells[offset + size] : 0, 0);
        assert_int_equal(flash_sector_of(offset), sector);
        assert_int_equal(flash_sector_of(offset + size - 1), sector);
        offset += size;
    }
    assert_int_equal(offset, CHIP_FLASH_SIZE);
    assert_int_equal(flash.counts.sectors_erased, CHIP_SECTORS);
}

static void erases_all(void **state)
{
    (void)state;
    memset(cells, 0, sizeof cells);
    unlock();
    put(FLASH_CR, FLASH_CR_MER | FLASH_CR_STRT);
    assert_int_equal(get(FLASH_SR), FLASH_SR_BSY);
    assert_int_equal(take_flags(), 0);
    assert_true(all_erased(0, CHIP_FLASH_SIZE));
    assert_int_equal(faults.operations, 1);
    assert_int_equal(flash.counts.sectors_erased, CHIP_SECTORS);
}

static void erase_is_refused(uint32_t control, uint32_t flag)
{
    memset(cells, 0, 16);
    put(FLASH_CR, control | FLASH_CR_STRT);
    assert_int_equal(take_flags(), flag);
    assert_int_equal(cells[0], 0);
    assert_int_equal(faults.operations, 0);
}

static void senseless_erases_are_refused(void **state)
{
    (void)state;
    erase_is_refused(FLASH_CR_SER, 0); /* locked: the register is not written at all */
    unlock();
    erase_is_refused(0, FLASH_SR_PGSERR);
    erase_is_refused(FLASH_CR_SER | FLASH_CR_MER, FLASH_SR_PGSERR);
    erase_is_refused(FLASH_CR_SER | 12u << FLASH_CR_SNB_SHIFT, FLASH_SR_PGSERR);
    erase_is_refused(FLASH_CR_SER | FLASH_CR_PSIZE_X64, FLASH_SR_PGPERR);
    erase_is_refused(FLASH_CR_SER | FLASH_CR_LOCK, 0);
}

/* ---- option bytes --------------------------------------------------------------- */

static void option_bytes_protect_sectors(void **state)
{
    (void)state;
    unlock();
    put(FLASH_OPTCR, 0);
    assert_int_equal(get(FLASH_OPTCR), FLASH_OPTCR_RESET); /* locked */
    unlock_options();
    uint32_t wanted = get(FLASH_OPTCR) & ~(1u << (FLASH_OPTCR_NWRP_SHIFT + 5));
    put(FLASH_OPTCR, wanted);
    erase_sector(5);
    assert_int_equal(take_flags(), 0); /* not programmed yet */
    put(FLASH_OPTCR, wanted | FLASH_OPTCR_OPTSTRT);
    assert_int_equal(get(FLASH_SR), FLASH_SR_BSY);
    assert_int_equal(take_flags(), 0);
    faults.operations = 0;
    erase_sector(5);
    assert_int_equal(take_flags(), FLASH_SR_WRPERR);
    erase_sector(6);
    assert_int_equal(take_flags(), 0);
    faults.operations = 0;
    erase_is_refused(FLASH_CR_MER, FLASH_SR_WRPERR);
    memset(cells, 0xff, 16);
    put(FLASH_CR, FLASH_CR_PG | FLASH_CR_PSIZE_X32);
    store_is_refused(SECTOR_5, 4, FLASH_SR_WRPERR);
    store_is_refused(SECTOR_5 + 0x1fffc, 4, FLASH_SR_WRPERR);
    flash_reset(&flash);
    assert_int_equal(get(FLASH_OPTCR), wanted | FLASH_OPTCR_OPTLOCK);
}

static void wrong_option_key_locks_until_reset(void **state)
{
    (void)state;
    assert_true(put(FLASH_OPTKEYR, FLASH_OPTKEY1));
    assert_false(put(FLASH_OPTKEYR, FLASH_KEY2));
    assert_false(put(FLASH_OPTKEYR, FLASH_OPTKEY1));
    assert_int_equal(get(FLASH_OPTCR) & FLASH_OPTCR_OPTLOCK, FLASH_OPTCR_OPTLOCK);
    unlock(); /* the other lock is another one */
    flash_reset(&flash);
    unlock_options();
    assert_int_equal(get(FLASH_OPTCR) & FLASH_OPTCR_OPTLOCK, 0);
}

/* ---- cuts ----------------------------------------------------------------------- */

static void cut_at(uint64_t operation, enum cut_kind kind, uint64_t seed)
{
    power_on(NULL);
    faults_init(&faults, seed);
    faults.kind = kind;
    faults.after_operation = operation;
}

static void cut_program_clears_some_bits(void **state)
{
    unsigned none = 0;
    unsigned some = 0;
    unsigned all = 0;
    (void)state;
    for (uint64_t seed = 0; seed < 300; seed++) {
        cut_at(2, CUT_POWER, seed);
        prepare(FLASH_CR_PSIZE_X32);
        flash_store(&flash, 0, 4, 0x12345678);
        assert_false(faults.cut);
        cells[4] = 0xf0;
        flash_store(&flash, 4, 4, 0x00000f3c);
        assert_true(faults_chip_dead(&faults));
        assert_int_equal(flash_load(&flash, 0, 4), 0x12345678);
        uint32_t left = flash_load(&flash, 4, 4);
        assert_int_equal(left & 0x00000f30, 0x00000f30); /* what was to stay */
        assert_int_equal(left & 0x0000000f, 0);          /* what was clear */
        none += left == 0xfffffff0;
        all += left == 0x00000f30;
        some += left != 0xfffffff0 && left != 0x00000f30;
        flash_store(&flash, 8, 4, 0);
        erase_sector(0);
        assert_true(all_erased(8, 100));
        assert_int_equal(cells[3], 0x12);
    }
    assert_true(none > 10 && all > 10 && some > 100);
}

static void cut_erase_sets_some_bits(void **state)
{
    unsigned untouched = 0;
    unsigned clean = 0;
    (void)state;
    for (uint64_t seed = 0; seed < 100; seed++) {
        cut_at(1, CUT_TARGET, seed);
        memset(cells, 0xa5, 0x10000);
        unlock();
        erase_sector(1);
        assert_true(faults_chip_dead(&faults));
        uint8_t and = 0xff;
        uint8_t or = 0;
        for (uint32_t i = 0x4000; i < 0x8000; i++) {
            and &= cells[i];
            or |= cells[i];
        }
        assert_int_equal(and&0xa5, 0xa5); /* no bit is cleared */
        untouched += or == 0xa5;
        clean += and == 0xff;
        assert_int_equal(cells[0x3fff], 0xa5);
        assert_int_equal(cells[0x8000], 0xa5);
    }
    assert_true(untouched > 3 && clean > 3 && untouched + clean < 50);
}

static void same_seed_same_bits(void **state)
{
    uint32_t first = 0;
    unsigned different = 0;
    (void)state;
    for (uint64_t seed = 0; seed < 40; seed++) {
        cut_at(1, CUT_POWER, seed / 2);
        prepare(FLASH_CR_PSIZE_X32);
        flash_store(&flash, 0, 4, 0);
        uint32_t left = flash_load(&flash, 0, 4);
        if (seed % 2 == 1) {
            assert_int_equal(left, first);
        } else {
            different += left != first;
            first = left;
        }
    }
    assert_true(different > 10);
}

static void chip_completes_when_only_the_probe_goes(void **state)
{
    static const enum cut_kind kinds[] = {CUT_USB, CUT_HANG};
    (void)state;
    for (unsigned i = 0; i < 2; i++) {
        cut_at(1, kinds[i], 1);
        prepare(FLASH_CR_PSIZE_X32);
        flash_store(&flash, 0, 4, 0x12345678);
        assert_true(faults.cut);
        flash_store(&flash, 4, 4, 0x9abcdef0);
        assert_int_equal(flash_load(&flash, 0, 4), 0x12345678);
        assert_int_equal(flash_load(&flash, 4, 4), 0x9abcdef0);
    }
}

#define TEST(function) cmocka_unit_test_setup(function, power_on)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(keys_unlock),
        TEST(wrong_key_locks_until_reset),
        TEST(reset_locks),
        TEST(programs_in_each_size),
        TEST(programming_only_clears_bits),
        TEST(no_sequence_no_programming),
        TEST(parallelism_must_match),
        TEST(no_store_crosses_a_row),
        TEST(stores_wait_for_the_one_before),
        TEST(interrupts_enable_their_flags),
        TEST(flags_are_cleared_one_by_one),
        TEST(erases_one_sector),
        TEST(erases_all),
        TEST(senseless_erases_are_refused),
        TEST(option_bytes_protect_sectors),
        TEST(wrong_option_key_locks_until_reset),
        TEST(cut_program_clears_some_bits),
        TEST(cut_erase_sets_some_bits),
        TEST(same_seed_same_bits),
        TEST(chip_completes_when_only_the_probe_goes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
