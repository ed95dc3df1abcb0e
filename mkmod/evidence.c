/* SPDX-License-Identifier: BSD-2-Clause */
/* An ELF linked without --emit-relocs looks like one that needs no fix-up. What tells
 * them apart is evidence: things that cannot be there without relocation records. */
#include <elf.h>
#include <stdlib.h>
#include <string.h>

#include "cli.h"
#include "instruction.h"
#include "module.h"

/* Below this link address, small numbers in the code look like addresses. */
#define LOW_ADDRESS 0x10000u

/* Note which sections have relocation sections. @return whether a loaded one has */
static bool mark_covered(struct module *m)
{
    struct elffile *elf = &m->elf;
    bool loaded = false;
    for (uint32_t i = 1; i < elf->section_count; i++) {
        const struct section *s = &elf->sections[i];
        if ((s->type == SHT_REL || s->type == SHT_RELA) && (s->flags & SHF_ALLOC) == 0 &&
            s->info != 0 && s->info < elf->section_count) {
            elf->sections[s->info].has_relocs = true;
            loaded |= elf->sections[s->info].segment != NO_SEGMENT;
        }
    }
    return loaded;
}

static int by_value(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a;
    uint32_t y = *(const uint32_t *)b;
    return x < y ? -1 : x > y;
}

/* Addresses of functions and objects, sorted. */
static uint32_t *addresses(const struct module *m, size_t *ret_count)
{
    const struct elffile *elf = &m->elf;
    uint32_t *list = cli_alloc(elf->symbol_count + 1u, sizeof *list);
    size_t count = 0;
    for (uint32_t i = 1; i < elf->symbol_count; i++) {
        const struct symbol *s = &elf->symbols[i];
        bool thing =
            s->type == STT_FUNC || s->type == STT_OBJECT || s->type == STT_SECTION;
        if (thing && s->home <= HOME_DATA && s->value >= LOW_ADDRESS) {
            list[count++] = s->value;
        }
    }
    qsort(list, count, sizeof *list, by_value);
    *ret_count = count;
    return list;
}

/* The value of the literal word or MOVW/MOVT neighbours at `offset`. */
static bool address_at(const struct module *m, const struct section *s, uint32_t offset,
                       uint32_t *ret_value)
{
    const uint8_t *at = s->bytes + offset;
    uint32_t address = s->address + offset;
    bool code = (s->flags & SHF_EXECINSTR) != 0;
    char state = code ? elffile_state(&m->elf, address) : 'd';
    uint32_t word = modfmt_get32(at);
    if (state == 't' && offset + 8 <= s->size && thumb_is_movw(word) &&
        thumb_is_movt(modfmt_get32(at + 4))) {
        *ret_value = thumb_mov_imm(word) | thumb_mov_imm(modfmt_get32(at + 4)) << 16;
        return true;
    }
    *ret_value = word;
    return state == 'd' && address % 4 == 0;
}

static bool find_address(struct module *m, const struct section *s, const uint32_t *list,
                         size_t count)
{
    for (uint32_t offset = 0; offset + 4 <= s->size; offset += 2) {
        uint32_t value = 0;
        uint32_t word = modfmt_get32(s->bytes + offset);
        if (!thumb_is_movw(word) &&
            bsearch(&word, list, count, sizeof *list, by_value) == NULL) {
            continue;
        }
        if (address_at(m, s, offset, &value) &&
            bsearch(&value, list, count, sizeof *list, by_value) != NULL) {
            problem_error(
                m, (uint32_t)(s - m->elf.sections), s->address + offset,
                "holds 0x%08x, which is the address of a symbol, and there are no "
                "relocation records: link with -Wl,--emit-relocs (ld: --emit-relocs)",
                (unsigned)value);
            return true;
        }
    }
    return false;
}

static void look_for_addresses(struct module *m)
{
    size_t count = 0;
    uint32_t *list = addresses(m, &count);
    for (uint32_t i = 0; i < m->order_count; i++) {
        const struct section *s = &m->elf.sections[m->order[i]];
        if (s->bytes != NULL && s->type != SHT_ARM_EXIDX && s->type != SHT_NOTE &&
            find_address(m, s, list, count)) {
            break;
        }
    }
    free(list);
}

/* Arrays of constructors and a GOT are addresses through and through. */
static void look_at_tables(struct module *m)
{
    for (uint32_t i = 0; i < m->order_count; i++) {
        const struct section *s = &m->elf.sections[m->order[i]];
        bool array = s->type == SHT_INIT_ARRAY || s->type == SHT_FINI_ARRAY;
        if (array && !s->has_relocs && s->bytes != NULL) {
            problem_error(
                m, 0, 0,
                "section %s holds addresses but has no relocation records: link with "
                "-Wl,--emit-relocs (ld: --emit-relocs)",
                s->name);
        }
    }
}

void evidence_check(struct module *m)
{
    unsigned before = m->problems.errors;
    bool loaded = mark_covered(m);
    look_at_tables(m);
    if (loaded) {
        return;
    }
    const struct section *debug = elffile_section(&m->elf, ".debug_info");
    if (debug != NULL && debug->size != 0 && !debug->has_relocs) {
        problem_error(m, 0, 0,
                      "has .debug_info but no .rel.debug_info, so it was linked without "
                      "--emit-relocs: link with -Wl,--emit-relocs (ld: --emit-relocs)");
    } else if (m->elf.symbol_count != 0) {
        look_for_addresses(m);
    }
    if (m->problems.errors == before) {
        problem_warning(
            m, 0, 0,
            "no relocation record covers a loaded section; that is right only if "
            "nothing in the module holds an address (was it linked with "
            "-Wl,--emit-relocs?)");
    }
}
