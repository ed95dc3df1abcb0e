/* SPDX-License-Identifier: BSD-2-Clause */
/* Other modules that this one needs, each with a range of versions: those given by hand,
 * and those whose descriptions have what it imports. */
#include <stdlib.h>
#include <string.h>

#include "cli.h"
#include "module.h"

#define VERSION_MAX 0xffffu

static int compare(const uint16_t *a, const uint16_t *b)
{
    for (unsigned i = 0; i < 3; i++) {
        if (a[i] != b[i]) {
            return a[i] < b[i] ? -1 : 1;
        }
    }
    return 0;
}

/* Semantic versioning: the next version that may break who uses this one. */
static void first_breaking(const uint16_t *version, uint16_t *ret_version)
{
    unsigned part = version[0] != 0 ? 0 : 1;
    memset(ret_version, 0, 3 * sizeof *ret_version);
    ret_version[part] = version[part];
    if (version[part] < VERSION_MAX) {
        ret_version[part]++;
    } else {
        ret_version[1] = VERSION_MAX;
        ret_version[2] = VERSION_MAX;
    }
}

static struct need *find(struct needs *needs, const char *name)
{
    for (size_t i = 0; i < needs->count; i++) {
        if (strcmp(needs->list[i].name, name) == 0) {
            return &needs->list[i];
        }
    }
    return NULL;
}

static struct need *add(struct needs *needs, const char *name)
{
    needs->list =
        cli_grow(needs->list, &needs->capacity, needs->count + 1, sizeof *needs->list);
    struct need *need = &needs->list[needs->count++];
    memset(need, 0, sizeof *need);
    need->name = name;
    return need;
}

/* @return what is wrong with the versions, or NULL */
static const char *parse_range(struct need *need, const char *lowest,
                               const char *too_high)
{
    if (lowest != NULL && !interface_parse_version(lowest, need->lowest)) {
        return "the lowest version is not X.Y.Z, three numbers up to 65535";
    }
    if (too_high != NULL && !interface_parse_version(too_high, need->too_high)) {
        return "the first version that is too high is not X.Y.Z, three numbers up to "
               "65535";
    }
    if (lowest == NULL) {
        need->too_high[0] = need->too_high[1] = need->too_high[2] = VERSION_MAX;
    } else if (too_high == NULL) {
        first_breaking(need->lowest, need->too_high);
    }
    return compare(need->lowest, need->too_high) < 0
               ? NULL
               : "the lowest version is not below the one that is too high";
}

const char *needs_parse(struct needs *needs, const char *text)
{
    char *copy = cli_format("%s", text);
    char *lowest = strchr(copy, ':');
    char *too_high = lowest != NULL ? strchr(lowest + 1, ':') : NULL;
    const char *wrong = NULL;
    if (lowest != NULL) {
        *lowest++ = '\0';
    }
    if (too_high != NULL) {
        *too_high++ = '\0';
    }
    if (strlen(copy) > MODFMT_NAME_MAX || !symbol_good_name(copy)) {
        wrong = "the name is not 1 to 63 bytes without spaces";
    } else if (find(needs, copy) != NULL) {
        wrong = "that module is named twice";
    } else {
        return parse_range(add(needs, copy), lowest, too_high);
    }
    free(copy);
    return wrong;
}

void needs_add(struct module *m, const char *name, const uint16_t *version)
{
    if (find(&m->options.needs, name) == NULL) {
        struct need *need = add(&m->options.needs, name);
        memcpy(need->lowest, version, sizeof need->lowest);
        first_breaking(version, need->too_high);
    }
}

void needs_check(struct module *m)
{
    if (find(&m->options.needs, m->options.name) != NULL) {
        problem_error(m, 0, 0,
                      "would need itself: '%s' is its own name; use another "
                      "--name, or leave that --needs or --api out",
                      m->options.name);
    }
}

uint32_t needs_value(const struct need *need, uint8_t *value)
{
    size_t length = strlen(need->name);
    for (unsigned i = 0; i < 3; i++) {
        modfmt_put16(value + 2 * i, need->lowest[i]);
        modfmt_put16(value + 6 + 2 * i, need->too_high[i]);
    }
    memcpy(value + NEED_NAME_OFFSET, need->name, length);
    return (uint32_t)(NEED_NAME_OFFSET + length);
}
