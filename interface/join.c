/* SPDX-License-Identifier: BSD-2-Clause */
/* A firmware with several export tables (its own, an RTOS's, a library's) carries as many
 * descriptions, one behind the other in .modapi. Together they are one. */
#include <stdlib.h>
#include <string.h>

#include "cli.h"
#include "types.h"

static uint32_t moved(uint32_t type, size_t by)
{
    return type == TYPE_NONE ? TYPE_NONE : type + (uint32_t)by;
}

/* The types of `from`, behind those of `to`. */
static void move_types(struct interface_types *to, struct interface_types *from)
{
    size_t by = to->count;
    to->list = cli_grow(to->list, &to->capacity, by + from->count, sizeof *to->list);
    for (size_t i = 0; i < from->count; i++) {
        struct type *t = &to->list[by + i];
        *t = from->list[i];
        t->target = moved(t->target, by);
        t->forward = moved(t->forward, by);
        for (size_t k = 0; k < t->count; k++) {
            t->members[k].type = moved(t->members[k].type, by);
        }
    }
    to->count += from->count;
    to->colored = false;
    from->count = 0; /* what they name is the other one's now */
}

static int by_name(const void *a, const void *b)
{
    const struct interface_symbol *x = a;
    const struct interface_symbol *y = b;
    return strcmp(x->name, y->name);
}

static void drop(struct interface_symbol *s)
{
    free((char *)(uintptr_t)s->name);
    free((char *)(uintptr_t)s->prototype);
    free((char *)(uintptr_t)s->condition);
    free((char *)(uintptr_t)s->where);
}

int interface_join(struct interface *to, struct interface *from)
{
    if (strcmp(to->provider, from->provider) != 0) {
        cli_error(to->path,
                  "has descriptions of '%s' and of '%s' in its section " INTERFACE_SECTION
                  ": a firmware's tables all have one provider (modapi build --provider)",
                  to->provider, from->provider);
        return CLI_REFUSED;
    }
    size_t own = to->count;
    size_t by = to->types->count;
    move_types(to->types, from->types);
    to->symbols = realloc(to->symbols, (own + from->count + 1) * sizeof *to->symbols);
    if (to->symbols == NULL) {
        cli_die(CLI_IO, to->path, "out of memory");
    }
    for (size_t i = 0; i < from->count; i++) {
        struct interface_symbol *s = &from->symbols[i];
        if (bsearch(s, to->symbols, own, sizeof *s, by_name) != NULL) {
            drop(s); /* a loader takes the first table's */
            continue;
        }
        s->type = moved(s->type, by);
        to->symbols[to->count++] = *s;
    }
    from->count = 0;
    qsort(to->symbols, to->count, sizeof *to->symbols, by_name);
    return CLI_OK;
}
