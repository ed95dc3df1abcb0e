/* SPDX-License-Identifier: BSD-2-Clause */
/* Symbols of the module that other modules and the firmware may use. */
#include <elf.h>
#include <stdlib.h>
#include <string.h>

#include "cli.h"
#include "module.h"

#define EXPORTS_MAX 0xffffu

/* Why a symbol cannot be exported, or NULL. */
static const char *reason_not(const struct module *m, const struct symbol *s)
{
    if (s->home == HOME_IMPORT) {
        return "it is not defined in the module (in C++, is it extern \"C\"?)";
    }
    if (s->bind == STB_LOCAL && !s->hidden) {
        return "it is local; drop 'static'";
    }
    if (s->home == HOME_TLS) {
        return "it is a thread-local variable";
    }
    if (s->home > HOME_DATA) {
        return "it is not in a section that is loaded";
    }
    if (s->type == STT_GNU_IFUNC) {
        return "it is an indirect function (ifunc)";
    }
    if (s->type == STT_FUNC && (s->value & 1) == 0) {
        return "it is ARM-state code; a Cortex-M runs Thumb only";
    }
    const struct segment *segment = &m->segment[s->home];
    if ((s->type == STT_OBJECT ? s->value : s->value & ~1u) - segment->start >=
        segment->end - segment->start) {
        return "it is not inside a segment of the module (a label at an end?)";
    }
    return symbol_good_name(s->name) ? NULL : "its name is one that no export can have";
}

/* Functions are what is marked so, and labels in code. */
static bool is_function(struct module *m, const struct symbol *s)
{
    const struct section *section = &m->elf.sections[s->section];
    if (s->type == STT_NOTYPE && (section->flags & SHF_EXECINSTR) != 0 &&
        elffile_state(&m->elf, s->value & ~1u) != 'd') {
        problem_warning(m, 0, 0,
                        "the export '%s' is not marked as a function; taking it for "
                        "Thumb code (add .type %s, %%function)",
                        s->name, s->name);
        return true;
    }
    return s->type == STT_FUNC;
}

static void add(struct module *m, size_t *capacity, uint32_t index)
{
    const struct symbol *s = &m->elf.symbols[index];
    const char *reason = reason_not(m, s);
    for (uint32_t i = 0; i < m->export_count; i++) {
        if (strcmp(m->exports[i].name, s->name) == 0) {
            return;
        }
    }
    if (reason != NULL) {
        problem_error(m, 0, 0, "'%s' cannot be exported: %s", s->name, reason);
        return;
    }
    m->exports = cli_grow(m->exports, capacity, m->export_count + 1u, sizeof *m->exports);
    m->exports[m->export_count++] = (struct export){
        .name = s->name,
        .symbol = index,
        .hash = modfmt_hash(s->name, (uint32_t)strlen(s->name)),
        .function = is_function(m, s),
    };
}

static int by_hash(const void *a, const void *b)
{
    const struct export *x = a;
    const struct export *y = b;
    if (x->hash != y->hash) {
        return x->hash < y->hash ? -1 : 1;
    }
    return strcmp(x->name, y->name);
}

static void sort(struct module *m)
{
    qsort(m->exports, m->export_count, sizeof *m->exports, by_hash);
    for (uint32_t i = 1; i < m->export_count; i++) {
        if (m->exports[i - 1].hash == m->exports[i].hash) {
            problem_error(
                m, 0, 0, "exports '%s' and '%s' have the same hash 0x%08x; rename one",
                m->exports[i - 1].name, m->exports[i].name, (unsigned)m->exports[i].hash);
        }
    }
}

void exports_collect(struct module *m)
{
    size_t capacity = 0;
    struct symbols marked = records_of(m, EXPORTS_SECTION);
    for (size_t i = 0; i < marked.count; i++) {
        add(m, &capacity, marked.list[i]);
    }
    free(marked.list);
    for (size_t i = 0; i < m->options.exports.count; i++) {
        const char *name = m->options.exports.list[i];
        const struct symbol *s = elffile_symbol(&m->elf, name);
        if (s == NULL) {
            problem_error(m, 0, 0,
                          "there is no symbol '%s' to export; check --export, and that "
                          "--gc-sections did not drop it (ld: -u %s)",
                          name, name);
        } else {
            add(m, &capacity, (uint32_t)(s - m->elf.symbols));
        }
    }
    if (m->export_count != 0) {
        sort(m);
    }
    if (m->export_count > EXPORTS_MAX) {
        problem_error(m, 0, 0, "has %u exports; at most %u can be",
                      (unsigned)m->export_count, EXPORTS_MAX);
    }
}

uint32_t exports_place(const struct module *m, const struct export *export,
                       uint8_t *ret_home)
{
    const struct symbol *s = &m->elf.symbols[export->symbol];
    uint32_t value = export->function ? s->value | 1 : s->value;
    const struct callback *c = export->function ? trampolines_of(m, value) : NULL;
    *ret_home = c != NULL ? HOME_DATA : s->home;
    return c != NULL ? c->offset + 1 : value - m->segment[s->home].link;
}

struct modfmt_export *exports_table(const struct module *m)
{
    struct modfmt_export *table = cli_alloc(m->export_count + 1u, sizeof *table);
    for (uint32_t i = 0; i < m->export_count; i++) {
        const struct export *export = &m->exports[i];
        uint8_t home = HOME_TEXT;
        table[i].hash = export->hash;
        table[i].type = export->type;
        table[i].value = exports_place(m, export, &home);
        table[i].flags = (home == HOME_DATA ? MODFMT_EXPORT_DATA : 0) |
                         (export->function ? 0 : MODFMT_EXPORT_OBJECT);
    }
    return table;
}
