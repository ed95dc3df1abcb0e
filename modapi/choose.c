/* SPDX-License-Identifier: BSD-2-Clause */
/* Which of the declared things are exported, and which cannot be. */
#include <stdlib.h>
#include <string.h>

#include "build.h"
#include "modfmt.h"

static bool never(const char *condition)
{
    return strcmp(condition, "0") == 0 || strcmp(condition, "false") == 0;
}

static const char *macro_place(const struct build *b, const char *name,
                               bool *ret_is_macro)
{
    *ret_is_macro = false;
    for (size_t i = 0; i < b->macro_count; i++) {
        if (strcmp(b->macros[i], name) == 0) {
            *ret_is_macro = true;
            return b->macro_places[i];
        }
    }
    return NULL;
}

static char *both(const char *a, const char *b)
{
    if (a == NULL || a[0] == '\0') {
        return b == NULL || b[0] == '\0' ? NULL : cli_format("%s", b);
    }
    return b == NULL || b[0] == '\0' ? cli_format("%s", a)
                                     : cli_format("(%s) && (%s)", a, b);
}

static void add(struct build *b, const char *link, const struct declared *d,
                const struct row *row, char *condition)
{
    b->exports = cli_grow(b->exports, &b->export_capacity, b->export_count + 1,
                          sizeof *b->exports);
    struct export *e = &b->exports[b->export_count++];
    memset(e, 0, sizeof *e);
    e->link = link;
    e->symbol = row != NULL && row->symbol != NULL ? row->symbol : link;
    e->shown = d != NULL ? d->shown : link;
    e->declared = d;
    e->condition = condition;
    e->hash = modfmt_hash(link, (uint32_t)strlen(link));
}

/* ---- what is declared ------------------------------------------------------------- */

static const struct declared *overload(const struct build *b, const struct declared *d)
{
    for (size_t i = 0; i < b->declared_count; i++) {
        const struct declared *other = &b->declared[i];
        if (other != d && other->kind == INTERFACE_FUNCTION &&
            strcmp(other->shown, d->shown) == 0 && strcmp(other->link, d->link) != 0) {
            return other;
        }
    }
    return NULL;
}

static bool exportable(const struct build *b, const struct declared *d)
{
    bool is_macro;
    const char *macro = macro_place(b, d->shown, &is_macro);
    const struct declared *other = d->kind == INTERFACE_FUNCTION ? overload(b, d) : NULL;
    if (other != NULL) {
        cli_error(d->place,
                  "%s is overloaded (%s): modules find functions by name; give each its "
                  "own, or declare one extern \"C\"",
                  d->shown, other->place);
        return false;
    }
    if (is_macro && d->header != NULL) {
        cli_error(macro != NULL ? macro : d->place,
                  "%s is a function-like macro, too: modules would get the macro and not "
                  "the function; rename one, or exclude it",
                  d->shown);
        return false;
    }
    if (d->thread_local_) {
        cli_error(d->place,
                  "%s is thread-local: it has no one address; export a function "
                  "that returns its address",
                  d->shown);
        return false;
    }
    return true;
}

static void choose_declared(struct build *b, const struct declared *d)
{
    const struct row *row = rows_find(b, d->shown);
    row = row != NULL ? row : rows_find(b, d->link);
    if (d->header == NULL && row == NULL) {
        return;
    }
    if (d->excluded || (row != NULL && never(row->condition)) ||
        (d->condition != NULL && never(d->condition))) {
        return;
    }
    if (d->internal) {
        if (row != NULL) {
            cli_error(d->place,
                      "%s is static or inline: there is no symbol that modules could "
                      "import, though %s:%u asks for it",
                      d->shown, row->path, row->line);
        } else if (b->verbose) {
            cli_note(d->place, "%s is static or inline: left out, modules have their own",
                     d->shown);
        }
        return;
    }
    if (exportable(b, d)) {
        add(b, d->link, d, row, both(d->condition, row != NULL ? row->condition : NULL));
    }
}

/* ---- what only rows have ------------------------------------------------------------
 */

static bool is_declared(const struct build *b, const char *name)
{
    for (size_t i = 0; i < b->declared_count; i++) {
        if (strcmp(b->declared[i].shown, name) == 0 ||
            strcmp(b->declared[i].link, name) == 0) {
            return true;
        }
    }
    return false;
}

static void choose_row(struct build *b, const struct row *row)
{
    bool is_macro;
    char *at = cli_format("%s:%u", row->path, row->line);
    (void)macro_place(b, row->name, &is_macro);
    if (never(row->condition) || is_declared(b, row->name)) {
        free(at);
        return;
    }
    if (is_macro) {
        cli_error(at,
                  "%s is a function-like macro: modules can import functions and data "
                  "only",
                  row->name);
    } else if (row->header[0] == '\0' && row->result == NULL &&
               interface_abi_fixed(row->name)) {
        add(b, row->name, NULL, row, both(row->condition, NULL));
    } else {
        cli_error(at, "no header declares %s%s%s", row->name,
                  row->header[0] != '\0' ? "; not even " : "", row->header);
    }
    free(at);
}

/* A macro that looks like a function of the interface. Those in capitals are taken as
 * what they are, and names of the implementation as none. */
static void refuse_macro(const struct build *b, size_t index)
{
    const char *name = b->macros[index];
    const struct row *row = rows_find(b, name);
    if (b->macro_places[index] == NULL || name[0] == '_' ||
        strpbrk(name, "abcdefghijklmnopqrstuvwxyz") == NULL || is_declared(b, name) ||
        row != NULL) {
        return;
    }
    cli_error(
        b->macro_places[index],
        "%s is a function-like macro: modules cannot import it; make it a function or "
        "static inline, write it in capitals, or exclude it by a CSV row \"%s\",\"\","
        "\"0\"",
        name, name);
}

/* ---- order ----------------------------------------------------------------------------
 */

static int by_hash(const void *a, const void *b)
{
    const struct export *x = a;
    const struct export *y = b;
    if (x->hash != y->hash) {
        return x->hash < y->hash ? -1 : 1;
    }
    return strcmp(x->link, y->link);
}

static void check_order(const struct build *b)
{
    for (size_t i = 1; i < b->export_count; i++) {
        const struct export *x = &b->exports[i - 1];
        const struct export *y = &b->exports[i];
        const char *at = y->declared != NULL ? y->declared->place : NULL;
        if (x->hash != y->hash) {
            continue;
        }
        if (strcmp(x->link, y->link) == 0) {
            cli_error(at, "%s and %s (%s) are both the symbol %s: two definitions",
                      y->shown, x->shown,
                      x->declared != NULL ? x->declared->place : "CSV", y->link);
        } else {
            cli_error(at, "%s and %s have the same hash 0x%08x: rename one", y->link,
                      x->link, (unsigned)x->hash);
        }
    }
}

void choose_exports(struct build *b)
{
    for (size_t i = 0; i < b->declared_count; i++) {
        choose_declared(b, &b->declared[i]);
    }
    for (size_t i = 0; i < b->row_count; i++) {
        choose_row(b, &b->rows[i]);
    }
    for (size_t i = 0; i < b->macro_count; i++) {
        refuse_macro(b, i);
    }
    if (b->export_count != 0) {
        qsort(b->exports, b->export_count, sizeof *b->exports, by_hash);
    }
    check_order(b);
}
