/* SPDX-License-Identifier: BSD-2-Clause */
/* Sizes of frames as compilers tell them, for functions whose code does not: clang's
 * -fstack-size-section (pairs of an address and a ULEB128 number) and the .su files of
 * -fstack-usage ("a.c:3:5:f\t16\tstatic", clang's without the column). */
#include <dirent.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "cli.h"
#include "stack.h"

#define FOLDERS_MAX 16u /* one in another */

static struct stack_usage *add(struct stack_options *s)
{
    s->sizes = cli_grow(s->sizes, &s->size_capacity, s->size_count + 1, sizeof *s->sizes);
    memset(&s->sizes[s->size_count], 0, sizeof s->sizes[0]);
    return &s->sizes[s->size_count++];
}

/* @return the number of bytes, 0 if the number does not end or is too large */
static uint32_t read_uleb(const uint8_t *bytes, uint32_t available, uint32_t *ret_value)
{
    uint32_t value = 0;
    for (uint32_t i = 0; i < available && i < 5; i++) {
        value |= (uint32_t)(bytes[i] & 0x7f) << (7 * i);
        if ((bytes[i] & 0x80) == 0) {
            *ret_value = value;
            return i + 1;
        }
    }
    return 0;
}

static void read_section(struct stack_options *o, const struct section *s)
{
    uint32_t at = 0;
    while (s->bytes != NULL && s->size - at > 4) {
        uint32_t size = 0;
        uint32_t length = read_uleb(s->bytes + at + 4, s->size - at - 4, &size);
        if (length == 0) {
            return;
        }
        struct stack_usage *usage = add(o);
        usage->address = modfmt_get32(s->bytes + at) & ~1u;
        usage->size = size;
        at += 4 + length;
    }
}

static size_t digits(const char *text, const char *end)
{
    size_t count = 0;
    while (text + count < end && text[count] >= '0' && text[count] <= '9') {
        count++;
    }
    return count;
}

/* The function's name in "path:line:column:name": behind the first numbers between
 * colons. */
static const char *name_in(const char *line, const char *end)
{
    for (const char *c = line; c < end; c++) {
        size_t number = *c == ':' ? digits(c + 1, end) : 0;
        if (number == 0 || c + 1 + number >= end || c[1 + number] != ':') {
            continue;
        }
        const char *name = c + number + 2;
        size_t column = digits(name, end);
        return column != 0 && name + column < end && name[column] == ':'
                   ? name + column + 1
                   : name;
    }
    return NULL;
}

static bool read_line(struct stack_options *o, const char *line, const char *end)
{
    const char *tab = memchr(line, '\t', (size_t)(end - line));
    const char *kind =
        tab != NULL ? memchr(tab + 1, '\t', (size_t)(end - tab - 1)) : NULL;
    const char *name = tab != NULL ? name_in(line, tab) : NULL;
    uint32_t size = 0;
    if (kind == NULL || name == NULL || kind - tab > 11) {
        return false;
    }
    char *number = cli_format("%.*s", (int)(kind - tab - 1), tab + 1);
    bool good = cli_parse_u32(number, &size);
    free(number);
    if (!good) {
        return false;
    }
    size_t length = (size_t)(end - kind - 1);
    size_t stem = 0;
    while (name + stem < tab && name[stem] != '.') {
        stem++;
    }
    struct stack_usage *usage = add(o);
    usage->name = cli_format("%.*s", (int)stem, name);
    usage->size = size;
    usage->unbounded = length == 7 && memcmp(kind + 1, "dynamic", 7) == 0;
    return true;
}

static void read_file(struct stack_options *o, const char *path)
{
    size_t size = 0;
    uint8_t *bytes = cli_read_file(path, &size);
    const char *at = (const char *)bytes;
    const char *end = at + size;
    for (unsigned number = 1; at < end; number++) {
        const char *newline = memchr(at, '\n', (size_t)(end - at));
        const char *stop = newline != NULL ? newline : end;
        if (!read_line(o, at, stop)) {
            cli_die(
                CLI_REFUSED, path,
                "line %u is not as GCC's -fstack-usage writes it: place:function, size "
                "and kind with tabs between them",
                number);
        }
        at = newline != NULL ? newline + 1 : end;
    }
    free(bytes);
}

static bool has_suffix(const char *name)
{
    size_t length = strlen(name);
    return length > 3 && strcmp(name + length - 3, ".su") == 0;
}

/* @return number of files read */
static unsigned read_folder(struct stack_options *o, const char *path, unsigned depth)
{
    unsigned count = 0;
    DIR *folder = opendir(path);
    if (folder == NULL) {
        cli_die(CLI_IO, path, "cannot be opened");
    }
    for (struct dirent *d = readdir(folder); d != NULL; d = readdir(folder)) {
        struct stat status;
        if (d->d_name[0] == '.') {
            continue;
        }
        char *name = cli_format("%s/%s", path, d->d_name);
        bool found = stat(name, &status) == 0;
        if (found && S_ISDIR(status.st_mode) && depth < FOLDERS_MAX) {
            count += read_folder(o, name, depth + 1);
        } else if (found && S_ISREG(status.st_mode) && has_suffix(name)) {
            read_file(o, name);
            count++;
        }
        free(name);
    }
    (void)closedir(folder);
    return count;
}

static int by_name(const void *a, const void *b)
{
    const struct stack_usage *x = a;
    const struct stack_usage *y = b;
    if (x->name == NULL || y->name == NULL) {
        if (x->name != NULL || y->name != NULL) {
            return x->name != NULL ? 1 : -1;
        }
        return x->address < y->address ? -1 : x->address > y->address;
    }
    return strcmp(x->name, y->name);
}

void stack_usage_read(struct module *m)
{
    struct stack_options *o = m->options.stack;
    for (uint32_t i = 1; i < m->elf.section_count; i++) {
        if (strcmp(m->elf.sections[i].name, ".stack_sizes") == 0) {
            read_section(o, &m->elf.sections[i]);
        }
    }
    for (size_t i = 0; i < o->usage_count; i++) {
        struct stat status;
        if (stat(o->usage[i], &status) != 0 || !S_ISDIR(status.st_mode)) {
            read_file(o, o->usage[i]);
        } else if (read_folder(o, o->usage[i], 0) == 0) {
            cli_die(
                CLI_REFUSED, o->usage[i],
                "has no .su file; compile with -fstack-usage, and give the folder where "
                "the objects are");
        }
    }
    if (o->size_count != 0) {
        qsort(o->sizes, o->size_count, sizeof *o->sizes, by_name);
    }
}

/* The largest of those that have the key, as several files may have a function of one
 * name. */
static bool largest(const struct stack_options *o, const struct stack_usage *key,
                    uint32_t *ret_size)
{
    size_t from = 0;
    size_t to = o->size_count;
    uint32_t size = 0;
    while (from < to) {
        size_t middle = from + (to - from) / 2;
        if (by_name(&o->sizes[middle], key) < 0) {
            from = middle + 1;
        } else {
            to = middle;
        }
    }
    to = from;
    for (; to < o->size_count && by_name(&o->sizes[to], key) == 0; to++) {
        if (o->sizes[to].unbounded) {
            return false;
        }
        size = o->sizes[to].size > size ? o->sizes[to].size : size;
    }
    if (to == from) {
        return false;
    }
    *ret_size = size;
    return true;
}

bool stack_usage_of(const struct module *m, const struct stack_function *f,
                    uint32_t *ret_size)
{
    struct stack_usage key = {.address = f->start};
    if (largest(m->options.stack, &key, ret_size)) {
        return true;
    }
    size_t stem = strcspn(f->name, ".");
    key.name = cli_format("%.*s", (int)stem, f->name);
    bool found = largest(m->options.stack, &key, ret_size);
    free(key.name);
    return found;
}
