/* SPDX-License-Identifier: BSD-2-Clause */
/* What an interface has besides types: constants, const. */
#include <stdlib.h>
#include <string.h>

#include "cli.h"
#include "probe.h"
#include "types.h"

#define NESTING_MAX 1000u

/* ---- enums ------------------------------------------------------------------------- */

static int by_constant(const void *a, const void *b)
{
    const struct interface_constant *x = a;
    const struct interface_constant *y = b;
    int order = strcmp(x->name, y->name);
    order = order != 0 ? order : strcmp(x->of, y->of);
    return order != 0 ? order : (x->value > y->value) - (x->value < y->value);
}

struct interface_constant *interface_constants(const struct interface *interface,
                                               size_t *ret_count)
{
    struct interface_constant *list = NULL;
    size_t capacity = 0;
    size_t count = 0;
    for (size_t i = 0; i < interface->types->count; i++) {
        const struct type *t = &interface->types->list[i];
        for (size_t k = 0; t->kind == TYPE_ENUM && k < t->count; k++) {
            list = cli_grow(list, &capacity, count + 1, sizeof *list);
            list[count].name = t->members[k].name;
            list[count].of = t->name;
            list[count++].value = t->members[k].value;
        }
    }
    if (count != 0) {
        qsort(list, count, sizeof *list, by_constant);
    }
    *ret_count = count;
    return list;
}

static int by_enum(const void *a, const void *b)
{
    const struct interface_enum *x = a;
    const struct interface_enum *y = b;
    return strcmp(x->name, y->name);
}

struct interface_enum *interface_enums(const struct interface *interface,
                                       size_t *ret_count)
{
    size_t count = 0;
    size_t needed;
    const struct interface_symbol **symbols =
        cli_alloc(interface->count + 1, sizeof *symbols);
    for (size_t i = 0; i < interface->count; i++) {
        symbols[count] = &interface->symbols[i];
        count += symbols[count]->type != TYPE_NONE;
    }
    uint32_t *reached = types_reach(interface->types, symbols, count, false, &needed);
    struct interface_enum *list = cli_alloc(needed + 1, sizeof *list);
    count = 0;
    for (size_t i = 0; i < needed; i++) {
        const struct type *t = &interface->types->list[reached[i]];
        if (t->kind == TYPE_ENUM) {
            list[count].name = t->name;
            list[count++].size = t->size;
        }
    }
    qsort(list, count, sizeof *list, by_enum);
    free(reached);
    free(symbols);
    *ret_count = count;
    return list;
}

bool interface_unprototyped(const struct interface *interface,
                            const struct interface_symbol *symbol)
{
    return symbol->type != TYPE_NONE &&
           types_plain(interface->types, symbol->type)->unprototyped;
}

/* ---- const ----------------------------------------------------------------------------
 */

struct constness {
    const struct interface_types *then;
    const struct interface_types *now;
    struct interface_const found;
    uint32_t (*met)[2]; /* structs that were compared */
    size_t met_count;
    size_t met_capacity;
    unsigned depth;
};

static void compare(struct constness *c, uint32_t then, uint32_t now, bool parameter);

static bool is_const(const struct interface_types *types, uint32_t index)
{
    const struct type *t = types_at(types, index);
    while (t->kind == TYPE_VOLATILE) {
        t = types_at(types, t->target);
    }
    return t->kind == TYPE_CONST;
}

static bool met(struct constness *c, const struct type *then, const struct type *now)
{
    uint32_t a = (uint32_t)(then - c->then->list);
    uint32_t b = (uint32_t)(now - c->now->list);
    for (size_t i = 0; i < c->met_count; i++) {
        if (c->met[i][0] == a && c->met[i][1] == b) {
            return true;
        }
    }
    c->met = cli_grow(c->met, &c->met_capacity, c->met_count + 1, sizeof *c->met);
    c->met[c->met_count][0] = a;
    c->met[c->met_count++][1] = b;
    return false;
}

static void compare_parts(struct constness *c, const struct type *then,
                          const struct type *now, bool parameter)
{
    if (types_is_record(then) && met(c, then, now)) {
        return;
    }
    bool function = then->kind == TYPE_FUNCTION;
    for (size_t i = 0; then->kind != TYPE_ENUM && i < then->count && i < now->count;
         i++) {
        const struct type *a = types_plain(c->then, then->members[i].type);
        const struct type *b = types_plain(c->now, now->members[i].type);
        /* A parameter is a copy: only what it points to counts. */
        if (function && a->kind == TYPE_POINTER && b->kind == TYPE_POINTER) {
            compare(c, a->target, b->target, true);
        } else if (!function) {
            compare(c, then->members[i].type, now->members[i].type, parameter);
        }
    }
    if (then->target != TYPE_NONE && now->target != TYPE_NONE &&
        then->kind != TYPE_ENUM) {
        compare(c, then->target, now->target, parameter);
    }
}

static void compare(struct constness *c, uint32_t then, uint32_t now, bool parameter)
{
    bool was = is_const(c->then, then);
    bool is = is_const(c->now, now);
    const struct type *a = types_plain(c->then, then);
    const struct type *b = types_plain(c->now, now);
    c->found.dropped |= was && !is;
    c->found.added |= !was && is && !parameter;
    c->found.relaxed |= !was && is && parameter;
    if (a->kind == b->kind && c->depth < NESTING_MAX) {
        c->depth++;
        compare_parts(c, a, b, parameter);
        c->depth--;
    }
}

struct interface_const interface_compare_const(const struct interface *of_then,
                                               const struct interface_symbol *then,
                                               const struct interface *of_now,
                                               const struct interface_symbol *now)
{
    struct constness c = {.then = of_then->types, .now = of_now->types};
    if (then->type == TYPE_NONE || now->type == TYPE_NONE) {
        return c.found;
    }
    compare(&c, then->type, now->type, false);
    free(c.met);
    return c.found;
}
