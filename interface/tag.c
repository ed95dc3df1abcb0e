/* SPDX-License-Identifier: BSD-2-Clause */
/* The canonical text of a type and its hash (specs/interface.md, 2). */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "cli.h"
#include "modfmt.h"
#include "types.h"

#define CANONICAL_MAX (1u << 20)
#define NESTING_MAX   1000u

struct writer {
    struct interface_types *types;
    struct text text;
    uint64_t *met; /* colors of structs, in the order in which they were met */
    size_t met_count;
    size_t met_capacity;
    unsigned depth;
    bool failed;
};

static void write_type(struct writer *w, uint32_t index);

static void write_base(struct writer *w, const struct type *t)
{
    static const char letters[] = {
        [TYPE_SIGNED] = 's', [TYPE_UNSIGNED] = 'u', [TYPE_BOOL] = 'b',
        [TYPE_FLOAT] = 'f',  [TYPE_COMPLEX] = 'z',
    };
    if (t->kind == TYPE_VOID) {
        text_add(&w->text, "v");
    } else if (t->kind == TYPE_OTHER) {
        text_add(&w->text, "x%" PRIu64 ":%u", t->length, (unsigned)t->size);
    } else {
        text_add(&w->text, "%c%u", letters[t->kind], (unsigned)t->size);
    }
}

static void write_length(struct writer *w, const struct type *t)
{
    if (t->kind == TYPE_VECTOR) {
        text_add(&w->text, "<%" PRIu64 ">", t->length);
    } else if (t->length == ARRAY_OPEN) {
        text_add(&w->text, "[]");
    } else {
        text_add(&w->text, "[%" PRIu64 "]", t->length);
    }
}

static void write_function(struct writer *w, const struct type *t)
{
    text_add(&w->text, "(%s", t->unprototyped ? "?" : "");
    for (size_t i = 0; i < t->count && !w->failed; i++) {
        text_add(&w->text, "%s", i == 0 ? "" : ",");
        write_type(w, t->members[i].type);
    }
    if (t->variadic) {
        text_add(&w->text, "%s...", t->count == 0 ? "" : ",");
    }
    text_add(&w->text, ")");
    write_type(w, t->target);
}

/* A struct that was met is a number. @return whether it was */
static bool write_again(struct writer *w, const struct type *t)
{
    for (size_t i = 0; i < w->met_count; i++) {
        if (w->met[i] == t->color) {
            text_add(&w->text, "#%zu", i);
            return true;
        }
    }
    w->met = cli_grow(w->met, &w->met_capacity, w->met_count + 1, sizeof *w->met);
    w->met[w->met_count++] = t->color;
    return false;
}

static void write_record(struct writer *w, const struct type *t)
{
    char letter = t->kind == TYPE_UNION ? 'U' : 'S';
    if (t->opaque) {
        text_add(&w->text, "%c\"%s\"", letter, t->name);
        return;
    }
    if (write_again(w, t)) {
        return;
    }
    text_add(&w->text, "%c%u{", letter, (unsigned)t->size);
    for (size_t i = 0; i < t->count && !w->failed; i++) {
        const struct type_member *m = &t->members[i];
        if (m->bits != 0) {
            text_add(&w->text, "%s@%" PRIu64 ":%u", m->name, m->place, (unsigned)m->bits);
        } else {
            text_add(&w->text, "%s@%" PRIu64, m->name, m->place / 8);
        }
        write_type(w, m->type);
        text_add(&w->text, ";");
    }
    text_add(&w->text, "}");
}

static void write_type(struct writer *w, uint32_t index)
{
    const struct type *t = types_plain(w->types, index);
    if (w->text.size > CANONICAL_MAX || w->depth == NESTING_MAX) {
        w->failed = true;
        return;
    }
    w->depth++;
    switch (t->kind) {
    case TYPE_POINTER:
    case TYPE_MEMBER_POINTER:
        text_add(&w->text, t->kind == TYPE_POINTER ? "*" : "M");
        write_type(w, t->target);
        break;
    case TYPE_ARRAY:
    case TYPE_VECTOR:
        write_length(w, t);
        write_type(w, t->target);
        break;
    case TYPE_FUNCTION:
        write_function(w, t);
        break;
    case TYPE_STRUCT:
    case TYPE_UNION:
        write_record(w, t);
        break;
    case TYPE_ENUM:
        text_add(&w->text, "e");
        write_type(w, t->target);
        break;
    default:
        write_base(w, t);
        break;
    }
    w->depth--;
}

char *types_canonical(struct interface_types *types, uint32_t index)
{
    struct writer w = {.types = types};
    if (!types->colored) {
        types_color(types);
    }
    write_type(&w, index);
    free(w.met);
    if (w.failed) {
        free(w.text.bytes);
        return NULL;
    }
    return w.text.bytes;
}

uint32_t types_tag(struct interface_types *types, uint32_t index)
{
    char *text = types_canonical(types, index);
    if (text == NULL) {
        return 0;
    }
    uint32_t hash = modfmt_hash(text, (uint32_t)strlen(text));
    free(text);
    uint32_t tag = (hash >> 31) ^ (hash & 0x7fffffffu);
    return tag != 0 ? tag : 1;
}
