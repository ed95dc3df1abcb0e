/* SPDX-License-Identifier: BSD-2-Clause */
/* Function-like macros: they look like functions, and no module can import them. */
#include <stdlib.h>
#include <string.h>

#include "build.h"

static void add(struct build *b, const char *name, size_t length,
                const struct header *header, unsigned line)
{
    size_t count = b->macro_count++;
    b->macros = cli_grow(b->macros, &b->macro_capacity[0], count + 1, sizeof *b->macros);
    b->macro_places = cli_grow(b->macro_places, &b->macro_capacity[1], count + 1,
                               sizeof *b->macro_places);
    b->macros[count] = cli_format("%.*s", (int)length, name);
    b->macro_places[count] =
        header != NULL ? cli_format("%s:%u", header->given, line) : NULL;
}

/* "#define name(" as the compiler gives it back: one space, nothing before the bracket.
 */
static void read_define(struct build *b, const char *line, const struct header *header,
                        unsigned number)
{
    const char *name = line + strlen("#define ");
    size_t length = strcspn(name, " (\n");
    if (name[length] == '(') {
        add(b, name, length, header, number);
    }
}

/* "#undef name": it is none any more. */
static void read_undef(struct build *b, const char *line)
{
    const char *name = line + strlen("#undef ");
    size_t length = strcspn(name, " \n");
    for (size_t i = 0; i < b->macro_count; i++) {
        if (strlen(b->macros[i]) == length && memcmp(b->macros[i], name, length) == 0) {
            b->macros[i][0] = '\0';
        }
    }
}

static const struct header *marker_header(const struct build *b, const char *line,
                                          unsigned *ret_line)
{
    const char *quote = strchr(line, '"');
    size_t end = strcspn(line, "\n");
    *ret_line = (unsigned)strtoul(line + 2, NULL, 10);
    if (quote == NULL || quote >= line + end) {
        return NULL;
    }
    char *file = cli_format("%.*s", (int)strcspn(quote + 1, "\"\n"), quote + 1);
    const struct header *header = declared_header(b, file);
    free(file);
    return header;
}

void macros_read(struct build *b)
{
    const char *source = compiler_path(b, b->cxx ? "headers.cpp" : "headers.c");
    const char *output = compiler_path(b, "macros.i");
    const char *const arguments[] = {"-w", "-E", "-dD", source, "-o", output, NULL};
    const struct header *header = NULL;
    unsigned line = 0;
    size_t size;
    compiler_run(b, "preprocess the headers", arguments);
    char *bytes = (char *)cli_read_file(output, &size);
    char *text = cli_alloc(size + 2, 1);
    memcpy(text, bytes, size);
    free(bytes);
    for (char *at = text; at < text + size; at += strcspn(at, "\n") + 1) {
        if (at[0] == '#' && at[1] == ' ') {
            header = marker_header(b, at, &line);
            continue;
        }
        if (strncmp(at, "#define ", 8) == 0) {
            read_define(b, at, header, line);
        } else if (strncmp(at, "#undef ", 7) == 0) {
            read_undef(b, at);
        }
        line++;
    }
    free(text);
}
