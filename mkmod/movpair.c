/* SPDX-License-Identifier: BSD-2-Clause */
/* A MOVT holds the upper half of S + A only, and what is to be added may carry out of the
 * lower half. So each needs its MOVW: same symbol, same register, before it or, failing
 * that, behind it. Compilers schedule the halves apart and share either one. */
#include <stdlib.h>

#include "cli.h"
#include "instruction.h"
#include "module.h"

#define DISTANCE_MIN 2u /* half-words: a MOVT cannot be nearer */

void movpair_add(struct module *m, const struct record *r, bool top, bool relative)
{
    const uint8_t *at = segments_bytes(m, r->address, 4);
    uint32_t insn = at != NULL ? modfmt_get32(at) : 0;
    if (top ? !thumb_is_movt(insn) : !thumb_is_movw(insn)) {
        relocation_problem(m, r, "there is no %s at the place; the ELF is corrupt",
                           top ? "MOVT" : "MOVW");
        return;
    }
    if (!fixups_touch(m, r->section, r->address, 4)) {
        return;
    }
    m->movs = cli_grow(m->movs, &m->mov_capacity, m->mov_count + 1, sizeof *m->movs);
    m->movs[m->mov_count++] = (struct mov_half){
        .address = r->address,
        .section = r->section,
        .symbol = r->symbol,
        .partner = NO_PARTNER,
        .imm = (uint16_t)thumb_mov_imm(insn),
        .rd = thumb_mov_rd(insn),
        .top = top,
        .relative = relative,
        .type = r->type,
        .rule = UNDEFINED_ZERO,
    };
}

static void problem(struct module *m, const struct mov_half *h, const char *text)
{
    struct record r = {h->address, h->symbol, h->section, h->type};
    relocation_problem(m, &r, "%s", text);
}

/* The value that a MOVW is the low half of: the addend has 16 bits, signed. */
static void complete(struct module *m, struct mov_half *low)
{
    const struct symbol *s = &m->elf.symbols[low->symbol];
    uint32_t base = s->value; /* 0 if it is undefined */
    if (low->relative) {
        base -= low->address;
    }
    if (low->relative && s->home == HOME_IMPORT && s->section == SECTION_NONE) {
        uint32_t by_zero = sign_extend(low->imm + low->address, 16);
        low->rule =
            (uint8_t)undefined_rule(m, low->address, by_zero, sign_extend(low->imm, 16));
        if (low->rule == UNDEFINED_UNKNOWN) {
            problem(m, low,
                    "the field does not tell what the linker took the undefined symbol "
                    "for; use an absolute reference, or define the symbol");
        }
        base = low->rule == UNDEFINED_PLACE ? 0 : base;
    }
    low->full = base + sign_extend(low->imm - base, 16);
    struct record r = {low->address, low->symbol, low->section, low->type};
    uint32_t delta = 0;
    if (!low->relative && trampolines_lead(m, &r, &delta)) {
        trampolines_exact(m, &r, low->full);
    }
}

/* ---- matching halves -------------------------------------------------------- */

struct latest {
    uint32_t *slots; /* index + 1 of the half seen last with this key; open addressing */
    uint32_t mask;
};

static uint32_t *latest_of(const struct module *m, struct latest *table,
                           const struct mov_half *h)
{
    uint32_t at = (h->symbol * 16u + h->rd) * 2654435769u >> 7;
    for (;; at++) {
        uint32_t *slot = &table->slots[at & table->mask];
        const struct mov_half *other = *slot != 0 ? &m->movs[*slot - 1] : NULL;
        if (other == NULL || (other->symbol == h->symbol && other->rd == h->rd &&
                              other->relative == h->relative)) {
            return slot;
        }
    }
}

static bool fits(const struct mov_half *low, const struct mov_half *top)
{
    return low->section == top->section && low->full >> 16 == top->imm;
}

/* Are these two side by side, one of each sort, of one symbol and register? */
static bool side_by_side(const struct mov_half *a, const struct mov_half *b)
{
    return b->address == a->address + 4 && a->top != b->top && a->symbol == b->symbol &&
           a->rd == b->rd && a->relative == b->relative && a->section == b->section;
}

/* A MOVT with the MOVW of its register right behind it: nobody compiles that, but whoever
 * writes it by hand means these two. Of a row of such halves the first one tells. */
static void match_reversed(struct module *m)
{
    for (size_t from = 0, to; from < m->mov_count; from = to) {
        for (to = from + 1; to < m->mov_count; to++) {
            if (!side_by_side(&m->movs[to - 1], &m->movs[to])) {
                break;
            }
        }
        for (size_t i = from; m->movs[from].top && i + 1 < to; i += 2) {
            if (fits(&m->movs[i + 1], &m->movs[i])) {
                m->movs[i].partner = (uint32_t)(i + 1);
            }
        }
    }
}

/* Walk the halves in one direction, giving each MOVT the MOVW met last, if it fits. */
static void match(struct module *m, bool forward)
{
    struct latest table = {NULL, 15};
    while (table.mask < 2 * m->mov_count) {
        table.mask = 2 * table.mask + 1;
    }
    table.slots = cli_alloc(table.mask + 1u, sizeof *table.slots);
    for (size_t i = 0; i < m->mov_count; i++) {
        uint32_t index = (uint32_t)(forward ? i : m->mov_count - 1 - i);
        struct mov_half *h = &m->movs[index];
        uint32_t *slot = latest_of(m, &table, h);
        if (!h->top) {
            *slot = index + 1;
        } else if (h->partner == NO_PARTNER && *slot != 0 &&
                   fits(&m->movs[*slot - 1], h)) {
            h->partner = *slot - 1;
        }
    }
    free(table.slots);
}

/* A MOVT whose MOVW has another register, or none: only a symbol without an addend is
 * believed. */
static void orphan(struct module *m, struct mov_half *top)
{
    const struct symbol *s = &m->elf.symbols[top->symbol];
    struct record r = {top->address, top->symbol, top->section, top->type};
    uint32_t base = s->home != HOME_ABSOLUTE ? s->value : 0;
    top->full = base;
    if (top->relative || base >> 16 != top->imm) {
        relocation_problem(
            m, &r,
            "this MOVT has no MOVW of the same symbol and register, so the "
            "lower half of its value is not known; load the address with "
            "both, or from a literal");
        return;
    }
    problem_warning(
        m, top->section, top->address,
        "%s against '%s': this MOVT has no MOVW of the same symbol and register; "
        "taking it for the symbol without an addend",
        relocation_name(top->type), symbol_label(m, top->symbol));
}

/* ---- fix-ups ---------------------------------------------------------------- */

/* What the image holds for a full value: an offset from what will be added. */
static uint32_t stored_value(const struct module *m, const struct mov_half *h,
                             uint32_t full)
{
    const struct symbol *s = &m->elf.symbols[h->symbol];
    struct record r = {h->address, h->symbol, h->section, h->type};
    uint32_t delta = 0;
    if (trampolines_lead(m, &r, &delta)) {
        full += delta - m->segment[HOME_DATA].link;
    } else if (s->home <= HOME_DATA) {
        full -= m->segment[s->home].link;
    } else if (s->home == HOME_IMPORT) {
        full -= s->value;
    }
    if (h->relative) {
        full += m->segment[m->elf.sections[h->section].segment].link;
    }
    return full;
}

static void put_imm(struct module *m, const struct mov_half *h, uint32_t imm)
{
    uint8_t *at = segments_bytes(m, h->address, 4);
    modfmt_put32(at, thumb_mov_with(modfmt_get32(at), imm));
}

static void emit(struct module *m, const struct mov_half *h, uint32_t distance,
                 uint32_t low)
{
    const struct symbol *s = &m->elf.symbols[h->symbol];
    uint8_t number = m->elf.sections[h->section].segment;
    struct record r = {h->address, h->symbol, h->section, h->type};
    uint32_t delta = 0;
    struct modfmt_fixup fixup = {
        .place = h->address - m->segment[number].link,
        .segment = number,
        .target = s->home <= HOME_DATA ? s->home : MODFMT_TARGET_ABSOLUTE,
        .relative = h->relative,
        .kind = MODFMT_KIND_MOV,
        .distance = (uint8_t)distance,
        .low = (uint16_t)low,
    };
    if (trampolines_lead(m, &r, &delta)) {
        fixup.target = HOME_DATA;
    } else if (s->home == HOME_IMPORT) {
        fixup.target = MODFMT_TARGET_IMPORT;
        fixup.import_index = (uint16_t)s->import;
    }
    fixups_add(m, &fixup);
}

/* LLD took the undefined symbol as the place itself: count from address 0 instead. */
static uint32_t rebased(const struct mov_half *low, uint32_t full)
{
    return low->rule == UNDEFINED_PLACE ? full - low->address : full;
}

static void emit_top(struct module *m, const struct mov_half *top)
{
    struct mov_half *low = top->partner != NO_PARTNER ? &m->movs[top->partner] : NULL;
    uint32_t full = low != NULL ? rebased(low, low->full) : top->full;
    uint32_t stored = stored_value(m, top, full);
    uint32_t distance = low != NULL ? (top->address - low->address) / 2 : 0;
    put_imm(m, top, stored >> 16);
    if (low != NULL && !low->paired && top->address > low->address &&
        distance >= DISTANCE_MIN && distance <= MODFMT_MOV_DISTANCE_MAX) {
        low->paired = true;
        emit(m, low, distance, 0);
    } else {
        emit(m, top, MODFMT_MOV_MOVT_ALONE, stored & 0xffff);
    }
}

static int by_address(const void *a, const void *b)
{
    const struct mov_half *x = a;
    const struct mov_half *y = b;
    return x->address < y->address ? -1 : x->address > y->address;
}

static void sort_halves(struct module *m)
{
    for (size_t i = 1; i < m->mov_count; i++) {
        if (m->movs[i - 1].address > m->movs[i].address) {
            qsort(m->movs, m->mov_count, sizeof *m->movs, by_address);
            return;
        }
    }
}

void movpair_resolve(struct module *m)
{
    sort_halves(m);
    for (size_t i = 0; i < m->mov_count; i++) {
        if (!m->movs[i].top) {
            complete(m, &m->movs[i]);
        }
    }
    match_reversed(m);
    match(m, true);
    match(m, false);
    for (size_t i = 0; i < m->mov_count; i++) {
        if (m->movs[i].top && m->movs[i].partner == NO_PARTNER) {
            orphan(m, &m->movs[i]);
        }
    }
    for (size_t i = 0; i < m->mov_count; i++) {
        if (m->movs[i].top) {
            emit_top(m, &m->movs[i]);
        }
    }
    for (size_t i = 0; i < m->mov_count; i++) {
        struct mov_half *low = &m->movs[i];
        if (low->top) {
            continue;
        }
        put_imm(m, low, stored_value(m, low, rebased(low, low->full)) & 0xffff);
        if (!low->paired) {
            emit(m, low, MODFMT_MOV_MOVW_ALONE, 0);
        }
    }
}
