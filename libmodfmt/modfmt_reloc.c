/* SPDX-License-Identifier: BSD-2-Clause */
/* Applying relocation lists (specs/modfmt.md, 3): the loader's inner loop. */
#include "modfmt.h"
#include "modfmt_config.h"

/** The imm16 of a MOVW or MOVT at `p`, and its replacement. The two half-words are
 *  taken as one little-endian word: i is bit 10, imm4 3-0, imm3 30-28, imm8 23-16. */
static uint32_t mov_get_(const uint8_t *p)
{
    uint32_t w = modfmt_get32(p);

    return (w & 0xf) << 12 | (w & 0x400) << 1 | (w >> 20 & 0x700) | (w >> 16 & 0xff);
}

static void mov_put_(uint8_t *p, uint32_t imm)
{
    uint32_t w = modfmt_get32(p) & ~0x70ff040fu;

    modfmt_put32(p, w | (imm >> 12 & 0xf) | (imm >> 1 & 0x400) | (imm & 0x700) << 20 |
                        (imm & 0xff) << 16);
}

/** The next byte of the table, or a negative error. */
static int byte_(struct modfmt_relocator *r)
{
    if (MODFMT_WITH_CHECKS && r->next == r->end) {
        int rc = MODFMT_E_RELOC_END;

        if (MODFMT_WITH_REFILL && r->remaining)
            rc = r->refill(r);
        if (rc)
            return rc;
    }
    return *r->next++;
}

/** Two bytes of the table, or a negative error. */
static int half_(struct modfmt_relocator *r)
{
    int low = byte_(r);
    int high = low < 0 ? low : byte_(r);

    return high < 0 ? high : low | high << 8;
}

/** Fix one MOVW, MOVT or pair at `cursor`, which has `left` half-words up to the segment's
 *  end. `n` is the group's number; more bytes may follow it. */
static int mov_(struct modfmt_relocator *r, uint8_t *bytes, uint32_t cursor, uint32_t left,
                uint32_t n, uint32_t x)
{
    int low = 0, distance = (int)n + 1;
    uint32_t reach;
    uint8_t *p;

    if (n == MODFMT_MOV_EXTENDED) {
        distance = byte_(r);
        if (distance == MODFMT_MOV_MOVT_ALONE)
            low = half_(r);
        if (distance < 0 || low < 0)
            return distance < 0 ? distance : low;
        if (distance >= (int)MODFMT_MOV_DISTANCE_MIN && distance < (int)MODFMT_MOV_EXTENDED_MIN)
            return MODFMT_E_RELOC_CODE;
    }
    reach = distance == MODFMT_MOV_MOVT_ALONE ? 0 : (uint32_t)distance;
    if (left < reach + 2)
        return MODFMT_E_RELOC_PLACE;
    p = bytes + cursor;
    x += distance == MODFMT_MOV_MOVT_ALONE ? (uint32_t)low : mov_get_(p);
    if (distance != MODFMT_MOV_MOVW_ALONE) {
        x += mov_get_(p + 2 * reach) << 16;
        mov_put_(p + 2 * reach, x >> 16);
    }
    if (distance != MODFMT_MOV_MOVT_ALONE)
        mov_put_(p, x);
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
    uint8_t *bytes;   /**< the segment's */
    uint32_t cursor;  /**< offset in it */
    uint32_t left;    /**< words (mov: half-words) from there to the segment's end */
    uint32_t value;   /**< what to add */
    uint32_t base;    /**< what of it does not come from an import */
    uint32_t index;   /**< the next import of a target 5 */
    bool mov;
    bool sequence;
};

/** Read a list's descriptor. */
static int begin_(struct modfmt_relocator *r, struct list_ *ret_list)
{
    int rc = byte_(r);
    uint32_t desc = (uint32_t)rc, target = desc & MODFMT_RELOC_TARGET_MASK;
    uint32_t kind = desc >> MODFMT_RELOC_KIND_SHIFT;
    const struct modfmt_segment *s = &r->segment[(desc & MODFMT_RELOC_PLACE_DATA) != 0];
    struct list_ *l = ret_list;

    if (rc < 0)
        return rc;
    if (MODFMT_WITH_CHECKS &&
        (kind > (MODFMT_WITH_MOV ? MODFMT_KIND_MOV : MODFMT_KIND_WORD3) ||
         target > (MODFMT_WITH_IMPORTS ? MODFMT_TARGET_IMPORT_SEQ : MODFMT_TARGET_CALLBACK)))
        return MODFMT_E_RELOC_LIST;
    l->mov = kind == MODFMT_KIND_MOV;
    if (l->mov)
        kind = 0;
    l->bytes = s->bytes;
    l->cursor = kind;
    l->left = s->size < kind ? 0 : (s->size - kind) >> (l->mov ? 1 : 2);
    l->base = MODFMT_WITH_RELATIVE && desc & MODFMT_RELOC_RELATIVE ? 0 - s->address : 0;
    l->sequence = MODFMT_WITH_IMPORTS && target == MODFMT_TARGET_IMPORT_SEQ;
    l->value = 0;
    if (MODFMT_WITH_IMPORTS && target >= MODFMT_TARGET_IMPORT) {
        rc = half_(r);
        if (rc < 0)
            return rc;
        l->index = (uint32_t)rc;
        rc = l->sequence ? 0 : import_(r, l->index, &l->value);
        if (rc)
            return rc;
    } else if (!MODFMT_WITH_RELATIVE || target != MODFMT_TARGET_ABSOLUTE) {
        l->value = r->segment[target & 1 & ~(target >> 1)].address;
    }
    l->value += l->base;
    return 0;
}

/** Apply the groups of a list, up to its end mark. */
static int groups_(struct modfmt_relocator *r, struct list_ *l)
{
    uint32_t cursor = l->cursor, left = l->left, value = l->value;
    bool first = true;

    for (;; first = false) {
        uint32_t skip = 0, n;
        uint8_t *place;
        int rc;

        do {
            rc = byte_(r);
            if (rc < 0)
                return rc;
            skip = skip << (8 - MODFMT_RELOC_RUN_BITS) | (uint32_t)rc >> MODFMT_RELOC_RUN_BITS;
            n = (uint32_t)rc & ((1u << MODFMT_RELOC_RUN_BITS) - 1);
            /* left is below 2^28, so the next shift cannot lose a bit. */
            if (MODFMT_WITH_CHECKS && skip > left)
                return MODFMT_E_RELOC_PLACE;
        } while (n == 0 && skip);
        if (n == 0)
            return 0;
        if (l->sequence) {
            rc = import_(r, l->index++, &value);
            value += l->base;
            if (rc)
                return rc;
        }
        left -= skip;
        if (MODFMT_WITH_MOV && l->mov) {
            cursor += 2 * skip;
            if (skip == 0 && !first)
                return MODFMT_E_RELOC_CODE;
            rc = mov_(r, l->bytes, cursor, left, n, value);
            if (rc)
                return rc;
            continue;
        }
        if (MODFMT_WITH_CHECKS && n > left)
            return MODFMT_E_RELOC_PLACE;
        left -= n;
        place = l->bytes + cursor + 4 * skip;
        cursor += 4 * (skip + n);
        do {
            modfmt_put32(place, modfmt_get32(place) + value);
            place += 4;
        } while (--n);
    }
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
