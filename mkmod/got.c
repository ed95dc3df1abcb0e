/* SPDX-License-Identifier: BSD-2-Clause */
/* Slots of the global offset table have no records of their own. Each is attributed
 * through the records of the code that uses it, never by its value: a value may belong to
 * the end of one thing and the start of the next, and a zero slot to a weak symbol or to
 * an import. The value only confirms. */
#include <elf.h>
#include <stdlib.h>
#include <string.h>

#include "cli.h"
#include "instruction.h"
#include "module.h"

void got_add(struct module *m, const struct record *r, uint32_t value)
{
    m->got = cli_grow(m->got, &m->got_capacity, m->got_count + 1, sizeof *m->got);
    m->got[m->got_count++] = (struct got_use){
        .address = r->address,
        .section = r->section,
        .symbol = r->symbol,
        .value = value,
        .slot = NO_SLOT,
        .type = r->type,
    };
    m->got_based |= r->type == R_ARM_GOTPC;
    m->got_offsets |= r->type == R_ARM_GOT32 || r->type == R_ARM_GOTOFF;
}

static struct record record_of(const struct got_use *use)
{
    return (struct record){use->address, use->symbol, use->section, use->type};
}

/* Does the slot hold what it would for this symbol? */
static bool slot_holds(const struct module *m, uint32_t slot, const struct symbol *s)
{
    const uint8_t *at = slot % 4 == 0 ? segments_bytes(m, slot, 4) : NULL;
    if (at == NULL) {
        return false;
    }
    uint32_t value = modfmt_get32(at);
    if (s->type == STT_SECTION && s->home <= HOME_DATA) {
        const struct section *section = &m->elf.sections[s->section];
        return value - section->address <= section->size;
    }
    return value == s->value; /* 0 if it is undefined */
}

/* ---- where the GOT starts ------------------------------------------------------ */

/* GNU ld counts from the start of the output section that holds .got. */
static bool origin_fits(const struct module *m, const struct section *s)
{
    for (size_t i = 0; i < m->got_count; i++) {
        const struct got_use *use = &m->got[i];
        uint32_t slot = s->address + use->value;
        if (use->type == R_ARM_GOT32 &&
            (!modfmt_range(use->value, 4, s->size) ||
             !slot_holds(m, slot, &m->elf.symbols[use->symbol]))) {
            return false;
        }
    }
    return true;
}

static const struct section *table_section(const struct module *m)
{
    const struct section *named = elffile_section(&m->elf, ".got");
    const struct symbol *symbol = elffile_symbol(&m->elf, "_GLOBAL_OFFSET_TABLE_");
    if (named != NULL && named->bytes != NULL && named->segment != NO_SEGMENT) {
        return named;
    }
    if (symbol != NULL && symbol->home <= HOME_DATA) {
        return &m->elf.sections[symbol->section];
    }
    return NULL;
}

uint32_t got_planned(const struct module *m)
{
    const struct section *s = table_section(m);
    return s != NULL ? s->address : 0;
}

static void find_origin(struct module *m)
{
    const struct section *found = table_section(m);
    if (found == NULL || !origin_fits(m, found)) {
        unsigned fitting = 0;
        for (uint32_t i = 0; i < m->order_count; i++) {
            const struct section *s = &m->elf.sections[m->order[i]];
            if ((s->flags & SHF_WRITE) != 0 && s->bytes != NULL && origin_fits(m, s)) {
                found = s;
                fitting++;
            }
        }
        if (fitting != 1) {
            struct record r = record_of(&m->got[0]);
            relocation_problem(m, &r,
                               "the global offset table cannot be found: no section's "
                               "start gives slots that hold the symbols' addresses; put "
                               "*(.got.plt) *(.got) into an output section of their own");
            return;
        }
    }
    m->has_origin = true;
    m->origin = found->address;
    m->origin_home = found->segment;
}

/* ---- slots of GOT_PREL --------------------------------------------------------- */

/* The field is slot - (L + 4), L being the `add Rd, pc` that uses it. */
static bool by_add(const struct module *m, const struct got_use *use, uint32_t slot)
{
    const uint8_t *add = segments_bytes(m, slot - use->value - 4, 2);
    return add != NULL && thumb_is_add_pc(modfmt_get16(add));
}

/* Is the last LDR of a literal into the register that the ADD uses one of this literal?
 */
static bool by_load(const struct module *m, const struct got_use *use, uint32_t slot)
{
    uint32_t add_at = slot - use->value - 4;
    uint32_t add = modfmt_get16(segments_bytes(m, add_at, 2));
    uint32_t rd = (add & 7) | (add >> 4 & 8);
    for (uint32_t back = 2; back <= 128; back += 2) {
        const uint8_t *at = segments_bytes(m, add_at - back, 4);
        uint32_t pc = (add_at - back + 4) & ~3u;
        uint32_t insn = at != NULL ? modfmt_get32(at) : 0;
        if ((insn & 0xf800) == 0x4800 && (insn >> 8 & 7) == rd) {
            return pc + (insn & 0xff) * 4 == use->address;
        }
        if ((insn & 0xffff) == 0xf8df && insn >> 28 == rd) {
            return pc + (insn >> 16 & 0xfff) == use->address;
        }
    }
    return false;
}

struct candidates {
    uint32_t *slots; /* addresses of all, sorted by content, then address */
    size_t capacity;
    uint32_t count;
    uint32_t *known; /* by symbol: its slot, or NO_SLOT */
};

static const struct module *sorting; /* qsort() has no room for a context */

static int by_content(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a;
    uint32_t y = *(const uint32_t *)b;
    uint32_t left = modfmt_get32(segments_bytes(sorting, x, 4));
    uint32_t right = modfmt_get32(segments_bytes(sorting, y, 4));
    if (left != right) {
        return left < right ? -1 : 1;
    }
    return x < y ? -1 : x > y;
}

static void list_section(const struct module *m, struct candidates *c,
                         const struct section *s)
{
    uint32_t first = (0u - s->address) & 3u;
    for (uint32_t offset = first; modfmt_range(offset, 4, s->size); offset += 4) {
        if (!segments_touched(m, s->address + offset, 4)) {
            c->slots = cli_grow(c->slots, &c->capacity, c->count + 1u, sizeof *c->slots);
            c->slots[c->count++] = s->address + offset;
        }
    }
}

/* Words of the table's section; or, if it cannot be told, of all that is writable. */
static void list_slots(const struct module *m, struct candidates *c)
{
    const struct section *table = table_section(m);
    c->known = cli_alloc(m->elf.symbol_count, sizeof *c->known);
    for (uint32_t i = 0; i < m->elf.symbol_count; i++) {
        c->known[i] = NO_SLOT;
    }
    for (uint32_t i = 0; i < m->order_count; i++) {
        const struct section *s = &m->elf.sections[m->order[i]];
        bool possible = table != NULL ? s == table : (s->flags & SHF_WRITE) != 0;
        if (possible && s->bytes != NULL) {
            list_section(m, c, s);
        }
    }
    if (c->count != 0) {
        sorting = m;
        qsort(c->slots, c->count, sizeof *c->slots, by_content);
    }
}

/* Index of the first slot whose content is at least `value`. */
static uint32_t lower_bound(const struct module *m, const struct candidates *c,
                            uint32_t value)
{
    uint32_t from = 0;
    uint32_t to = c->count;
    while (from < to) {
        uint32_t middle = from + (to - from) / 2;
        if (modfmt_get32(segments_bytes(m, c->slots[middle], 4)) < value) {
            from = middle + 1;
        } else {
            to = middle;
        }
    }
    return from;
}

/* Slots that the use may mean, by growing strictness; *ret_slot if exactly one is left.
 */
static bool choose(const struct module *m, const struct candidates *c,
                   const struct got_use *use, uint32_t *ret_slot)
{
    const struct symbol *s = &m->elf.symbols[use->symbol];
    uint32_t low = s->value;
    uint32_t high = low;
    uint32_t adds = 0;
    uint32_t loads = 0;
    uint32_t by_the_add = 0;
    uint32_t by_the_load = 0;
    if (s->type == STT_SECTION) {
        high = low + m->elf.sections[s->section].size;
    }
    for (uint32_t i = lower_bound(m, c, low); i < c->count; i++) {
        uint32_t slot = c->slots[i];
        if (modfmt_get32(segments_bytes(m, slot, 4)) > high) {
            break;
        }
        if (!by_add(m, use, slot)) {
            continue;
        }
        adds++;
        by_the_add = slot;
        if (by_load(m, use, slot)) {
            loads++;
            by_the_load = slot;
        }
    }
    if (loads == 1 || (loads == 0 && adds == 1)) {
        *ret_slot = loads == 1 ? by_the_load : by_the_add;
        return true;
    }
    return false;
}

/* Written by hand: `.word sym(GOT_PREL)`, which counts from the word itself; and
 * R_ARM_TARGET2 of LLD. */
static bool direct(const struct module *m, const struct got_use *use)
{
    return slot_holds(m, use->address + use->value, &m->elf.symbols[use->symbol]);
}

static void unknown_slot(struct module *m, const struct got_use *use)
{
    struct record r = record_of(use);
    relocation_problem(m, &r,
                       "the slot of the global offset table that this means cannot be "
                       "told, or does not hold the symbol's address");
}

static void find_slots(struct module *m)
{
    struct candidates c = {NULL, 0, 0, NULL};
    list_slots(m, &c);
    for (size_t i = 0; i < m->got_count; i++) {
        struct got_use *use = &m->got[i];
        if (use->type == R_ARM_GOT_PREL && choose(m, &c, use, &use->slot)) {
            /* A symbol has one slot: two answers mean that one is a mistake. */
            if (c.known[use->symbol] != NO_SLOT && c.known[use->symbol] != use->slot) {
                unknown_slot(m, use);
            }
            c.known[use->symbol] = use->slot;
        }
    }
    for (size_t i = 0; i < m->got_count; i++) {
        struct got_use *use = &m->got[i];
        if (use->slot != NO_SLOT ||
            (use->type != R_ARM_GOT_PREL && use->type != R_ARM_TARGET2)) {
            continue;
        }
        if (direct(m, use)) {
            use->slot = use->address + use->value;
        } else if (c.known[use->symbol] != NO_SLOT) {
            use->slot = c.known[use->symbol];
        } else {
            unknown_slot(m, use);
        }
    }
    free(c.slots);
    free(c.known);
}

/* ---- fix-ups ------------------------------------------------------------------- */

static void fix_slot(struct module *m, const struct got_use *use)
{
    const struct section *holder = elffile_section_at(&m->elf, use->slot);
    const struct symbol *s = &m->elf.symbols[use->symbol];
    struct record r = record_of(use);
    if (holder == NULL || !slot_holds(m, use->slot, s)) {
        relocation_problem(m, &r,
                           "the slot of the global offset table at 0x%08x does not hold "
                           "the symbol's address",
                           (unsigned)use->slot);
        return;
    }
    uint32_t section = (uint32_t)(holder - m->elf.sections);
    uint8_t *at = segments_bytes(m, use->slot, 4);
    uint32_t delta = 0;
    if (trampolines_lead(m, &r, &delta)) {
        modfmt_put32(at, modfmt_get32(at) + delta - m->segment[HOME_DATA].link);
        fixups_word(m, section, use->slot, HOME_DATA, false, 0);
    } else if (s->home <= HOME_DATA) {
        relocation_warn_label(m, &r, modfmt_get32(at));
        modfmt_put32(at, modfmt_get32(at) - m->segment[s->home].link);
        fixups_word(m, section, use->slot, s->home, false, 0);
    } else if (s->home == HOME_IMPORT) {
        modfmt_put32(at, modfmt_get32(at) - s->value);
        fixups_word(m, section, use->slot, MODFMT_TARGET_IMPORT, false, s->import);
    }
}

static int by_slot(const void *a, const void *b)
{
    const struct got_use *x = a;
    const struct got_use *y = b;
    if (x->slot != y->slot) {
        return x->slot < y->slot ? -1 : 1;
    }
    return x->address < y->address ? -1 : x->address > y->address;
}

static void fix_slots(struct module *m)
{
    for (size_t i = 0; i < m->got_count; i++) {
        const struct got_use *use = &m->got[i];
        const struct got_use *before = i > 0 ? &m->got[i - 1] : NULL;
        const struct symbol *s = &m->elf.symbols[use->symbol];
        if (use->slot == NO_SLOT) {
            continue;
        }
        if (before == NULL || before->slot != use->slot) {
            fix_slot(m, use);
            continue;
        }
        const struct symbol *other = &m->elf.symbols[before->symbol];
        if (other->home != s->home || other->import != s->import) {
            struct record r = record_of(use);
            relocation_problem(m, &r,
                               "its slot of the global offset table is that of '%s' too, "
                               "which moves differently",
                               symbol_label(m, before->symbol));
        }
    }
}

/* The word in the code that leads to the GOT, or to what is near it. */
static void fix_use(struct module *m, const struct got_use *use)
{
    uint8_t from = m->elf.sections[use->section].segment;
    uint8_t to = m->has_origin ? m->origin_home : HOME_DATA;
    const struct symbol *s = &m->elf.symbols[use->symbol];
    struct record r = record_of(use);
    if (use->type == R_ARM_GOT32) {
        return;
    }
    if (use->type == R_ARM_GOTOFF) {
        uint32_t delta = 0;
        if (trampolines_lead(m, &r, &delta) && to == HOME_DATA) {
            modfmt_put32(segments_bytes(m, use->address, 4), use->value + delta);
        } else if (s->home > HOME_DATA) {
            relocation_problem(m, &r,
                               "an offset from the global offset table to a symbol that "
                               "is not in the module cannot be kept");
        } else if (s->home != to) {
            segments_not_apart(
                m, use->section, use->address,
                "%s at 0x%08x counts from the GOT to '%s' in the other segment",
                relocation_name(use->type), (unsigned)use->address,
                symbol_label(m, use->symbol));
        }
        return;
    }
    if (use->slot != NO_SLOT) {
        const struct section *holder = elffile_section_at(&m->elf, use->slot);
        to = holder != NULL ? holder->segment : to;
    }
    if (to != from) {
        uint8_t *at = segments_bytes(m, use->address, 4);
        modfmt_put32(at, use->value - m->segment[to].link + m->segment[from].link);
        fixups_word(m, use->section, use->address, to, true, 0);
    }
}

static int slot_compare(const void *key, const void *use)
{
    uint32_t slot = *(const uint32_t *)key;
    uint32_t other = ((const struct got_use *)use)->slot;
    return slot < other ? -1 : slot > other;
}

const struct got_use *got_use_of(const struct module *m, uint32_t slot)
{
    return m->got_count != 0
               ? bsearch(&slot, m->got, m->got_count, sizeof *m->got, slot_compare)
               : NULL;
}

/* In a section of its own, every slot that is not zero must have been explained. The uses
 * are sorted by slot. */
static void check_unexplained(struct module *m)
{
    const struct section *s = elffile_section(&m->elf, ".got");
    if (s == NULL || s->bytes == NULL || s->segment == NO_SEGMENT || s->has_relocs) {
        return;
    }
    for (uint32_t offset = 0; offset + 4 <= s->size; offset += 4) {
        uint32_t slot = s->address + offset;
        if (modfmt_get32(s->bytes + offset) != 0 && got_use_of(m, slot) == NULL) {
            problem_error(
                m, (uint32_t)(s - m->elf.sections), s->address + offset,
                "the slot holds 0x%08x, but no relocation record tells whose it is; "
                "link with -Wl,--emit-relocs (ld: --emit-relocs)",
                (unsigned)modfmt_get32(s->bytes + offset));
            return;
        }
    }
}

void got_resolve(struct module *m)
{
    bool slots = false;
    for (size_t i = 0; i < m->got_count; i++) {
        slots |= m->got[i].type == R_ARM_GOT_PREL || m->got[i].type == R_ARM_TARGET2;
    }
    if (m->got_based || m->got_offsets) {
        find_origin(m);
    }
    if (slots) {
        find_slots(m);
    }
    for (size_t i = 0; m->has_origin && i < m->got_count; i++) {
        if (m->got[i].type == R_ARM_GOT32) {
            m->got[i].slot = m->origin + m->got[i].value;
        }
    }
    if (m->problems.errors == 0 && m->got_count != 0) {
        qsort(m->got, m->got_count, sizeof *m->got, by_slot);
        fix_slots(m);
        for (size_t i = 0; i < m->got_count; i++) {
            fix_use(m, &m->got[i]);
        }
    }
    if (m->problems.errors == 0) {
        check_unexplained(m);
    }
    if (m->by_got && m->got_offsets && m->has_origin) {
        m->has_static_base = true;
        m->static_base = m->origin;
        m->static_home = m->origin_home;
    }
}
