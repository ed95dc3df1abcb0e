/* SPDX-License-Identifier: BSD-2-Clause */
/* Applying relocation lists (specs/modfmt.md, 3): the loader's inner loop. */
#include "modfmt.h"
#include "modfmt_config.h"
#include "modfmt_mov.h"

/** The window is used up: get the next one. Behind the table's end, and where it cannot
 * be read, there are zeros, each of which ends what is being read; then modfmt_relocate()
 * finds r->failed. */
static uint32_t more_(struct modfmt_relocator *r)
{
    int rc = MODFMT_E_RELOC_END;

    if (MODFMT_WITH_REFILL && r->remaining) {
        rc = r->refill(r);
        if (rc == 0)
            return *r->next++;
        r->remaining = 0;
    }
    /* The first error is the one that counts. */
    if (!MODFMT_WITH_REFILL || r->failed == 0)
        r->failed = (int16_t)rc;
    return 0;
}

/** The next byte of the table, without a call. */
static inline __attribute__((always_inline)) uint32_t
byte_inline_(struct modfmt_relocator *r)
{
    return r->next == r->end ? more_(r) : *r->next++;
}

/** The next byte of the table. Not inlined: there are several who want one. */
static __attribute__((noinline)) uint32_t byte_(struct modfmt_relocator *r)
{
    return byte_inline_(r);
}

static uint32_t half_(struct modfmt_relocator *r)
{
    uint32_t low = byte_(r);

    return low | byte_(r) << 8;
}

/** Fix the pair or the single instruction of a mov group at `place`, which has `left`
 * bytes up to its segment's end. */
static int mov_(struct modfmt_relocator *r, uintptr_t place, uint32_t skip, uint32_t left,
                uint32_t n, uint32_t x)
{
    uint32_t reach = 2 * n + 2;
    uint8_t *p = (uint8_t *)place;

    if (n == MODFMT_MOV_ALONE) {
        x += half_(r);
        reach = 0;
    }
    if (skip + reach + 4 > left)
        return MODFMT_E_RELOC_PLACE;
    if (reach)
        x = modfmt_mov_add_(p, x);
    else if (*p & 0x80) /* MOVW is F240, MOVT is F2C0 */
        x >>= 16;
    modfmt_mov_add_(p + reach, x);
    return 0;
}

/** Apply groups up to their end mark: add x to places in segment s. */
static int groups_(struct modfmt_relocator *r, const struct modfmt_segment *s,
                   uint32_t desc, uint32_t x)
{
    uint32_t kind = desc >> MODFMT_RELOC_KIND_SHIFT;
    uint32_t left = s->size, head = 0;
    /* An integer: a segment of no bytes has no memory, and NULL + 0 is not C. */
    uintptr_t place = (uintptr_t)s->bytes;

    for (;;) {
        uint32_t n, skip;
        uintptr_t end;
        int rc;

        /* As long as n is 0, the skip so far is in the bits above it. */
        head <<= 8 - MODFMT_RELOC_RUN_BITS;
        /* Loaders that read in pieces are large: there speed counts, elsewhere size. */
        head |= MODFMT_WITH_REFILL ? byte_inline_(r) : byte_(r);
        n = head % 8;
        skip = head / 8 << kind;
        if (n == 0) {
            if (head == 0)
                return 0;
            if (skip > left)
                return MODFMT_E_RELOC_PLACE;
            continue;
        }
        head = 0;
        place += skip;
        if (MODFMT_WITH_MOV && kind == MODFMT_KIND_MOV) {
            rc = mov_(r, place, skip, left, n, x);
            left -= skip;
            if (rc)
                return rc;
            continue;
        }
        if (n == MODFMT_RELOC_RUN_LONG)
            n += byte_(r);
        skip += 4 * n;
        if (skip > left)
            return MODFMT_E_RELOC_PLACE;
        left -= skip;
        if (MODFMT_WITH_IMPORTS &&
            (desc & MODFMT_RELOC_TARGET_MASK) == MODFMT_TARGET_IMPORTS) {
            rc = r->bind(r, (uint8_t *)place, n);
            if (rc)
                return rc;
            place += 4 * n;
            continue;
        }
        end = place + 4 * n;
        do {
            uint8_t *p = (uint8_t *)place;

            modfmt_put32(p, modfmt_get32(p) + x);
            place += 4;
        } while (place != end);
    }
}

/** The targets that there are, a bit each: 2 means nothing. */
#define TARGETS_                                                                         \
    (1u << MODFMT_TARGET_TEXT | 1u << MODFMT_TARGET_DATA |                               \
     (uint32_t)MODFMT_WITH_RELATIVE << MODFMT_TARGET_ABSOLUTE |                          \
     (uint32_t)MODFMT_WITH_IMPORTS << MODFMT_TARGET_IMPORT |                             \
     (uint32_t)MODFMT_WITH_IMPORTS << MODFMT_TARGET_IMPORTS)

/** Likewise the kinds. */
#define KINDS_                                                                           \
    (1u << MODFMT_KIND_WORD_ANY | 1u << MODFMT_KIND_WORD |                               \
     (uint32_t)MODFMT_WITH_MOV << MODFMT_KIND_MOV)

/** Apply one list. */
static int list_(struct modfmt_relocator *r)
{
    uint32_t desc = byte_(r);
    uint32_t target = desc & MODFMT_RELOC_TARGET_MASK;
    const struct modfmt_segment *s = r->segment;
    /* Text is even, data is odd, and so is absolute, which is 0. */
    uint32_t x = s->address;

    if (!(KINDS_ >> (desc >> MODFMT_RELOC_KIND_SHIFT) & TARGETS_ >> target & 1) ||
        (!MODFMT_WITH_RELATIVE && desc & MODFMT_RELOC_RELATIVE))
        return MODFMT_E_RELOC_LIST;
    if (target & 1)
        x = s[1].address;
    if (MODFMT_WITH_RELATIVE && target == MODFMT_TARGET_ABSOLUTE)
        x = 0;
    if (desc & MODFMT_RELOC_PLACE_DATA)
        s++;
    if (MODFMT_WITH_IMPORTS || MODFMT_WITH_RELATIVE) {
        r->base = MODFMT_WITH_RELATIVE && desc & MODFMT_RELOC_RELATIVE ? s->address : 0;
        x -= r->base;
    }
    if (MODFMT_WITH_IMPORTS && target >= MODFMT_TARGET_IMPORT) {
        r->index = (uint16_t)half_(r);
        if (target == MODFMT_TARGET_IMPORT) {
            uint8_t word[4] = {0};
            int rc = r->bind(r, word, 1);

            if (rc)
                return rc;
            x = modfmt_get32(word);
        }
    }
    return groups_(r, s, desc, x);
}

int modfmt_relocate(struct modfmt_relocator *r)
{
    int rc = 0;

    r->failed = 0;
    while (rc == 0 && (r->next != r->end || (MODFMT_WITH_REFILL && r->remaining)))
        rc = list_(r);
    return r->failed ? r->failed : rc;
}
