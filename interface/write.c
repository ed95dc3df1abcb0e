/* SPDX-License-Identifier: BSD-2-Clause */
/* Description files: specs/interface.md, 3. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "cli.h"
#include "types.h"

static void write_symbol(const struct interface *interface,
                         const struct interface_symbol *s, bool dwarf, struct text *text)
{
    text_add(text, "\n%s %s %08x\n", s->kind == INTERFACE_FUNCTION ? "function" : "data",
             s->name, (unsigned)s->tag);
    if (s->condition != NULL) {
        text_add(text, "  if %s\n", s->condition);
    }
    if (dwarf && s->where != NULL) {
        text_add(text, "  where %s\n", s->where);
    }
    if (dwarf && !s->defined) {
        text_add(text, "  used\n");
    }
    if (s->type != TYPE_NONE) {
        text_add(text, "  prototype %s\n  type ", s->prototype);
        types_spell(interface->types, s->type, text);
        text_add(text, "\n");
    }
}

static void write_member(const struct interface_types *types, const struct type_member *m,
                         struct text *text)
{
    text_add(text, "  %s %" PRIu64, m->name[0] != '\0' ? m->name : "-", m->place / 8);
    if (m->bits != 0) {
        text_add(text, ".%u:%u", (unsigned)(m->place % 8), (unsigned)m->bits);
    }
    text_add(text, " ");
    types_spell(types, m->type, text);
    text_add(text, "\n");
}

static void write_definition(const struct interface_types *types, const struct type *t,
                             struct text *text)
{
    if (t->opaque) {
        text_add(text, "\nopaque %s %s\n", types_keyword(t), t->name);
        return;
    }
    text_add(text, "\n%s%s %s ", t->alias ? "typedef " : "", types_keyword(t), t->name);
    if (t->kind == TYPE_ENUM) {
        types_spell(types, t->target, text);
    } else {
        text_add(text, "%u", (unsigned)t->size);
    }
    text_add(text, "\n");
    for (size_t i = 0; i < t->count; i++) {
        if (t->kind == TYPE_ENUM) {
            text_add(text, "  %s %" PRId64 "\n", t->members[i].name, t->members[i].value);
        } else {
            write_member(types, &t->members[i], text);
        }
    }
}

static int by_symbol(const void *a, const void *b)
{
    const struct interface_symbol *const *x = a;
    const struct interface_symbol *const *y = b;
    int order = strcmp((*x)->name, (*y)->name);
    return order != 0 ? order : (*x > *y) - (*x < *y);
}

static int by_name(const void *a, const void *b)
{
    const struct type *const *x = a;
    const struct type *const *y = b;
    int order = strcmp((*x)->name, (*y)->name);
    return order != 0 ? order : ((*x)->kind > (*y)->kind) - ((*x)->kind < (*y)->kind);
}

static void write_definitions(const struct interface *interface,
                              const struct interface_symbol *const *symbols, size_t count,
                              struct text *text)
{
    size_t needed;
    uint32_t *reached = types_reach(interface->types, symbols, count, true, &needed);
    const struct type **list = cli_alloc(needed + 1, sizeof *list);
    for (size_t i = 0; i < needed; i++) {
        list[i] = &interface->types->list[reached[i]];
    }
    qsort(list, needed, sizeof *list, by_name);
    for (size_t i = 0; i < needed; i++) {
        write_definition(interface->types, list[i], text);
    }
    free(list);
    free(reached);
}

static char *write_all(const struct interface *interface,
                       const struct interface_subset *subset, bool dwarf,
                       size_t *ret_size)
{
    struct text text = {0};
    const struct interface_symbol **symbols =
        cli_alloc(subset->count + 1, sizeof *symbols);
    for (size_t i = 0; i < subset->count; i++) {
        symbols[i] = subset->symbols[i];
    }
    qsort(symbols, subset->count, sizeof *symbols, by_symbol);
    text_add(&text, "modfmt interface 1\n");
    if (!dwarf && subset->provider[0] != '\0') {
        text_add(&text, "provider %s\nversion %u.%u.%u\n", subset->provider,
                 subset->version[0], subset->version[1], subset->version[2]);
    }
    for (size_t i = 0; i < subset->count; i++) {
        write_symbol(interface, symbols[i], dwarf, &text);
    }
    write_definitions(interface, symbols, subset->count, &text);
    free(symbols);
    *ret_size = text.size;
    return text.bytes;
}

static char *write_whole(const struct interface *interface, bool dwarf, size_t *ret_size)
{
    const struct interface_symbol **symbols =
        cli_alloc(interface->count + 1, sizeof *symbols);
    for (size_t i = 0; i < interface->count; i++) {
        symbols[i] = &interface->symbols[i];
    }
    struct interface_subset all = {
        .provider = interface->provider, .symbols = symbols, .count = interface->count};
    memcpy(all.version, interface->version, sizeof all.version);
    char *text = write_all(interface, &all, dwarf, ret_size);
    free(symbols);
    return text;
}

char *interface_text(const struct interface *interface,
                     const struct interface_subset *subset, size_t *ret_size)
{
    return subset == NULL ? write_whole(interface, false, ret_size)
                          : write_all(interface, subset, false, ret_size);
}

char *interface_text_dwarf(const struct interface *interface, size_t *ret_size)
{
    return write_whole(interface, true, ret_size);
}
