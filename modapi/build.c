/* SPDX-License-Identifier: BSD-2-Clause */
/* modapi build: headers in, export table and description out. */
#include "build.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "forms.h"
#include "verbs.h"

enum {
    OPT_OUTPUT = 1,
    OPT_API,
    OPT_API_VERSION,
    OPT_CSV,
    OPT_INCLUDE,
    OPT_LABELS,
    OPT_RUST,
    OPT_NAME,
    OPT_PROVIDER,
    OPT_CC,
    OPT_CLANG,
    OPT_VERBOSE,
};

static const struct cli_option options[] = {
    {OPT_OUTPUT, 'o', "output", "TABLE.c", "write the export table as C"},
    {OPT_API, 0, "api", "FILE", "write the description"},
    {OPT_API_VERSION, 0, "api-version", "X.Y.Z",
     "version of the interface (default 0.0.0)"},
    {OPT_CSV, 0, "csv", "FILE", "names, conditions and prototypes, as NuttX has them"},
    {OPT_INCLUDE, 0, "include", "HEADER",
     "what TABLE.c includes: the macros of conditions"},
    {OPT_LABELS, 0, "labels", "FILE.h",
     "write a header that puts tags into symbols' names"},
    {OPT_RUST, 0, "rust", "FILE.rs", "write the same for Rust"},
    {OPT_NAME, 0, "name", "NAME", "the table is NAME_exports (default firmware)"},
    {OPT_PROVIDER, 0, "provider", "NAME", "whose interface it is (default firmware)"},
    {OPT_CC, 0, "cc", "COMPILER", "default arm-none-eabi-gcc"},
    {OPT_CLANG, 0, "clang", "COMPILER", "default clang"},
    {OPT_VERBOSE, 'v', "verbose", NULL,
     "tell what is left out, and how many are exported"},
    {0, 0, NULL, NULL, NULL},
};

static const struct cli_tool tool = {
    .name = "modapi",
    .usage = "modapi build [options] HEADER... -- COMPILER-FLAGS...",
    .purpose =
        "Make the export table of a firmware and the description of its interface\n"
        "of what its headers declare.",
    .details =
        "The firmware's own compiler flags follow --: its -I, -D, -mcpu and the like.\n\n"
        "Exit status: 0 good, 1 something cannot be exported, 2 usage, 3 input, "
        "output\n"
        "or memory.",
    .options = options,
};

/* ---- options --------------------------------------------------------------------------
 */

static void add_csv(struct build *b, const char *path)
{
    if (b->csv_count == sizeof b->csv / sizeof b->csv[0]) {
        cli_usage(&tool, "--csv: more than 16 of them");
    }
    b->csv[b->csv_count++] = path;
}

static void add_include(struct build *b, const char *name)
{
    if (b->include_count == sizeof b->includes / sizeof b->includes[0]) {
        cli_usage(&tool, "--include: more than 16 of them");
    }
    if (name[0] == '\0' || strpbrk(name, "\"\n\\") != NULL) {
        cli_usage(&tool, "--include: a name as #include has it is wanted");
    }
    b->includes[b->include_count++] = name;
}

static bool name_is_good(const char *name)
{
    size_t length = strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                 "0123456789_");
    return length != 0 && name[length] == '\0' && (name[0] < '0' || name[0] > '9');
}

static bool provider_is_good(const char *name)
{
    for (const char *c = name; *c != '\0'; c++) {
        if ((unsigned char)*c <= 0x20 || *c == 0x7f) {
            return false;
        }
    }
    return name[0] != '\0' && strlen(name) <= 63;
}

static void take_checked(struct build *b, int id, const char *value)
{
    if (id == OPT_API_VERSION && !interface_parse_version(value, b->version)) {
        cli_usage(&tool, "--api-version: \"%s\" is not three numbers, as 1.2.3", value);
    }
    if (id == OPT_NAME && !name_is_good(value)) {
        cli_usage(&tool, "--name: \"%s\" cannot begin a C identifier", value);
    }
    if (id == OPT_PROVIDER && !provider_is_good(value)) {
        cli_usage(&tool, "--provider: a name has 1 to 63 bytes and no blanks");
    }
}

static void take_option(struct build *b, int id, const char *value)
{
    const char **const places[] = {
        [OPT_OUTPUT] = &b->output, [OPT_API] = &b->api,     [OPT_LABELS] = &b->labels,
        [OPT_RUST] = &b->rust,     [OPT_NAME] = &b->name,   [OPT_PROVIDER] = &b->provider,
        [OPT_CC] = &b->compiler,   [OPT_CLANG] = &b->clang,
    };
    take_checked(b, id, value);
    if (id == OPT_VERBOSE) {
        b->verbose = true;
    } else if (id == OPT_CSV) {
        add_csv(b, value);
    } else if (id == OPT_INCLUDE) {
        add_include(b, value);
    } else if (id != OPT_API_VERSION) {
        *places[id] = value;
    }
}

static void add_header(struct build *b, const char *given, size_t *capacity)
{
    b->headers = cli_grow(b->headers, capacity, b->header_count + 1, sizeof *b->headers);
    struct header *h = &b->headers[b->header_count++];
    h->given = given;
    h->path = realpath(given, NULL);
    if (h->path == NULL) {
        size_t size;
        free(cli_read_file(given, &size)); /* says why, and exits */
        cli_die(CLI_IO, given, "cannot be found");
    }
    if (strpbrk(h->path, "\"\n\\") != NULL) {
        cli_die(CLI_REFUSED, given, "has a name that no #include can have");
    }
}

/* The language, by flags or by the headers' names. */
static bool is_cxx(const struct build *b)
{
    static const char *const ends[] = {".hpp", ".hh", ".hxx", ".H"};
    for (size_t i = 0; i < b->flag_count; i++) {
        const char *f = b->flags[i];
        if (strncmp(f, "-std=c++", 8) == 0 || strncmp(f, "-std=gnu++", 10) == 0 ||
            strcmp(f, "-xc++") == 0 ||
            (strcmp(f, "-x") == 0 && i + 1 < b->flag_count &&
             strcmp(b->flags[i + 1], "c++") == 0)) {
            return true;
        }
    }
    for (size_t i = 0; i < b->header_count; i++) {
        const char *dot = strrchr(b->headers[i].given, '.');
        for (size_t k = 0; dot != NULL && k < sizeof ends / sizeof ends[0]; k++) {
            if (strcmp(dot, ends[k]) == 0) {
                return true;
            }
        }
    }
    return false;
}

static void check_options(const struct build *b)
{
    if (b->header_count == 0 && b->csv_count == 0) {
        cli_usage(&tool, "no header was given");
    }
    if (b->output == NULL && b->api == NULL && b->labels == NULL && b->rust == NULL) {
        cli_usage(&tool,
                  "nothing to write: give -o TABLE.c, --api FILE, --labels or --rust");
    }
}

static void parse(struct build *b, int argc, char **argv)
{
    struct cli_args args;
    const char *value;
    size_t capacity = 0;
    int own = 0;
    int id;
    while (own < argc && strcmp(argv[own], "--") != 0) {
        own++;
    }
    b->flags = argv + own + (own < argc);
    b->flag_count = (size_t)(argc - own - (own < argc));
    cli_begin(&args, &tool, own, argv);
    while ((id = cli_next(&args, &value)) != CLI_END) {
        if (id == CLI_OPERAND) {
            add_header(b, value, &capacity);
        } else {
            take_option(b, id, value);
        }
    }
    check_options(b);
    b->cxx = is_cxx(b);
}

/* ---- steps ---------------------------------------------------------------------------
 */

static void stop_on_errors(const struct build *b)
{
    if (cli_error_count() != 0) {
        exit(CLI_REFUSED);
    }
    (void)b;
}

static char *describe(const struct build *b, size_t *ret_size)
{
    struct interface *in = b->interface;
    const struct interface_symbol **symbols = cli_alloc(in->count + 1, sizeof *symbols);
    for (size_t i = 0; i < in->count; i++) {
        symbols[i] = &in->symbols[i];
    }
    struct interface_subset all = {
        .provider = b->provider, .symbols = symbols, .count = in->count};
    memcpy(all.version, b->version, sizeof all.version);
    char *text = interface_text(in, &all, ret_size);
    free(symbols);
    return text;
}

static int write_text(const char *path, char *text)
{
    int status = cli_write_file(path, text, strlen(text));
    free(text);
    return status;
}

/* The tags in names come from the description as others will read it. */
static int write_forms(const struct build *b, const char *description, size_t size)
{
    struct interface *in;
    int status =
        interface_parse("the description", (const uint8_t *)description, size, &in);
    if (status == CLI_OK && b->labels != NULL) {
        status = write_text(b->labels, include_labels(b, in));
    }
    if (status == CLI_OK && b->rust != NULL) {
        status = write_text(b->rust, interface_rust(in));
    }
    interface_free(in);
    return status;
}

static int write_outputs(const struct build *b)
{
    size_t size;
    char *description = describe(b, &size);
    int status = CLI_OK;
    if (b->output != NULL) {
        status = write_text(b->output, table_text(b, description));
    }
    if (status == CLI_OK && b->api != NULL) {
        status = cli_write_file(b->api, description, size);
    }
    if (status == CLI_OK && (b->labels != NULL || b->rust != NULL)) {
        status = write_forms(b, description, size);
    }
    free(description);
    return status;
}

static void free_names(char **names, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        free(names[i]);
    }
    free(names);
}

static void free_declared(struct build *b)
{
    for (size_t i = 0; i < b->declared_count; i++) {
        struct declared *d = &b->declared[i];
        free_names(d->parameters, d->parameter_count);
        free(d->shown);
        free(d->link);
        free(d->place);
        free(d->condition);
    }
    free(b->declared);
}

static void free_rows(struct build *b)
{
    for (size_t i = 0; i < b->row_count; i++) {
        struct row *row = &b->rows[i];
        free(row->name);
        free(row->symbol);
        free(row->header);
        free(row->condition);
        free(row->result);
        free(row->parameters);
    }
    free(b->rows);
}

static void release(struct build *b)
{
    for (size_t i = 0; i < b->export_count; i++) {
        free(b->exports[i].condition);
    }
    for (size_t i = 0; i < b->header_count; i++) {
        free(b->headers[i].path);
    }
    free(b->exports);
    free(b->headers);
    free_names(b->macros, b->macro_count);
    free_names(b->macro_places, b->macro_count);
    free_declared(b);
    free_rows(b);
    interface_free(b->interface);
}

int verb_build(int argc, char **argv)
{
    struct build b = {.name = "firmware",
                      .provider = INTERFACE_FIRMWARE,
                      .compiler = "arm-none-eabi-gcc",
                      .clang = "clang"};
    parse(&b, argc, argv);
    rows_read(&b);
    stop_on_errors(&b);
    compiler_begin(&b);
    declared_read(&b);
    macros_read(&b);
    choose_exports(&b);
    if (b.export_count == 0 && cli_error_count() == 0) {
        cli_error(NULL,
                  "nothing is exported: the headers declare no function and no data of "
                  "their own");
    }
    stop_on_errors(&b);
    types_read(&b);
    stop_on_errors(&b);
    int status = write_outputs(&b);
    if (status == CLI_OK && b.verbose) {
        cli_note(NULL, "%zu symbols, %zu bytes of table", b.export_count,
                 12 * b.export_count);
    }
    release(&b);
    return status;
}
