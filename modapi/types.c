/* SPDX-License-Identifier: BSD-2-Clause */
/* The types of exports: a pointer to each, compiled, and what its DWARF says. */
#include <stdlib.h>
#include <string.h>

#include "build.h"

static char *append(char *text, char *more)
{
    char *longer = cli_format("%s%s", text, more);
    free(text);
    free(more);
    return longer;
}

/* A macro of the same name must not stand in for the symbol. */
static char *pointer(const struct build *b, size_t index)
{
    const struct export *e = &b->exports[index];
    bool plain = strchr(e->shown, ':') == NULL;
    return cli_format("%s%s%s__typeof__(%s) *" INTERFACE_PROBE_PREFIX "%zu = %s%s;\n",
                      plain ? "#undef " : "", plain ? e->shown : "", plain ? "\n" : "",
                      e->shown, index, e->declared->kind == INTERFACE_OBJECT ? "&" : "",
                      e->shown);
}

/* A row that has a prototype declares it once more: the compiler sees whether it is the
 * same. NuttX's qualifiers are nothing here. */
static char *check(const struct build *b, const struct row *row)
{
    bool data = false;
    for (size_t i = 0; i < b->declared_count; i++) {
        data |= b->declared[i].kind == INTERFACE_OBJECT &&
                strcmp(b->declared[i].shown, row->name) == 0;
    }
    char *file = cli_format("%s", row->path);
    for (char *c = file; *c != '\0'; c++) {
        *c = *c == '"' || *c == '\\' || *c == '\n' ? '_' : *c;
    }
    char *text =
        data ? cli_format("#undef %s\n#line %u \"%s\"\nextern %s %s;\n", row->name,
                          row->line, file, row->result, row->name)
             : cli_format("#undef %s\n#line %u \"%s\"\n%s %s(%s);\n", row->name,
                          row->line, file, row->result, row->name, row->parameters);
    free(file);
    return text;
}

/* What stands for another symbol has that one's type. */
static char *check_alias(const struct build *b, const struct export *e)
{
    for (size_t i = 0; i < b->declared_count; i++) {
        if (e->declared != NULL && strcmp(e->symbol, e->link) != 0 &&
            strcmp(b->declared[i].link, e->symbol) == 0) {
            return cli_format(
                "_Static_assert(__builtin_types_compatible_p(__typeof__(%s), "
                "__typeof__(%s)), \"%s stands for %s, which has another "
                "type\");\n",
                e->shown, b->declared[i].shown, e->shown, b->declared[i].shown);
        }
    }
    return cli_format("%s", "");
}

static char *body(const struct build *b)
{
    char *text = cli_format("%s", "");
    for (size_t i = 0; i < b->export_count; i++) {
        if (b->exports[i].declared != NULL) {
            text = append(text, pointer(b, i));
        }
        if (!b->cxx) {
            text = append(text, check_alias(b, &b->exports[i]));
        }
    }
    text = append(text,
                  cli_format("#undef FAR\n#define FAR\n#undef CODE\n#define CODE\n"
                             "#undef NEAR\n#define NEAR\n#undef IPTR\n#define IPTR\n"));
    for (size_t i = 0; i < b->row_count && !b->cxx; i++) {
        if (b->rows[i].result != NULL && strcmp(b->rows[i].condition, "0") != 0) {
            text = append(text, check(b, &b->rows[i]));
        }
    }
    return text;
}

static struct interface_probe *probes(const struct build *b)
{
    struct interface_probe *list = cli_alloc(b->export_count + 1, sizeof *list);
    for (size_t i = 0; i < b->export_count; i++) {
        const struct export *e = &b->exports[i];
        list[i].name = e->link;
        list[i].shown = e->shown;
        list[i].condition = e->condition;
        list[i].untyped = e->declared == NULL;
        if (e->declared != NULL) {
            list[i].parameters = (const char *const *)e->declared->parameters;
            list[i].parameter_count = e->declared->parameter_count;
        }
    }
    return list;
}

/* Compile the probe, `flag` the last word, and read it. */
static struct interface *compile(struct build *b, const char *source, const char *flag)
{
    const char *object = compiler_path(b, "probe.o");
    const char *why;
    size_t size;
    const char *const arguments[] = {"-w",
                                     "-g",
                                     "-gdwarf-5",
                                     "-gno-strict-dwarf",
                                     "-O0",
                                     "-fno-lto",
                                     "-fno-eliminate-unused-debug-types",
                                     "-gno-split-dwarf",
                                     b->cxx ? "-femit-class-debug-always" : "-w",
                                     "-c",
                                     source,
                                     "-o",
                                     object,
                                     flag,
                                     NULL};
    compiler_run(b, "compile what was made of the headers", arguments);
    uint8_t *bytes = cli_read_file(object, &size);
    const char **headers = cli_alloc(b->header_count + 1, sizeof *headers);
    for (size_t i = 0; i < b->header_count; i++) {
        headers[i] = b->headers[i].path;
    }
    struct interface_probes asked = {.list = probes(b),
                                     .count = b->export_count,
                                     .headers = headers,
                                     .header_count = b->header_count};
    struct interface *in = interface_of_probe("the probe", bytes, size, &asked, &why);
    if (why != NULL) {
        cli_die(CLI_REFUSED, NULL, "what %s made of the headers %s", b->compiler, why);
    }
    free((void *)(uintptr_t)asked.list);
    free(headers);
    free(bytes);
    return in;
}

/* GCC gives an enum the fewest bytes that hold it, clang four. A struct or a call with
 * such a one is not the same for both. */
static void check_enums(struct build *b, const char *source)
{
    size_t count;
    size_t other_count;
    free(interface_enums(b->interface, &count));
    if (count == 0) {
        return;
    }
    struct interface *narrow = compile(b, source, "-fshort-enums");
    struct interface *wide = compile(b, source, "-fno-short-enums");
    struct interface_enum *small = interface_enums(narrow, &count);
    struct interface_enum *large = interface_enums(wide, &other_count);
    for (size_t i = 0; i < count && i < other_count; i++) {
        if (small[i].size != large[i].size) {
            cli_error(
                NULL,
                "enum %s has no fixed size: it is %u byte%s with -fshort-enums, GCC's "
                "way, and %u without, clang's; give it an enumerator that needs 32 "
                "bits (= 0x7fffffff), or __attribute__((packed)), or declare integers",
                small[i].name, (unsigned)small[i].size, small[i].size == 1 ? "" : "s",
                (unsigned)large[i].size);
        }
    }
    free(small);
    free(large);
    interface_free(narrow);
    interface_free(wide);
}

static void take_tag(struct build *b, struct export *e)
{
    const struct interface_symbol *s = interface_find(b->interface, e->link);
    if (e->declared == NULL) {
        return;
    }
    if (s == NULL) {
        cli_error(e->declared->place, "%s: %s tells no type of it", e->shown,
                  b->compiler);
        return;
    }
    if (interface_unprototyped(b->interface, s)) {
        cli_error(
            e->declared->place,
            "%s is declared without a prototype: write %s(void) if it takes nothing",
            e->shown, e->shown);
    }
    if (s->tag == 0) {
        cli_error(e->declared->place, "%s has a type that is too large to describe",
                  e->shown);
    }
    e->tag = s->tag;
}

void types_read(struct build *b)
{
    char *text = body(b);
    const char *source = compiler_source(b, b->cxx ? "probe.cpp" : "probe.c", text);
    free(text);
    b->interface = compile(b, source, NULL);
    for (size_t i = 0; i < b->export_count; i++) {
        take_tag(b, &b->exports[i]);
    }
    if (b->interface->count != 0) {
        check_enums(b, source);
    }
}
