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

/* Run it, and give its arguments back. */
static void run_stub(const struct run *run, const uint8_t *data, uint32_t arguments[4])
{
    uc_engine *uc;
    uint32_t pc = run->place | 1;
    uint32_t end = 0;
    uint32_t block = run->place + (uint32_t)sizeof f4_stub;
    uint32_t base = run->place & ~(RAM_SIZE - 1);
    memcpy(arguments, (uint32_t[]){FLASH, run->length, run->width, 0}, 16);
    memset(&chip, 0, sizeof chip);
    memset(chip.flash, 0xFF, sizeof chip.flash);
    chip.width = run->width;
    chip.fail_at = run->fail_at;
    assert_int_equal(uc_open(UC_ARCH_ARM, UC_MODE_THUMB | UC_MODE_MCLASS, &uc), 0);
    uc_ctl_set_cpu_model(uc, UC_CPU_ARM_CORTEX_M3);
    assert_int_equal(uc_mem_map(uc, base, RAM_SIZE, UC_PROT_ALL), 0);
    uc_mmio_map(uc, FLASH, 0x1000, no_read, NULL, flash_write, NULL);
    uc_mmio_map(uc, FLASH_CTL, 0x1000, control_read, NULL, control_write, NULL);
    uc_mmio_map(uc, WATCHDOG, 0x1000, no_read, NULL, watchdog_write, NULL);
    uc_mem_write(uc, run->place, f4_stub, sizeof f4_stub);
    uc_mem_write(uc, block, arguments, 16);
    uc_mem_write(uc, block + 16, data, run->length);
    uc_emu_start(uc, pc, 0, 0,
                 100000); /* ends by an exception: BKPT, with nobody to take it */
    uc_reg_read(uc, UC_ARM_REG_PC, &end);
    uint16_t last = 0;
    uc_mem_read(uc, end & ~1u, &last, sizeof last);
    assert_int_equal(last, 0xBE00);
    uc_mem_read(uc, block, arguments, 16);
    uc_close(uc);
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
    static const uint32_t places[] = {0x20000000, 0x20000404, 0x10008000};
    uint8_t data[DATA_MAX];
    uint32_t arguments[4];
    (void)state;
    fill(data);
    for (size_t i = 0; i < sizeof lengths / sizeof lengths[0]; i++) {
        for (size_t j = 0; j < 6; j++) {
            struct run run = {places[j / 2], j % 2 != 0 ? 1 : 4, lengths[i], NO_ERROR};
            run_stub(&run, data, arguments);
            assert_memory_equal(chip.flash, data, run.length);
            for (uint32_t k = run.length; k < DATA_MAX; k++) {
                assert_int_equal(chip.flash[k], 0xFF);
            }
            assert_int_equal(arguments[1], 0);
            assert_int_equal(arguments[3], 0);
            assert_int_equal(chip.feeds, run.length / run.width);
            assert_int_equal(chip.busy, 0);
        }
    }
}

static void test_stops_at_the_first_error(void **state)
{
    uint8_t data[DATA_MAX];
    uint32_t arguments[4];
    (void)state;
    fill(data);
    for (uint32_t width = 1; width <= 4; width += 3) {
        for (uint32_t fail_at = 0; fail_at < 40; fail_at += width) {
            run_stub(&(struct run){0x20000000, width, 40, fail_at}, data, arguments);
            assert_memory_equal(chip.flash, data, fail_at);
            for (uint32_t k = fail_at; k < DATA_MAX; k++) {
                assert_int_equal(chip.flash[k], 0xFF);
            }
            assert_int_equal(arguments[1], 40 - fail_at);
            assert_int_equal(arguments[3], WRPERR);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_programs),
        cmocka_unit_test(test_stops_at_the_first_error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
