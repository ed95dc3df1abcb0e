/* SPDX-License-Identifier: BSD-2-Clause */
/* What one Thumb instruction does to the stack pointer, and to registers that the stack
 * pointer is computed from or that are called through. Everything else only makes a
 * register unknown. Arm ARM (ARMv7-M), A5 and A7.7. */
#include "instruction.h"
#include "stack.h"

#define SP 13u
#define PC 15u

static struct value value_of(enum value_kind kind, uint32_t number)
{
    return (struct value){.number = number, .kind = (uint8_t)kind};
}

static struct value number_of(uint32_t number)
{
    return value_of(VALUE_NUMBER, number);
}

static struct value get(const struct stack_step *t, uint32_t r)
{
    if (r == SP) {
        return value_of(VALUE_STACK, t->state->depth);
    }
    return r == PC ? number_of(t->address + 4) : t->state->reg[r];
}

static void set(struct stack_step *t, uint32_t r, struct value value)
{
    if (r == PC) {
        t->jumps = true;
        t->target = value;
    } else if (r != SP) {
        t->state->reg[r] = value;
    } else if (value.kind == VALUE_STACK) {
        t->state->depth = value.number;
    } else {
        t->varies = true;
    }
}

/* For instructions of which nothing more is known; they have other meanings with pc. */
static void spoil(struct stack_step *t, uint32_t r)
{
    if (r != PC) {
        set(t, r, value_of(VALUE_UNKNOWN, 0));
    }
}

static struct value add(struct value a, struct value b, bool minus)
{
    if (a.kind == VALUE_NUMBER && b.kind == VALUE_STACK && !minus) {
        return add(b, a, false);
    }
    if (b.kind != VALUE_NUMBER) {
        return value_of(VALUE_UNKNOWN, 0);
    }
    uint32_t number = minus ? 0u - b.number : b.number;
    if (a.kind == VALUE_NUMBER) {
        return number_of(a.number + number);
    }
    return a.kind == VALUE_STACK ? value_of(VALUE_STACK, a.number - number)
                                 : value_of(VALUE_UNKNOWN, 0);
}

/* Clear low bits, as realigning a frame does: at most `mask` more bytes. */
static struct value align_down(struct value a, uint32_t mask)
{
    if (a.kind == VALUE_STACK && (mask & (mask + 1)) == 0 && mask < 0x10000) {
        return value_of(VALUE_STACK, a.number + mask);
    }
    return a.kind == VALUE_NUMBER ? number_of(a.number & ~mask)
                                  : value_of(VALUE_UNKNOWN, 0);
}

/* ARMv6-M aligns by shifting to the right and back. */
static struct value shift_left(struct value a, uint32_t shift)
{
    if (shift == 0) {
        return a;
    }
    if (a.kind == VALUE_SHIFTED && a.shift == shift) {
        a.kind = VALUE_STACK;
        return align_down(a, (1u << shift) - 1);
    }
    return a.kind == VALUE_NUMBER ? number_of(a.number << shift)
                                  : value_of(VALUE_UNKNOWN, 0);
}

/* ---- words on the stack, named by how far below the first sp they are ------------ */

static void store_slot(struct stack_step *t, uint32_t r, uint32_t slot)
{
    struct value value = get(t, r);
    struct stack_state *s = t->state;
    if (value.kind == VALUE_RETURN) {
        s->return_slot = slot;
        return;
    }
    if (s->return_slot == slot) {
        s->return_slot = NO_STACK_SLOT;
    }
    if (s->other_slot == slot || value.kind == VALUE_IMPORT ||
        value.kind == VALUE_NUMBER) {
        s->other_slot = slot;
        s->other = value;
    }
}

static void load_slot(struct stack_step *t, uint32_t r, uint32_t slot)
{
    const struct stack_state *s = t->state;
    t->popped |= r == PC;
    if (slot == s->return_slot) {
        set(t, r, value_of(VALUE_RETURN, 0));
    } else {
        set(t, r, slot == s->other_slot ? s->other : value_of(VALUE_UNKNOWN, 0));
    }
}

static uint32_t count_bits(uint32_t mask)
{
    uint32_t count = 0;
    for (; mask != 0; mask &= mask - 1) {
        count++;
    }
    return count;
}

static void push(struct stack_step *t, uint32_t mask)
{
    uint32_t slot = t->state->depth + 4 * count_bits(mask);
    uint32_t depth = slot;
    for (uint32_t r = 0; r < 15; r++) {
        if ((mask >> r & 1) != 0) {
            store_slot(t, r, slot);
            slot -= 4;
        }
    }
    t->state->depth = depth;
}

static void pop(struct stack_step *t, uint32_t mask)
{
    uint32_t slot = t->state->depth;
    for (uint32_t r = 0; r < 16; r++) {
        if ((mask >> r & 1) != 0) {
            load_slot(t, r, slot);
            slot -= 4;
        }
    }
    t->state->depth = slot;
}

/* A word that the code has beside it. */
static struct value literal(const struct stack_step *t, uint32_t address)
{
    size_t from = 0;
    size_t to = t->words->count;
    while (from < to) {
        size_t middle = from + (to - from) / 2;
        if (t->words->list[middle].address < address) {
            from = middle + 1;
        } else {
            to = middle;
        }
    }
    if (from < t->words->count && t->words->list[from].address == address) {
        return value_of(VALUE_IMPORT, t->words->list[from].import);
    }
    const uint8_t *bytes = stack_bytes(t->m, address, 4);
    unsigned segment = segments_at(t->m, address);
    if (bytes == NULL || segment != HOME_TEXT) {
        return value_of(VALUE_UNKNOWN, 0); /* what is writable may change */
    }
    return number_of(modfmt_get32(bytes));
}

/* What `LDR …, [rn, rm]` finds in the global offset table, whose slots stay as they are.
 */
static struct value table_slot(const struct stack_step *t, struct value rn,
                               struct value rm)
{
    const struct got_use *use = NULL;
    if (rn.kind == VALUE_NUMBER && rm.kind == VALUE_NUMBER) {
        use = got_use_of(t->m, rn.number + rm.number);
    }
    if (use == NULL) {
        return value_of(VALUE_UNKNOWN, 0);
    }
    const struct symbol *s = &t->m->elf.symbols[use->symbol];
    const uint8_t *bytes = stack_bytes(t->m, use->slot, 4);
    if (s->home == HOME_IMPORT) {
        return value_of(VALUE_IMPORT, s->import);
    }
    return bytes != NULL ? number_of(modfmt_get32(bytes)) : value_of(VALUE_UNKNOWN, 0);
}

/* ---- 16 bits --------------------------------------------------------------------- */

/* The low registers that an instruction writes, where nothing better is known. */
static uint32_t narrow_written(uint32_t h)
{
    uint32_t low = 1u << (h & 7);
    uint32_t high = 1u << (h >> 8 & 7);
    uint32_t operation = h >> 6 & 15;
    switch (h >> 11) {
    case 5:  /* CMP */
    case 12: /* STR, STRB, STRH */
    case 14:
    case 16:
    case 18:
        return 0;
    case 4:
    case 6:
    case 7:
    case 9:
    case 19:
    case 20:
    case 21:
    case 24:
        return high;
    case 8: /* TST, CMP, CMN; what comes behind is done elsewhere */
        return h >= 0x4400 || operation == 8 || operation == 10 || operation == 11 ? 0
                                                                                   : low;
    case 10: /* STR, STRH, STRB, LDRSB */
        return (h >> 9 & 3) == 3 ? low : 0;
    case 22: /* SXTH and the like, REV and the like; else CPS, IT, hints */
        return (h & 0xff00) == 0xb200 ? low : 0;
    case 23:
        return (h & 0xff00) == 0xba00 ? low : 0;
    case 25:
        return high | (h & 0xff);
    default:
        return h < 0xc000 ? low : 0;
    }
}

static bool narrow_on_stack(struct stack_step *t, uint32_t h)
{
    struct stack_state *s = t->state;
    uint32_t rd = h >> 8 & 7;
    uint32_t words = h & 0xff;
    if ((h & 0xfe00) == 0xb400) {
        push(t, (h & 0xff) | (h >> 8 & 1) << 14);
    } else if ((h & 0xfe00) == 0xbc00) {
        pop(t, (h & 0xff) | (h >> 8 & 1) << 15);
    } else if ((h & 0xff80) == 0xb000) {
        s->depth -= 4 * (h & 0x7f);
    } else if ((h & 0xff80) == 0xb080) {
        s->depth += 4 * (h & 0x7f);
    } else if ((h & 0xf800) == 0xa800) {
        set(t, rd, add(get(t, SP), number_of(4 * words), false));
    } else if ((h & 0xf800) == 0x9000) {
        store_slot(t, rd, s->depth - 4 * words);
    } else if ((h & 0xf800) == 0x9800) {
        load_slot(t, rd, s->depth - 4 * words);
    } else {
        return false;
    }
    return true;
}

static bool narrow_computes(struct stack_step *t, uint32_t h)
{
    struct value rn = get(t, h >> 3 & 7);
    struct value rd = get(t, h >> 8 & 7);
    struct value imm8 = number_of(h & 0xff);
    uint32_t shift = h >> 6 & 31;
    if ((h & 0xf800) == 0x2000) {
        set(t, h >> 8 & 7, imm8);
    } else if ((h & 0xf000) == 0x3000) {
        set(t, h >> 8 & 7, add(rd, imm8, (h & 0x800) != 0));
    } else if ((h & 0xfc00) == 0x1c00) {
        set(t, h & 7, add(rn, number_of(h >> 6 & 7), (h & 0x200) != 0));
    } else if ((h & 0xfc00) == 0x1800) {
        set(t, h & 7, add(rn, get(t, h >> 6 & 7), (h & 0x200) != 0));
    } else if ((h & 0xf800) == 0x0000) {
        set(t, h & 7, shift_left(rn, shift));
    } else if ((h & 0xf800) == 0x0800 && rn.kind == VALUE_STACK && shift != 0) {
        rn.kind = VALUE_SHIFTED;
        rn.shift = (uint8_t)shift;
        set(t, h & 7, rn);
    } else if ((h & 0xffc0) == 0x4240 && rn.kind == VALUE_NUMBER) {
        set(t, h & 7, number_of(0u - rn.number));
    } else if ((h & 0xffc0) == 0x43c0 && rn.kind == VALUE_NUMBER) {
        set(t, h & 7, number_of(~rn.number));
    } else if ((h & 0xf800) == 0xa000) {
        set(t, h >> 8 & 7, number_of(((t->address + 4) & ~3u) + 4 * imm8.number));
    } else if ((h & 0xf800) == 0x4800) {
        set(t, h >> 8 & 7, literal(t, ((t->address + 4) & ~3u) + 4 * (h & 0xff)));
    } else if ((h & 0xfe00) == 0x5800) {
        set(t, h & 7, table_slot(t, rn, get(t, h >> 6 & 7)));
    } else if ((h & 0xfe00) == 0x4400 && (h & 0x100) == 0) {
        uint32_t to = (h >> 4 & 8) | (h & 7);
        t->indexed = to == PC;
        set(t, to, add(get(t, to), get(t, h >> 3 & 15), false));
    } else if ((h & 0xff00) == 0x4600) {
        uint32_t to = (h >> 4 & 8) | (h & 7);
        t->indexed = to == PC;
        set(t, to, get(t, h >> 3 & 15));
    } else {
        return false;
    }
    return true;
}

static void step_narrow(struct stack_step *t, uint32_t h)
{
    if (narrow_on_stack(t, h) || narrow_computes(t, h)) {
        return;
    }
    uint32_t written = narrow_written(h);
    for (uint32_t r = 0; r < 8; r++) {
        if ((written >> r & 1) != 0) {
            spoil(t, r);
        }
    }
}

/* ---- 32 bits --------------------------------------------------------------------- */

/* ThumbExpandImm, A5.3.2. */
static uint32_t expand(uint32_t first, uint32_t second)
{
    uint32_t imm12 = (first >> 10 & 1) << 11 | (second >> 12 & 7) << 8 | (second & 0xff);
    uint32_t byte = imm12 & 0xff;
    if (imm12 >= 0x400) {
        uint32_t turn = imm12 >> 7;
        uint32_t full = 0x80 | (imm12 & 0x7f);
        return full >> turn | full << (32 - turn);
    }
    switch (imm12 >> 8) {
    case 0:
        return byte;
    case 1:
        return byte << 16 | byte;
    case 2:
        return byte << 24 | byte << 8;
    default:
        return byte << 24 | byte << 16 | byte << 8 | byte;
    }
}

static void wide_multiple(struct stack_step *t, uint32_t first, uint32_t list)
{
    uint32_t rn = first & 15;
    bool load = (first & 0x10) != 0;
    bool back = (first & 0x20) != 0;
    bool down = (first & 0x100) != 0;
    if (rn == SP && back && load != down) {
        if (load) {
            pop(t, list);
        } else {
            push(t, list);
        }
        return;
    }
    for (uint32_t r = 0; load && r < 16; r++) {
        if ((list >> r & 1) != 0) {
            set(t, r, value_of(VALUE_UNKNOWN, 0));
        }
    }
    if (back) {
        spoil(t, rn);
    }
}

/* LDRD and STRD with an offset; exclusive accesses. */
static void wide_dual(struct stack_step *t, uint32_t first, uint32_t second)
{
    uint32_t rn = first & 15;
    bool load = (first & 0x10) != 0;
    bool back = (first & 0x20) != 0;
    bool before = (first & 0x100) != 0;
    uint32_t offset = 4 * (second & 0xff);
    uint32_t pair[2] = {second >> 12, second >> 8 & 15};
    if (!back && !before) { /* LDREX, STREX and those of bytes: the status register too */
        for (unsigned shift = 0; shift <= 12; shift += shift == 0 ? 8 : 4) {
            uint32_t r = second >> shift & 15;
            if (r != SP) { /* then it is no register */
                spoil(t, r);
            }
        }
        return;
    }
    offset = (first & 0x80) != 0 ? offset : 0u - offset;
    uint32_t moved = t->state->depth - offset;
    uint32_t slot = before ? moved : t->state->depth;
    for (uint32_t i = 0; i < 2; i++) {
        if (rn == SP && load) {
            load_slot(t, pair[i], slot - 4 * i);
        } else if (rn == SP) {
            store_slot(t, pair[i], slot - 4 * i);
        } else if (load) {
            spoil(t, pair[i]);
        }
    }
    if (back && rn == SP) {
        t->state->depth = moved;
    } else if (back) {
        spoil(t, rn);
    }
}

static void wide_registers(struct stack_step *t, uint32_t first, uint32_t second)
{
    uint32_t operation = first >> 5 & 15;
    uint32_t rn = first & 15;
    uint32_t rd = second >> 8 & 15;
    bool plain = (second & 0x70f0) == 0;
    if (rd == PC) { /* TST, TEQ, CMN, CMP */
        return;
    }
    if (plain && operation == 2 && rn == PC) {
        set(t, rd, get(t, second & 15));
    } else if (plain && (operation == 8 || operation == 13)) {
        set(t, rd, add(get(t, rn), get(t, second & 15), operation == 13));
    } else {
        spoil(t, rd);
    }
}

static void wide_immediate(struct stack_step *t, uint32_t first, uint32_t second)
{
    uint32_t operation = first >> 5 & 15;
    uint32_t rn = first & 15;
    uint32_t rd = second >> 8 & 15;
    struct value imm = number_of(expand(first, second));
    if (rd == PC) {
        return;
    }
    if (operation == 2 && rn == PC) {
        set(t, rd, imm);
    } else if (operation == 3 && rn == PC) {
        set(t, rd, number_of(~imm.number));
    } else if (operation == 1) {
        set(t, rd, align_down(get(t, rn), imm.number));
    } else if (operation == 8 || operation == 13) {
        set(t, rd, add(get(t, rn), imm, operation == 13));
    } else {
        spoil(t, rd);
    }
}

static void wide_plain(struct stack_step *t, uint32_t first, uint32_t second)
{
    uint32_t insn = first | second << 16;
    uint32_t rn = first & 15;
    uint32_t rd = second >> 8 & 15;
    uint32_t imm12 = (first >> 10 & 1) << 11 | (second >> 12 & 7) << 8 | (second & 0xff);
    struct value old = get(t, rd);
    if (thumb_is_movw(insn)) {
        struct value word = literal(t, t->address);
        set(t, rd, word.kind == VALUE_IMPORT ? word : number_of(thumb_mov_imm(insn)));
    } else if (thumb_is_movt(insn) && old.kind == VALUE_NUMBER) {
        set(t, rd, number_of((old.number & 0xffff) | thumb_mov_imm(insn) << 16));
    } else if (thumb_is_movt(insn) && old.kind == VALUE_IMPORT) {
        return;
    } else if ((first & 0xfbf0) == 0xf200 || (first & 0xfbf0) == 0xf2a0) {
        struct value from = rn == PC ? number_of((t->address + 4) & ~3u) : get(t, rn);
        set(t, rd, add(from, number_of(imm12), (first & 0xa0) != 0));
    } else if (first == 0xf36f && (second & 0x70c0) == 0) {
        uint32_t top = second & 31;
        set(t, rd, align_down(old, (2u << top) - 1u)); /* BFC rd, #0, #top + 1 */
    } else {
        spoil(t, rd);
    }
}

/* LDR, STR and those of bytes and half-words. */
static void wide_single(struct stack_step *t, uint32_t first, uint32_t second)
{
    uint32_t rn = first & 15;
    uint32_t rt = second >> 12;
    bool load = (first & 0x10) != 0;
    bool word = (first & 0xff60) == 0xf840;
    bool up = (first & 0x80) != 0;
    bool registers = !up && rn != PC && (second & 0x800) == 0;
    bool back = !up && rn != PC && !registers && (second & 0x100) != 0;
    bool before = up || registers || (second & 0x400) != 0;
    uint32_t offset = second & 0xfff;
    if (load && !word && rt == PC) { /* PLD */
        return;
    }
    if (rn == PC && load) {
        uint32_t from = (t->address + 4) & ~3u;
        struct value value = literal(t, up ? from + offset : from - offset);
        set(t, rt, word ? value : value_of(VALUE_UNKNOWN, 0));
        return;
    }
    if (!up) {
        offset = (second & 0x200) != 0 ? second & 0xff : 0u - (second & 0xff);
    }
    uint32_t moved = t->state->depth - offset;
    uint32_t slot = before ? moved : t->state->depth;
    bool on_stack = rn == SP && word && !registers;
    if (on_stack && !load) {
        store_slot(t, rt, slot);
    } else if (load) {
        t->indexed = registers;
        if (on_stack) {
            load_slot(t, rt, slot);
        } else if (registers && word && (second & 0xff0) == 0) {
            set(t, rt, table_slot(t, get(t, rn), get(t, second & 15)));
        } else {
            set(t, rt, value_of(VALUE_UNKNOWN, 0));
        }
    }
    if (back && rn == SP) {
        t->state->depth = moved;
    } else if (back) {
        spoil(t, rn);
    }
}

static void wide_coprocessor(struct stack_step *t, uint32_t first, uint32_t second)
{
    uint32_t rn = first & 15;
    uint32_t bytes = 4 * (second & 0xff);
    bool memory = (first & 0x200) == 0;
    if (memory && (first & 0x1e0) == 0x040) { /* VMOV and MRRC of two registers */
        if ((first & 0x10) != 0) {
            spoil(t, second >> 12);
            spoil(t, rn);
        }
    } else if (memory && (first & 0x20) != 0) {
        if (rn == SP) { /* VPUSH, VPOP */
            t->state->depth += (first & 0x80) != 0 ? 0u - bytes : bytes;
        } else {
            spoil(t, rn);
        }
    } else if (!memory && (first & 0x110) == 0x010 && (second & 0x10) != 0) {
        spoil(t, second >> 12);
    }
}

static void wide_controls(struct stack_step *t, uint32_t first, uint32_t second)
{
    if ((first & 0xfff0) == 0xf380 && (second & 0xff00) == 0x8800) {
        uint32_t which = second & 0x7f;
        t->varies |= which == 8 || which == 9; /* MSR of MSP or PSP */
    } else if (first == 0xf3ef) {
        spoil(t, second >> 8 & 15);
    }
}

static void step_wide(struct stack_step *t, uint32_t first, uint32_t second)
{
    switch (first >> 9) {
    case 0x74:
        if ((first & 0x40) != 0) {
            wide_dual(t, first, second);
        } else {
            wide_multiple(t, first, second);
        }
        break;
    case 0x75:
        wide_registers(t, first, second);
        break;
    case 0x78:
    case 0x79:
    case 0x7a:
    case 0x7b:
        if ((second & 0x8000) != 0) {
            wide_controls(t, first, second);
        } else if ((first & 0x200) == 0) {
            wide_immediate(t, first, second);
        } else {
            wide_plain(t, first, second);
        }
        break;
    case 0x7c:
        wide_single(t, first, second);
        break;
    case 0x7d:
        spoil(t, second >> 8 & 15);
        if ((first & 0x180) == 0x180) { /* long multiplications have two results */
            spoil(t, second >> 12);
        }
        break;
    default:
        wide_coprocessor(t, first, second);
        break;
    }
}

void stack_step(struct stack_step *step, uint32_t first, uint32_t second)
{
    if (stack_is_wide(first)) {
        step_wide(step, first, second);
    } else {
        step_narrow(step, first);
    }
}
