/* SPDX-License-Identifier: BSD-2-Clause */
/* Are two types of two interfaces the same; and if not, where do they part? */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "cli.h"
#include "types.h"

#define NESTING_MAX 1000u

struct pair {
    const struct type *then;
    const struct type *now;
};

struct comparison {
    const struct interface_types *then;
    const struct interface_types *now;
    struct pair *met; /* structs that are being compared or were: a circle ends */
    size_t met_count;
    size_t met_capacity;
    unsigned depth;
    char *reason; /* NULL: none yet */
};

static bool same(struct comparison *c, uint32_t then, uint32_t now);

/* Say in front of the reason where it is. @return false */
static bool inside(struct comparison *c, const char *where)
{
    char *reason = cli_format("%s: %s", where, c->reason);
    free(c->reason);
    c->reason = reason;
    return false;
}

static bool differ(struct comparison *c, char *reason)
{
    c->reason = reason;
    return false;
}

/* "X became Y"; takes both. */
static bool became(struct comparison *c, char *then, char *now)
{
    char *reason = strcmp(then, now) == 0 ? cli_format("%s became another one", then)
                                          : cli_format("%s became %s", then, now);
    free(then);
    free(now);
    return differ(c, reason);
}

static bool kinds_became(struct comparison *c, uint32_t then, uint32_t now)
{
    return became(c, types_words(c->then, then), types_words(c->now, now));
}

static bool same_function(struct comparison *c, const struct type *then,
                          const struct type *now)
{
    if (then->unprototyped != now->unprototyped) {
        return differ(c,
                      cli_format("it %s declared without parameters, as f(), which says "
                                 "nothing of them: write f(void)",
                                 then->unprototyped ? "was" : "is now"));
    }
    if (then->count != now->count) {
        return differ(c, cli_format("%zu parameter%s became %zu", then->count,
                                    then->count == 1 ? "" : "s", now->count));
    }
    if (then->variadic != now->variadic) {
        return differ(c, cli_format(now->variadic ? "it now takes more arguments (...)"
                                                  : "it no longer takes more arguments "
                                                    "(...)"));
    }
    for (size_t i = 0; i < then->count; i++) {
        if (!same(c, then->members[i].type, now->members[i].type)) {
            char *where = cli_format("parameter %zu", i + 1);
            (void)inside(c, where);
            free(where);
            return false;
        }
    }
    return same(c, then->target, now->target) || inside(c, "result");
}

/* ---- structs -------------------------------------------------------------------------
 */

static const struct type_member *find_member(const struct type *t, const char *name)
{
    for (size_t i = 0; i < t->count; i++) {
        if (strcmp(t->members[i].name, name) == 0) {
            return &t->members[i];
        }
    }
    return NULL;
}

static char *place_words(const struct type_member *m)
{
    return m->bits == 0 ? cli_format("offset %" PRIu64, m->place / 8)
                        : cli_format("offset %" PRIu64 ", bit %u", m->place / 8,
                                     (unsigned)(m->place % 8));
}

static const char *shown(const struct type_member *m)
{
    return m->name[0] != '\0' ? m->name : "(nameless)";
}

static bool same_member(struct comparison *c, const struct type_member *then,
                        const struct type_member *now)
{
    char *where = cli_format("member %s", shown(now));
    bool result = true;
    if (!same(c, then->type, now->type)) {
        result = inside(c, where);
    } else if (then->bits != now->bits) {
        result = differ(c, cli_format("%s: %u bits became %u%s", where,
                                      (unsigned)then->bits, (unsigned)now->bits,
                                      now->bits == 0 ? " (no bit-field)" : ""));
    } else if (then->place != now->place) {
        (void)became(c, place_words(then), place_words(now));
        result = inside(c, where);
    }
    free(where);
    return result;
}

/* The first member that explains why two structs differ; NULL: they do not. */
static char *member_reason(struct comparison *c, const struct type *then,
                           const struct type *now)
{
    for (size_t i = 0; i < now->count; i++) {
        if (now->members[i].name[0] != '\0' &&
            find_member(then, now->members[i].name) == NULL) {
            return cli_format("member %s was added", now->members[i].name);
        }
    }
    for (size_t i = 0; i < then->count; i++) {
        if (then->members[i].name[0] != '\0' &&
            find_member(now, then->members[i].name) == NULL) {
            return cli_format("member %s was removed", then->members[i].name);
        }
    }
    for (size_t i = 0; i < then->count && i < now->count; i++) {
        if (strcmp(then->members[i].name, now->members[i].name) != 0) {
            return cli_format("member %s now stands where %s stood",
                              shown(&now->members[i]), shown(&then->members[i]));
        }
        if (!same_member(c, &then->members[i], &now->members[i])) {
            char *reason = c->reason;
            c->reason = NULL;
            return reason;
        }
    }
    return then->count == now->count
               ? NULL
               : cli_format("%zu members became %zu", then->count, now->count);
}

/* Names, not counting the number that tells apart what has the same. */
static bool same_name(const char *a, const char *b)
{
    size_t la = strcspn(a, "#");
    size_t lb = strcspn(b, "#");
    return la == lb && memcmp(a, b, la) == 0;
}

static bool met(struct comparison *c, const struct type *then, const struct type *now)
{
    for (size_t i = 0; i < c->met_count; i++) {
        if (c->met[i].then == then && c->met[i].now == now) {
            return true;
        }
    }
    c->met = cli_grow(c->met, &c->met_capacity, c->met_count + 1, sizeof *c->met);
    c->met[c->met_count].then = then;
    c->met[c->met_count++].now = now;
    return false;
}

static bool same_record(struct comparison *c, const struct type *then,
                        const struct type *now)
{
    if (then->opaque || now->opaque) {
        return same_name(then->name, now->name) ||
               became(c, cli_format("%s%s", types_prefix(then), then->name),
                      cli_format("%s%s", types_prefix(now), now->name));
    }
    if (met(c, then, now)) {
        return true;
    }
    char *reason = member_reason(c, then, now);
    if (reason == NULL && then->size == now->size) {
        return true;
    }
    if (then->size == now->size) {
        c->reason = reason;
    } else {
        c->reason =
            cli_format("size %u became %u%s%s", (unsigned)then->size, (unsigned)now->size,
                       reason != NULL ? ": " : "", reason != NULL ? reason : "");
        free(reason);
    }
    char *where = cli_format("%s%s", types_prefix(now), now->name);
    (void)inside(c, where);
    free(where);
    return false;
}

/* ---- all types -----------------------------------------------------------------------
 */

static bool same_derived(struct comparison *c, uint32_t then_index, uint32_t now_index)
{
    const struct type *then = types_plain(c->then, then_index);
    const struct type *now = types_plain(c->now, now_index);
    switch (then->kind) {
    case TYPE_POINTER:
    case TYPE_MEMBER_POINTER:
        return same(c, then->target, now->target);
    case TYPE_ARRAY:
    case TYPE_VECTOR:
        if (then->length != now->length) {
            return kinds_became(c, then_index, now_index);
        }
        return same(c, then->target, now->target) || inside(c, "array element");
    case TYPE_FUNCTION:
        return same_function(c, then, now);
    case TYPE_STRUCT:
    case TYPE_UNION:
        return same_record(c, then, now);
    case TYPE_ENUM:
        return (then->size == now->size && types_plain(c->then, then->target)->kind ==
                                               types_plain(c->now, now->target)->kind) ||
               kinds_became(c, then_index, now_index);
    default:
        return (then->size == now->size && then->length == now->length) ||
               kinds_became(c, then_index, now_index);
    }
}

static bool same(struct comparison *c, uint32_t then, uint32_t now)
{
    if (types_plain(c->then, then)->kind != types_plain(c->now, now)->kind) {
        return kinds_became(c, then, now);
    }
    if (c->depth == NESTING_MAX) {
        return differ(c, cli_format("it is nested deeper than can be compared"));
    }
    c->depth++;
    bool result = same_derived(c, then, now);
    c->depth--;
    return result;
}

bool interface_same(const struct interface *of_then, const struct interface_symbol *then,
                    const struct interface *of_now, const struct interface_symbol *now,
                    char **ret_reason)
{
    struct comparison c = {.then = of_then->types, .now = of_now->types};
    bool result = true;
    if (then->tag == 0 || now->tag == 0 || then->tag == now->tag) {
        return true;
    }
    if (then->kind != now->kind) {
        result = differ(
            &c, cli_format("it was %s and is %s now",
                           then->kind == INTERFACE_FUNCTION ? "a function" : "data",
                           now->kind == INTERFACE_FUNCTION ? "a function" : "data"));
    } else {
        result = same(&c, then->type, now->type);
    }
    free(c.met);
    if (!result && ret_reason != NULL) {
        *ret_reason = c.reason;
    } else {
        free(c.reason);
    }
    return result;
}
