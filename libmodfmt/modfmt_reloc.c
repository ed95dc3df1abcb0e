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

/** Fix the pair or the single instruction of a mov group, `skip` bytes behind the cursor,
 *  which has `room` bytes up to the segment's end. */
static int mov_(struct modfmt_relocator *r, uint8_t **cursor, uint32_t skip, uint32_t room,
                uint32_t n, uint32_t x)
{
    uint32_t reach = 2 * n + 2, shift = 16;
    uint8_t *p;

    if (n == MODFMT_MOV_ALONE) {
        int low = half_(r);

        if (low < 0)
            return low;
        x += (uint32_t)low;
        reach = 0;
    }
    if (skip + reach + 4 > room)
        return MODFMT_E_RELOC_PLACE;
    p = *cursor += skip;
    if (reach)
        x = mov_add_(p, x, 0);
    else if (!(*p & 0x80)) /* MOVW is F240, MOVT is F2C0 */
        shift = 0;
    mov_add_(p + reach, x, shift);
    return 0;
}

/** What a list does with its groups. */
struct list_ {
    const struct modfmt_segment *segment; /**< of the places */
    uint32_t value;                       /**< what to add */
    uint32_t base;                        /**< what of it does not come from an import */
    uint32_t index;                       /**< of the next import */
    uint32_t kind;                        /**< log2 of the unit of skips */
    bool import;
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
    l->import = MODFMT_WITH_IMPORTS && target == MODFMT_TARGET_IMPORT;
    if (MODFMT_WITH_CHECKS &&
        (l->kind > MODFMT_KIND_WORD || (!MODFMT_WITH_MOV && l->kind == MODFMT_KIND_MOV) ||
         target > (MODFMT_WITH_IMPORTS ? MODFMT_TARGET_IMPORT : MODFMT_TARGET_ABSOLUTE)))
        return MODFMT_E_RELOC_LIST;
    /* Text and callback are even, data is odd, and so is absolute, which is 0. */
    l->value = s[target & 1].address;
    if (MODFMT_WITH_RELATIVE && target == MODFMT_TARGET_ABSOLUTE)
        l->value = 0;
    if (desc & MODFMT_RELOC_PLACE_DATA)
        s++;
    l->segment = s;
    l->base = MODFMT_WITH_RELATIVE && desc & MODFMT_RELOC_RELATIVE ? 0 - s->address : 0;
    l->value += l->base;
    if (l->import) {
        rc = half_(r);
        l->index = (uint32_t)rc;
    }
    return rc < 0 ? rc : 0;
}

/** Apply groups, up to their end mark. */
static int groups_(struct modfmt_relocator *r, const struct list_ *l)
{
    const uint8_t *next = r->next;
    uint8_t *place = l->segment->bytes, *limit = place + l->segment->size;
    uint32_t skip = 0;
    int rc = 0;

    while (rc == 0) {
        uint32_t n, room, bytes;

        if (MODFMT_WITH_CHECKS && next == r->end) {
            rc = more_(r);
            next = r->next;
            continue;
        }
        n = *next & ((1u << MODFMT_RELOC_RUN_BITS) - 1);
        skip = skip << (8 - MODFMT_RELOC_RUN_BITS) | *next++ >> MODFMT_RELOC_RUN_BITS;
        bytes = skip << l->kind;
        room = (uint32_t)(limit - place);
        if (n == 0) {
            if (skip == 0)
                break;
            /* room is below 2^28: the next shift, by 5 and by 2, loses no bit. */
            if (MODFMT_WITH_CHECKS && bytes > room)
                rc = MODFMT_E_RELOC_PLACE;
            continue;
        }
        skip = 0;
        if (MODFMT_WITH_MOV && l->kind == MODFMT_KIND_MOV) {
            r->next = next;
            rc = mov_(r, &place, bytes, room, n, l->value);
            next = r->next;
            continue;
        }
        if (MODFMT_WITH_CHECKS && bytes + 4 * n > room) {
            rc = MODFMT_E_RELOC_PLACE;
            break;
        }
        place += bytes;
        do {
            modfmt_put32(place, modfmt_get32(place) + l->value);
            place += 4;
        } while (--n);
    }
    r->next = next;
    return rc;
}

/** Look up the next import of a list. @return 1, 0 if the list ends here, or an error */
static int import_(struct modfmt_relocator *r, struct list_ *l)
{
    int rc = byte_(r);

    if (rc <= 0)
        return rc;
    r->next--;
    if (l->index >= r->import_count)
        return MODFMT_E_RELOC_IMPORT;
    rc = r->import(r, l->index++, &l->value);
    l->value += l->base;
    return rc ? rc : 1;
}

/** Apply one list. */
static int list_(struct modfmt_relocator *r)
{
    struct list_ l;
    int rc = begin_(r, &l);

    if (rc)
        return rc;
    do {
        if (MODFMT_WITH_IMPORTS && l.import) {
            rc = import_(r, &l);
            if (rc <= 0)
                return rc;
        }
        rc = groups_(r, &l);
    } while (MODFMT_WITH_IMPORTS && rc == 0 && l.import);
    return rc;
}

int modfmt_relocate(struct modfmt_relocator *r)
{
    int rc = 0;

    while (rc == 0 && (r->next != r->end || (MODFMT_WITH_REFILL && r->remaining)))
        rc = list_(r);
    return rc;
}
