/* SPDX-License-Identifier: BSD-2-Clause */
/* Types as text: as description files have them, and for people. */
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli.h"
#include "types.h"

void text_add(struct text *text, const char *format, ...)
{
    va_list list;
    va_start(list, format);
    int length = vsnprintf(NULL, 0, format, list);
    va_end(list);
    if (length < 0) {
        cli_die(CLI_IO, NULL, "out of memory");
    }
    text->bytes =
        cli_grow(text->bytes, &text->capacity, text->size + (size_t)length + 1, 1);
    va_start(list, format);
    (void)vsnprintf(text->bytes + text->size, (size_t)length + 1, format, list);
    va_end(list);
    text->size += (size_t)length;
}

const char *types_keyword(const struct type *type)
{
    return type->kind == TYPE_STRUCT  ? "struct"
           : type->kind == TYPE_UNION ? "union"
                                      : "enum";
}

const char *types_prefix(const struct type *type)
{
    return type->alias                 ? ""
           : type->kind == TYPE_STRUCT ? "struct "
           : type->kind == TYPE_UNION  ? "union "
                                       : "enum ";
}

/* ---- description files ----------------------------------------------------------- */

static void spell_function(const struct interface_types *types, const struct type *t,
                           struct text *text)
{
    text_add(text, "(%s", t->unprototyped ? "?" : "");
    for (size_t i = 0; i < t->count; i++) {
        text_add(text, "%s", i == 0 ? "" : ", ");
        types_spell(types, t->members[i].type, text);
    }
    if (t->variadic) {
        text_add(text, "%s...", t->count == 0 ? "" : ", ");
    }
    text_add(text, ")");
}

static void spell_base(const struct type *t, struct text *text)
{
    static const char *const letters[] = {
        [TYPE_SIGNED] = "s", [TYPE_UNSIGNED] = "u", [TYPE_BOOL] = "b",
        [TYPE_FLOAT] = "f",  [TYPE_COMPLEX] = "z",
    };
    if (t->kind == TYPE_VOID) {
        text_add(text, "void");
    } else if (t->kind == TYPE_OTHER) {
        text_add(text, "x%" PRIu64 ":%u", t->length, (unsigned)t->size * 8);
    } else {
        text_add(text, "%s%u", letters[t->kind], (unsigned)t->size * 8);
    }
}

void types_spell(const struct interface_types *types, uint32_t index, struct text *text)
{
    const struct type *t = types_at(types, index);
    switch (t->kind) {
    case TYPE_POINTER:
    case TYPE_MEMBER_POINTER:
        text_add(text, t->kind == TYPE_POINTER ? "*" : "::*");
        break;
    case TYPE_CONST:
    case TYPE_VOLATILE:
        text_add(text, t->kind == TYPE_CONST ? "const " : "volatile ");
        break;
    case TYPE_ARRAY:
        if (t->length == ARRAY_OPEN) {
            text_add(text, "[]");
        } else {
            text_add(text, "[%" PRIu64 "]", t->length);
        }
        break;
    case TYPE_VECTOR:
        text_add(text, "<%" PRIu64 ">", t->length);
        break;
    case TYPE_FUNCTION:
        spell_function(types, t, text);
        break;
    case TYPE_STRUCT:
    case TYPE_UNION:
    case TYPE_ENUM:
        text_add(text, "{%s %s}", types_keyword(t), t->name);
        return;
    default:
        spell_base(t, text);
        return;
    }
    types_spell(types, t->target, text);
}

/* ---- for people -------------------------------------------------------------------- */

static char *base_words(const struct type *t)
{
    static const char *const letters[] = {
        [TYPE_SIGNED] = "int", [TYPE_UNSIGNED] = "uint"};
    switch (t->kind) {
    case TYPE_VOID:
        return cli_format("void");
    case TYPE_SIGNED:
    case TYPE_UNSIGNED:
        return cli_format("%s%u_t", letters[t->kind], (unsigned)t->size * 8);
    case TYPE_BOOL:
        return cli_format("bool");
    case TYPE_FLOAT:
        return cli_format("%s", t->size == 4   ? "float"
                                : t->size == 8 ? "double"
                                               : "half");
    case TYPE_COMPLEX:
        return cli_format("complex of %u bytes", (unsigned)t->size);
    default:
        return cli_format("a type of %u bytes", (unsigned)t->size);
    }
}

static char *enum_words(const struct interface_types *types, const struct type *t)
{
    bool has_sign = types_plain(types, t->target)->kind == TYPE_SIGNED;
    return cli_format("%s%s (%u byte%s, %s)", types_prefix(t), t->name, (unsigned)t->size,
                      t->size == 1 ? "" : "s", has_sign ? "signed" : "unsigned");
}

static char *array_words(const struct type *t, const char *of)
{
    if (t->length == ARRAY_OPEN) {
        return cli_format("array of %s", of);
    }
    return cli_format("%s of %" PRIu64 " %s", t->kind == TYPE_VECTOR ? "vector" : "array",
                      t->length, of);
}

char *types_words(const struct interface_types *types, uint32_t index)
{
    const struct type *t = types_plain(types, index);
    if (t->kind == TYPE_FUNCTION) {
        return cli_format("function");
    }
    if (types_is_record(t)) {
        return cli_format("%s%s", types_prefix(t), t->name);
    }
    if (t->kind == TYPE_ENUM) {
        return enum_words(types, t);
    }
    if (t->target == TYPE_NONE) {
        return base_words(t);
    }
    char *of = types_words(types, t->target);
    char *words = t->kind == TYPE_POINTER ? cli_format("pointer to %s", of)
                  : t->kind == TYPE_MEMBER_POINTER
                      ? cli_format("pointer to a member that is %s", of)
                      : array_words(t, of);
    free(of);
    return words;
}
