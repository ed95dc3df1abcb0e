/* SPDX-License-Identifier: BSD-2-Clause */
/* Applying relocation lists (specs/modfmt.md, 3): the loader's inner loop. */
#include "modfmt.h"
#include "modfmt_config.h"
#include "modfmt_mov.h"

/** The window is used up: get the next one, or say that the table ends here. */
static int more_(struct modfmt_relocator *r)
{
    return MODFMT_WITH_REFILL && r->remaining ? r->refill(r) : MODFMT_E_RELOC_END;
}

/** The next byte of the table, or a negative error. */
static int byte_(struct modfmt_relocator *r)
{
    int rc = r->next == r->end ? more_(r) : 0;

    return rc ? rc : *r->next++;
}

/** Two bytes of the table, or a negative error: one in `low` stays through the OR. */
static int half_(struct modfmt_relocator *r)
{
    int low = byte_(r);
    int high = byte_(r);

    return high < 0 ? high : low | high << 8;
}

/** Fix the pair or the single instruction of a mov group at `p`, which has `left` bytes up
 * to its segment's end. */
static int mov_(struct modfmt_relocator *r, uint8_t *p, uint32_t left, uint32_t n,
                uint32_t x)
{
    uint32_t reach = 2 * n + 2;

    if (n == MODFMT_MOV_ALONE) {
        int low = half_(r);

        if (low < 0)
            return low;
        x += (uint32_t)low;
        reach = 0;
    }
    if (reach + 4 > left)
        return MODFMT_E_RELOC_PLACE;
    if (reach)
        x = modfmt_mov_add_(p, x);
    else if (*p & 0x80) /* MOVW is F240, MOVT is F2C0 */
        x >>= 16;
    modfmt_mov_add_(p + reach, x);
    return 0;
}

/** Look the next import up. @return 0 or a negative error; *ret_value is what it adds */
static int import_(struct modfmt_relocator *r, uint32_t *ret_value)
{
    uint32_t index = r->index++;
    int rc = MODFMT_E_RELOC_IMPORT;

    if (index < r->import_count)
        rc = r->import(r, index, ret_value);
    *ret_value -= r->base;
    return rc;
}

/** Bind n words, each to the next import. */
static int bind_(struct modfmt_relocator *r, uint8_t *place, uint32_t n)
{
    int rc;

    do {
        uint32_t x = 0;

        rc = import_(r, &x);
        modfmt_put32(place, modfmt_get32(place) + x);
        place += 4;
    } while (rc == 0 && --n);
    return rc;
}

/** Apply groups up to their end mark: add x to places in segment s. */
static int groups_(struct modfmt_relocator *r, const struct modfmt_segment *s,
                   uint32_t desc, uint32_t x)
{
    uint32_t kind = desc >> MODFMT_RELOC_KIND_SHIFT;
    uint8_t *place = s->bytes;
    uint32_t left = s->size, head = 0;
    int rc;

    for (;;) {
        uint32_t n, skip;

        rc = byte_(r);
        if (rc < 0)
            return rc;
        /* As long as n is 0, the skip so far is in the bits above it. */
        head = head << (8 - MODFMT_RELOC_RUN_BITS) | (uint32_t)rc;
        n = head % 8;
        skip = head / 8 << kind;
        if (skip > left)
            return MODFMT_E_RELOC_PLACE;
        if (n == 0) {
            if (head == 0)
                return 0;
            continue;
        }
        head = 0;
        place += skip;
        left -= skip;
        if (MODFMT_WITH_MOV && kind == MODFMT_KIND_MOV) {
            rc = mov_(r, place, left, n, x);
            if (rc)
                return rc;
            continue;
        }
        if (n == MODFMT_RELOC_RUN_LONG) {
            rc = byte_(r);
            if (rc < 0)
                return rc;
            n += (uint32_t)rc;
        }
        if (4 * n > left)
            return MODFMT_E_RELOC_PLACE;
        left -= 4 * n;
        if (MODFMT_WITH_IMPORTS && (desc & MODFMT_RELOC_TARGET_MASK) == MODFMT_TARGET_IMPORTS) {
            rc = bind_(r, place, n);
            if (rc)
                return rc;
            place += 4 * n;
            continue;
        }
        do {
            modfmt_put32(place, modfmt_get32(place) + x);
            place += 4;
        } while (--n);
    }
}

/** The targets that there are, a bit each: 2 means nothing. */
#define TARGETS_                                                                         \
    (1u << MODFMT_TARGET_TEXT | 1u << MODFMT_TARGET_DATA |                               \
     1u << MODFMT_TARGET_ABSOLUTE |                                                      \
     (uint32_t)MODFMT_WITH_IMPORTS << MODFMT_TARGET_IMPORT |                             \
     (uint32_t)MODFMT_WITH_IMPORTS << MODFMT_TARGET_IMPORTS)

/** Apply one list. */
static int list_(struct modfmt_relocator *r)
{
    int rc = byte_(r);
    uint32_t desc = (uint32_t)rc;
    uint32_t target = desc & MODFMT_RELOC_TARGET_MASK;
    const struct modfmt_segment *s = r->segment;
    /* Text is even, data is odd, and so is absolute, which is 0. */
    uint32_t x = s->address;

    if (rc < 0)
        return rc;
    if (desc >> MODFMT_RELOC_KIND_SHIFT > MODFMT_KIND_WORD ||
        (!MODFMT_WITH_MOV && desc >> MODFMT_RELOC_KIND_SHIFT == MODFMT_KIND_MOV) ||
        !(TARGETS_ >> target & 1))
        return MODFMT_E_RELOC_LIST;
    if (target & 1)
        x = s[1].address;
    if (MODFMT_WITH_RELATIVE && target == MODFMT_TARGET_ABSOLUTE)
        x = 0;
    if (desc & MODFMT_RELOC_PLACE_DATA)
        s++;
    r->base = MODFMT_WITH_RELATIVE && desc & MODFMT_RELOC_RELATIVE ? s->address : 0;
    x -= r->base;
    if (MODFMT_WITH_IMPORTS && target >= MODFMT_TARGET_IMPORT) {
        rc = half_(r);
        if (rc < 0)
            return rc;
        r->index = (uint32_t)rc;
        if (target == MODFMT_TARGET_IMPORT) {
            rc = import_(r, &x);
            if (rc)
                return rc;
        }
    }
    return groups_(r, s, desc, x);
}

int modfmt_relocate(struct modfmt_relocator *r)
{
    int rc = 0;

    while (rc == 0 && (r->next != r->end || (MODFMT_WITH_REFILL && r->remaining)))
        rc = list_(r);
    return rc;
}
