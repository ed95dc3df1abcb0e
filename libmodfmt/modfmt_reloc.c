/* SPDX-License-Identifier: BSD-2-Clause */
/* Applying relocation lists (specs/modfmt.md, 3): the loader's inner loop. */
#include "modfmt.h"
#include "modfmt_config.h"

/** The window is used up: get the next one, or say that the table ends here. */
static int more_(struct modfmt_relocator *r)
{
    return MODFMT_WITH_REFILL && r->remaining ? r->refill(r) : MODFMT_E_RELOC_END;
}

/** The next byte of the table, or a negative error. */
static int byte_(struct modfmt_relocator *r)
{
    int rc = MODFMT_WITH_CHECKS && r->next == r->end ? more_(r) : 0;

    return rc ? rc : *r->next++;
}

/** Two bytes of the table, or a negative error. */
static int half_(struct modfmt_relocator *r)
{
    int low = byte_(r);
    int high = low < 0 ? low : byte_(r);

    return high < 0 ? high : low | high << 8;
}

/**
 * Add the imm16 of the MOVW or MOVT at `p`, shifted, to x; put the sum back.
 *
 * The two half-words are taken as one little-endian word: imm16's bits 15-12 are its bits
 * 3-0, bit 11 its bit 10, bits 10-8 its bits 30-28, and bits 7-0 its bits 23-16.
 */
static uint32_t mov_add_(uint8_t *p, uint32_t x, uint32_t shift)
{
    uint32_t w = modfmt_get32(p);

    x += ((w & 0xf) << 12 | (w & 0x400) << 1 | (w >> 20 & 0x700) | (w >> 16 & 0xff)) << shift;
    w &= ~0x70ff040fu;
    w |= (x >> shift >> 12 & 0xf) | (x >> shift >> 1 & 0x400) | (x >> shift & 0x700) << 20 |
         (x >> shift & 0xff) << 16;
    modfmt_put32(p, w);
    return x;
}

/** Fix the pair or the single instruction of a mov group at `p`, which has `left` bytes up
 *  to the segment's end. */
static int mov_(struct modfmt_relocator *r, uint8_t *p, uint32_t left, uint32_t n, uint32_t x)
{
    uint32_t reach = 2 * n + 2, shift = 16;

    if (n == MODFMT_MOV_ALONE) {
        int low = half_(r);

        if (low < 0)
            return low;
        x += (uint32_t)low;
        reach = 0;
    }
    if (left < reach + 4)
        return MODFMT_E_RELOC_PLACE;
    if (reach)
        x = mov_add_(p, x, 0);
    else if (!(*p & 0x80)) /* MOVW is F240, MOVT is F2C0 */
        shift = 0;
    mov_add_(p + reach, x, shift);
    return 0;
}

/** The address of import `index`. */
static int import_(struct modfmt_relocator *r, uint32_t index, uint32_t *ret_address)
{
    if (index >= r->import_count)
        return MODFMT_E_RELOC_IMPORT;
    return r->import(r, index, ret_address);
}

/** What a list does with its groups. */
struct list_ {
    uint8_t *place; /**< the cursor */
    uint32_t left;  /**< bytes from there to the segment's end */
    uint32_t value; /**< what to add */
    uint32_t base;  /**< what of it does not come from an import */
    uint32_t index; /**< the next import of a target 5 */
    uint32_t kind;  /**< log2 of the unit of skips */
    bool sequence;
};

/** Read a list's descriptor. */
static int begin_(struct modfmt_relocator *r, struct list_ *ret_list)
{
    int rc = byte_(r);
    uint32_t desc = (uint32_t)rc, target = desc & MODFMT_RELOC_TARGET_MASK;
    const struct modfmt_segment *s = r->segment;
    struct list_ *l = ret_list;

    if (rc < 0)
        return rc;
    l->kind = desc >> MODFMT_RELOC_KIND_SHIFT;
    if (MODFMT_WITH_CHECKS &&
        (l->kind > MODFMT_KIND_WORD || (!MODFMT_WITH_MOV && l->kind == MODFMT_KIND_MOV) ||
         target > (MODFMT_WITH_IMPORTS ? MODFMT_TARGET_IMPORT_SEQ : MODFMT_TARGET_ABSOLUTE)))
        return MODFMT_E_RELOC_LIST;
    /* Text and callback are even, data is odd, and so is absolute, which is 0. */
    l->value = s[target & 1].address;
    if (MODFMT_WITH_RELATIVE && target >= MODFMT_TARGET_ABSOLUTE)
        l->value = 0;
    if (desc & MODFMT_RELOC_PLACE_DATA)
        s++;
    l->place = s->bytes;
    l->left = s->size;
    l->base = MODFMT_WITH_RELATIVE && desc & MODFMT_RELOC_RELATIVE ? 0 - s->address : 0;
    l->sequence = MODFMT_WITH_IMPORTS && target == MODFMT_TARGET_IMPORT_SEQ;
    if (MODFMT_WITH_IMPORTS && target >= MODFMT_TARGET_IMPORT) {
        rc = half_(r);
        if (rc < 0)
            return rc;
        l->index = (uint32_t)rc;
        rc = l->sequence ? 0 : import_(r, l->index, &l->value);
        if (rc)
            return rc;
    }
    l->value += l->base;
    return 0;
}

/** Apply the groups of a list, up to its end mark. */
static int groups_(struct modfmt_relocator *r, struct list_ *l)
{
    const uint8_t *next = r->next, *end = r->end;
    uint32_t left = l->left, value = l->value, skip = 0;
    uint8_t *place = l->place;
    int rc = 0;

    for (;;) {
        uint32_t n, bytes;

        if (MODFMT_WITH_CHECKS && next == end) {
            rc = more_(r);
            if (rc)
                return rc;
            next = r->next;
            end = r->end;
        }
        n = *next & ((1u << MODFMT_RELOC_RUN_BITS) - 1);
        skip = skip << (8 - MODFMT_RELOC_RUN_BITS) | *next++ >> MODFMT_RELOC_RUN_BITS;
        /* left is below 2^28: the next shift, by 5 and by 2, loses no bit. */
        bytes = skip << l->kind;
        if (MODFMT_WITH_CHECKS && bytes > left)
            break;
        if (n == 0 && skip)
            continue;
        r->next = next;
        if (n == 0)
            return 0;
        left -= bytes;
        if (l->sequence) {
            rc = import_(r, l->index++, &value);
            value += l->base;
            if (rc)
                return rc;
        }
        /* A segment of no bytes may be at NULL, and NULL + 0 is not C. */
        if (MODFMT_WITH_CHECKS && left < 4)
            break;
        place += bytes;
        if (MODFMT_WITH_MOV && l->kind == MODFMT_KIND_MOV) {
            rc = mov_(r, place, left, n, value);
            if (rc)
                return rc;
            next = r->next;
            end = r->end;
        } else {
            if (MODFMT_WITH_CHECKS && 4 * n > left)
                break;
            left -= 4 * n;
            do {
                modfmt_put32(place, modfmt_get32(place) + value);
                place += 4;
            } while (--n);
        }
        skip = 0;
    }
    r->next = next;
    return MODFMT_E_RELOC_PLACE;
}

int modfmt_relocate(struct modfmt_relocator *r)
{
    int rc = 0;

    while (rc == 0 && (r->next != r->end || (MODFMT_WITH_REFILL && r->remaining))) {
        struct list_ l;

        rc = begin_(r, &l);
        if (rc == 0)
            rc = groups_(r, &l);
    }
    return rc;
}
