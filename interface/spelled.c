/* SPDX-License-Identifier: BSD-2-Clause */
/* Types as a description file spells them, read back. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "lines.h"

#define SIZE_BITS_MAX 4096u

static uint32_t read_type(struct reader *r, const char **at, unsigned depth);

static bool starts(const char **at, const char *word)
{
    size_t length = strlen(word);
    if (strncmp(*at, word, length) != 0) {
        return false;
    }
    *at += length;
    return true;
}

static bool read_number(const char **at, uint64_t *ret_number)
{
    uint64_t number = 0;
    if (**at < '0' || **at > '9') {
        return false;
    }
    for (; **at >= '0' && **at <= '9'; ++*at) {
        if (number > (UINT64_MAX - 9) / 10) {
            return false;
        }
        number = number * 10 + (uint64_t)(**at - '0');
    }
    *ret_number = number;
    return true;
}

static uint32_t wrong(struct reader *r, const char *at)
{
    reader_fail(
        r, "\"%.40s\" is no type: see specs/interface.md for how types are spelled", at);
    return TYPE_NONE;
}

static uint32_t read_base(struct reader *r, const char **at)
{
    static const struct {
        char letter;
        enum type_kind kind;
    } letters[] = {{'s', TYPE_SIGNED}, {'u', TYPE_UNSIGNED}, {'b', TYPE_BOOL},
                   {'f', TYPE_FLOAT},  {'z', TYPE_COMPLEX},  {'x', TYPE_OTHER}};
    const char *start = *at;
    struct type shape = {.target = TYPE_NONE};
    uint64_t bits = 0;
    if (starts(at, "void")) {
        return types_base(r->interface->types, TYPE_VOID, 0);
    }
    for (size_t i = 0; i < sizeof letters / sizeof letters[0]; i++) {
        if (**at != letters[i].letter) {
            continue;
        }
        ++*at;
        shape.kind = letters[i].kind;
        if (shape.kind == TYPE_OTHER &&
            (!read_number(at, &shape.length) || !starts(at, ":"))) {
            break;
        }
        if (!read_number(at, &bits) || bits % 8 != 0 || bits > SIZE_BITS_MAX ||
            (bits == 0 && shape.kind != TYPE_OTHER)) {
            break;
        }
        shape.size = (uint32_t)(bits / 8);
        return types_shape(r->interface->types, &shape);
    }
    return wrong(r, start);
}

static uint32_t read_reference(struct reader *r, const char **at)
{
    const char *start = *at;
    const char *end = strchr(start, '}');
    enum type_kind kind = TYPE_STRUCT;
    ++*at;
    if (starts(at, "union ")) {
        kind = TYPE_UNION;
    } else if (starts(at, "enum ")) {
        kind = TYPE_ENUM;
    } else if (!starts(at, "struct ")) {
        return wrong(r, start);
    }
    if (end == NULL) {
        return wrong(r, start);
    }
    uint32_t type = reader_find(r, kind, *at, (size_t)(end - *at));
    if (type == TYPE_NONE) {
        reader_fail(r, "%.*s is not defined in this file", (int)(end - start - 1),
                    start + 1);
    }
    *at = end + 1;
    return type;
}

static uint32_t read_array(struct reader *r, const char **at, unsigned depth)
{
    const char *start = *at;
    bool vector = **at == '<';
    struct type shape = {.kind = vector ? TYPE_VECTOR : TYPE_ARRAY, .length = ARRAY_OPEN};
    ++*at;
    if ((vector || **at != ']') && !read_number(at, &shape.length)) {
        return wrong(r, start);
    }
    if (!starts(at, vector ? ">" : "]")) {
        return wrong(r, start);
    }
    shape.target = read_type(r, at, depth);
    return shape.target == TYPE_NONE ? TYPE_NONE
                                     : types_shape(r->interface->types, &shape);
}

/* "(u32, ...)void": the parenthesis is at *at. */
static bool read_parameters(struct reader *r, const char **at, unsigned depth,
                            struct type *shape)
{
    ++*at;
    shape->unprototyped = starts(at, "?");
    while (!starts(at, ")")) {
        if (shape->variadic ||
            ((shape->count != 0 || shape->unprototyped) && !starts(at, ", "))) {
            (void)wrong(r, *at);
            return false;
        }
        if (starts(at, "...")) {
            shape->variadic = true;
            continue;
        }
        uint32_t type = read_type(r, at, depth);
        if (type == TYPE_NONE) {
            return false;
        }
        (void)types_add(shape, "", type);
    }
    return true;
}

static uint32_t read_function(struct reader *r, const char **at, unsigned depth)
{
    struct type shape = {.kind = TYPE_FUNCTION, .target = TYPE_NONE};
    if (read_parameters(r, at, depth, &shape)) {
        shape.target = read_type(r, at, depth);
    }
    if (shape.target != TYPE_NONE) {
        return types_shape(r->interface->types, &shape);
    }
    for (size_t i = 0; i < shape.count; i++) {
        free(shape.members[i].name);
    }
    free(shape.members);
    return TYPE_NONE;
}

static uint32_t read_type(struct reader *r, const char **at, unsigned depth)
{
    static const struct {
        const char *word;
        enum type_kind kind;
    } prefixes[] = {{"*", TYPE_POINTER},
                    {"::*", TYPE_MEMBER_POINTER},
                    {"const ", TYPE_CONST},
                    {"volatile ", TYPE_VOLATILE}};
    if (depth == 0) {
        reader_fail(r, "a type is nested deeper than %u levels", TYPE_DEPTH_MAX);
        return TYPE_NONE;
    }
    for (size_t i = 0; i < sizeof prefixes / sizeof prefixes[0]; i++) {
        if (starts(at, prefixes[i].word)) {
            uint32_t target = read_type(r, at, depth - 1);
            return target == TYPE_NONE
                       ? TYPE_NONE
                       : types_derived(r->interface->types, prefixes[i].kind, target);
        }
    }
    switch (**at) {
    case '{':
        return read_reference(r, at);
    case '[':
    case '<':
        return read_array(r, at, depth - 1);
    case '(':
        return read_function(r, at, depth - 1);
    default:
        return read_base(r, at);
    }
}

uint32_t reader_type(struct reader *r, const char **at)
{
    return read_type(r, at, TYPE_DEPTH_MAX);
}
