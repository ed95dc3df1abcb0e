/* SPDX-License-Identifier: BSD-2-Clause */
/* How others include the headers that were named. */
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "build.h"
#include "forms.h"

/* What of `path` is behind a directory that is searched for headers; NULL if it is not.
 */
static const char *behind(const char *directory, const char *path)
{
    char *real = realpath(directory, NULL);
    const char *rest = NULL;
    size_t length = real != NULL ? strlen(real) : 0;
    if (length != 0 && strncmp(real, path, length) == 0 && path[length] == '/') {
        rest = path + length + 1;
    }
    free(real);
    return rest;
}

/* As short as the -I options allow; else the last part of the path. */
static const char *includable(const struct build *b, const char *path)
{
    const char *name = strrchr(path, '/') + 1;
    const char *best = NULL;
    for (size_t i = 0; i < b->flag_count; i++) {
        const char *directory = NULL;
        if (strncmp(b->flags[i], "-I", 2) == 0 && b->flags[i][2] != '\0') {
            directory = b->flags[i] + 2;
        } else if (strcmp(b->flags[i], "-I") == 0 && i + 1 < b->flag_count) {
            directory = b->flags[i + 1];
        }
        const char *rest = directory != NULL ? behind(directory, path) : NULL;
        if (rest != NULL && (best == NULL || strlen(rest) < strlen(best))) {
            best = rest;
        }
    }
    return best != NULL ? best : name;
}

static bool is_there(char *const *list, size_t count, const char *text)
{
    for (size_t i = 0; i < count; i++) {
        if (strcmp(list[i], text) == 0) {
            return true;
        }
    }
    return false;
}

/* FIRMWARE_LABELS_H of "firmware". */
static char *guard_of(const char *name)
{
    char *guard = cli_format("%s_LABELS_H", name);
    for (char *c = guard; *c != '\0'; c++) {
        *c = *c >= 'a' && *c <= 'z' ? (char)(*c - 'a' + 'A') : *c;
    }
    return guard;
}

char *include_labels(const struct build *b, const struct interface *interface)
{
    char **list = cli_alloc(b->header_count + b->row_count + 1, sizeof *list);
    size_t count = 0;
    for (size_t i = 0; i < b->header_count; i++) {
        list[count++] = cli_format("\"%s\"", includable(b, b->headers[i].path));
    }
    for (size_t i = 0; i < b->row_count; i++) {
        char *text = cli_format("<%s>", b->rows[i].header);
        if (b->rows[i].header[0] == '\0' || is_there(list, count, text)) {
            free(text);
        } else {
            list[count++] = text;
        }
    }
    char *guard = guard_of(b->name);
    char *labels = interface_labels(interface, guard, (const char *const *)list, count);
    for (size_t i = 0; i < count; i++) {
        free(list[i]);
    }
    free(list);
    free(guard);
    return labels;
}
