/* SPDX-License-Identifier: BSD-2-Clause */
/* Does code keep to r9? What finds the global offset table by another register never
 * finds it. */
#include <elf.h>
#include <stdlib.h>
#include <string.h>

#include "cli.h"
#include "instruction.h"
#include "spans.h"

#define LOOK_AHEAD 32u /* bytes behind the load of an offset */

static int by_start(const void *a, const void *b)
{
    const struct span *x = a;
    const struct span *y = b;
    if (x->start != y->start) {
        return x->start < y->start ? -1 : 1;
    }
    return x->symbol < y->symbol ? -1 : x->symbol > y->symbol;
}

/* One for each start, and each ends where the next one starts. */
static void separate(struct spans *all)
{
    size_t kept = 0;
    for (size_t i = 1; i < all->count; i++) {
        struct span *before = &all->list[kept];
        if (all->list[i].start != before->start) {
            before->end =
                before->end < all->list[i].start ? before->end : all->list[i].start;
            all->list[++kept] = all->list[i];
        } else if (all->list[i].end > before->end) {
            before->end = all->list[i].end;
        }
    }
    all->count = kept + 1;
}

static void find_functions(const struct module *m, struct spans *all)
{
    for (uint32_t i = 1; i < m->elf.symbol_count; i++) {
        const struct symbol *s = &m->elf.symbols[i];
        uint32_t start = s->value & ~1u;
        if (s->type != STT_FUNC || s->home > HOME_DATA || s->size == 0 ||
            segments_bytes(m, start, s->size) == NULL) {
            continue;
        }
        all->list =
            cli_grow(all->list, &all->capacity, all->count + 1, sizeof *all->list);
        all->list[all->count++] =
            (struct span){.start = start, .end = start + s->size, .symbol = i};
    }
    if (all->count != 0) {
        qsort(all->list, all->count, sizeof *all->list, by_start);
        separate(all);
    }
}

struct span *span_at(const struct spans *all, uint32_t address)
{
    size_t from = 0;
    size_t to = all->count;
    while (from < to) {
        size_t middle = from + (to - from) / 2;
        if (all->list[middle].start <= address) {
            from = middle + 1;
        } else {
            to = middle;
        }
    }
    return from != 0 && address < all->list[from - 1].end ? &all->list[from - 1] : NULL;
}

static bool is_literal_load(uint32_t insn)
{
    return (insn & 0xf800) == 0x4800 || (insn & 0xffff) == 0xf8df;
}

/* Which word that loads, and into which register. */
static uint32_t literal_place(uint32_t insn, uint32_t at, uint32_t *ret_register)
{
    uint32_t pc = (at + 4) & ~3u;
    bool wide = (insn & 0xffff) == 0xf8df;
    *ret_register = wide ? insn >> 28 : insn >> 8 & 7;
    return pc + (wide ? insn >> 16 & 0xfff : (insn & 0xff) * 4);
}

/* ---- by which register is the table found? ------------------------------------------
 */

/* What an offset in `offset` is added to by an instruction, or NO_REGISTER. */
static uint32_t added_to(uint32_t insn, uint32_t offset)
{
    if (thumb_is_wide(insn & 0xffff)) {
        bool load = (insn & 0xfff0) == 0xf850 && (insn >> 16 & 0xff0) == 0;
        return load && (insn >> 16 & 15) == offset ? insn & 15 : NO_REGISTER;
    }
    if ((insn & 0xff00) == 0x4400) { /* add rd, rm */
        uint32_t rd = (insn & 7) | (insn >> 4 & 8);
        uint32_t rm = insn >> 3 & 15;
        return rd == offset ? rm : rm == offset ? rd : NO_REGISTER;
    }
    return NO_REGISTER;
}

/* Note which low registers are copies of r9: ARMv6-M loads by these alone. */
static uint32_t copies_of_r9(uint32_t copies, uint32_t insn)
{
    uint32_t rd = (insn & 7) | (insn >> 4 & 8);
    if (thumb_is_wide(insn & 0xffff) || (insn & 0xff00) != 0x4600) { /* mov rd, rm */
        return copies;
    }
    copies &= ~(1u << rd);
    return (insn >> 3 & 15) == BASE_REGISTER && rd < 8 ? copies | 1u << rd : copies;
}

/* Does an instruction put r9, or one of its copies, and an offset in `offset` together?
 */
static bool joins_r9(uint32_t insn, uint32_t offset, uint32_t copies)
{
    if (thumb_is_wide(insn & 0xffff)) {
        return (insn & 15) == BASE_REGISTER && (insn >> 16 & 15) == offset;
    }
    if ((insn & 0xfe00) == 0x5800) { /* ldr rt, [rn, rm] */
        uint32_t rn = insn >> 3 & 7;
        uint32_t rm = insn >> 6 & 7;
        return (rm == offset && (copies >> rn & 1) != 0) ||
               (rn == offset && (copies >> rm & 1) != 0);
    }
    return added_to(insn, offset) == BASE_REGISTER;
}

/* Uses of the table, by the address of the literal. */
struct uses {
    const struct got_use **list;
    size_t count;
};

static int by_literal(const void *a, const void *b)
{
    const struct got_use *x = *(const struct got_use *const *)a;
    const struct got_use *y = *(const struct got_use *const *)b;
    return x->address < y->address ? -1 : x->address > y->address;
}

static const struct got_use *use_at(const struct uses *uses, uint32_t address)
{
    struct got_use key = {.address = address};
    const struct got_use *wanted = &key;
    const struct got_use *const *found =
        uses->count != 0
            ? bsearch(&wanted, uses->list, uses->count, sizeof *uses->list, by_literal)
            : NULL;
    return found != NULL ? *found : NULL;
}

/* The use whose offset code of the function adds to another register than r9, or NULL.
 * A function that adds any to r9 goes by r9: what seems to be added to another register
 * is something else that the register holds by then. */
static const struct got_use *other_base(const struct module *m, const struct uses *uses,
                                        const struct span *f, uint32_t *ret_base)
{
    const struct got_use *held[16] = {NULL}; /* whose offset a register holds */
    const struct got_use *found = NULL;
    uint32_t since[16] = {0};
    uint32_t copies = 0;
    uint32_t insn = 0;
    for (uint32_t at = f->start; at < f->end;) {
        bool there = code_fetch(m, at, &insn);
        copies = there ? copies_of_r9(copies, insn) : copies;
        for (uint32_t r = 0; there && r < 15; r++) {
            if (held[r] == NULL || at - since[r] > LOOK_AHEAD) {
                continue;
            }
            uint32_t base = added_to(insn, r);
            if (joins_r9(insn, r, copies)) {
                return NULL;
            }
            if (base > 7 && base != NO_REGISTER && found == NULL) {
                *ret_base = base;
                found = held[r];
            }
        }
        uint32_t rd = 0;
        if (there && is_literal_load(insn)) {
            uint32_t place = literal_place(insn, at, &rd);
            held[rd] = use_at(uses, place);
            since[rd] = at;
        }
        at += there && thumb_is_wide(insn & 0xffff) ? 4 : 2;
    }
    return found;
}

/* Functions that load the table's address themselves may hold it in any register. */
static void note_loads(const struct module *m, const struct spans *all)
{
    for (size_t i = 0; i < m->got_count; i++) {
        struct span *f = span_at(all, m->got[i].address);
        if (f != NULL && m->got[i].type == R_ARM_GOTPC) {
            f->loads = true;
        }
    }
}

/* One such message will do; the flag is the same for all. */
static void check_base(struct module *m, const struct spans *all)
{
    struct uses uses = {cli_alloc(m->got_count + 1u, sizeof *uses.list), 0};
    for (size_t i = 0; i < m->got_count; i++) {
        if (m->got[i].type == R_ARM_GOT32) {
            uses.list[uses.count++] = &m->got[i];
        }
    }
    if (uses.count != 0) {
        qsort(uses.list, uses.count, sizeof *uses.list, by_literal);
    }
    for (size_t i = 0; i < all->count; i++) {
        const struct span *f = &all->list[i];
        uint32_t base = 0;
        const struct got_use *use = f->loads ? NULL : other_base(m, &uses, f, &base);
        if (use != NULL) {
            struct record r = {use->address, use->symbol, use->section, use->type};
            relocation_problem(m, &r,
                               "the code of '%s' finds the global offset table by r%u, "
                               "but loaders set r9; compile with -mpic-register=r9",
                               m->elf.symbols[f->symbol].name, (unsigned)base);
            break;
        }
    }
    free(uses.list);
}

/* ---- addresses that the assembler has worked out itself -----------------------------
 */

/* What a register is known to hold, and since where. */
struct held {
    uint32_t value[16];
    uint32_t since[16]; /* 0: not known */
};

/* Note what an instruction makes of constants that no fix-up changes. */
static void hold(const struct module *m, struct held *held, uint32_t insn, uint32_t at)
{
    uint32_t rd = thumb_mov_rd(insn);
    if (thumb_is_movw(insn) && !segments_touched(m, at, 4)) {
        held->value[rd] = thumb_mov_imm(insn);
        held->since[rd] = at;
    } else if (thumb_is_movt(insn) && !segments_touched(m, at, 4)) {
        held->value[rd] = (held->value[rd] & 0xffff) | thumb_mov_imm(insn) << 16;
    } else if (is_literal_load(insn)) {
        uint32_t place = literal_place(insn, at, &rd);
        const uint8_t *word = segments_bytes(m, place, 4);
        held->since[rd] = word != NULL && !segments_touched(m, place, 4) ? at : 0;
        held->value[rd] = word != NULL ? modfmt_get32(word) : 0;
    }
}

/* The function whose address `add rd, pc` at an address computes, or NULL. */
static const struct span *computed(const struct module *m, const struct spans *all,
                                   const struct held *held, uint32_t insn, uint32_t at)
{
    uint32_t rd = (insn & 7) | (insn >> 4 & 8);
    if (!thumb_is_add_pc(insn) || thumb_is_wide(insn & 0xffff) || held->since[rd] == 0 ||
        at - held->since[rd] > LOOK_AHEAD) {
        return NULL;
    }
    uint32_t value = held->value[rd] + at + 4;
    const struct span *f = (value & 1) != 0 ? span_at(all, value) : NULL;
    return f != NULL && m->elf.symbols[f->symbol].value == value ? f : NULL;
}

/* A thunk of C++: GCC's for ARMv6-M compute where they jump to, and that needs none. */
static bool is_thunk(const struct module *m, const struct span *f)
{
    const char *name = m->elf.symbols[f->symbol].name;
    return strncmp(name, "_ZTh", 4) == 0 || strncmp(name, "_ZTv", 4) == 0 ||
           strncmp(name, "_ZTc", 4) == 0;
}

/* Clang's assembler leaves no record where a function is in the section of the code that
 * takes its address by distance (-fropi). Such a pointer leads around the trampoline. */
static void check_unrecorded(struct module *m, const struct spans *all)
{
    for (size_t i = 0; i < all->count; i++) {
        const struct span *f = &all->list[i];
        struct held held;
        uint32_t insn = 0;
        memset(&held, 0, sizeof held);
        for (uint32_t at = f->start; at < f->end && !is_thunk(m, f);) {
            bool there = code_fetch(m, at, &insn);
            const struct span *to = there ? computed(m, all, &held, insn, at) : NULL;
            if (to != NULL) {
                problem_error(
                    m, m->elf.symbols[f->symbol].section, at,
                    "the code takes the address of '%s' by its distance, and the "
                    "assembler has left no record of that, so the pointer would not lead "
                    "to the trampoline that sets r9; compile with -ffunction-sections",
                    m->elf.symbols[to->symbol].name);
                break;
            }
            if (there) {
                hold(m, &held, insn, at);
            }
            at += there && thumb_is_wide(insn & 0xffff) ? 4 : 2;
        }
    }
}

void picregister_check(struct module *m)
{
    struct spans all = {NULL, 0, 0};
    if (!m->by_r9) {
        return;
    }
    find_functions(m, &all);
    note_loads(m, &all);
    check_base(m, &all);
    check_unrecorded(m, &all);
    spoilers_check(m, &all);
    free(all.list);
}
