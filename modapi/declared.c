/* SPDX-License-Identifier: BSD-2-Clause */
/* What the source declares, by clang's list of it (-ast-dump=json). */
#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "build.h"

#define SCOPES_MAX 64u

/* From `offset` on, the preprocessed source has what `file` has from `line` on. */
struct marker {
    size_t offset;
    char *file;
    unsigned line;
    const struct header *header; /* NULL: none that was named */
};

struct list {
    struct build *b;
    char *text; /* the preprocessed source */
    size_t size;
    struct marker *markers;
    size_t count;
    size_t capacity;
    char *condition; /* of a MODAPI_IF that waits for its declaration */
    bool excluded;
    char *pending; /* where that stands */
};

/* ---- places --------------------------------------------------------------------------
 */

const struct header *declared_header(const struct build *b, const char *path)
{
    struct stat here;
    if (stat(path, &here) != 0) {
        return NULL;
    }
    for (size_t i = 0; i < b->header_count; i++) {
        struct stat header;
        if (stat(b->headers[i].path, &header) == 0 && header.st_dev == here.st_dev &&
            header.st_ino == here.st_ino) {
            return &b->headers[i];
        }
    }
    return NULL;
}

static void add_marker(struct list *l, size_t offset, char *file, unsigned line)
{
    const struct marker *last = l->count != 0 ? &l->markers[l->count - 1] : NULL;
    bool same = last != NULL && strcmp(last->file, file) == 0;
    const struct header *header = same ? last->header : declared_header(l->b, file);
    l->markers = cli_grow(l->markers, &l->capacity, l->count + 1, sizeof *l->markers);
    l->markers[l->count++] = (struct marker){offset, file, line, header};
}

/* A line "# 12 "file.h" 1". */
static void read_marker(struct list *l, const char *line, size_t next)
{
    char *end;
    unsigned long number = strtoul(line + 2, &end, 10);
    if (end == line + 2 || end[0] != ' ' || end[1] != '"') {
        return;
    }
    char *file = cli_alloc(strcspn(end, "\n") + 1, 1);
    size_t length = 0;
    for (const char *c = end + 2; *c != '"' && *c != '\n' && *c != '\0'; c++) {
        if (*c == '\\' && c[1] != '\n' && c[1] != '\0') {
            c++;
        }
        file[length++] = *c;
    }
    add_marker(l, next, file, (unsigned)number);
}

static void read_markers(struct list *l)
{
    add_marker(l, 0, cli_format("%s", ""), 1);
    for (size_t at = 0; at < l->size;) {
        size_t next = at + strcspn(l->text + at, "\n") + 1;
        if (l->text[at] == '#' && l->text[at + 1] == ' ') {
            read_marker(l, l->text + at, next);
        }
        at = next;
    }
}

static const struct marker *find_marker(const struct list *l, size_t offset)
{
    size_t from = 0;
    size_t to = l->count;
    while (to - from > 1) {
        size_t middle = from + (to - from) / 2;
        if (l->markers[middle].offset <= offset) {
            from = middle;
        } else {
            to = middle;
        }
    }
    return &l->markers[from];
}

static char *place(const struct list *l, size_t offset)
{
    const struct marker *m = find_marker(l, offset);
    unsigned line = m->line;
    for (size_t i = m->offset; i < offset && i < l->size; i++) {
        line += l->text[i] == '\n';
    }
    return cli_format("%s:%u", m->header != NULL ? m->header->given : m->file, line);
}

/* ---- one declaration -----------------------------------------------------------------
 */

static const char *text_of(json_t *node, const char *key)
{
    const char *text = json_string_value(json_object_get(node, key));
    return text != NULL ? text : "";
}

static size_t offset_of(json_t *node)
{
    json_t *loc = json_object_get(node, "loc");
    json_t *expansion = json_object_get(loc, "expansionLoc");
    json_int_t offset = json_integer_value(
        json_object_get(expansion != NULL ? expansion : loc, "offset"));
    return offset < 0 ? 0 : (size_t)offset;
}

static void read_parameters(struct declared *d, json_t *node)
{
    json_t *inner = json_object_get(node, "inner");
    size_t capacity = 0;
    for (size_t i = 0; i < json_array_size(inner); i++) {
        json_t *child = json_array_get(inner, i);
        if (strcmp(text_of(child, "kind"), "ParmVarDecl") == 0) {
            d->parameters = cli_grow(d->parameters, &capacity, d->parameter_count + 1,
                                     sizeof *d->parameters);
            d->parameters[d->parameter_count++] =
                cli_format("%s", text_of(child, "name"));
        }
    }
}

static struct declared *find_same(struct build *b, const char *shown, const char *link)
{
    for (size_t i = 0; i < b->declared_count; i++) {
        if (strcmp(b->declared[i].shown, shown) == 0 &&
            strcmp(b->declared[i].link, link) == 0) {
            return &b->declared[i];
        }
    }
    return NULL;
}

static bool is_internal(json_t *node, const char *link)
{
    return strcmp(text_of(node, "storageClass"), "static") == 0 ||
           json_is_true(json_object_get(node, "inline")) ||
           json_is_true(json_object_get(node, "constexpr")) ||
           strncmp(link, "_ZL", 3) == 0;
}

/* A later declaration of the same thing adds what it knows. */
static void renew(struct list *l, struct declared *d, json_t *node, bool internal)
{
    const struct header *header = find_marker(l, offset_of(node))->header;
    d->internal |= internal;
    if (d->header == NULL && header != NULL) {
        d->header = header;
        free(d->place);
        d->place = place(l, offset_of(node));
    }
    if (header != NULL && l->condition != NULL && d->condition == NULL) {
        d->condition = cli_format("%s", l->condition);
    }
    d->excluded |= header != NULL && l->excluded;
}

static void take(struct list *l, json_t *node, const char *scope, bool is_function)
{
    struct build *b = l->b;
    const char *link = text_of(node, "mangledName");
    link += link[0] == '\1'; /* "what follows is the name as it is" */
    char *shown = cli_format("%s%s", scope, text_of(node, "name"));
    bool internal = is_internal(node, link);
    struct declared *d = find_same(b, shown, link);
    if (d == NULL) {
        b->declared = cli_grow(b->declared, &b->declared_capacity, b->declared_count + 1,
                               sizeof *b->declared);
        d = &b->declared[b->declared_count++];
        memset(d, 0, sizeof *d);
        d->shown = cli_format("%s", shown);
        d->link = cli_format("%s", link[0] != '\0' ? link : shown);
        d->kind = is_function ? INTERFACE_FUNCTION : INTERFACE_OBJECT;
        d->place = place(l, offset_of(node));
        d->thread_local_ = json_object_get(node, "tls") != NULL;
        read_parameters(d, node);
    }
    renew(l, d, node, internal);
    free(shown);
}

/* ---- MODAPI_IF, MODAPI_EXCLUDE ----------------------------------------------------- */

static void tell_unused(struct list *l)
{
    if (l->pending != NULL) {
        cli_error(l->pending, "%s stands in front of no function and no data",
                  l->excluded ? "MODAPI_EXCLUDE" : "MODAPI_IF");
    }
}

static void forget_mark(struct list *l)
{
    free(l->pending);
    free(l->condition);
    l->pending = NULL;
    l->condition = NULL;
    l->excluded = false;
}

/* The message of a static assertion, as clang lists it: a C string in its quotes. */
static char *message(json_t *node)
{
    json_t *inner = json_object_get(node, "inner");
    for (size_t i = 0; i < json_array_size(inner); i++) {
        json_t *child = json_array_get(inner, i);
        const char *value = text_of(child, "value");
        if (strcmp(text_of(child, "kind"), "StringLiteral") == 0 && value[0] == '"') {
            char *text = cli_alloc(strlen(value) + 1, 1);
            size_t length = 0;
            for (const char *c = value + 1; *c != '\0' && *c != '"'; c++) {
                c += *c == '\\' && c[1] != '\0';
                text[length++] = *c;
            }
            return text;
        }
    }
    return NULL;
}

static void take_mark(struct list *l, json_t *node)
{
    char *text = message(node);
    if (text == NULL || strncmp(text, "modapi-", 7) != 0) {
        free(text);
        return;
    }
    if (l->pending == NULL) {
        l->pending = place(l, offset_of(node));
    }
    if (strcmp(text, "modapi-exclude") == 0) {
        l->excluded = true;
    } else if (strncmp(text, "modapi-if ", 10) == 0) {
        char *both = l->condition != NULL
                         ? cli_format("(%s) && (%s)", l->condition, text + 10)
                         : cli_format("%s", text + 10);
        free(l->condition);
        l->condition = both;
    }
    free(text);
}

/* ---- the list
 * ---------------------------------------------------------------------------- */

static void walk(struct list *l, json_t *node, const char *scope, unsigned depth);

static void visit(struct list *l, json_t *node, const char *scope, unsigned depth)
{
    const char *kind = text_of(node, "kind");
    bool is_function = strcmp(kind, "FunctionDecl") == 0;
    if (json_is_true(json_object_get(node, "isImplicit"))) {
        return;
    }
    if (strcmp(kind, "LinkageSpecDecl") == 0) {
        walk(l, node, scope, depth);
    } else if (strcmp(kind, "NamespaceDecl") == 0) {
        char *inner = cli_format("%s%s::", scope, text_of(node, "name"));
        walk(l, node, inner, depth);
        free(inner);
    } else if (strcmp(kind, "StaticAssertDecl") == 0) {
        take_mark(l, node);
    } else if (is_function || strcmp(kind, "VarDecl") == 0) {
        take(l, node, scope, is_function);
        forget_mark(l);
    } else if (strcmp(kind, "EmptyDecl") != 0) {
        tell_unused(l);
        forget_mark(l);
    }
}

static void walk(struct list *l, json_t *node, const char *scope, unsigned depth)
{
    json_t *inner = json_object_get(node, "inner");
    for (size_t i = 0; depth != 0 && i < json_array_size(inner); i++) {
        visit(l, json_array_get(inner, i), scope, depth - 1);
    }
    tell_unused(l);
    forget_mark(l);
}

static void free_list(struct list *l)
{
    for (size_t i = 0; i < l->count; i++) {
        free(l->markers[i].file);
    }
    free(l->markers);
    free(l->text);
}

void declared_read(struct build *b)
{
    const char *source = compiler_source(b, b->cxx ? "headers.cpp" : "headers.c", "");
    const char *plain = compiler_path(b, "headers.i");
    const char *listing = compiler_path(b, "headers.json");
    const char *const preprocess[] = {"-w", "-E", source, "-o", plain, NULL};
    compiler_run(b, "preprocess the headers", preprocess);
    compiler_list(b, plain, listing);
    struct list l = {.b = b};
    char *bytes = (char *)cli_read_file(plain, &l.size);
    l.text = cli_alloc(l.size + 2, 1);
    memcpy(l.text, bytes, l.size);
    free(bytes);
    read_markers(&l);
    json_error_t error;
    json_t *root = json_load_file(listing, 0, &error);
    if (root == NULL) {
        cli_die(CLI_IO, NULL, "%s gave no list that can be read: %s", b->clang,
                error.text);
    }
    walk(&l, root, "", SCOPES_MAX);
    json_decref(root);
    free_list(&l);
}
