/* SPDX-License-Identifier: BSD-2-Clause */
/**
 * modflash's stub for the STM32F4 on an emulated Cortex-M, with a flash controller that
 * is busy for a while after each access and fails where it is told to.
 */
#include "f4_stub.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <cmocka.h>
#include <unicorn/unicorn.h>

#define RAM_SIZE  0x10000u
#define FLASH     0x08000000u
#define FLASH_CTL 0x40023000u /* a page; the controller starts at C00 in it */
#define FLASH_SR  0xC0Cu
#define WATCHDOG  0x40003000u
#define DATA_MAX  256u
#define BSY       0x10000u
#define WRPERR    0x10u
#define NO_ERROR  UINT32_MAX

struct chip {
    uint8_t flash[DATA_MAX];
    uint32_t busy; /* reads of SR until the last access is done */
    uint32_t sr;
    uint32_t fail_at; /* offset in flash */
    unsigned width;   /* of every access, which must be the same */
    uint32_t feeds;
};

static struct chip chip;

static uint64_t control_read(uc_engine *uc, uint64_t offset, unsigned size, void *context)
{
    (void)uc;
    (void)context;
    assert_int_equal(size, 4);
    assert_int_equal(offset, FLASH_SR);
    if (chip.busy != 0) {
        chip.busy--;
        return chip.sr | BSY;
    }
    return chip.sr;
}

static void control_write(uc_engine *uc, uint64_t offset, unsigned size, uint64_t value,
                          void *context)
{
    (void)uc;
    (void)offset;
    (void)size;
    (void)value;
    (void)context;
    fail_msg("the stub writes to the controller");
}

static uint64_t no_read(uc_engine *uc, uint64_t offset, unsigned size, void *context)
{
    (void)uc;
    (void)offset;
    (void)size;
    (void)context;
    fail_msg("the stub reads flash or watchdog");
    return 0;
}

static void flash_write(uc_engine *uc, uint64_t offset, unsigned size, uint64_t value,
                        void *context)
{
    (void)uc;
    (void)context;
    assert_int_equal(size, chip.width);
    assert_int_equal(chip.busy, 0);
    assert_true(offset + size <= DATA_MAX);
    chip.busy = 3;
    if (offset == chip.fail_at) {
        chip.sr |= WRPERR;
        return;
    }
    memcpy(chip.flash + offset, &value,
           size); /* little-endian, as the host of the tests */
}

static void watchdog_write(uc_engine *uc, uint64_t offset, unsigned size, uint64_t value,
                           void *context)
{
    (void)uc;
    (void)size;
    (void)context;
    assert_int_equal(offset, 0);
    assert_int_equal(value, 0xAAAA);
    chip.feeds++;
}

struct run {
    uint32_t place; /* of the stub */
    uint32_t width, length, fail_at;
};

/* Before the code: destination, bytes, width, stay, result, go. */
enum { DESTINATION, BYTES, WIDTH, STAY, RESULT, GO, ARGUMENTS };
#define BUSY_RESULT 0xFFFFFFFFu

static void write_block(uc_engine *uc, const struct run *run, const uint8_t *data,
                        uint32_t stay)
{
    const uint32_t arguments[ARGUMENTS] = {FLASH, run->length, run->width,
                                           stay,  BUSY_RESULT, 1};
    uint32_t start = run->place - (uint32_t)sizeof arguments;
    uc_mem_write(uc, start - run->length, data, run->length);
    uc_mem_write(uc, start, arguments, sizeof arguments);
}

static void reset_chip(const struct run *run)
{
    memset(&chip, 0, sizeof chip);
    memset(chip.flash, 0xFF, sizeof chip.flash);
    chip.width = run->width;
    chip.fail_at = run->fail_at;
}

static uc_engine *power_up(const struct run *run)
{
    uc_engine *uc;
    reset_chip(run);
    assert_int_equal(uc_open(UC_ARCH_ARM, UC_MODE_THUMB | UC_MODE_MCLASS, &uc), 0);
    uc_ctl_set_cpu_model(uc, UC_CPU_ARM_CORTEX_M3);
    assert_int_equal(uc_mem_map(uc, run->place & ~(RAM_SIZE - 1), RAM_SIZE, UC_PROT_ALL),
                     0);
    uc_mmio_map(uc, FLASH, 0x1000, no_read, NULL, flash_write, NULL);
    uc_mmio_map(uc, FLASH_CTL, 0x1000, control_read, NULL, control_write, NULL);
    uc_mmio_map(uc, WATCHDOG, 0x1000, no_read, NULL, watchdog_write, NULL);
    uc_mem_write(uc, run->place, f4_stub, sizeof f4_stub);
    return uc;
}

static void read_arguments(uc_engine *uc, const struct run *run,
                           uint32_t arguments[ARGUMENTS])
{
    uc_mem_read(uc, run->place - 4 * ARGUMENTS, arguments, 4 * ARGUMENTS);
}

/* Run it once, to its BKPT. */
static uint32_t run_stub(const struct run *run, const uint8_t *data)
{
    uint32_t arguments[ARGUMENTS];
    uint32_t end = 0;
    uint16_t last = 0;
    uc_engine *uc = power_up(run);
    write_block(uc, run, data, 0);
    /* Ends by an exception: BKPT, with nobody to take it. */
    uc_emu_start(uc, run->place | 1, 0, 0, 100000);
    uc_reg_read(uc, UC_ARM_REG_PC, &end);
    uc_mem_read(uc, end & ~1u, &last, sizeof last);
    assert_int_equal(last, 0xBE00);
    read_arguments(uc, run, arguments);
    assert_int_equal(arguments[GO], 0);
    uc_close(uc);
    return arguments[RESULT];
}

static void fill(uint8_t data[DATA_MAX])
{
    for (uint32_t i = 0; i < DATA_MAX; i++) {
        data[i] = (uint8_t)(i * 37 + 11);
    }
}

static void test_programs(void **state)
{
    static const uint32_t lengths[] = {0, 4, 8, 100, DATA_MAX};
    static const uint32_t places[] = {0x20001000, 0x20000404, 0x10008000};
    uint8_t data[DATA_MAX];
    (void)state;
    fill(data);
    for (size_t i = 0; i < sizeof lengths / sizeof lengths[0]; i++) {
        for (size_t j = 0; j < 6; j++) {
            struct run run = {places[j / 2], j % 2 != 0 ? 1 : 4, lengths[i], NO_ERROR};
            assert_int_equal(run_stub(&run, data), 0);
            assert_memory_equal(chip.flash, data, run.length);
            for (uint32_t k = run.length; k < DATA_MAX; k++) {
                assert_int_equal(chip.flash[k], 0xFF);
            }
            assert_int_equal(chip.feeds, 1 + run.length / run.width);
            assert_int_equal(chip.busy, 0);
        }
    }
}

static void test_stops_at_the_first_error(void **state)
{
    uint8_t data[DATA_MAX];
    (void)state;
    fill(data);
    for (uint32_t width = 1; width <= 4; width += 3) {
        for (uint32_t fail_at = 0; fail_at < 40; fail_at += width) {
            struct run run = {0x20001000, width, 40, fail_at};
            assert_int_equal(run_stub(&run, data), (40 - fail_at) | WRPERR << 16);
            assert_memory_equal(chip.flash, data, fail_at);
            for (uint32_t k = fail_at; k < DATA_MAX; k++) {
                assert_int_equal(chip.flash[k], 0xFF);
            }
        }
    }
}

/* It waits, and keeps the watchdog fed, until it gets more to do. */
static void test_stays(void **state)
{
    const struct run run = {0x20001000, 4, 100, NO_ERROR};
    uint8_t data[DATA_MAX];
    uint32_t arguments[ARGUMENTS];
    uint32_t pc = run.place;
    uc_engine *uc = power_up(&run);
    (void)state;
    fill(data);
    for (int i = 0; i < 3; i++) {
        reset_chip(&run);
        data[0] = (uint8_t)i;
        write_block(uc, &run, data, 1);
        assert_int_equal(uc_emu_start(uc, pc | 1, 0, 0, 3000), 0);
        read_arguments(uc, &run, arguments);
        assert_int_equal(arguments[RESULT], 0);
        assert_int_equal(arguments[GO], 0);
        assert_memory_equal(chip.flash, data, 100);
        assert_true(chip.feeds > 100);
        uc_reg_read(uc, UC_ARM_REG_PC, &pc);
    }
    uc_close(uc);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_programs),
        cmocka_unit_test(test_stops_at_the_first_error),
        cmocka_unit_test(test_stays),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
