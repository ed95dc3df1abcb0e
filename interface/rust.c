/* SPDX-License-Identifier: BSD-2-Clause */
/* An interface as Rust declares what C has. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "cli.h"
#include "forms.h"
#include "types.h"

struct rust {
    const struct interface_types *types;
    struct text text;
};

static void write_type(struct rust *r, uint32_t index);

/* Names that C has and Rust cannot have; "point#2" and "node.2" among them. */
static char *name_of(const char *name)
{
    static const char *const words[] = {
        "as",   "async",  "await",    "box",    "crate",   "dyn",   "fn",       "final",
        "impl", "in",     "let",      "loop",   "match",   "mod",   "move",     "mut",
        "priv", "pub",    "ref",      "self",   "Self",    "super", "trait",    "try",
        "type", "unsafe", "unsized",  "use",    "where",   "yield", "abstract", "become",
        "do",   "macro",  "override", "typeof", "virtual", "true",  "false"};
    char *text = cli_format("%s", name);
    for (char *c = text; *c != '\0'; c++) {
        bool good = (*c >= 'a' && *c <= 'z') || (*c >= 'A' && *c <= 'Z') ||
                    (*c >= '0' && *c <= '9') || *c == '_';
        *c = good ? *c : '_';
    }
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        if (strcmp(text, words[i]) == 0) {
            char *longer = cli_format("%s_", text);
            free(text);
            return longer;
        }
    }
    return text;
}

static void add_name(struct rust *r, const char *name)
{
    char *good = name_of(name);
    text_add(&r->text, "%s", good);
    free(good);
}

/* ---- types ----------------------------------------------------------------------------
 */

static void write_base(struct rust *r, const struct type *t)
{
    if (t->kind == TYPE_BOOL && t->size == 1) {
        text_add(&r->text, "bool");
    } else if ((t->kind == TYPE_SIGNED || t->kind == TYPE_UNSIGNED) && t->size <= 8) {
        text_add(&r->text, "%c%u", t->kind == TYPE_SIGNED ? 'i' : 'u',
                 (unsigned)t->size * 8);
    } else if (t->kind == TYPE_FLOAT && (t->size == 4 || t->size == 8)) {
        text_add(&r->text, "f%u", (unsigned)t->size * 8);
    } else if (t->kind == TYPE_VOID) {
        text_add(&r->text, "core::ffi::c_void");
    } else {
        text_add(&r->text, "[u8; %u]", (unsigned)t->size);
    }
}

static void write_result(struct rust *r, const struct type *function)
{
    if (types_plain(r->types, function->target)->kind != TYPE_VOID) {
        text_add(&r->text, " -> ");
        write_type(r, function->target);
    }
}

static void write_callback(struct rust *r, const struct type *t)
{
    text_add(&r->text, "Option<unsafe extern \"C\" fn(");
    for (size_t i = 0; i < t->count; i++) {
        text_add(&r->text, "%s", i == 0 ? "" : ", ");
        write_type(r, t->members[i].type);
    }
    text_add(&r->text, t->variadic ? "%s...)" : ")", t->count == 0 ? "" : ", ");
    write_result(r, t);
    text_add(&r->text, ">");
}

static bool is_const(const struct interface_types *types, uint32_t index)
{
    const struct type *t = types_at(types, index);
    while (t->kind == TYPE_VOLATILE || t->kind == TYPE_ARRAY) {
        t = types_at(types, t->target);
    }
    return t->kind == TYPE_CONST;
}

static void write_pointer(struct rust *r, const struct type *t)
{
    const struct type *target = types_plain(r->types, t->target);
    if (target->kind == TYPE_FUNCTION) {
        write_callback(r, target);
        return;
    }
    text_add(&r->text, is_const(r->types, t->target) ? "*const " : "*mut ");
    write_type(r, t->target);
}

static void write_type(struct rust *r, uint32_t index)
{
    const struct type *t = types_plain(r->types, index);
    switch (t->kind) {
    case TYPE_POINTER:
        write_pointer(r, t);
        break;
    case TYPE_ARRAY:
    case TYPE_VECTOR:
        text_add(&r->text, "[");
        write_type(r, t->target);
        text_add(&r->text, "; %" PRIu64 "]", t->length == ARRAY_OPEN ? 0 : t->length);
        break;
    case TYPE_STRUCT:
    case TYPE_UNION:
    case TYPE_ENUM:
        add_name(r, t->name);
        break;
    case TYPE_FUNCTION:
        text_add(&r->text, "core::ffi::c_void");
        break;
    default:
        write_base(r, t);
        break;
    }
}

/* ---- structs, enums
 * --------------------------------------------------------------------- */

static uint32_t size_of(const struct interface_types *types, uint32_t index)
{
    const struct type *t = types_plain(types, index);
    if (t->kind == TYPE_ARRAY || t->kind == TYPE_VECTOR) {
        uint64_t length = t->length == ARRAY_OPEN ? 0 : t->length;
        return (uint32_t)(length * size_of(types, t->target));
    }
    return t->kind == TYPE_POINTER ? 4 : t->size;
}

static uint32_t align_of(const struct interface_types *types, uint32_t index,
                         unsigned depth)
{
    const struct type *t = types_plain(types, index);
    if (t->kind == TYPE_ARRAY && depth != 0) {
        return align_of(types, t->target, depth - 1);
    }
    if (types_is_record(t)) {
        uint32_t most = 1;
        for (size_t i = 0; i < t->count && depth != 0; i++) {
            uint32_t align = align_of(types, t->members[i].type, depth - 1);
            most = align > most ? align : most;
        }
        return most;
    }
    uint32_t size = size_of(types, index);
    return size >= 8 ? 8 : size >= 4 ? 4 : size == 2 ? 2 : 1;
}

/* Rust lays repr(C) out as C does, so what C laid out otherwise (packed, bit-fields) and
 * what has no name becomes bytes. */
static bool lays_out_alike(const struct interface_types *types, const struct type *t)
{
    uint64_t at = 0;
    uint32_t most = 1;
    for (size_t i = 0; i < t->count; i++) {
        const struct type_member *m = &t->members[i];
        uint32_t align = align_of(types, m->type, TYPE_DEPTH_MAX);
        uint64_t place = (at + align - 1) / align * align;
        if (m->bits != 0 || m->place != (t->kind == TYPE_UNION ? 0 : place * 8)) {
            return false;
        }
        uint64_t end = m->place / 8 + size_of(types, m->type);
        at = end > at ? end : at;
        most = align > most ? align : most;
    }
    return (at + most - 1) / most * most == t->size;
}

static void write_members(struct rust *r, const struct type *t)
{
    for (size_t i = 0; i < t->count; i++) {
        const struct type_member *m = &t->members[i];
        text_add(&r->text, "    pub ");
        if (m->name[0] != '\0') {
            add_name(r, m->name);
        } else {
            text_add(&r->text, "anonymous_%zu", i + 1);
        }
        text_add(&r->text, ": ");
        write_type(r, m->type);
        text_add(&r->text, ",\n");
    }
}

static void write_record(struct rust *r, const struct type *t, uint32_t index)
{
    bool alike = !t->opaque && lays_out_alike(r->types, t);
    uint32_t align = t->opaque ? 1 : align_of(r->types, index, TYPE_DEPTH_MAX);
    while (t->size % align != 0) {
        align /= 2; /* packed */
    }
    if (alike || t->opaque) {
        text_add(&r->text, "\n#[repr(C)]\n");
    } else {
        text_add(&r->text, "\n#[repr(C, align(%u))]\n", (unsigned)align);
    }
    if (!t->opaque) {
        text_add(&r->text, "#[derive(Clone, Copy)]\n");
    }
    text_add(&r->text, alike && t->kind == TYPE_UNION ? "pub union " : "pub struct ");
    add_name(r, t->name);
    text_add(&r->text, " {\n");
    if (alike) {
        write_members(r, t);
    } else {
        text_add(&r->text, "    %sbytes: [u8; %u],\n", t->opaque ? "" : "pub ",
                 (unsigned)(t->opaque ? 0 : t->size));
    }
    text_add(&r->text, "}\n");
}

static void write_enum(struct rust *r, const struct type *t)
{
    text_add(&r->text, "\npub type ");
    add_name(r, t->name);
    text_add(&r->text, " = ");
    write_type(r, t->target);
    text_add(&r->text, ";\n");
    for (size_t i = 0; i < t->count; i++) {
        text_add(&r->text, "pub const ");
        add_name(r, t->members[i].name);
        text_add(&r->text, ": ");
        add_name(r, t->name);
        text_add(&r->text, " = %" PRId64 ";\n", t->members[i].value);
    }
}

static void write_definitions(struct rust *r)
{
    for (size_t i = 0; i < r->types->count; i++) {
        const struct type *t = &r->types->list[i];
        if (types_is_record(t)) {
            write_record(r, t, (uint32_t)i);
        } else if (t->kind == TYPE_ENUM) {
            write_enum(r, t);
        }
    }
}

/* ---- symbols
 * ------------------------------------------------------------------------------ */

static void write_function(struct rust *r, const struct interface_symbol *s)
{
    const struct type *t = types_plain(r->types, s->type);
    text_add(&r->text, "    pub fn ");
    add_name(r, s->name);
    text_add(&r->text, "(");
    for (size_t i = 0; i < t->count; i++) {
        text_add(&r->text, "%sa%zu: ", i == 0 ? "" : ", ", i + 1);
        write_type(r, t->members[i].type);
    }
    text_add(&r->text, t->variadic ? "%s...)" : ")", t->count == 0 ? "" : ", ");
    write_result(r, t);
    text_add(&r->text, ";\n");
}

static void write_symbol(struct rust *r, const struct interface_symbol *s)
{
    text_add(&r->text, "    /// `%s`\n    #[link_name = \"%s$%08x\"]\n", s->prototype,
             s->name, (unsigned)s->tag);
    if (s->kind == INTERFACE_FUNCTION) {
        write_function(r, s);
        return;
    }
    text_add(&r->text,
             is_const(r->types, s->type) ? "    pub static " : "    pub static mut ");
    add_name(r, s->name);
    text_add(&r->text, ": ");
    write_type(r, s->type);
    text_add(&r->text, ";\n");
}

char *interface_rust(const struct interface *interface)
{
    struct rust r = {.types = interface->types};
    text_add(&r.text,
             "// Made by modapi build: what %s offers. Each symbol's type is part of its "
             "name,\n"
             "// so that mkmod can check what a module was compiled against.\n"
             "#![allow(non_camel_case_types, non_snake_case, non_upper_case_globals, "
             "dead_code)]\n",
             interface->provider);
    write_definitions(&r);
    text_add(&r.text, "\nextern \"C\" {\n");
    for (size_t i = 0; i < interface->count; i++) {
        const struct interface_symbol *s = &interface->symbols[i];
        if (s->tag != 0 && !interface_abi_fixed(s->name)) {
            write_symbol(&r, s);
        }
    }
    text_add(&r.text, "}\n");
    return r.text.bytes;
}
