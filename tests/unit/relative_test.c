/* SPDX-License-Identifier: BSD-2-Clause */
/* Relocation without relative fix-ups: it refuses them, and does not take them for
 * others. Built with MODFMT_WITH_RELATIVE=0. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "modfmt.h"

/** One fix-up of a word in text, by a list with that descriptor. @return the error */
static int relocate(uint8_t descriptor, uint32_t *ret_word)
{
    const uint8_t list[] = {descriptor, 0x09, 0x00};
    uint8_t text[16] = {0}, data[16] = {0};
    struct modfmt_segment segment[2] = {{text, 0x20000000, 16}, {data, 0x20000010, 16}};
    struct modfmt_relocator r = {
        .next = list, .end = list + sizeof(list), .segment = segment};
    int rc = modfmt_relocate(&r);

    *ret_word = modfmt_get32(text + (descriptor >> MODFMT_RELOC_KIND_SHIFT ? 4 : 1));
    return rc;
}

static void relative_lists_are_refused(void **state)
{
    uint32_t word;

    (void)state;
    for (uint32_t kind = 0; kind <= MODFMT_KIND_WORD; kind += MODFMT_KIND_WORD)
        for (uint32_t target = 0; target <= MODFMT_TARGET_ABSOLUTE; target++) {
            uint32_t desc =
                kind << MODFMT_RELOC_KIND_SHIFT | MODFMT_RELOC_RELATIVE | target;

            assert_int_equal(relocate((uint8_t)desc, &word), MODFMT_E_RELOC_LIST);
            assert_int_equal(word, 0);
        }
}

static void others_are_applied(void **state)
{
    uint32_t word;

    (void)state;
    assert_int_equal(relocate(0x40, &word), 0);
    assert_int_equal(word, 0x20000000);
    assert_int_equal(relocate(0x01, &word), 0);
    assert_int_equal(word, 0x20000010);
    assert_int_equal(relocate(0x43, &word), MODFMT_E_RELOC_LIST);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(relative_lists_are_refused),
        cmocka_unit_test(others_are_applied),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
