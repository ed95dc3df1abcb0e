/* SPDX-License-Identifier: BSD-2-Clause */
/* Types of imports and exports. What an import's type *was* is what the module was
 * compiled against: an asm label of modapi's, or else the module's DWARF. What it *is*
 * stands in the descriptions given by --api. Both are held against each other here, for
 * all imports at once, so that a module built with old headers does not get as far as a
 * board. */
#include <stdlib.h>
#include <string.h>

#include "cli.h"
#include "module.h"

#define NEAREST_MAX 3u

struct types {
    struct module *m;
    struct interface *seen; /* what the module's DWARF says */
    const char *why;        /* why it says nothing, or NULL */
    struct interface **apis;
    size_t api_count;
    bool *used; /* by api: an import is bound to it */
};

/* What one import is held against. */
struct view {
    struct import *import;
    const struct interface_symbol *then; /* as the module was compiled, or NULL */
    const struct interface *api;         /* who has it now, or NULL */
    const struct interface_symbol *now;
};

static const char *label_of(const struct types *t, const struct import *import)
{
    return t->m->elf.symbols[import->symbol].name;
}

/* A declaration without a type (a builtin that GCC calls) is as good as none. */
static const struct interface_symbol *typed(const struct types *t, const char *name)
{
    const struct interface_symbol *then = interface_find(t->seen, name);
    while (then != NULL && then->tag == 0) {
        then = interface_next(t->seen, then);
    }
    return then;
}

static const struct interface_symbol *first_then(const struct types *t,
                                                 const struct import *import)
{
    const struct interface_symbol *then = typed(t, label_of(t, import));
    return then != NULL ? then : typed(t, import->name);
}

static void find_now(struct types *t, struct view *v)
{
    for (size_t i = 0; i < t->api_count && v->now == NULL; i++) {
        v->now = interface_find(t->apis[i], v->import->name);
        if (v->now != NULL) {
            v->api = t->apis[i];
            t->used[i] = true;
        }
    }
}

/* ---- problems ------------------------------------------------------------------- */

/* How a symbol is declared, for a message. To be freed. */
static char *declared(const struct interface_symbol *symbol, uint32_t tag)
{
    if (symbol == NULL || symbol->prototype[0] == '\0') {
        return cli_format("type 0x%08x", (unsigned)tag);
    }
    return cli_format("'%s'%s%s", symbol->prototype, symbol->where != NULL ? " of " : "",
                      symbol->where != NULL ? symbol->where : "");
}

static void changed(const struct types *t, const struct view *v, const char *reason)
{
    char *then = declared(v->then, v->import->label);
    char *now = declared(v->now, v->now->tag);
    problem_error(t->m, v->import->section, v->import->address,
                  "'%s' is not what the module was compiled against: %s; it was compiled "
                  "against %s, but %s has %s; compile the module with the headers that "
                  "belong to it",
                  v->import->name, reason, then, v->api->path, now);
    free(then);
    free(now);
}

static void unknown(const struct types *t, const struct view *v)
{
    const char *near[NEAREST_MAX];
    size_t count = interface_nearest((const struct interface *const *)t->apis,
                                     t->api_count, v->import->name, near, NEAREST_MAX);
    char *hint = cli_format("%s", "");
    for (size_t i = 0; i < count; i++) {
        char *more = cli_format("%s%s'%s'", hint,
                                i == 0           ? "; did you mean "
                                : i + 1 == count ? " or "
                                                 : ", ",
                                near[i]);
        free(hint);
        hint = more;
    }
    problem_error(t->m, v->import->section, v->import->address,
                  "'%s' is defined neither in the module nor in %s%s%s", v->import->name,
                  t->apis[0]->path, t->api_count > 1 ? " and the other descriptions" : "",
                  hint);
    free(hint);
}

static void untyped(const struct types *t, const struct view *v)
{
    problem_error(
        t->m, v->import->section, v->import->address,
        "the type of '%s' is not known: the module %s; or say with --api what the "
        "firmware has, or allow it with --untyped",
        v->import->name,
        t->why != NULL ? t->why
                       : "has debug information, but not of this symbol (gcc "
                         "-g has it of all that is called, clang of nothing)");
}

/* Two source files of the module declare the same symbol differently. */
static void disagree(const struct types *t, const struct view *v,
                     const struct interface_symbol *other, const char *reason)
{
    char *one = declared(v->then, v->then->tag);
    char *another = declared(other, other->tag);
    problem_error(t->m, v->import->section, v->import->address,
                  "the module's source files do not agree about '%s': %s; one has %s, "
                  "another %s; compile all of it with the same headers",
                  v->import->name, reason, one, another);
    free(one);
    free(another);
}

/* ---- one import ----------------------------------------------------------------- */

/* Every declaration in the module's DWARF must be the same as the one `of_now` has. */
static bool all_same(const struct types *t, const struct view *v,
                     const struct interface *of_now, const struct interface_symbol *now)
{
    const struct interface_symbol *then = v->then;
    for (; then != NULL; then = interface_next(t->seen, then)) {
        char *reason = NULL;
        if (then->tag == 0 || interface_same(t->seen, then, of_now, now, &reason)) {
            free(reason);
            continue;
        }
        struct view one = *v;
        if (of_now == t->seen) {
            disagree(t, v, then, reason != NULL ? reason : "their types differ");
        } else {
            one.then = then;
            changed(t, &one, reason != NULL ? reason : "its type differs");
        }
        free(reason);
        return false;
    }
    return true;
}

/* A label names the very tag that its header was made with. */
static void by_label(const struct types *t, const struct view *v)
{
    struct import *import = v->import;
    struct view plain = *v;
    import->type = import->label;
    if (v->now == NULL || v->now->tag == 0 || v->now->tag == import->label) {
        /* Other files may use it without its label. */
        plain.then = typed(t, import->name);
        (void)(v->now != NULL && all_same(t, &plain, v->api, v->now));
        return;
    }
    char *reason = NULL;
    if (v->then == NULL || interface_same(t->seen, v->then, v->api, v->now, &reason)) {
        free(reason);
        reason = cli_format("its type was 0x%08x and is 0x%08x", (unsigned)import->label,
                            (unsigned)v->now->tag);
    }
    changed(t, v, reason != NULL ? reason : "its type differs");
    free(reason);
}

static void by_dwarf(const struct types *t, const struct view *v)
{
    if (v->now == NULL) {
        (void)all_same(t, v, t->seen, v->then);
        v->import->type = v->then->tag;
    } else if (all_same(t, v, v->api, v->now)) {
        /* An opaque struct may be complete on the other side; loaders compare tags only.
         */
        v->import->type = v->now->tag != 0 ? v->now->tag : v->then->tag;
    }
}

static void resolve(struct types *t, struct import *import)
{
    struct view v = {import, first_then(t, import), NULL, NULL};
    find_now(t, &v);
    if (v.now == NULL && t->api_count != 0 && !import->weak) {
        unknown(t, &v);
        return;
    }
    if (import->label != 0) {
        by_label(t, &v);
    } else if (interface_abi_fixed(import->name)) {
        import->type = 0; /* compilers call it, and declare it as they like */
    } else if (v.then != NULL) {
        by_dwarf(t, &v);
    } else if (v.now != NULL) {
        import->type = v.now->tag;
        import->unverified = true;
    } else {
        import->unverified = true;
        if (!t->m->options.untyped && t->api_count == 0) {
            untyped(t, &v);
        } /* else weak, and not there, which is what weak is for */
    }
    const struct interface_symbol *known = v.now != NULL ? v.now : v.then;
    import->object = known != NULL && known->kind == INTERFACE_OBJECT;
    known = v.then != NULL ? v.then : v.now;
    if (known != NULL && known->prototype[0] != '\0') {
        import->prototype = known->prototype;
    }
}

/* ---- all of them ---------------------------------------------------------------- */

static const struct module *sorting; /* qsort() has no room for a context */

static int by_place(const void *a, const void *b)
{
    const struct import *x = &sorting->imports[*(const uint32_t *)a];
    const struct import *y = &sorting->imports[*(const uint32_t *)b];
    if (x->address != y->address) {
        return x->address < y->address ? -1 : 1;
    }
    return strcmp(x->name, y->name);
}

/* In the order of the places that use them, which is that of the source as a rule. */
static void resolve_imports(struct types *t)
{
    struct module *m = t->m;
    uint32_t *order = cli_alloc(m->import_count + 1u, sizeof *order);
    for (uint32_t i = 0; i < m->import_count; i++) {
        order[i] = i;
    }
    sorting = m;
    qsort(order, m->import_count, sizeof *order, by_place);
    for (uint32_t i = 0; i < m->import_count; i++) {
        resolve(t, &m->imports[order[i]]);
    }
    free(order);
}

static const struct interface_symbol *definition(const struct interface *seen,
                                                 const char *name)
{
    const struct interface_symbol *s = interface_find(seen, name);
    while (s != NULL && !(s->defined && s->tag != 0)) {
        s = interface_next(seen, s);
    }
    return s;
}

static void resolve_exports(struct types *t)
{
    for (uint32_t i = 0; i < t->m->export_count; i++) {
        struct export *export = &t->m->exports[i];
        const struct interface_symbol *s = definition(t->seen, export->name);
        if (s != NULL) {
            export->type = s->tag;
        }
    }
}

static void read_apis(struct types *t)
{
    const struct arguments *paths = &t->m->options.apis;
    t->apis = cli_alloc(paths->count + 1, sizeof *t->apis);
    t->used = cli_alloc(paths->count + 1, sizeof *t->used);
    for (size_t i = 0; i < paths->count; i++) {
        if (interface_read(paths->list[i], &t->apis[i]) != CLI_OK) {
            exit(CLI_REFUSED);
        }
        t->api_count++;
    }
}

/* The firmware's version goes into the image; modules that are imported from are needed.
 */
static void note_providers(const struct types *t)
{
    struct module *m = t->m;
    for (size_t i = 0; i < t->api_count; i++) {
        const struct interface *api = t->apis[i];
        bool firmware = strcmp(api->provider, INTERFACE_FIRMWARE) == 0;
        if (firmware && !m->has_api_version) {
            m->has_api_version = true;
            memcpy(m->api_version, api->version, sizeof m->api_version);
        } else if (!firmware && t->used[i]) {
            needs_add(m, api->provider, api->version);
        }
    }
}

void types_resolve(struct module *m)
{
    struct types t = {.m = m};
    read_apis(&t);
    t.seen = interface_of_elf(m->elf.path, m->elf.bytes, m->elf.size, &t.why);
    resolve_imports(&t);
    resolve_exports(&t);
    note_providers(&t);
    m->seen = t.seen; /* strings of all of them stay in use */
    m->seen_why = t.why;
    m->apis = t.apis;
    free(t.used);
}

/* ---- the description of what the module exports ---------------------------------- */

static bool list_exports(struct module *m, const struct interface_symbol **list)
{
    bool good = true;
    for (uint32_t i = 0; i < m->export_count; i++) {
        list[i] = definition(m->seen, m->exports[i].name);
        if (list[i] == NULL) {
            cli_error(
                m->elf.path,
                "--write-api: the type of the export '%s' is not known%s%s; compile "
                "with -g",
                m->exports[i].name, m->seen_why != NULL ? ": the module " : "",
                m->seen_why != NULL ? m->seen_why : "");
            good = false;
        }
    }
    return good;
}

int types_describe(struct module *m, char **ret_text, size_t *ret_size)
{
    const struct interface_symbol **list = cli_alloc(m->export_count + 1u, sizeof *list);
    bool good = list_exports(m, list);
    if (good) {
        struct interface_subset subset = {
            .provider = m->options.name, .symbols = list, .count = m->export_count};
        memcpy(subset.version, m->options.version, sizeof subset.version);
        *ret_text = interface_text(m->seen, &subset, ret_size);
    }
    free(list);
    return good ? CLI_OK : CLI_REFUSED;
}
