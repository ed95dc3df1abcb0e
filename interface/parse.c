/* SPDX-License-Identifier: BSD-2-Clause */
/* Description files, read: specs/interface.md, 3. */
#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "cli.h"
#include "lines.h"
#include "modfmt.h"

#define HEAD "modfmt interface "

void reader_fail(struct reader *r, const char *format, ...)
{
    if (r->failed) {
        return;
    }
    r->failed = true;
    if (r->origin != PARSE_FILE) {
        return; /* what the child wrote; nobody could look it up */
    }
    char text[300];
    va_list list;
    va_start(list, format);
    (void)vsnprintf(text, sizeof text, format, list);
    va_end(list);
    char *place = cli_format("%s:%u", r->path, r->number);
    cli_error(place, "%s", text);
    free(place);
}

bool reader_next(struct reader *r)
{
    while (r->at < r->size) {
        char *line = r->text + r->at;
        size_t length = strlen(line);
        r->at += length + 1;
        r->number++;
        if (length != 0 && line[length - 1] == '\r') {
            line[--length] = '\0';
        }
        r->indented = line[0] == ' ' || line[0] == '\t';
        r->line = line + strspn(line, " \t");
        if (r->line[0] != '\0' && r->line[0] != '#') {
            return true;
        }
    }
    return false;
}

static void rewind_lines(struct reader *r)
{
    r->at = 0;
    r->number = 0;
}

/* Cut the next word off; "" at the end. */
static char *word(char **at)
{
    char *start = *at + strspn(*at, " ");
    char *end = start + strcspn(start, " ");
    *at = *end == '\0' ? end : end + 1;
    *end = '\0';
    return start;
}

/* Cut the last word off; NULL if there is but one. */
static char *last_word(char *line)
{
    char *space = strrchr(line, ' ');
    if (space == NULL || space == line) {
        return NULL;
    }
    *space = '\0';
    return space + 1;
}

static bool keyword(struct reader *r, const char *name, char **ret_rest)
{
    size_t length = strlen(name);
    if (strncmp(r->line, name, length) != 0 ||
        (r->line[length] != ' ' && r->line[length] != '\0')) {
        return false;
    }
    *ret_rest = r->line + length + (r->line[length] == ' ');
    return true;
}

static bool to_u64(const char *text, uint64_t *ret_value)
{
    char *end;
    if (*text < '0' || *text > '9') {
        return false;
    }
    errno = 0;
    *ret_value = strtoull(text, &end, 10);
    return *end == '\0' && errno == 0;
}

/* ---- first pass: what is defined -----------------------------------------------------
 */

static int by_name(const void *a, const void *b)
{
    const struct defined *x = a;
    const struct defined *y = b;
    int order = strcmp(x->name, y->name);
    return order != 0 ? order : (x->kind > y->kind) - (x->kind < y->kind);
}

uint32_t reader_find(const struct reader *r, enum type_kind kind, const char *name,
                     size_t length)
{
    size_t from = 0;
    size_t to = r->defined_count;
    while (from < to) {
        size_t middle = from + (to - from) / 2;
        const struct defined *d = &r->defined[middle];
        int order = strncmp(d->name, name, length);
        order = order != 0 ? order : d->name[length] != '\0';
        order = order != 0 ? order : (d->kind > kind) - (d->kind < kind);
        if (order == 0) {
            return d->type;
        }
        if (order < 0) {
            from = middle + 1;
        } else {
            to = middle;
        }
    }
    return TYPE_NONE;
}

static void define(struct reader *r, enum type_kind kind, char *rest, bool opaque)
{
    char *line;
    uint64_t size = 0;
    const char *last = opaque ? "" : last_word(rest);
    if (last == NULL || rest[0] == '\0' ||
        (kind != TYPE_ENUM && !opaque && (!to_u64(last, &size) || size > UINT32_MAX))) {
        reader_fail(r, "expected a name and %s",
                    kind == TYPE_ENUM ? "an integer type"
                    : opaque          ? "nothing more"
                                      : "a size in bytes");
        return;
    }
    uint32_t type = types_record(r->interface->types, kind, rest);
    r->interface->types->list[type].size = (uint32_t)size;
    r->interface->types->list[type].opaque = opaque;
    r->interface->types->list[type].alias = keyword(r, "typedef", &line);
    r->defined = cli_grow(r->defined, &r->defined_capacity, r->defined_count + 1,
                          sizeof *r->defined);
    struct defined *d = &r->defined[r->defined_count++];
    d->name = r->interface->types->list[type].name;
    d->kind = kind;
    d->type = type;
    d->line = r->number;
    if (!opaque) {
        rest[strlen(rest)] = ' '; /* the second pass wants the line whole */
    }
}

static bool definition(struct reader *r, enum type_kind *ret_kind, char **ret_rest,
                       bool *ret_opaque)
{
    char *rest;
    char *line = r->line;
    *ret_opaque = keyword(r, "opaque", &rest);
    if (*ret_opaque || keyword(r, "typedef", &rest)) {
        r->line = rest;
    }
    bool found = true;
    if (keyword(r, "struct", ret_rest)) {
        *ret_kind = TYPE_STRUCT;
    } else if (keyword(r, "union", ret_rest)) {
        *ret_kind = TYPE_UNION;
    } else if (!*ret_opaque && keyword(r, "enum", ret_rest)) {
        *ret_kind = TYPE_ENUM;
    } else {
        found = false;
    }
    r->line = line;
    return found;
}

static void find_definitions(struct reader *r)
{
    enum type_kind kind;
    char *rest;
    bool opaque;
    while (!r->failed && reader_next(r)) {
        if (!r->indented && definition(r, &kind, &rest, &opaque)) {
            define(r, kind, rest, opaque);
        }
    }
    if (r->defined_count != 0) {
        qsort(r->defined, r->defined_count, sizeof *r->defined, by_name);
    }
    for (size_t i = 1; i < r->defined_count && !r->failed; i++) {
        const struct defined *a = &r->defined[i - 1];
        const struct defined *b = &r->defined[i];
        if (by_name(a, b) == 0) {
            r->number = a->line > b->line ? a->line : b->line;
            reader_fail(r, "%s %s was defined on line %u already",
                        types_keyword(&r->interface->types->list[a->type]), a->name,
                        a->line < b->line ? a->line : b->line);
        }
    }
    rewind_lines(r);
}

/* ---- second pass
 * ------------------------------------------------------------------------ */

static uint32_t whole_type(struct reader *r, const char *text)
{
    uint32_t type = reader_type(r, &text);
    if (type != TYPE_NONE && *text != '\0') {
        reader_fail(r, "\"%.40s\" behind the type is too much", text);
        return TYPE_NONE;
    }
    return type;
}

static void read_constant(struct reader *r, struct type *t)
{
    char *value = last_word(r->line);
    char *end;
    errno = 0;
    long long number = value == NULL ? 0 : strtoll(value, &end, 10);
    if (value == NULL || end == value || *end != '\0' || errno != 0) {
        reader_fail(r, "expected a constant's name and value");
        return;
    }
    types_add(t, r->line, TYPE_NONE)->value = number;
}

/* "8" or "8.3:5": byte, bit in it, width. */
static bool read_place(const char *text, struct type_member *m)
{
    char *end;
    errno = 0;
    unsigned long long byte = strtoull(text, &end, 10);
    if (end == text || *text == '-' || errno != 0 || byte > UINT32_MAX) {
        return false;
    }
    m->place = byte * 8;
    if (*end == '\0') {
        return true;
    }
    if (end[0] != '.' || end[1] < '0' || end[1] > '7' || end[2] != ':') {
        return false;
    }
    m->place += (uint64_t)(end[1] - '0');
    uint64_t bits;
    if (!to_u64(end + 3, &bits) || bits == 0 || bits > 1024) {
        return false;
    }
    m->bits = (uint32_t)bits;
    return true;
}

static void read_member(struct reader *r, uint32_t record)
{
    char *rest = r->line;
    const char *name = word(&rest);
    const char *place = word(&rest);
    struct type_member found = {0};
    if (*rest == '\0' || !read_place(place, &found)) {
        reader_fail(r,
                    "expected a member's name, place and type, as \"flags 8.3:5 u32\"");
        return;
    }
    uint32_t type = whole_type(r, rest);
    struct type *t = &r->interface->types->list[record];
    struct type_member *m = types_add(t, strcmp(name, "-") == 0 ? "" : name, type);
    m->place = found.place;
    m->bits = found.bits;
}

static uint32_t begin_definition(struct reader *r, enum type_kind kind, char *rest,
                                 bool opaque)
{
    const char *last = opaque ? "" : last_word(rest);
    uint32_t type = reader_find(r, kind, rest, strlen(rest));
    if (kind == TYPE_ENUM && type != TYPE_NONE) {
        uint32_t integer = whole_type(r, last);
        struct type *t = &r->interface->types->list[type];
        t->target = integer;
        t->size = integer != TYPE_NONE ? r->interface->types->list[integer].size : 0;
        t->kept = r->origin != PARSE_DWARF; /* of a module: what its exports need */
        if (integer != TYPE_NONE &&
            r->interface->types->list[integer].kind != TYPE_SIGNED &&
            r->interface->types->list[integer].kind != TYPE_UNSIGNED &&
            r->interface->types->list[integer].kind != TYPE_BOOL) {
            reader_fail(r, "an enum's type is an integer type, as u8 or s32");
        }
    }
    return type;
}

static void begin_symbol(struct reader *r, enum interface_kind kind, char *rest)
{
    struct interface *in = r->interface;
    char *name = word(&rest);
    const char *tag = word(&rest);
    char *end;
    unsigned long value = strtoul(tag, &end, 16);
    if (name[0] == '\0' || strlen(tag) != 8 || *end != '\0' || *rest != '\0' ||
        value > 0x7fffffffu) {
        reader_fail(r, "expected a symbol's name and its tag, 8 hexadecimal digits of 31 "
                       "bits");
        return;
    }
    in->symbols =
        cli_grow(in->symbols, &r->symbol_capacity, in->count + 1, sizeof *in->symbols);
    r->lines = cli_grow(r->lines, &r->line_capacity, in->count + 1, sizeof *r->lines);
    r->lines[in->count] = r->number;
    struct interface_symbol *s = &in->symbols[in->count++];
    memset(s, 0, sizeof *s);
    s->name = cli_format("%s", name);
    s->kind = kind;
    s->hash = modfmt_hash(name, (uint32_t)strlen(name));
    s->tag = (uint32_t)value;
    s->prototype = cli_format("%s", "");
    s->defined = true;
    s->type = TYPE_NONE;
}

static void set_text(const char **string, const char *text)
{
    free((char *)(uintptr_t)*string);
    *string = cli_format("%s", text);
}

static void check_tag(struct reader *r, struct interface_symbol *s)
{
    struct interface *in = r->interface;
    bool is_function = types_plain(in->types, s->type)->kind == TYPE_FUNCTION;
    if (is_function != (s->kind == INTERFACE_FUNCTION)) {
        reader_fail(r, "%s is %s by its first line, and not by its type", s->name,
                    is_function ? "data" : "a function");
    }
}

static void read_symbol(struct reader *r)
{
    struct interface_symbol *s = &r->interface->symbols[r->interface->count - 1];
    char *rest;
    if (keyword(r, "prototype", &rest)) {
        set_text(&s->prototype, rest);
    } else if (keyword(r, "type", &rest)) {
        s->type = whole_type(r, rest);
        if (s->type != TYPE_NONE) {
            check_tag(r, s);
        }
    } else if (keyword(r, "if", &rest) && rest[0] != '\0') {
        set_text(&s->condition, rest);
    } else if (r->origin != PARSE_FILE && keyword(r, "where", &rest)) {
        set_text(&s->where, rest);
    } else if (r->origin != PARSE_FILE && keyword(r, "used", &rest)) {
        s->defined = false;
    } else {
        reader_fail(r, "\"%.40s\" is nothing that a symbol has", r->line);
    }
}

static void read_top(struct reader *r, uint32_t *ret_record)
{
    enum type_kind kind;
    bool opaque;
    char *rest;
    *ret_record = TYPE_NONE;
    if (keyword(r, "function", &rest)) {
        begin_symbol(r, INTERFACE_FUNCTION, rest);
    } else if (keyword(r, "data", &rest)) {
        begin_symbol(r, INTERFACE_OBJECT, rest);
    } else if (definition(r, &kind, &rest, &opaque)) {
        *ret_record = begin_definition(r, kind, rest, opaque);
    } else if (keyword(r, "provider", &rest) && rest[0] != '\0' &&
               strchr(rest, ' ') == NULL) {
        set_text(&r->interface->provider, rest);
    } else if (keyword(r, "version", &rest) &&
               interface_parse_version(rest, r->interface->version)) {
        return;
    } else {
        reader_fail(r,
                    "\"%.40s\" is not understood: expected provider, version, function, "
                    "data, struct, union, enum or opaque",
                    r->line);
    }
}

static void read_lines(struct reader *r)
{
    uint32_t record = TYPE_NONE;
    bool any = false;
    (void)reader_next(r); /* the head */
    while (!r->failed && reader_next(r)) {
        struct type *t = record == TYPE_NONE ? NULL : &r->interface->types->list[record];
        if (!r->indented) {
            read_top(r, &record);
            any = true;
        } else if (t != NULL && t->opaque) {
            reader_fail(r, "an opaque struct has no members");
        } else if (t != NULL && t->kind == TYPE_ENUM) {
            read_constant(r, t);
        } else if (t != NULL) {
            read_member(r, record);
        } else if (any && r->interface->count != 0) {
            read_symbol(r);
        } else {
            reader_fail(r, "\"%.40s\" belongs to nothing", r->line);
        }
    }
}

/* ---- the whole
 * ---------------------------------------------------------------------------- */

static int by_symbol(const void *a, const void *b)
{
    const struct interface_symbol *x = a;
    const struct interface_symbol *y = b;
    int order = strcmp(x->name, y->name);
    if (order == 0) {
        order = y->defined - x->defined;
    }
    return order != 0 ? order : (x->tag > y->tag) - (x->tag < y->tag);
}

/* Symbols are in the order of the lines still. */
static void check_twice(struct reader *r)
{
    const struct interface *in = r->interface;
    struct defined *list = cli_alloc(in->count + 1, sizeof *list);
    for (size_t i = 0; i < in->count; i++) {
        list[i].name = in->symbols[i].name;
        list[i].line = r->lines[i];
    }
    if (in->count != 0) {
        qsort(list, in->count, sizeof *list, by_name);
    }
    for (size_t i = 1; i < in->count && !r->failed; i++) {
        const struct defined *x = &list[i - 1];
        const struct defined *y = &list[i];
        if (strcmp(x->name, y->name) == 0) {
            r->number = x->line > y->line ? x->line : y->line;
            reader_fail(r, "%s is there twice; line %u has it, too", x->name,
                        x->line < y->line ? x->line : y->line);
        }
    }
    free(list);
}

/* Tags are what the types give; a file that says otherwise was changed by hand. */
static void check_symbols(struct reader *r)
{
    struct interface *in = r->interface;
    for (size_t i = 0; i < in->count; i++) {
        struct interface_symbol *s = &in->symbols[i];
        uint32_t tag = s->type == TYPE_NONE ? 0 : types_tag(in->types, s->type);
        if (r->origin == PARSE_FILE && s->tag != tag) {
            r->number = r->lines[i];
            reader_fail(r,
                        "%s has tag %08x, but its type gives %08x: the file was changed "
                        "by hand; make it again with modapi",
                        s->name, (unsigned)s->tag, (unsigned)tag);
        }
        s->tag = tag;
    }
    if (r->origin == PARSE_FILE) {
        check_twice(r);
    }
    if (in->count != 0) {
        qsort(in->symbols, in->count, sizeof *in->symbols, by_symbol);
    }
}

/* An enum that a symbol needs is kept by it. */
static void check_enums(struct reader *r)
{
    for (size_t i = 0; i < r->interface->types->count; i++) {
        const struct type *t = &r->interface->types->list[i];
        if (t->kind == TYPE_ENUM && t->target == TYPE_NONE) {
            reader_fail(r, "enum %s has no integer type", t->name);
        }
    }
}

static bool check_head(struct reader *r)
{
    if (!reader_next(r) || strncmp(r->line, HEAD, strlen(HEAD)) != 0) {
        if (r->origin == PARSE_FILE) {
            cli_error(r->path, "is no interface description: it does not begin with "
                               "\"" HEAD "1\" (modapi build --api makes one)");
        }
        return false;
    }
    if (strcmp(r->line + strlen(HEAD), "1") != 0) {
        reader_fail(r, "version %.20s of this format is not known; this tool reads 1",
                    r->line + strlen(HEAD));
        return false;
    }
    rewind_lines(r);
    return true;
}

static void split_lines(struct reader *r, const char *text, size_t size)
{
    r->text = cli_alloc(size + 1, 1);
    r->size = size;
    for (size_t i = 0; i < size; i++) {
        char c = text[i];
        r->text[i] = c == '\n' || c == '\0' ? '\0' : c;
    }
}

int interface_parse_text(const char *path, const char *text, size_t size,
                         enum parse_origin origin, struct interface **ret_interface)
{
    struct interface *in = cli_alloc(1, sizeof *in);
    struct reader r = {.path = path, .origin = origin, .interface = in};
    in->path = cli_format("%s", path);
    in->provider = cli_format("%s", "");
    in->types = types_new();
    split_lines(&r, text, size);
    bool good = check_head(&r);
    if (good) {
        find_definitions(&r);
    }
    if (good && !r.failed) {
        read_lines(&r);
    }
    if (good && !r.failed) {
        check_enums(&r);
    }
    if (good && !r.failed) {
        check_symbols(&r);
    }
    if (good && !r.failed && origin == PARSE_FILE && in->provider[0] == '\0') {
        cli_error(path, "has no line \"provider\" that says whose interface it is");
        good = false;
    }
    free(r.text);
    free(r.lines);
    free(r.defined);
    if (!good || r.failed) {
        interface_free(in);
        return CLI_REFUSED;
    }
    *ret_interface = in;
    return CLI_OK;
}
