/* SPDX-License-Identifier: BSD-2-Clause */
/* Fix-ups of a piece of a segment: the lists of specs/modfmt.md, 3, applied to what of
 * them lies in a window. No two fix-ups of a linked image overlap, so one that lies in
 * the window with all its bytes needs nothing else; the window is larger on both sides
 * than what is wanted, so that all that touch the wanted bytes do. */
#include "modfmt_link_parts.h"
#include "modfmt_mov.h"

struct lists_ {
    struct modfmt_linker *l;
    const uint8_t *next, *end; /**< bytes of the table at hand */
    uint32_t remaining;        /**< bytes of the table beyond them */
    uint32_t desc;             /**< of the list at hand */
    uint32_t index;            /**< its import */
    uint32_t value;            /**< what it adds */
    bool known;                /**< value is known */
    bool data;                 /**< the window lies in data */
    uint8_t *work;             /**< the window's bytes */
    uint8_t *seen;             /**< a bit for each that was fixed */
    uint32_t begin, stop;      /**< where the window lies in the segment */
};

/** Bytes of the buffer that the table is read through. */
static uint32_t table_size_(const struct modfmt_linker *l)
{
    uint32_t size = l->buffer_size / 4;

    return size < 512 ? size : 512;
}

static int fail_(struct lists_ *w, int code, uint32_t got, uint32_t want)
{
    struct modfmt_linker *l = w->l;
    uint32_t ahead = w->remaining + (uint32_t)(w->end - w->next);
    uint32_t done = l->reloc_size_ - ahead;

    /* The byte read last, or the first one where none was. */
    return modfmt_fail(&l->diag_, code, l->at_.relocs + (done ? done - 1 : 0), got, want);
}

/** The next byte of the table, or a negative error. */
static int byte_(struct lists_ *w)
{
    struct modfmt_linker *l = w->l;

    if (w->next == w->end) {
        uint32_t size = table_size_(l);
        uint32_t offset = l->at_.relocs + l->reloc_size_ - w->remaining;
        int rc;

        if (w->remaining == 0)
            return fail_(w, MODFMT_E_RELOC_END, l->reloc_size_, l->reloc_size_ + 1);
        if (size > w->remaining)
            size = w->remaining;
        rc = modfmt_link_get_(l, offset, l->buffer, size);
        if (rc)
            return rc;
        w->next = l->buffer;
        w->end = w->next + size;
        w->remaining -= size;
    }
    return *w->next++;
}

/** Two bytes of the table, or a negative error. */
static int half_(struct lists_ *w)
{
    int low = byte_(w), high = low < 0 ? low : byte_(w);

    return high < 0 ? high : low | high << 8;
}

/** Bytes of the list's segment that the image holds. */
static uint32_t stored_(const struct lists_ *w)
{
    return w->desc & MODFMT_RELOC_PLACE_DATA ? w->l->data_stored_ : w->l->text_stored_;
}

/** Find out what the list adds (or, if it is to be undone, takes away). */
static int value_(struct lists_ *w)
{
    struct modfmt_linker *l = w->l;
    uint32_t target = w->desc & MODFMT_RELOC_TARGET_MASK, v = 0;
    int rc = 0;

    if (target >= MODFMT_TARGET_IMPORT)
        rc = modfmt_link_import_(l, w->index, &v);
    else if (target != MODFMT_TARGET_ABSOLUTE)
        v = target == MODFMT_TARGET_DATA ? l->data : l->text;
    if (w->desc & MODFMT_RELOC_RELATIVE)
        v -= w->desc & MODFMT_RELOC_PLACE_DATA ? l->data : l->text;
    w->value = v;
    w->known = rc == 0;
    return rc;
}

/** Note that the four bytes at `place` are fixed. @return false if one of them was */
static bool mark_(const struct lists_ *w, uint32_t place)
{
    bool fresh = true;

    for (uint32_t k = place - w->begin; k < place - w->begin + 4; k++) {
        fresh = fresh && !(w->seen[k / 8] & 1u << k % 8);
        w->seen[k / 8] |= (uint8_t)(1u << k % 8);
    }
    return fresh;
}

/** Does the window hold all of [place, end)? Then what the list adds is found out.
 * @return 1: yes, 0: no, or an error */
static int inside_(struct lists_ *w, uint32_t place, uint32_t end)
{
    if (((w->desc & MODFMT_RELOC_PLACE_DATA) != 0) != w->data || place < w->begin ||
        end > w->stop)
        return 0;
    if (!w->known) {
        int rc = value_(w);

        if (rc)
            return rc;
    }
    return 1;
}

static int word_(struct lists_ *w, uint32_t place)
{
    uint8_t *p;
    int rc = inside_(w, place, place + 4);

    if (rc <= 0)
        return rc;
    if (w->l->checking_ && !mark_(w, place))
        return fail_(w, MODFMT_E_RELOC_PLACE, place + 4, stored_(w));
    p = w->work + (place - w->begin);
    modfmt_put32(p, modfmt_get32(p) + (w->l->unlink_ ? 0u - w->value : w->value));
    return 0;
}

/** Does the import at hand exist? */
static int import_(struct lists_ *w)
{
    uint32_t count = w->l->import_count;

    return w->index < count ? 0 : fail_(w, MODFMT_E_RELOC_IMPORT, w->index, count);
}

/** A run of `n` words, each for the next import. */
static int bind_(struct lists_ *w, uint32_t place, uint32_t n)
{
    int rc = 0;

    for (; n && rc == 0; n--) {
        w->known = false;
        rc = import_(w);
        if (rc == 0)
            rc = word_(w, place);
        place += 4;
        w->index++;
    }
    return rc;
}

/** A run of `n` words; of most windows it touches nothing. */
static int words_(struct lists_ *w, uint32_t place, uint32_t n)
{
    uint32_t end = place + 4 * n;
    int rc = 0;

    if ((w->desc & MODFMT_RELOC_TARGET_MASK) == MODFMT_TARGET_IMPORTS)
        return bind_(w, place, n);
    if (((w->desc & MODFMT_RELOC_PLACE_DATA) != 0) != w->data || end <= w->begin ||
        place >= w->stop)
        return 0;
    for (; place != end && rc == 0; place += 4)
        rc = word_(w, place);
    return rc;
}

/** The pair, or (reach 0) the single instruction, at `place`. */
static int mov_(struct lists_ *w, uint32_t place, uint32_t reach, uint32_t low)
{
    bool unlink = w->l->unlink_;
    uint8_t *p;
    uint32_t x;
    int rc = inside_(w, place, place + reach + 4);

    if (rc <= 0)
        return rc;
    if (w->l->checking_ && (!mark_(w, place) || (reach && !mark_(w, place + reach))))
        return fail_(w, MODFMT_E_RELOC_PLACE, place + reach + 4, stored_(w));
    p = w->work + (place - w->begin);
    x = w->value + low;
    if (!reach && *p & 0x80) /* MOVW is F240, MOVT is F2C0 */
        x >>= 16;
    if (unlink)
        x = 0u - x;
    if (reach)
        x = modfmt_mov_add_(p, x);
    modfmt_mov_add_(p + reach, x);
    return 0;
}

/** Read the rest of a mov group whose instruction is at `place`, `left` bytes before the
 * segment's end. */
static int mov_group_(struct lists_ *w, uint32_t place, uint32_t left, uint32_t n)
{
    uint32_t reach = n == MODFMT_MOV_ALONE ? 0 : 2 * n + 2;
    int low = n == MODFMT_MOV_ALONE ? half_(w) : 0;

    if (low < 0)
        return low;
    if (reach + 4 > left)
        return fail_(w, MODFMT_E_RELOC_PLACE, place + reach + 4, stored_(w));
    return mov_(w, place, reach, (uint32_t)low);
}

/** A group's head. @return its n (0: there is no group any more) or an error; *ret_skip
 * in bytes, at most `left` */
static int head_(struct lists_ *w, uint32_t left, uint32_t *ret_skip)
{
    uint32_t kind = w->desc >> MODFMT_RELOC_KIND_SHIFT, skip = 0, n;

    do {
        int b = byte_(w);

        if (b < 0)
            return b;
        /* Checked before the multiplication too, which then cannot overflow. */
        n = left >> kind;
        if (skip > n >> (8 - MODFMT_RELOC_RUN_BITS))
            return fail_(w, MODFMT_E_RELOC_PLACE, stored_(w) + 1, stored_(w));
        skip = skip << (8 - MODFMT_RELOC_RUN_BITS) | (uint32_t)b >> MODFMT_RELOC_RUN_BITS;
        if (skip > n)
            return fail_(w, MODFMT_E_RELOC_PLACE, stored_(w) + 1, stored_(w));
        n = (uint32_t)b & ((1u << MODFMT_RELOC_RUN_BITS) - 1);
    } while (n == 0 && skip);
    *ret_skip = skip << kind;
    return (int)n;
}

/** Read the rest of a group of words at `place`, `left` bytes before the segment's end.
 * @return how many there are, or an error */
static int count_(struct lists_ *w, uint32_t place, uint32_t left, uint32_t n)
{
    int more = n == MODFMT_RELOC_RUN_LONG ? byte_(w) : 0;

    if (more < 0)
        return more;
    n += (uint32_t)more;
    return 4 * n > left ? fail_(w, MODFMT_E_RELOC_PLACE, place + 4 * n, stored_(w))
                        : (int)n;
}

/** The groups up to the end mark. */
static int groups_(struct lists_ *w)
{
    uint32_t cursor = 0, left = stored_(w), skip = 0;
    bool mov = w->desc >> MODFMT_RELOC_KIND_SHIFT == MODFMT_KIND_MOV, first = true;
    int n, rc = 0;

    while (rc == 0 && (n = head_(w, left, &skip)) > 0) {
        cursor += skip;
        left -= skip;
        if (!mov) {
            n = count_(w, cursor, left, (uint32_t)n);
            if (n < 0)
                return n;
        }
        if (mov && skip == 0 && !first)
            return fail_(w, MODFMT_E_RELOC_CODE, 0, 1);
        first = false;
        rc = mov ? mov_group_(w, cursor, left, (uint32_t)n)
                 : words_(w, cursor, (uint32_t)n);
        if (!mov) {
            cursor += 4 * (uint32_t)n;
            left -= 4 * (uint32_t)n;
        }
    }
    return rc ? rc : n;
}

/** One list. */
static int list_(struct lists_ *w)
{
    int rc = byte_(w);
    uint32_t desc = (uint32_t)rc, target = desc & MODFMT_RELOC_TARGET_MASK;
    uint32_t kind = desc >> MODFMT_RELOC_KIND_SHIFT;

    if (rc < 0)
        return rc;
    if (kind > MODFMT_KIND_WORD || target > MODFMT_TARGET_IMPORTS || target == 2 ||
        (target == MODFMT_TARGET_IMPORTS && kind == MODFMT_KIND_MOV) ||
        (target == MODFMT_TARGET_ABSOLUTE && !(desc & MODFMT_RELOC_RELATIVE)))
        return fail_(w, MODFMT_E_RELOC_LIST, desc, 0);
    w->desc = desc;
    w->known = false;
    if (target >= MODFMT_TARGET_IMPORT) {
        rc = half_(w);
        if (rc < 0)
            return rc;
        w->index = (uint32_t)rc;
    }
    rc = target == MODFMT_TARGET_IMPORT ? import_(w) : 0;
    return rc ? rc : groups_(w);
}

/** All lists, for the window that `w` describes. */
static int lists_(struct lists_ *w)
{
    int rc = 0;

    w->next = w->end = w->l->buffer;
    w->remaining = w->l->reloc_size_;
    while (rc == 0 && (w->next != w->end || w->remaining))
        rc = list_(w);
    return rc;
}

int modfmt_link_lists_(struct modfmt_linker *l)
{
    /* Nothing lies in a window that ends before it begins. */
    struct lists_ w = {.l = l, .begin = 1};

    return lists_(&w);
}

int modfmt_link_window_(struct modfmt_linker *l, bool data, uint32_t offset,
                        uint32_t size, const uint8_t **ret)
{
    uint32_t stored = data ? l->data_stored_ : l->text_stored_;
    uint32_t room = l->buffer_size - table_size_(l);
    uint32_t most = (room - 1) / 9 * 8; /* with a bit for each byte */
    struct lists_ w = {.l = l, .data = data};
    int rc;

    w.begin = offset > LINK_REACH_ ? offset - LINK_REACH_ : 0;
    w.stop = stored;
    if (stored - offset > size + LINK_REACH_)
        w.stop = offset + size + LINK_REACH_;
    if (w.stop - w.begin > most) {
        w.stop = w.begin + most;
        size = w.stop - LINK_REACH_ - offset;
    }
    w.work = (uint8_t *)l->buffer + table_size_(l);
    w.seen = w.work + most;
    if (l->checking_)
        __builtin_memset(w.seen, 0, most / 8);
    rc = modfmt_link_get_(l, (data ? l->at_.data : l->at_.text) + w.begin, w.work,
                          w.stop - w.begin);
    if (rc == 0)
        rc = lists_(&w);
    if (rc)
        return rc;
    *ret = w.work + (offset - w.begin);
    return (int)size;
}
