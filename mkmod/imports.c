/* SPDX-License-Identifier: BSD-2-Clause */
/* Undefined symbols that the module uses become its imports. */
#include <elf.h>
#include <stdlib.h>
#include <string.h>

#include "cli.h"
#include "module.h"

#define IMPORTS_MAX 0xffffu

bool symbol_good_name(const char *name)
{
    for (const char *c = name; *c != '\0'; c++) {
        if ((unsigned char)*c <= 0x20 || *c == 0x7f) {
            return false;
        }
    }
    return name[0] != '\0';
}

static void add(struct module *m, size_t *capacity, uint32_t index)
{
    struct symbol *symbol = &m->elf.symbols[index];
    m->imports = cli_grow(m->imports, capacity, m->import_count + 1u, sizeof *m->imports);
    struct import *import = &m->imports[m->import_count];
    memset(import, 0, sizeof *import);
    size_t length = interface_label(symbol->name, &import->label);
    length = length != 0 ? length : strlen(symbol->name);
    import->name = cli_format("%.*s", (int)length, symbol->name);
    import->symbol = index;
    import->hash = modfmt_hash(import->name, (uint32_t)length);
    import->weak = symbol->bind == STB_WEAK && symbol->section == SECTION_NONE;
    symbol->import = m->import_count++;
    if (!symbol_good_name(import->name)) {
        problem_error(m, 0, 0, "undefined symbol '%s' has a name that no import can have",
                      symbol->name);
    }
}

static void use(struct module *m, size_t *capacity, const struct record *r)
{
    if (m->elf.symbols[r->symbol].import == SYMBOL_NO_IMPORT) {
        add(m, capacity, r->symbol);
    }
    struct import *import = &m->imports[m->elf.symbols[r->symbol].import];
    bool branch = relocation_branches(r->type);
    if (import->section == 0 || (branch && !import->branched)) {
        import->section = r->section;
        import->address = r->address;
    }
    import->branched |= branch;
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

/* `other` is the same import as `import`: take over what it knows. */
static void merge(struct module *m, struct import *import, const struct import *other)
{
    if (strcmp(import->name, other->name) != 0) {
        problem_error(m, 0, 0,
                      "imports '%s' and '%s' have the same hash 0x%08x; rename one",
                      import->name, other->name, (unsigned)import->hash);
    }
    if (import->label != 0 && other->label != 0 && import->label != other->label) {
        problem_error(m, other->section, other->address,
                      "'%s' is used with two type tags, 0x%08x and 0x%08x: parts of the "
                      "module were compiled against different versions of its header; "
                      "compile all of it again",
                      import->name, (unsigned)import->label, (unsigned)other->label);
    }
    if (other->branched && !import->branched) {
        import->section = other->section;
        import->address = other->address;
    }
    import->label = import->label != 0 ? import->label : other->label;
    import->branched |= other->branched;
    import->weak &= other->weak;
}

/* Symbol table entries of one name are one import; two names of one hash cannot be. */
static void number_imports(struct module *m)
{
    uint32_t kept = 0;
    for (uint32_t i = 0; i < m->import_count; i++) {
        struct symbol *symbol = &m->elf.symbols[m->imports[i].symbol];
        if (kept != 0 && m->imports[kept - 1].hash == m->imports[i].hash) {
            merge(m, &m->imports[kept - 1], &m->imports[i]);
            free(m->imports[i].name);
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
    struct relocation_walk walk = {0, 0};
    struct record r;
    size_t capacity = 0;
    while (relocation_next(m, &walk, &r)) {
        if (m->elf.symbols[r.symbol].home == HOME_IMPORT && relocation_refers(r.type)) {
            use(m, &capacity, &r);
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
}
