/* SPDX-License-Identifier: BSD-2-Clause */
/* modapi diff: what changed between two descriptions, and what follows. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "interface.h"
#include "verbs.h"

enum { OPT_JSON = 1 };

static const struct cli_option options[] = {
    {OPT_JSON, 0, "json", NULL, "print JSON"},
    {0, 0, NULL, NULL, NULL},
};

static const struct cli_tool tool = {
    .name = "modapi",
    .usage = "modapi diff [--json] OLD NEW",
    .purpose =
        "What was added, removed and changed from one description to the next; what "
        "of it\n"
        "breaks modules, and the version that follows. Each is a description or a\n"
        "firmware's ELF.",
    .details =
        "Exit status: 0 modules built against OLD go on working, 1 some do not (or a "
        "file\n"
        "is refused), 2 usage, 3 input, output or memory.",
    .options = options,
};

/* How much a change asks of the version's number. */
enum level { LEVEL_NONE, LEVEL_PATCH, LEVEL_MINOR, LEVEL_MAJOR };

enum change {
    CHANGE_ADDED,
    CHANGE_REMOVED,
    CHANGE_TYPE,
    CHANGE_CONST,
    CHANGE_CONDITION,
    CHANGE_SPELLING,
    CHANGE_CONSTANT_ADDED,
    CHANGE_CONSTANT_REMOVED,
    CHANGE_CONSTANT_VALUE,
};

static const char *const change_names[] = {
    [CHANGE_ADDED] = "added",
    [CHANGE_REMOVED] = "removed",
    [CHANGE_TYPE] = "type",
    [CHANGE_CONST] = "const",
    [CHANGE_CONDITION] = "condition",
    [CHANGE_SPELLING] = "prototype",
    [CHANGE_CONSTANT_ADDED] = "constant-added",
    [CHANGE_CONSTANT_REMOVED] = "constant-removed",
    [CHANGE_CONSTANT_VALUE] = "constant-value",
};

struct difference {
    enum change change;
    enum level level;
    const char *name;
    const char *then; /* prototypes or values; NULL: none */
    const char *now;
    char *reason; /* NULL: none */
};

struct differences {
    const struct interface *then;
    const struct interface *now;
    struct difference *list;
    size_t count;
    size_t capacity;
};

static void add(struct differences *d, enum change change, enum level level,
                const char *name, const char *then, const char *now, char *reason)
{
    d->list = cli_grow(d->list, &d->capacity, d->count + 1, sizeof *d->list);
    d->list[d->count++] = (struct difference){change, level, name, then, now, reason};
}

/* ---- symbols --------------------------------------------------------------------------
 */

static const char *shown(const struct interface_symbol *s)
{
    return s->prototype[0] != '\0' ? s->prototype : s->name;
}

static void compare_conditions(struct differences *d, const struct interface_symbol *then,
                               const struct interface_symbol *now)
{
    const char *was = then->condition != NULL ? then->condition : "";
    const char *is = now->condition != NULL ? now->condition : "";
    if (strcmp(was, is) == 0) {
        return;
    }
    if (is[0] == '\0') {
        add(d, CHANGE_CONDITION, LEVEL_MINOR, now->name, shown(then), shown(now),
            cli_format("it was there only if %s, and is always there now", was));
        return;
    }
    add(d, CHANGE_CONDITION, LEVEL_MAJOR, now->name, shown(then), shown(now),
        was[0] == '\0' ? cli_format("it is there only if %s now", is)
                       : cli_format("it was there if %s, and is now if %s", was, is));
}

static void compare_known(struct differences *d, const struct interface_symbol *then,
                          const struct interface_symbol *now)
{
    struct interface_const found = interface_compare_const(d->then, then, d->now, now);
    if (found.dropped || found.added) {
        add(d, CHANGE_CONST, LEVEL_MAJOR, now->name, shown(then), shown(now),
            cli_format("%s", found.dropped
                                 ? "const was dropped: what modules hand over may be "
                                   "written to now"
                                 : "const was added: modules may have written to it"));
    } else if (found.relaxed) {
        add(d, CHANGE_CONST, LEVEL_MINOR, now->name, shown(then), shown(now),
            cli_format("const was added to what a parameter points to"));
    } else if (strcmp(then->prototype, now->prototype) != 0) {
        add(d, CHANGE_SPELLING, LEVEL_PATCH, now->name, shown(then), shown(now), NULL);
    }
}

static void compare_symbol(struct differences *d, const struct interface_symbol *then,
                           const struct interface_symbol *now)
{
    char *reason = NULL;
    compare_conditions(d, then, now);
    if ((then->tag == 0) != (now->tag == 0)) {
        add(d, CHANGE_TYPE, LEVEL_MINOR, now->name, shown(then), shown(now),
            cli_format("its type %s",
                       now->tag != 0 ? "is known now" : "is not known now"));
    } else if (then->tag == now->tag) {
        compare_known(d, then, now);
    } else if (!interface_same(d->then, then, d->now, now, &reason)) {
        add(d, CHANGE_TYPE, LEVEL_MAJOR, now->name, shown(then), shown(now), reason);
    } else {
        add(d, CHANGE_TYPE, LEVEL_MAJOR, now->name, shown(then), shown(now),
            cli_format(
                "a struct that was complete is opaque, or the other way round: the "
                "tag changed from %08x to %08x",
                (unsigned)then->tag, (unsigned)now->tag));
    }
}

static void compare_symbols(struct differences *d)
{
    size_t i = 0;
    size_t k = 0;
    while (i < d->then->count || k < d->now->count) {
        const struct interface_symbol *then = &d->then->symbols[i];
        const struct interface_symbol *now = &d->now->symbols[k];
        int order = i == d->then->count  ? 1
                    : k == d->now->count ? -1
                                         : strcmp(then->name, now->name);
        if (order < 0) {
            add(d, CHANGE_REMOVED, LEVEL_MAJOR, then->name, shown(then), NULL, NULL);
        } else if (order > 0) {
            add(d, CHANGE_ADDED, LEVEL_MINOR, now->name, NULL, shown(now), NULL);
        } else {
            compare_symbol(d, then, now);
        }
        i += order <= 0;
        k += order >= 0;
    }
}

/* ---- constants ------------------------------------------------------------------------
 */

static void compare_constants(struct differences *d)
{
    size_t then_count;
    size_t now_count;
    struct interface_constant *then = interface_constants(d->then, &then_count);
    struct interface_constant *now = interface_constants(d->now, &now_count);
    for (size_t i = 0, k = 0; i < then_count || k < now_count;) {
        int order = i == then_count  ? 1
                    : k == now_count ? -1
                                     : strcmp(then[i].name, now[k].name);
        if (order < 0) {
            add(d, CHANGE_CONSTANT_REMOVED, LEVEL_MAJOR, then[i].name, NULL, NULL,
                cli_format("%" PRId64 " in enum %s", then[i].value, then[i].of));
        } else if (order > 0) {
            add(d, CHANGE_CONSTANT_ADDED, LEVEL_MINOR, now[k].name, NULL, NULL,
                cli_format("%" PRId64 " in enum %s", now[k].value, now[k].of));
        } else if (then[i].value != now[k].value) {
            add(d, CHANGE_CONSTANT_VALUE, LEVEL_MAJOR, now[k].name, NULL, NULL,
                cli_format("%" PRId64 " became %" PRId64, then[i].value, now[k].value));
        }
        i += order <= 0;
        k += order >= 0;
    }
    free(then);
    free(now);
}

/* ---- the version
 * ------------------------------------------------------------------------ */

static enum level highest(const struct differences *d)
{
    enum level level = LEVEL_NONE;
    for (size_t i = 0; i < d->count; i++) {
        level = d->list[i].level > level ? d->list[i].level : level;
    }
    return level;
}

/* Semantic versioning; before 1.0.0 the second number stands for the first (its clause 4
 * leaves that open, and it is what dependencies count by). */
static void next_version(const struct interface *then, enum level level,
                         unsigned ret_version[3])
{
    for (unsigned i = 0; i < 3; i++) {
        ret_version[i] = then->version[i];
    }
    unsigned part = level == LEVEL_MAJOR ? 0 : level == LEVEL_MINOR ? 1 : 2;
    if (level == LEVEL_NONE) {
        return;
    }
    if (ret_version[0] == 0 && part < 2) {
        part++;
    }
    ret_version[part]++;
    for (unsigned i = part + 1; i < 3; i++) {
        ret_version[i] = 0;
    }
}

static const char *level_name(enum level level)
{
    static const char *const names[] = {"none", "patch", "minor", "major"};
    return names[level];
}

/* Is what NEW says it is at least what the changes ask for? */
static bool version_suffices(const struct interface *now, const unsigned wanted[3])
{
    for (unsigned i = 0; i < 3; i++) {
        if (now->version[i] != wanted[i]) {
            return now->version[i] > wanted[i];
        }
    }
    return true;
}

/* ---- printing
 * -------------------------------------------------------------------------- */

static void put(const char *text)
{
    cli_put_text(stdout, text, strlen(text));
}

static void print_difference(const struct difference *e)
{
    static const char marks[] = {
        [CHANGE_ADDED] = '+',          [CHANGE_REMOVED] = '-',
        [CHANGE_TYPE] = '!',           [CHANGE_CONST] = '!',
        [CHANGE_CONDITION] = '!',      [CHANGE_SPELLING] = '~',
        [CHANGE_CONSTANT_ADDED] = '+', [CHANGE_CONSTANT_REMOVED] = '-',
        [CHANGE_CONSTANT_VALUE] = '!'};
    char mark =
        e->level < LEVEL_MAJOR && marks[e->change] == '!' ? '~' : marks[e->change];
    printf("%c %-5s %s ", mark, level_name(e->level), change_names[e->change]);
    put(e->name);
    if (e->reason != NULL) {
        printf(": ");
        put(e->reason);
    }
    printf("\n");
    if (e->then != NULL && (e->now == NULL || strcmp(e->then, e->now) != 0)) {
        printf("        then  ");
        put(e->then);
        printf("\n");
    }
    if (e->now != NULL) {
        printf("        now   ");
        put(e->now);
        printf("\n");
    }
}

static void print_summary(const struct differences *d, const unsigned next[3])
{
    size_t breaking = 0;
    const uint16_t *was = d->then->version;
    const uint16_t *is = d->now->version;
    for (size_t i = 0; i < d->count; i++) {
        breaking += d->list[i].level == LEVEL_MAJOR;
    }
    if (d->count == 0) {
        printf("no change: %u.%u.%u stays\n", was[0], was[1], was[2]);
    } else {
        printf("%zu change%s, %zu breaking: after %u.%u.%u follows %u.%u.%u", d->count,
               d->count == 1 ? "" : "s", breaking, was[0], was[1], was[2], next[0],
               next[1], next[2]);
        printf("; the new description says %u.%u.%u%s\n", is[0], is[1], is[2],
               version_suffices(d->now, next) ? "" : ", which is too low");
    }
}

static void json_version(struct cli_json *json, const char *key, const unsigned v[3])
{
    char text[32];
    (void)snprintf(text, sizeof text, "%u.%u.%u", v[0], v[1], v[2]);
    cli_json_text(json, key, text);
}

static void print_json(const struct differences *d, const unsigned next[3])
{
    struct cli_json json;
    const uint16_t *was = d->then->version;
    const uint16_t *is = d->now->version;
    const unsigned then[3] = {was[0], was[1], was[2]};
    const unsigned now[3] = {is[0], is[1], is[2]};
    cli_json_begin(&json, stdout);
    cli_json_object(&json, NULL);
    json_version(&json, "old_version", then);
    json_version(&json, "new_version", now);
    json_version(&json, "next_version", next);
    cli_json_text(&json, "level", level_name(highest(d)));
    cli_json_bool(&json, "breaking", highest(d) == LEVEL_MAJOR);
    cli_json_array(&json, "changes");
    for (size_t i = 0; i < d->count; i++) {
        const struct difference *e = &d->list[i];
        cli_json_object(&json, NULL);
        cli_json_text(&json, "name", e->name);
        cli_json_text(&json, "change", change_names[e->change]);
        cli_json_text(&json, "level", level_name(e->level));
        cli_json_text(&json, "then", e->then);
        cli_json_text(&json, "now", e->now);
        cli_json_text(&json, "reason", e->reason);
        cli_json_close_object(&json);
    }
    cli_json_close_array(&json);
    cli_json_close_object(&json);
    cli_json_end(&json);
}

/* ---- the verb -------------------------------------------------------------------------
 */

static bool parse(int argc, char **argv, const char *paths[2])
{
    struct cli_args args;
    const char *value;
    unsigned count = 0;
    bool json = false;
    int id;
    cli_begin(&args, &tool, argc, argv);
    while ((id = cli_next(&args, &value)) != CLI_END) {
        if (id == OPT_JSON) {
            json = true;
        } else if (count == 2) {
            cli_usage(&tool, "two descriptions are compared: \"%s\" is the third", value);
        } else {
            paths[count++] = value;
        }
    }
    if (count != 2) {
        cli_usage(&tool, "two descriptions are wanted, the old one and the new one");
    }
    return json;
}

int verb_diff(int argc, char **argv)
{
    const char *paths[2];
    struct interface *sides[2] = {NULL, NULL};
    unsigned next[3];
    bool json = parse(argc, argv, paths);
    if (interface_read(paths[0], &sides[0]) != CLI_OK ||
        interface_read(paths[1], &sides[1]) != CLI_OK) {
        interface_free(sides[0]);
        return CLI_REFUSED;
    }
    struct differences d = {.then = sides[0], .now = sides[1]};
    compare_symbols(&d);
    compare_constants(&d);
    enum level level = highest(&d);
    next_version(sides[0], level, next);
    if (json) {
        print_json(&d, next);
    } else {
        for (size_t i = 0; i < d.count; i++) {
            print_difference(&d.list[i]);
        }
        print_summary(&d, next);
    }
    for (size_t i = 0; i < d.count; i++) {
        free(d.list[i].reason);
    }
    free(d.list);
    interface_free(sides[0]);
    interface_free(sides[1]);
    int closed = cli_close_stdout();
    return closed != CLI_OK ? closed : level == LEVEL_MAJOR ? CLI_REFUSED : CLI_OK;
}
