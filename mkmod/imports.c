/* SPDX-License-Identifier: BSD-2-Clause */
/* Undefined symbols that the module uses become its imports. */
#include <elf.h>
#include <stdlib.h>
#include <string.h>

#include "cli.h"
#include "module.h"

#define IMPORTS_MAX 0xffffu
#define VENEER_V7M  8u
#define VENEER_V6M  12u

/* Names are bytes other than 0x00 to 0x20 and 0x7F (specs/modfmt.md, 6). */
static bool good_name(const char *name)
{
    for (const char *c = name; *c != '\0'; c++) {
        if ((unsigned char)*c <= 0x20 || *c == 0x7f) {
            return false;
        }
    }
    return name[0] != '\0';
}

static void use(struct module *m, size_t *capacity, uint32_t index, uint32_t type)
{
    struct symbol *symbol = &m->elf.symbols[index];
    if (symbol->import == SYMBOL_NO_IMPORT) {
        m->imports =
            cli_grow(m->imports, capacity, m->import_count + 1u, sizeof *m->imports);
        struct import *import = &m->imports[m->import_count];
        memset(import, 0, sizeof *import);
        import->symbol = index;
        import->hash = modfmt_hash(symbol->name, (uint32_t)strlen(symbol->name));
        symbol->import = m->import_count++;
        if (!good_name(symbol->name)) {
            problem_error(m, 0, 0,
                          "undefined symbol '%s' has a name that no import can have",
                          symbol->name);
        }
    }
    if (relocation_branches(type)) {
        m->imports[symbol->import].branched = true;
    }
}

static void scan(struct module *m, size_t *capacity, const struct section *relocs)
{
    const struct elffile *elf = &m->elf;
    for (uint32_t offset = 0; offset + 8 <= relocs->size; offset += 8) {
        uint32_t info = modfmt_get32(relocs->bytes + offset + 4);
        uint32_t symbol = info >> 8;
        if (symbol < elf->symbol_count && elf->symbols[symbol].home == HOME_IMPORT &&
            relocation_refers(info & 0xff)) {
            use(m, capacity, symbol, info & 0xff);
        }
    }
}

static int by_hash(const void *a, const void *b)
{
    const struct import *x = a;
    const struct import *y = b;
    if (x->hash != y->hash) {
        return x->hash < y->hash ? -1 : 1;
    }
    return x->symbol < y->symbol ? -1 : x->symbol > y->symbol;
}

/* Two symbol table entries of one name are one import; two names of one hash cannot be.
 */
static void number_imports(struct module *m)
{
    uint32_t kept = 0;
    for (uint32_t i = 0; i < m->import_count; i++) {
        struct symbol *symbol = &m->elf.symbols[m->imports[i].symbol];
        if (kept != 0 && m->imports[kept - 1].hash == m->imports[i].hash) {
            const struct symbol *other = &m->elf.symbols[m->imports[kept - 1].symbol];
            if (strcmp(other->name, symbol->name) != 0) {
                problem_error(
                    m, 0, 0,
                    "imports '%s' and '%s' have the same hash 0x%08x; rename one",
                    other->name, symbol->name, (unsigned)m->imports[i].hash);
            }
            m->imports[kept - 1].branched |= m->imports[i].branched;
            symbol->import = kept - 1;
            continue;
        }
        m->imports[kept] = m->imports[i];
        symbol->import = kept++;
    }
    m->import_count = kept;
}

void imports_collect(struct module *m)
{
    const struct elffile *elf = &m->elf;
    size_t capacity = 0;
    for (uint32_t i = 1; i < elf->section_count; i++) {
        const struct section *s = &elf->sections[i];
        uint32_t covered = elffile_covered(elf, s);
        if (covered != 0 && s->type == SHT_REL && s->bytes != NULL &&
            s->link == elf->symtab && elf->sections[covered].type != SHT_ARM_EXIDX) {
            scan(m, &capacity, s);
        }
    }
    if (m->import_count != 0) {
        qsort(m->imports, m->import_count, sizeof *m->imports, by_hash);
        number_imports(m);
    }
    if (m->import_count > IMPORTS_MAX) {
        problem_error(m, 0, 0, "has %u imports; at most %u can be",
                      (unsigned)m->import_count, IMPORTS_MAX);
    }
    m->veneer_size = (m->needs & MODFMT_NEED_V7M) != 0 ? VENEER_V7M : VENEER_V6M;
    for (uint32_t i = 0; i < m->import_count; i++) {
        m->imports[i].veneer = m->veneer_count * m->veneer_size;
        m->veneer_count += m->imports[i].branched;
    }
}
