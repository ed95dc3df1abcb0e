/* SPDX-License-Identifier: BSD-2-Clause */
/* One of the library's own CRCs (which one, the build says) against zlib's: every length up
 * to 300 at every alignment, in one piece and in two. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <zlib.h>

#include "modfmt.h"

static void crc_is_zlibs(void **state)
{
    uint8_t bytes[308];

    (void)state;
    for (unsigned k = 0; k < sizeof(bytes); k++)
        bytes[k] = (uint8_t)(k * k + 11 * k);
    for (uint32_t at = 0; at < 8; at++)
        for (uint32_t size = 0; size <= 300; size++) {
            uint32_t want = (uint32_t)crc32(0, bytes + at, size), half = size / 3;
            uint32_t got = modfmt_crc32(0, bytes + at, half);

            assert_int_equal(modfmt_crc32(0, bytes + at, size), want);
            assert_int_equal(modfmt_crc32(got, bytes + at + half, size - half), want);
        }
    assert_int_equal(modfmt_crc32(0, "123456789", 9), 0xcbf43926);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(crc_is_zlibs)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
