/* SPDX-License-Identifier: BSD-2-Clause */
/* What a module's source says to mkmod with the macros of modfmt_module.h: words in a
 * section that is not loaded, each with a relocation record against the symbol meant. The
 * record is the message; the word's value says nothing that the symbol does not. */
#include <elf.h>

#include "cli.h"
#include "module.h"

static void take(struct module *m, const struct section *s, const struct record *r,
                 struct symbols *found, size_t *capacity)
{
    const struct symbol *symbol =
        r->symbol < m->elf.symbol_count ? &m->elf.symbols[r->symbol] : NULL;
    if (symbol == NULL || r->type != R_ARM_ABS32) {
        problem_error(m, 0, 0, "section %s holds what mkmod does not know: %s", s->name,
                      relocation_name(r->type));
        return;
    }
    if (symbol->name[0] == '\0' || symbol->type == STT_SECTION) {
        problem_error(m, 0, 0,
                      "section %s names something that is static, or that the linker "
                      "dropped; MODULE_EXPORT and MODULE_PARAMS want a symbol that other "
                      "files can see, and module.ld's KEEP",
                      s->name);
        return;
    }
    for (size_t i = 0; i < found->count; i++) {
        if (found->list[i] == r->symbol) {
            return;
        }
    }
    found->list = cli_grow(found->list, capacity, found->count + 1, sizeof *found->list);
    found->list[found->count++] = r->symbol;
}

struct symbols records_of(struct module *m, const char *name)
{
    struct symbols found = {NULL, 0};
    size_t capacity = 0;
    const struct section *s = elffile_section(&m->elf, name);
    uint32_t words = s != NULL && s->bytes != NULL ? s->size / 4 : 0;
    uint32_t seen = 0;
    for (uint32_t i = 1; words != 0 && i < m->elf.section_count; i++) {
        const struct section *relocs = &m->elf.sections[i];
        if (relocs->type != SHT_REL || relocs->bytes == NULL ||
            relocs->link != m->elf.symtab || m->elf.symtab == 0 ||
            relocs->info != (uint32_t)(s - m->elf.sections)) {
            continue;
        }
        struct record r;
        for (uint32_t at = 0; relocation_at(relocs, at, &r); at += RECORD_SIZE) {
            take(m, s, &r, &found, &capacity);
            seen++;
        }
    }
    if (seen < words) {
        problem_error(m, 0, 0,
                      "section %s has %u words and %u relocation records: link with "
                      "-Wl,--emit-relocs (ld: --emit-relocs)",
                      name, (unsigned)words, (unsigned)seen);
    }
    return found;
}
