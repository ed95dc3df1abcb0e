/* SPDX-License-Identifier: BSD-2-Clause */
/** The board's memory map, what the chip tells about itself, and its flash's file. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "bus.h"
#include "chip.h"
#include "image.h"

static uint8_t cells[CHIP_FLASH_SIZE];
static struct faults faults;
static struct flash flash;
static struct bus bus;
static const struct trace trace;
static char folder[] = "/tmp/board-test-XXXXXX";
static char path[sizeof folder + 8];

static int power_on(void **state)
{
    (void)state;
    for (uint32_t i = 0; i < CHIP_FLASH_SIZE; i++) {
        cells[i] = (uint8_t)(i ^ i >> 8 ^ i >> 16);
    }
    faults_init(&faults, 1);
    flash_init(&flash, cells, &faults, &trace);
    return bus_init(&bus, &flash) ? 0 : -1;
}

static int power_off(void **state)
{
    (void)state;
    bus_free(&bus);
    return 0;
}

static uint32_t get(uint32_t address, unsigned size)
{
    uint32_t value = 0xdeadbeef;
    assert_true(bus_read(&bus, address, size, &value));
    return value;
}

static void chip_tells_what_it_is(void **state)
{
    (void)state;
    assert_int_equal(get(0x1fff7a22, 2), 1024); /* flash size in KiB */
    assert_int_equal(get(0x1fff7a20, 4) >> 16, 1024);
    assert_int_not_equal(get(0x1fff7a10, 4), 0xffffffff); /* unique id */
    assert_int_not_equal(get(0x1fff7a18, 4), get(0x1fff7a10, 4));
    assert_int_equal(get(0x1fffc008, 2), 0xfff); /* no sector is protected */
    assert_int_equal(get(0x1fffc000, 2), 0xaaec);
    flash_protect(&flash, 3);
    assert_int_equal(get(0x1fffc008, 2), 0xff7);
    assert_int_equal(get(0x1fff7800, 4), 0xffffffff); /* OTP is unused */
}

static void memory_is_where_it_should_be(void **state)
{
    (void)state;
    assert_int_equal(get(0x08001234, 1), (0x34 ^ 0x12));
    assert_int_equal(get(0x00001234, 4), get(0x08001234, 4));
    assert_int_equal(get(0x080ffffc, 4) >> 24, (0xff ^ 0xff ^ 0x0f));
    static const uint32_t ram[] = {0x20000000, 0x2001fffc, 0x10000000, 0x1000fffc};
    for (unsigned i = 0; i < sizeof ram / sizeof *ram; i++) {
        assert_int_equal(get(ram[i], 4), 0);
        assert_true(bus_write(&bus, ram[i], 4, 0x11223344));
        assert_true(bus_write(&bus, ram[i] + 1, 2, 0xabcd));
        assert_int_equal(get(ram[i], 4), 0x11abcd44);
    }
}

static void elsewhere_is_a_bus_error(void **state)
{
    static const uint32_t nowhere[] = {0x00100000, 0x080ffffe, 0x08100000, 0x0fffffff,
                                       0x10010000, 0x2001fffe, 0x20020000, 0x60000000,
                                       0xe0100000, 0xfffffffc, 0xffffffff};
    uint32_t value = 0;
    (void)state;
    for (unsigned i = 0; i < sizeof nowhere / sizeof *nowhere; i++) {
        assert_false(bus_read(&bus, nowhere[i], 4, &value));
        assert_false(bus_write(&bus, nowhere[i], 4, 0));
    }
    assert_false(bus_write(&bus, 0x1fff7a10, 4, 0));
}

static void registers_take_bytes_and_halves(void **state)
{
    (void)state;
    assert_true(bus_write(&bus, CHIP_FLASH_IF + FLASH_KEYR, 4, FLASH_KEY1));
    assert_true(bus_write(&bus, CHIP_FLASH_IF + FLASH_KEYR, 4, FLASH_KEY2));
    assert_true(bus_write(&bus, CHIP_FLASH_IF + FLASH_CR + 1, 1, 2));
    assert_true(bus_write(&bus, CHIP_FLASH_IF + FLASH_CR, 1, 1));
    assert_int_equal(get(CHIP_FLASH_IF + FLASH_CR, 4), FLASH_CR_PSIZE_X32 | FLASH_CR_PG);
    assert_int_equal(get(CHIP_FLASH_IF + FLASH_CR + 1, 1), 2);
    flash_store(&flash, 1, 2, 0); /* PGPERR */
    flash.lock.open = false;
    flash_store(&flash, 0, 4, 0); /* PGSERR */
    assert_true(bus_write(&bus, CHIP_FLASH_IF + FLASH_SR, 1, FLASH_SR_PGSERR));
    assert_int_equal(get(CHIP_FLASH_IF + FLASH_SR, 4), FLASH_SR_PGPERR);
    assert_false(bus_write(&bus, CHIP_FLASH_IF + FLASH_KEYR, 2, 0x0123));
}

static void firmware_does_not_wait_for_ever(void **state)
{
    (void)state;
    assert_true(bus_write(&bus, 0x40023800, 4, 0x01010001)); /* HSI, HSE and PLL on */
    assert_int_equal(get(0x40023800, 4) & 0x02020002, 0x02020002);
    assert_true(bus_write(&bus, 0x40023808, 4, 2)); /* clock from the PLL */
    assert_int_equal(get(0x40023808, 4) & 0xc, 8);
    assert_int_equal(get(0x40011000, 4) & 0xc0, 0xc0); /* USART1 has sent it */
    assert_int_equal(get(0x50000000, 4), 0);
}

/* ---- the file ------------------------------------------------------------------- */

static int make_folder(void **state)
{
    (void)state;
    snprintf(path, sizeof path, "%s/f.img", mkdtemp(folder) != NULL ? folder : "");
    return 0;
}

static int remove_folder(void **state)
{
    (void)state;
    unlink(path);
    return rmdir(folder);
}

static uint8_t byte_in_file(long offset)
{
    FILE *file = fopen(path, "rb");
    assert_non_null(file);
    assert_int_equal(fseek(file, offset, SEEK_SET), 0);
    int byte = fgetc(file);
    fclose(file);
    assert_in_range(byte, 0, 255);
    return (uint8_t)byte;
}

static void file_is_made_erased_and_kept(void **state)
{
    struct image image;
    struct stat status;
    (void)state;
    assert_true(image_open(&image, path));
    assert_int_equal(stat(path, &status), 0);
    assert_int_equal(status.st_size, CHIP_FLASH_SIZE);
    assert_int_equal(byte_in_file(0), 0xff);
    assert_int_equal(byte_in_file(CHIP_FLASH_SIZE - 1), 0xff);
    image.cells[12345] = 0x42;
    assert_int_equal(byte_in_file(12345), 0x42); /* at once */
    struct image second;
    assert_false(image_open(&second, path));
    assert_non_null(strstr(second.problem, "in use"));
    image_close(&image);
    assert_true(image_open(&image, path));
    assert_int_equal(image.cells[12345], 0x42);
    image_close(&image);
}

static void other_files_are_refused(void **state)
{
    struct image image;
    (void)state;
    assert_false(image_open(&image, folder));
    assert_int_equal(truncate(path, CHIP_FLASH_SIZE - 1), 0);
    assert_false(image_open(&image, path));
    assert_non_null(strstr(image.problem, "1048575"));
    assert_non_null(strstr(image.problem, "1048576"));
    assert_int_equal(truncate(path, 0), 0);
    assert_false(image_open(&image, path));
    assert_false(image_open(&image, "/dev/null"));
    assert_non_null(strstr(image.problem, "no regular file"));
    assert_false(image_open(&image, "/nowhere/f.img"));
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, power_on, power_off)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(chip_tells_what_it_is),
        TEST(memory_is_where_it_should_be),
        TEST(elsewhere_is_a_bus_error),
        TEST(registers_take_bytes_and_halves),
        TEST(firmware_does_not_wait_for_ever),
        cmocka_unit_test(file_is_made_erased_and_kept),
        cmocka_unit_test(other_files_are_refused),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
