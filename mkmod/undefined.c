/* SPDX-License-Identifier: BSD-2-Clause */
/* PC-relative values against undefined symbols: GNU ld computes 0 + A - P, LLD
 * A + P - P (getARMUndefinedRelativeWeakVA), and which it was changes what a loader must
 * add. The field no longer shows A, but only certain A make sense: 0 in hand-written
 * `.word sym - .`, and P - (L + 4) where L is an `add Rd, pc`. Failing that, a small A.
 */
#include "instruction.h"
#include "module.h"

#define SMALL_ADDEND 0x1000u /* what a person would write */

static bool plausible(const struct module *m, uint32_t address, uint32_t addend)
{
    const uint8_t *add = segments_bytes(m, address - addend - 4, 2);
    return addend == 0 || (add != NULL && (address - addend) % 2 == 0 &&
                           thumb_is_add_pc(modfmt_get16(add)));
}

static bool small(uint32_t addend)
{
    return addend + SMALL_ADDEND < 2 * SMALL_ADDEND;
}

enum undefined_rule undefined_rule(const struct module *m, uint32_t address,
                                   uint32_t zero, uint32_t place)
{
    bool by_zero = plausible(m, address, zero);
    bool by_place = plausible(m, address, place);
    if (by_zero == by_place) {
        by_zero = small(zero);
        by_place = small(place);
    }
    if (by_zero != by_place) {
        return by_zero ? UNDEFINED_ZERO : UNDEFINED_PLACE;
    }
    if (m->by_lld) {
        return UNDEFINED_PLACE;
    }
    /* LLD always signs its work in .comment, where there is one. */
    return elffile_section(&m->elf, ".comment") != NULL ? UNDEFINED_ZERO
                                                        : UNDEFINED_UNKNOWN;
}
