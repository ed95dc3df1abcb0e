/* SPDX-License-Identifier: BSD-2-Clause */
/* Values counted from the static base in r9 (clang -frwpi). LLD takes the start of the
 * target's load segment as the base, GNU ld takes 0, and then the fields hold addresses.
 * Only what counts from the start of data is right wherever data goes. */
#include "instruction.h"
#include "module.h"

/* Can the field be what the linker makes of the symbol with this base? */
static bool fits(const struct module *m, const struct symbol *s, uint32_t base,
                 uint32_t field, bool mov)
{
    const struct section *section = &m->elf.sections[s->section];
    uint32_t plain = s->value - base;
    uint32_t target = field + base;
    if (mov && thumb_is_movt(field)) {
        uint32_t imm = thumb_mov_imm(field);
        return imm == plain >> 16 || imm == (plain + 0x7fff) >> 16 ||
               imm == (plain - 0x8000) >> 16;
    }
    if (mov) {
        target = s->value + sign_extend(thumb_mov_imm(field) - plain, 16);
    }
    return target - section->address <= section->size;
}

/* Is the load segment that holds the symbol one that starts with data? */
static bool one_load(const struct module *m, const struct symbol *s)
{
    uint32_t address = m->elf.sections[s->section].address;
    for (uint32_t i = 0; i < m->elf.load_count; i++) {
        const struct load_segment *load = &m->elf.loads[i];
        if (load->writable && address - load->address < load->size) {
            return load->address == m->segment[1].first;
        }
    }
    return m->elf.load_count == 0;
}

void staticbase_add(struct module *m, const struct record *r, uint32_t field, bool mov)
{
    const struct symbol *s = &m->elf.symbols[r->symbol];
    uint32_t base = m->segment[1].first;
    if (mov && !thumb_is_movw(field) && !thumb_is_movt(field)) {
        relocation_problem(m, r,
                           "there is no MOVW or MOVT at the place; the ELF is corrupt");
        return;
    }
    if (s->home != HOME_DATA) {
        relocation_problem(
            m, r,
            "the symbol is counted from the static base (r9) but is not in "
            "the module's data; build without -frwpi, or make it const or "
            "reach it through a pointer");
        return;
    }
    bool by_data = fits(m, s, base, field, mov);
    bool by_zero = base != 0 && fits(m, s, 0, field, mov);
    if (!by_data) {
        relocation_problem(
            m, r,
            "%s, not from the start of data at 0x%08x, so it breaks when the "
            "module moves; link with ld.lld and all writable sections in one "
            "segment, or build without -frwpi",
            by_zero ? "the value counts from address 0 (GNU ld does that)"
                    : "the value counts from another base",
            (unsigned)base);
        return;
    }
    if (base != 0 && !by_zero && !one_load(m, s)) {
        relocation_problem(
            m, r,
            "the value counts from the start of a load segment that is not "
            "the start of data; link with all writable sections in one "
            "segment");
        return;
    }
    m->sb_based = true;
    m->sb_decided |= !by_zero;
}

void staticbase_resolve(struct module *m)
{
    uint32_t base = m->segment[1].first;
    if (!m->sb_based) {
        if (m->by_r9 && !m->has_static_base) {
            /* --xip: nothing but the veneers goes by r9. */
            m->has_static_base = true;
            m->static_base = m->planned_base;
            m->static_home = HOME_DATA;
        }
        return;
    }
    if (!m->sb_decided && !m->by_lld) {
        problem_error(
            m, 0, 0,
            "values counted from the static base (r9) do not tell which base the "
            "linker took; link with ld.lld, or build without -frwpi");
        return;
    }
    if (m->has_static_base && m->static_base != base) {
        problem_error(
            m, 0, 0,
            "r9 would have to hold both the start of data (-frwpi) and the global offset "
            "table's (-msingle-pic-base); build all sources the same way");
        return;
    }
    m->has_static_base = true;
    m->static_base = base;
    m->static_home = HOME_DATA;
}
