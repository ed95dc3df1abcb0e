/* SPDX-License-Identifier: BSD-2-Clause */
/* Which functions there are, by the symbols; and by calls where those say nothing. */
#include <elf.h>
#include <stdlib.h>
#include <string.h>

#include "cli.h"
#include "stack.h"

static uint32_t *entry(const struct module *m, uint32_t *const tables[2],
                       uint32_t address)
{
    unsigned segment = segments_at(m, address);
    return &tables[segment][(address - m->segment[segment].link) / 2];
}

/* Where a function ends at most: where the next one starts, or the section ends. */
static uint32_t end_by_next(const struct module *m, const struct stack_functions *all,
                            uint32_t start)
{
    uint32_t end = start + 2;
    const struct section *s = elffile_section_at(&m->elf, start);
    while (s != NULL && end - s->address < s->size && segments_bytes(m, end, 2) != NULL &&
           *entry(m, all->starts, end) == 0) {
        end += 2;
    }
    return end;
}

static void add_symbol(struct module *m, struct stack_functions *all,
                       const struct symbol *s)
{
    uint32_t start = s->value & ~1u;
    uint32_t *number = entry(m, all->starts, start);
    if (*number == 0) {
        all->list =
            cli_grow(all->list, &all->capacity, all->count + 1, sizeof *all->list);
        memset(&all->list[all->count], 0, sizeof all->list[0]);
        *number = (uint32_t)++all->count;
    }
    struct stack_function *f = &all->list[*number - 1];
    if (f->name == NULL || (s->bind != STB_LOCAL && !f->global)) {
        f->name = s->name;
        f->global = s->bind != STB_LOCAL;
    }
    f->start = start;
    f->end = s->size > f->end - start || f->end == 0 ? start + s->size : f->end;
}

static void find_words(struct module *m, struct stack_words *words)
{
    size_t capacity = 0;
    for (size_t i = 0; i < m->fixup_count; i++) {
        const struct modfmt_fixup *f = &m->fixups[i];
        bool front = f->segment == HOME_DATA && f->place < m->data_prefix;
        if (f->target != MODFMT_TARGET_IMPORT || f->relative || front) {
            continue;
        }
        words->list =
            cli_grow(words->list, &capacity, words->count + 1, sizeof *words->list);
        words->list[words->count++] =
            (struct stack_word){m->segment[f->segment].link + f->place, f->import_index};
    }
}

static int by_address(const void *a, const void *b)
{
    const struct stack_word *x = a;
    const struct stack_word *y = b;
    return x->address < y->address ? -1 : x->address > y->address;
}

void stack_functions_find(struct module *m, struct stack_functions *all)
{
    for (unsigned segment = 0; segment < 2; segment++) {
        size_t halves = m->segment[segment].stored / 2u + 2u;
        all->starts[segment] = cli_alloc(halves, sizeof(uint32_t));
        all->labels[segment] = cli_alloc(halves, sizeof(uint32_t));
        all->seen[segment] = cli_alloc(halves, sizeof(uint32_t));
    }
    for (uint32_t i = 1; i < m->elf.symbol_count; i++) {
        const struct symbol *s = &m->elf.symbols[i];
        bool here = s->home <= HOME_DATA && s->name[0] != '\0' &&
                    stack_is_code(m, s->value & ~1u);
        if (here && s->type == STT_FUNC) {
            add_symbol(m, all, s);
        } else if (here && s->type == STT_NOTYPE && s->name[0] != '$') {
            *entry(m, all->labels, s->value & ~1u) = i;
        }
    }
    for (size_t i = 0; i < all->count; i++) {
        struct stack_function *f = &all->list[i];
        uint32_t most = end_by_next(m, all, f->start);
        if (f->end - f->start > most - f->start || f->end == f->start) {
            f->end = most;
        }
    }
    find_words(m, &all->words);
    if (all->words.count != 0) {
        qsort(all->words.list, all->words.count, sizeof *all->words.list, by_address);
    }
}

size_t stack_function_at(struct module *m, struct stack_functions *all, uint32_t address)
{
    uint32_t *number = entry(m, all->starts, address);
    if (*number == 0) {
        struct stack_function f = {.start = address, .made_up = true};
        uint32_t label = *entry(m, all->labels, address);
        if (label == 0) {
            f.own_name = cli_format("code at 0x%08x", (unsigned)address);
        }
        f.name = label != 0 ? m->elf.symbols[label].name : f.own_name;
        f.end = end_by_next(m, all, address);
        all->list =
            cli_grow(all->list, &all->capacity, all->count + 1, sizeof *all->list);
        all->list[all->count] = f;
        *number = (uint32_t)++all->count;
    }
    return *number - 1;
}

void stack_functions_free(struct stack_functions *all)
{
    for (unsigned segment = 0; segment < 2; segment++) {
        free(all->starts[segment]);
        free(all->labels[segment]);
        free(all->seen[segment]);
    }
    for (size_t i = 0; i < all->count; i++) {
        free(all->list[i].calls);
        free(all->list[i].own_name);
    }
    free(all->list);
    free(all->words.list);
    free(all->exits);
}
