/* SPDX-License-Identifier: BSD-2-Clause */
/* CSV files as NuttX's mksymtab reads them: "name","header","condition","type","type"…
 * Beyond that, a name may be "puts=fw_puts". */
#include <stdlib.h>
#include <string.h>

#include "build.h"

#define FIELDS_MAX 64u

static char *skip(char *at)
{
    return at + strspn(at, " \t");
}

static void wrong(const char *path, unsigned line, const char *text)
{
    char *place = cli_format("%s:%u", path, line);
    cli_error(place, "%s", text);
    free(place);
}

/* Cut a line into its fields. @return how many, 0 if it is not right */
static size_t split(const char *path, unsigned number, char *line, char **fields)
{
    size_t count = 0;
    char *at = skip(line);
    for (;;) {
        char *end = *at == '"' ? strchr(at + 1, '"') : NULL;
        if (end == NULL) {
            wrong(
                path, number,
                "expected \"name\",\"header\",\"condition\",\"return type\",\"parameter "
                "type\"... in double quotes");
            return 0;
        }
        if (count == FIELDS_MAX) {
            wrong(path, number, "has more than 64 fields");
            return 0;
        }
        *end = '\0';
        fields[count++] = at + 1;
        at = skip(end + 1);
        if (*at == '\0') {
            return count;
        }
        if (*at != ',') {
            wrong(path, number, "expected a comma between fields");
            return 0;
        }
        at = skip(at + 1);
    }
}

/* "real type|type for a proxy": the real one. */
static void cut_proxy(char *type)
{
    type[strcspn(type, "|")] = '\0';
}

static char *join(char *const *fields, size_t count)
{
    char *text = cli_format("%s", count == 0 ? "void" : "");
    for (size_t i = 0; i < count; i++) {
        cut_proxy(fields[i]);
        char *longer = cli_format("%s%s%s", text, i == 0 ? "" : ", ", fields[i]);
        free(text);
        text = longer;
    }
    return text;
}

const struct row *rows_find(const struct build *b, const char *name)
{
    for (size_t i = 0; i < b->row_count; i++) {
        if (strcmp(b->rows[i].name, name) == 0) {
            return &b->rows[i];
        }
    }
    return NULL;
}

static void add(struct build *b, const char *path, unsigned line, char *const *fields,
                size_t count)
{
    char *equals = strchr(fields[0], '=');
    if (equals != NULL) {
        *equals = '\0';
    }
    const struct row *other = rows_find(b, fields[0]);
    if (other != NULL) {
        char *text = cli_format("%s was defined on %s:%u already", fields[0], other->path,
                                other->line);
        wrong(path, line, text);
        free(text);
        return;
    }
    b->rows = cli_grow(b->rows, &b->row_capacity, b->row_count + 1, sizeof *b->rows);
    struct row *row = &b->rows[b->row_count++];
    memset(row, 0, sizeof *row);
    row->path = path;
    row->line = line;
    row->name = cli_format("%s", fields[0]);
    row->symbol = equals != NULL ? cli_format("%s", equals + 1) : NULL;
    row->header = cli_format("%s", count > 1 ? fields[1] : "");
    row->condition = cli_format("%s", count > 2 ? fields[2] : "");
    if (count > 3 && fields[3][0] != '\0') {
        cut_proxy(fields[3]);
        row->result = cli_format("%s", fields[3]);
        row->parameters = join(fields + 4, count - 4);
    }
}

static size_t identifier(const char *name)
{
    if (name[0] >= '0' && name[0] <= '9') {
        return 0;
    }
    return strspn(name,
                  "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_$:.");
}

/* "puts", or "puts=fw_puts": what is exported as puts is fw_puts. */
static bool good_name(const char *name)
{
    size_t length = identifier(name);
    if (length != 0 && name[length] == '=') {
        name += length + 1;
        length = identifier(name);
    }
    return length != 0 && name[length] == '\0';
}

static void read_line(struct build *b, const char *path, unsigned number, char *line)
{
    char *fields[FIELDS_MAX];
    line[strcspn(line, "\r")] = '\0';
    char *at = skip(line);
    if (*at == '\0' || *at == '#') {
        return;
    }
    size_t count = split(path, number, at, fields);
    if (count != 0 && !good_name(fields[0])) {
        wrong(path, number, "the first field is no symbol's name");
    } else if (count != 0) {
        add(b, path, number, fields, count);
    }
}

static void read_file(struct build *b, const char *path)
{
    size_t size;
    char *bytes = (char *)cli_read_file(path, &size);
    char *text = cli_alloc(size + 1, 1);
    unsigned number = 0;
    memcpy(text, bytes, size);
    for (char *line = text; line < text + size;) {
        size_t length = strcspn(line, "\n");
        char *next = line + length + 1;
        line[length] = '\0';
        read_line(b, path, ++number, line);
        line = next;
    }
    free(text);
    free(bytes);
}

void rows_read(struct build *b)
{
    for (size_t i = 0; i < b->csv_count; i++) {
        read_file(b, b->csv[i]);
    }
}
