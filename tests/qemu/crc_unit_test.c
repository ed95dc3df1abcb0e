/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The port's CRC with a simulated CRC unit equals zlib's: for every size and alignment up
 * to some words, and split at every place (so that it goes on from any state).
 */
#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <zlib.h>

#include "modfmt.h"
#include "crc_unit_simulated.h"

#define SIZE 67u

static uint8_t bytes[SIZE + 4];

static int fill(void **state)
{
    uint32_t x = 12345;

    (void)state;
    for (unsigned i = 0; i < sizeof(bytes); i++) {
        x = x * 1103515245u + 12345u;
        bytes[i] = (uint8_t)(x >> 16);
    }
    return 0;
}

static void unit_check_value(void **state)
{
    (void)state;
    assert_int_equal(modfmt_crc32(0, "123456789", 9), 0xcbf43926u);
    /* What the unit gives after reset and one word, as documented for its users. */
    crc_unit_reset();
    crc_unit_write(0);
    assert_int_equal(crc_unit_read(), 0xc704dd7bu);
}

static void every_size_and_alignment(void **state)
{
    (void)state;
    for (unsigned at = 0; at < 4; at++) {
        for (unsigned size = 0; size <= SIZE; size++)
            assert_int_equal(modfmt_crc32(0, bytes + at, size),
                             crc32(0, bytes + at, size));
    }
}

static void goes_on_from_every_split(void **state)
{
    (void)state;
    for (unsigned cut = 0; cut <= SIZE; cut++) {
        uint32_t crc = modfmt_crc32(0, bytes, cut);

        assert_int_equal(modfmt_crc32(crc, bytes + cut, SIZE - cut),
                         crc32(0, bytes, SIZE));
    }
}

static void goes_on_from_any_state(void **state)
{
    uint32_t crc = 1;

    (void)state;
    for (unsigned i = 0; i < 200; i++) {
        crc = crc * 2654435761u + i;
        assert_int_equal(modfmt_crc32(crc, bytes, 24), crc32(crc, bytes, 24));
        assert_int_equal(modfmt_crc32(crc, bytes, 3), crc32(crc, bytes, 3));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(unit_check_value),
        cmocka_unit_test(every_size_and_alignment),
        cmocka_unit_test(goes_on_from_every_split),
        cmocka_unit_test(goes_on_from_any_state),
    };

    return cmocka_run_group_tests_name("crc-unit", tests, fill, NULL);
}
