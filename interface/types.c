/* SPDX-License-Identifier: BSD-2-Clause */
#include <stdlib.h>
#include <string.h>

#include "cli.h"
#include "types.h"

#define TABLE_FIRST 256u

struct interface_types *types_new(void)
{
    struct interface_types *types = cli_alloc(1, sizeof *types);
    types->table_size = TABLE_FIRST;
    types->table = cli_alloc(TABLE_FIRST, sizeof *types->table);
    memset(types->table, 0xff, TABLE_FIRST * sizeof *types->table);
    return types;
}

static void free_type(struct type *type)
{
    for (size_t i = 0; i < type->count; i++) {
        free(type->members[i].name);
    }
    free(type->members);
    free(type->name);
}

void types_free(struct interface_types *types)
{
    if (types == NULL) {
        return;
    }
    for (size_t i = 0; i < types->count; i++) {
        free_type(&types->list[i]);
    }
    free(types->list);
    free(types->table);
    free(types);
}

bool types_is_record(const struct type *type)
{
    return type->kind == TYPE_STRUCT || type->kind == TYPE_UNION;
}

static uint64_t mix(uint64_t hash, uint64_t value)
{
    hash = (hash ^ value) * 0x9e3779b97f4a7c15u;
    return hash ^ hash >> 29;
}

static uint64_t shape_hash(const struct type *t)
{
    uint64_t hash = mix((uint64_t)t->kind, t->size);
    hash = mix(mix(hash, t->target), t->length);
    hash = mix(hash, (uint64_t)t->variadic << 1 | t->unprototyped);
    for (size_t i = 0; i < t->count; i++) {
        hash = mix(hash, t->members[i].type);
    }
    return hash;
}

static bool same_shape(const struct type *a, const struct type *b)
{
    if (a->kind != b->kind || a->size != b->size || a->target != b->target ||
        a->length != b->length || a->variadic != b->variadic ||
        a->unprototyped != b->unprototyped || a->count != b->count) {
        return false;
    }
    for (size_t i = 0; i < a->count; i++) {
        if (a->members[i].type != b->members[i].type) {
            return false;
        }
    }
    return true;
}

static uint32_t append(struct interface_types *types, const struct type *type)
{
    types->list = cli_grow(types->list, &types->capacity, types->count + 1, sizeof *type);
    types->list[types->count] = *type;
    types->list[types->count].forward = TYPE_NONE;
    types->colored = false;
    return (uint32_t)types->count++;
}

/* Where the shape is in the table, or belongs. */
static size_t slot(const struct interface_types *types, const struct type *shape)
{
    size_t at = (size_t)shape_hash(shape) & (types->table_size - 1);
    while (types->table[at] != TYPE_NONE &&
           !same_shape(&types->list[types->table[at]], shape)) {
        at = (at + 1) & (types->table_size - 1);
    }
    return at;
}

static void enlarge(struct interface_types *types)
{
    types->table_size *= 2;
    free(types->table);
    types->table = cli_alloc(types->table_size, sizeof *types->table);
    memset(types->table, 0xff, types->table_size * sizeof *types->table);
    for (size_t i = 0; i < types->count; i++) {
        const struct type *t = &types->list[i];
        if (!types_is_record(t) && t->kind != TYPE_ENUM) {
            types->table[slot(types, t)] = (uint32_t)i;
        }
    }
}

uint32_t types_shape(struct interface_types *types, struct type *shape)
{
    if (types->count + 1 > types->table_size / 2) {
        enlarge(types);
    }
    size_t at = slot(types, shape);
    if (types->table[at] == TYPE_NONE) {
        types->table[at] = append(types, shape);
    } else {
        free_type(shape);
    }
    return types->table[at];
}

uint32_t types_base(struct interface_types *types, enum type_kind kind, uint32_t size)
{
    struct type shape = {.kind = kind, .size = size, .target = TYPE_NONE};
    return types_shape(types, &shape);
}

uint32_t types_derived(struct interface_types *types, enum type_kind kind,
                       uint32_t target)
{
    struct type shape = {.kind = kind, .target = target};
    return types_shape(types, &shape);
}

uint32_t types_record(struct interface_types *types, enum type_kind kind,
                      const char *name)
{
    struct type record = {
        .kind = kind, .target = TYPE_NONE, .name = cli_format("%s", name)};
    return append(types, &record);
}

struct type_member *types_add(struct type *type, const char *name, uint32_t member)
{
    type->members =
        cli_grow(type->members, &type->capacity, type->count + 1, sizeof *type->members);
    struct type_member *m = &type->members[type->count++];
    memset(m, 0, sizeof *m);
    m->name = cli_format("%s", name);
    m->type = member;
    return m;
}

struct type *types_at(const struct interface_types *types, uint32_t index)
{
    while (types->list[index].forward != TYPE_NONE) {
        index = types->list[index].forward;
    }
    return &types->list[index];
}

struct type *types_plain(const struct interface_types *types, uint32_t index)
{
    struct type *type = types_at(types, index);
    while (type->kind == TYPE_CONST || type->kind == TYPE_VOLATILE) {
        type = types_at(types, type->target);
    }
    return type;
}
