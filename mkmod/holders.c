/* SPDX-License-Identifier: BSD-2-Clause */
/* Which function or object of the module an address lies in. */
#include <elf.h>
#include <stdlib.h>

#include "cli.h"
#include "module.h"

/* Symbols may overlap, by aliases or by mischief; so far back is looked. */
#define LOOK_BACK 8u

static uint32_t start_of(const struct symbol *s)
{
    return s->type == STT_FUNC ? s->value & ~1u : s->value;
}

static const struct module *sorting; /* qsort() has no room for a context */

static int by_start(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a;
    uint32_t y = *(const uint32_t *)b;
    uint32_t left = start_of(&sorting->elf.symbols[x]);
    uint32_t right = start_of(&sorting->elf.symbols[y]);
    if (left != right) {
        return left < right ? -1 : 1;
    }
    return x < y ? -1 : x > y;
}

static void list_holders(struct holders *h, const struct module *m)
{
    for (uint32_t i = 1; i < m->elf.symbol_count; i++) {
        const struct symbol *s = &m->elf.symbols[i];
        if ((s->type == STT_FUNC || s->type == STT_OBJECT) && s->home <= HOME_DATA &&
            s->size != 0) {
            h->list = cli_grow(h->list, &h->capacity, h->count + 1, sizeof *h->list);
            h->list[h->count++] = i;
        }
    }
    if (h->count != 0) {
        sorting = m;
        qsort(h->list, h->count, sizeof *h->list, by_start);
    }
    h->listed = true;
}

struct symbol *holder_of(struct module *m, uint32_t address)
{
    struct holders *h = &m->holders;
    if (!h->listed) {
        list_holders(h, m);
    }
    size_t from = 0;
    size_t to = h->count;
    while (from < to) {
        size_t middle = from + (to - from) / 2;
        if (start_of(&m->elf.symbols[h->list[middle]]) <= address) {
            from = middle + 1;
        } else {
            to = middle;
        }
    }
    for (size_t back = 0; back < LOOK_BACK && back < from; back++) {
        struct symbol *s = &m->elf.symbols[h->list[from - 1 - back]];
        if (address - start_of(s) < s->size) {
            return s;
        }
    }
    return NULL;
}
