/* SPDX-License-Identifier: BSD-2-Clause */
/* Several source files see the same types, some of them only from outside: make one graph
 * of what they see. */
#include <stdlib.h>
#include <string.h>

#include "cli.h"
#include "modfmt.h"
#include "types.h"

/* ---- colors: what nothing tells apart ---------------------------------------------- */

static uint64_t mix(uint64_t hash, uint64_t value)
{
    hash = (hash ^ value) * 0x9e3779b97f4a7c15u;
    return hash ^ hash >> 31;
}

static uint64_t mix_name(uint64_t hash, const char *name)
{
    for (; *name != '\0'; name++) {
        hash = (hash ^ (unsigned char)*name) * 0x100000001b3u;
    }
    return mix(hash, 0x5eu);
}

static uint64_t color_of(const struct interface_types *types, uint32_t index)
{
    return index == TYPE_NONE ? 0 : types_plain(types, index)->color;
}

/* What can be seen of a struct without following its members' types. */
static uint64_t first_color(const struct type *t)
{
    uint64_t color = mix(mix((uint64_t)t->kind, t->size), t->opaque);
    if (t->opaque) {
        color = mix_name(color, t->name);
    }
    for (size_t i = 0; i < t->count; i++) {
        color = mix_name(color, t->members[i].name);
        color = mix(mix(color, t->members[i].place), t->members[i].bits);
    }
    return color;
}

static uint64_t shape_color(const struct interface_types *types, const struct type *t)
{
    uint64_t color = mix(mix((uint64_t)t->kind, t->size), t->length);
    color = mix(color, (uint64_t)t->variadic << 1 | t->unprototyped);
    color = mix(color, color_of(types, t->target));
    for (size_t i = 0; t->kind != TYPE_ENUM && i < t->count; i++) {
        color = mix(color, color_of(types, t->members[i].type));
    }
    return color;
}

static int by_number(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a;
    uint64_t y = *(const uint64_t *)b;
    return x < y ? -1 : x > y;
}

static size_t count_colors(const struct interface_types *types, uint64_t *room)
{
    size_t count = 0;
    size_t distinct = 0;
    for (size_t i = 0; i < types->count; i++) {
        if (types_is_record(&types->list[i]) && types->list[i].forward == TYPE_NONE) {
            room[count++] = types->list[i].color;
        }
    }
    if (count != 0) {
        qsort(room, count, sizeof *room, by_number);
    }
    for (size_t i = 0; i < count; i++) {
        distinct += i == 0 || room[i] != room[i - 1];
    }
    return distinct;
}

/* One step: every color tells what lies one member further away, too. */
static void refine(struct interface_types *types, uint64_t *room)
{
    for (size_t i = 0; i < types->count; i++) {
        struct type *t = &types->list[i];
        if (!types_is_record(t)) {
            t->color = shape_color(types, t);
        }
    }
    for (size_t i = 0; i < types->count; i++) {
        const struct type *t = &types->list[i];
        room[i] = t->color;
        for (size_t k = 0; types_is_record(t) && k < t->count; k++) {
            room[i] = mix(room[i], color_of(types, t->members[k].type));
        }
    }
    for (size_t i = 0; i < types->count; i++) {
        types->list[i].color = room[i];
    }
}

void types_color(struct interface_types *types)
{
    uint64_t *room = cli_alloc(types->count + 1, sizeof *room);
    for (size_t i = 0; i < types->count; i++) {
        struct type *t = &types->list[i];
        t->color = types_is_record(t) ? first_color(t) : 0;
    }
    size_t before = 0;
    size_t now = count_colors(types, room);
    /* The first step can leave the number alone and still not be the last. */
    for (size_t step = 0; step < types->count && (now != before || step < 2); step++) {
        refine(types, room);
        before = now;
        now = count_colors(types, room);
    }
    free(room);
    types->colored = true;
}

/* ---- one of each --------------------------------------------------------------------
 */

struct named {
    const struct type *type;
    uint32_t index;
};

static int by_name(const void *a, const void *b)
{
    const struct named *x = a;
    const struct named *y = b;
    int order = strcmp(x->type->name, y->type->name);
    if (order == 0) {
        order = (x->type->kind > y->type->kind) - (x->type->kind < y->type->kind);
    }
    /* Complete ones first, then as they came. */
    if (order == 0) {
        order = x->type->opaque - y->type->opaque;
    }
    return order != 0 ? order : (x->index > y->index) - (x->index < y->index);
}

static bool same_constants(const struct type *a, const struct type *b)
{
    if (a->count != b->count || a->target != b->target) {
        return false;
    }
    for (size_t i = 0; i < a->count; i++) {
        if (strcmp(a->members[i].name, b->members[i].name) != 0 ||
            a->members[i].value != b->members[i].value) {
            return false;
        }
    }
    return true;
}

static bool same_thing(const struct type *a, const struct type *b)
{
    if (a->kind != b->kind || strcmp(a->name, b->name) != 0 || a->opaque != b->opaque ||
        a->alias != b->alias) {
        return false;
    }
    return a->kind == TYPE_ENUM ? same_constants(a, b) : a->color == b->color;
}

static struct named *list_named(const struct interface_types *types, size_t *ret_count)
{
    struct named *list = cli_alloc(types->count + 1, sizeof *list);
    size_t count = 0;
    for (size_t i = 0; i < types->count; i++) {
        const struct type *t = &types->list[i];
        if ((types_is_record(t) || t->kind == TYPE_ENUM) && t->forward == TYPE_NONE) {
            list[count].type = t;
            list[count++].index = (uint32_t)i;
        }
    }
    if (count != 0) {
        qsort(list, count, sizeof *list, by_name);
    }
    *ret_count = count;
    return list;
}

void types_merge(struct interface_types *types)
{
    size_t count;
    struct named *list = list_named(types, &count);
    for (size_t i = 1; i < count; i++) {
        const struct type *t = list[i].type;
        const struct type *before = list[i - 1].type;
        if (t->opaque && t->name[0] != '\0' && t->kind == before->kind &&
            strcmp(t->name, before->name) == 0) {
            types->list[list[i].index].forward = list[i - 1].index;
        }
    }
    free(list);
    types_color(types);
    list = list_named(types, &count);
    for (size_t first = 0, i = 0; i < count; i++) {
        if (strcmp(list[first].type->name, list[i].type->name) != 0) {
            first = i;
        }
        for (size_t k = first; k < i; k++) {
            if (list[k].type->forward == TYPE_NONE &&
                same_thing(list[k].type, list[i].type)) {
                types->list[list[k].index].kept |= list[i].type->kept;
                types->list[list[i].index].forward = list[k].index;
                break;
            }
        }
    }
    free(list);
}

/* ---- what symbols need, and its names ------------------------------------------------
 */

/* Types that are still to be looked at, and what a nameless one is called after. */
struct visit {
    uint32_t type;
    char *owner;
};

struct walk {
    struct interface_types *types;
    struct visit *queue;
    size_t next;
    size_t count;
    size_t capacity;
    bool *seen;
    uint32_t *reached; /* structs, unions and enums */
    size_t reached_count;
    size_t reached_capacity;
};

static void enqueue(struct walk *w, uint32_t type, const char *owner, const char *label)
{
    if (type == TYPE_NONE) {
        return;
    }
    uint32_t index = (uint32_t)(types_at(w->types, type) - w->types->list);
    if (w->seen[index]) {
        return;
    }
    w->seen[index] = true;
    w->queue = cli_grow(w->queue, &w->capacity, w->count + 1, sizeof *w->queue);
    w->queue[w->count].type = index;
    w->queue[w->count++].owner =
        cli_format("%s%s%s", owner, label[0] != '\0' ? "." : "", label);
}

static void reach(struct walk *w, uint32_t index, const char *owner)
{
    struct type *t = &w->types->list[index];
    w->reached = cli_grow(w->reached, &w->reached_capacity, w->reached_count + 1,
                          sizeof *w->reached);
    w->reached[w->reached_count++] = index;
    if (t->name[0] != '\0') {
        return;
    }
    if (t->kind == TYPE_ENUM && t->count != 0) {
        owner = t->members[0].name;
    }
    free(t->name);
    t->name = cli_format("%s", owner[0] != '\0' ? owner : "(nameless)");
}

static void visit(struct walk *w)
{
    struct visit v = w->queue[w->next++];
    const struct type *t = &w->types->list[v.type];
    const char *owner = v.owner;
    if (types_is_record(t) || t->kind == TYPE_ENUM) {
        reach(w, v.type, owner);
        owner = t->name;
    }
    enqueue(w, t->target, owner, "");
    for (size_t i = 0; t->kind != TYPE_ENUM && i < t->count; i++) {
        const struct type_member *m = &t->members[i];
        char *number = cli_format("%zu", i + 1);
        const char *label = m->name[0] == '\0' ? number : m->name;
        enqueue(w, m->type, owner, types_is_record(t) ? label : "");
        free(number);
    }
    free(v.owner);
}

uint32_t *types_reach(struct interface_types *types,
                      const struct interface_symbol *const *symbols, size_t count,
                      bool with_kept, size_t *ret_count)
{
    struct walk w = {.types = types};
    w.seen = cli_alloc(types->count + 1, sizeof *w.seen);
    for (size_t i = 0; i < count; i++) {
        enqueue(&w, symbols[i]->type, symbols[i]->name, "");
        while (w.next < w.count) {
            visit(&w);
        }
    }
    for (size_t i = 0; with_kept && i < types->count; i++) {
        if (types->list[i].kept && types->list[i].forward == TYPE_NONE) {
            enqueue(&w, (uint32_t)i, "", "");
        }
    }
    while (w.next < w.count) {
        visit(&w);
    }
    free(w.queue);
    free(w.seen);
    *ret_count = w.reached_count;
    return w.reached;
}

void types_name(struct interface *interface)
{
    struct interface_types *types = interface->types;
    const struct interface_symbol **symbols =
        cli_alloc(interface->count + 1, sizeof *symbols);
    for (size_t i = 0; i < interface->count; i++) {
        symbols[i] = &interface->symbols[i];
    }
    size_t count;
    uint32_t *reached = types_reach(types, symbols, interface->count, true, &count);
    struct named *list = cli_alloc(count + 1, sizeof *list);
    for (size_t i = 0; i < count; i++) {
        list[i].type = &types->list[reached[i]];
        list[i].index = (uint32_t)i;
    }
    qsort(list, count, sizeof *list, by_name);
    for (size_t i = 1, first = 0; i < count; i++) {
        if (list[i].type->kind != list[first].type->kind ||
            strcmp(list[i].type->name, list[first].type->name) != 0) {
            first = i;
            continue;
        }
        struct type *t = &types->list[reached[list[i].index]];
        char *name = cli_format("%s#%zu", t->name, i - first + 1);
        free(t->name);
        t->name = name;
    }
    free(list);
    free(reached);
    free(symbols);
}
