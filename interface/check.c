/* SPDX-License-Identifier: BSD-2-Clause */
/* Which imports are bound, which needs are met. The rules are the loader's: a symbol is
 * bound to the first table or needed module that has it with the right type; a module
 * that needs others is loaded after them, or not at all. */
#include <stdlib.h>
#include <string.h>

#include "check_parts.h"
#include "cli.h"

#define RANGE_SIZE 12u /* of a dependency tag: two versions, then the name */

struct check *check_new(void)
{
    return cli_alloc(1, sizeof(struct check));
}

static void free_entry(struct entry *e)
{
    for (size_t i = 0; i < e->report.count; i++) {
        free(e->report.problems[i].reason);
        free(e->report.problems[i].text);
    }
    free(e->report.problems);
    free(e->offer.by_hash);
    free(e->needs);
    free(e->names);
    free(e->prototypes);
    free(e);
}

void check_free(struct check *check)
{
    if (check == NULL) {
        return;
    }
    for (size_t i = 0; i < check->offer_count; i++) {
        free(check->offers[i].by_hash);
    }
    for (size_t i = 0; i < check->entry_count; i++) {
        free_entry(check->entries[i]);
    }
    free(check->offers);
    free(check->entries);
    free(check->was);
    free(check);
}

/* ---- who offers ------------------------------------------------------------------- */

static int by_hash(const void *a, const void *b)
{
    const struct interface_symbol *const *x = a;
    const struct interface_symbol *const *y = b;
    return ((*x)->hash > (*y)->hash) - ((*x)->hash < (*y)->hash);
}

static void index_api(struct offer *offer)
{
    if (offer->api == NULL) {
        return;
    }
    size_t count = offer->api->count;
    offer->by_hash = cli_alloc(count + 1, sizeof *offer->by_hash);
    for (size_t i = 0; i < count; i++) {
        offer->by_hash[i] = &offer->api->symbols[i];
    }
    qsort(offer->by_hash, count, sizeof *offer->by_hash, by_hash);
}

static const struct interface_symbol *find_described(const struct offer *offer,
                                                     uint32_t hash)
{
    size_t from = 0;
    size_t to = offer->api != NULL ? offer->api->count : 0;
    while (from < to) {
        size_t middle = from + (to - from) / 2;
        if (offer->by_hash[middle]->hash == hash) {
            return offer->by_hash[middle];
        }
        if (offer->by_hash[middle]->hash < hash) {
            from = middle + 1;
        } else {
            to = middle;
        }
    }
    return NULL;
}

static uint32_t table_hash(const uint8_t *table, uint32_t index)
{
    return modfmt_get32(table + (size_t)index * MODFMT_EXPORT_SIZE +
                        MODFMT_EXPORT_OFF_HASH);
}

/* @return an entry of `size` bytes whose first word is the hash, or NULL */
static const uint8_t *find_entry(const uint8_t *table, uint32_t count, uint32_t hash)
{
    uint32_t from = 0;
    uint32_t to = count;
    while (from < to) {
        uint32_t middle = from + (to - from) / 2;
        if (table_hash(table, middle) < hash) {
            from = middle + 1;
        } else {
            to = middle;
        }
    }
    return from < count && table_hash(table, from) == hash
               ? table + (size_t)from * MODFMT_EXPORT_SIZE
               : NULL;
}

bool check_offer(struct check *check, const char *from, const struct interface *api,
                 bool built, const uint8_t *table, uint32_t count)
{
    for (uint32_t i = 1; table != NULL && i < count; i++) {
        if (table_hash(table, i - 1) >= table_hash(table, i)) {
            return false;
        }
    }
    check->offers = cli_grow(check->offers, &check->offer_capacity,
                             check->offer_count + 1, sizeof *check->offers);
    struct offer *offer = &check->offers[check->offer_count++];
    *offer = (struct offer){
        .from = from, .api = api, .built = built, .table = table, .count = count};
    index_api(offer);
    return true;
}

static struct entry *add_entry(struct check *check, const char *from)
{
    struct entry *e = cli_alloc(1, sizeof *e);
    check->entries = cli_grow(check->entries, &check->entry_capacity,
                              check->entry_count + 1, sizeof *check->entries);
    check->entries[check->entry_count++] = e;
    e->offer.from = from;
    e->report.from = from;
    return e;
}

static void name_entry(struct entry *e, const char *name, size_t length)
{
    if (length != 0 && length <= MODFMT_NAME_MAX) {
        memcpy(e->name, name, length);
        e->hash = modfmt_hash(name, (uint32_t)length);
    }
}

void check_offer_module(struct check *check, const struct interface *api)
{
    struct entry *e = add_entry(check, api->path);
    e->offer.api = api;
    index_api(&e->offer);
    name_entry(e, api->provider, strlen(api->provider));
    memcpy(e->version, api->version, sizeof e->version);
}

void check_features(struct check *check, uint32_t features)
{
    check->features = features;
    check->has_features = true;
}

void check_blind(struct check *check)
{
    check->blind = true;
}

void check_was(struct check *check, const struct interface *api)
{
    check->was = cli_grow(check->was, &check->was_capacity, check->was_count + 1,
                          sizeof *check->was);
    check->was[check->was_count++] = api;
}

/* ---- what an image says ----------------------------------------------------------- */

/* One string an import; where there are fewer, `missing` stands for the rest. */
static const char **strings_of(const struct modfmt_image *image, uint32_t type,
                               const char *missing)
{
    const char **list = cli_alloc(image->import_count + 1u, sizeof *list);
    struct modfmt_tag tag = {0};
    bool there = modfmt_tag_find(image, type, &tag) == 1;
    const char *at = (const char *)tag.value;
    const char *end = there ? at + tag.length : at;
    for (uint32_t i = 0; i < image->import_count; i++) {
        const char *zero = at != end ? memchr(at, 0, (size_t)(end - at)) : NULL;
        list[i] = zero != NULL ? at : missing;
        at = zero != NULL ? zero + 1 : end;
    }
    return list;
}

bool check_next_need(const struct modfmt_image *image, uint32_t *offset,
                     struct check_need *ret_need)
{
    struct modfmt_tag tag;
    if (*offset == 0) {
        *offset = image->at.tags;
    }
    while (modfmt_tag_next(image, offset, &tag) == 1) {
        uint32_t length = tag.length - RANGE_SIZE;
        if (tag.type != MODFMT_TAG_DEPENDENCY || tag.length <= RANGE_SIZE ||
            length > MODFMT_NAME_MAX) {
            continue;
        }
        *ret_need = (struct check_need){.range = tag.value};
        memcpy(ret_need->name, tag.value + RANGE_SIZE, length);
        ret_need->hash = modfmt_hash(ret_need->name, length);
        return true;
    }
    return false;
}

static void note_needs(struct entry *e)
{
    uint32_t offset = 0;
    struct check_need tag;
    while (check_next_need(e->image, &offset, &tag)) {
        e->needs =
            cli_grow(e->needs, &e->need_capacity, e->need_count + 1, sizeof *e->needs);
        e->needs[e->need_count++] = (struct need){.tag = tag};
    }
}

size_t check_module(struct check *check, const char *from,
                    const struct modfmt_image *image)
{
    struct entry *e = add_entry(check, from);
    uint32_t offset = image->at.tags;
    struct modfmt_tag tag;
    e->image = image;
    e->names = strings_of(image, MODFMT_TAG_IMPORT_NAMES, NULL);
    e->prototypes = strings_of(image, MODFMT_TAG_IMPORT_PROTOTYPES, "");
    while (modfmt_tag_next(image, &offset, &tag) == 1) {
        if (tag.type == MODFMT_TAG_NAME) {
            name_entry(e, (const char *)tag.value, tag.length);
        } else if (tag.type == MODFMT_TAG_VERSION && tag.length == 6) {
            for (unsigned i = 0; i < 3; i++) {
                e->version[i] = (uint16_t)modfmt_get16(tag.value + 2 * i);
            }
        }
    }
    note_needs(e);
    return check->entry_count - 1;
}

/* Without names, which would have to be searched for. */
static void import_of(const struct modfmt_image *image, uint32_t index,
                      struct modfmt_import *ret)
{
    const uint8_t *p = image->bytes + image->at.imports + index * MODFMT_IMPORT_SIZE;
    uint32_t type = modfmt_get32(p + MODFMT_IMPORT_OFF_TYPE);
    *ret = (struct modfmt_import){
        .hash = modfmt_get32(p + MODFMT_IMPORT_OFF_HASH),
        .type = type & ~MODFMT_IMPORT_WEAK,
        .weak = (type & MODFMT_IMPORT_WEAK) != 0,
        .flags = image->bytes[image->at.import_flags + index],
    };
}

/* ---- binding ----------------------------------------------------------------------- */

/* Note what was found. @return true: of the right type, the search is over */
static bool consider(struct answer *answer, const struct answer *found, uint32_t type)
{
    bool match = found->tag == type || found->tag == 0 || type == 0;
    if (match || answer->from == NULL) {
        *answer = *found;
        answer->matched = match;
    }
    return match;
}

static bool ask_offer(const struct offer *offer, uint32_t hash, uint32_t type,
                      struct answer *answer)
{
    const uint8_t *entry = find_entry(offer->table, offer->count, hash);
    struct answer found = {
        .from = offer->from, .api = offer->api, .symbol = find_described(offer, hash)};
    if (entry != NULL) {
        found.tag = modfmt_get32(entry + MODFMT_EXPORT_OFF_TYPE);
        return consider(answer, &found, type);
    }
    if (found.symbol == NULL) {
        return false;
    }
    found.tag = found.symbol->tag;
    found.condition = offer->built ? NULL : found.symbol->condition;
    return consider(answer, &found, type);
}

static bool ask_module(const struct entry *e, uint32_t hash, uint32_t type,
                       struct answer *answer)
{
    if (e->image == NULL) {
        return ask_offer(&e->offer, hash, type, answer);
    }
    const uint8_t *entry =
        find_entry(e->image->bytes + e->image->at.exports, e->image->export_count, hash);
    if (entry == NULL) {
        return false;
    }
    struct answer found = {.from = e->offer.from,
                           .tag = modfmt_get32(entry + MODFMT_EXPORT_OFF_TYPE)};
    return consider(answer, &found, type);
}

static void search(const struct check *check, const struct entry *e,
                   const struct modfmt_import *import, struct answer *answer)
{
    *answer = (struct answer){0};
    for (size_t i = 0; i < check->offer_count; i++) {
        if (ask_offer(&check->offers[i], import->hash, import->type, answer)) {
            return;
        }
    }
    for (size_t i = 0; i < e->need_count; i++) {
        if (e->needs[i].found != NULL &&
            ask_module(e->needs[i].found, import->hash, import->type, answer)) {
            return;
        }
    }
}

static void check_imports(const struct check *check, struct entry *e)
{
    bool unverified = false;
    for (uint32_t i = 0; i < e->image->import_count; i++) {
        struct modfmt_import import;
        struct answer answer;
        import_of(e->image, i, &import);
        search(check, e, &import, &answer);
        if (!answer.matched || answer.condition != NULL) {
            check_say_import(check, e, i, &import, &answer);
        }
        unverified = unverified ||
                     (answer.matched && (import.flags & MODFMT_IMPORT_UNVERIFIED) != 0);
    }
    if (unverified) {
        check_say_unverified(e);
    }
}

size_t check_nearest(const struct check *check, const struct entry *entry,
                     const char *name, const char **ret_names, size_t max)
{
    size_t count = 0;
    const struct interface **list =
        cli_alloc(check->offer_count + entry->need_count + 1, sizeof *list);
    for (size_t i = 0; i < check->offer_count; i++) {
        list[count] = check->offers[i].api;
        count += list[count] != NULL;
    }
    for (size_t i = 0; i < entry->need_count; i++) {
        list[count] =
            entry->needs[i].found != NULL ? entry->needs[i].found->offer.api : NULL;
        count += list[count] != NULL;
    }
    count = interface_nearest(list, count, name, ret_names, max);
    free(list);
    return count;
}

/* ---- needs --------------------------------------------------------------------------
 */

static struct entry *find_module(const struct check *check, uint32_t hash)
{
    for (size_t i = 0; i < check->entry_count; i++) {
        if (check->entries[i]->hash == hash) {
            return check->entries[i];
        }
    }
    return NULL;
}

static int compare_version(const uint16_t version[3], const uint8_t *bound)
{
    for (unsigned i = 0; i < 3; i++) {
        uint32_t other = modfmt_get16(bound + 2 * i);
        if (version[i] != other) {
            return version[i] < other ? -1 : 1;
        }
    }
    return 0;
}

static void check_versions(struct entry *e)
{
    for (size_t i = 0; i < e->need_count; i++) {
        const struct need *need = &e->needs[i];
        if (need->found == NULL) {
            check_say_need(e, need, CHECK_NEED_MISSING);
        } else if (compare_version(need->found->version, need->tag.range) < 0 ||
                   compare_version(need->found->version, need->tag.range + 6) >= 0) {
            check_say_need(e, need, CHECK_NEED_VERSION);
        }
    }
}

/* Mark all that can be reached along needs; the entry itself only by a circle. */
static void walk(const struct check *check, const struct entry *from)
{
    struct entry **list = cli_alloc(check->entry_count + 1, sizeof *list);
    size_t count = 0;
    for (size_t i = 0; i < check->entry_count; i++) {
        check->entries[i]->met = false;
    }
    for (const struct entry *e = from; e != NULL; e = count != 0 ? list[--count] : NULL) {
        for (size_t i = 0; i < e->need_count; i++) {
            struct entry *next = e->needs[i].found;
            if (next != NULL && !next->met) {
                next->met = true;
                list[count++] = next;
            }
        }
    }
    free(list);
}

static void check_circles(const struct check *check)
{
    for (size_t i = 0; i < check->entry_count; i++) {
        struct entry *e = check->entries[i];
        walk(check, e);
        if (!e->met) {
            continue;
        }
        for (size_t k = 0; k < e->need_count; k++) {
            struct entry *next = e->needs[k].found;
            if (next == NULL) {
                continue;
            }
            walk(check, next);
            if (next == e || e->met) {
                check_say_need(e, &e->needs[k], CHECK_CYCLE);
                break;
            }
        }
    }
}

/* Who needs a module that is refused is refused; and so on. */
static void spread(const struct check *check)
{
    for (bool again = true; again;) {
        again = false;
        for (size_t i = 0; i < check->entry_count; i++) {
            struct entry *e = check->entries[i];
            for (size_t k = 0; e->errors == 0 && k < e->need_count; k++) {
                if (e->needs[k].found != NULL && e->needs[k].found->errors != 0) {
                    check_say_need(e, &e->needs[k], CHECK_NEED_BAD);
                    again = true;
                }
            }
        }
    }
}

/* ---- all of it -----------------------------------------------------------------------
 */

/* Loaders of version 1 know these, and refuse all other critical tags. */
static void check_tags(struct entry *e)
{
    uint32_t offset = e->image->at.tags;
    struct modfmt_tag tag;
    for (uint32_t i = 0;
         i < e->image->critical_count && modfmt_tag_next(e->image, &offset, &tag) == 1;
         i++) {
        if (tag.type != MODFMT_TAG_INIT_ARRAY && tag.type != MODFMT_TAG_FINI_ARRAY &&
            tag.type != MODFMT_TAG_STATIC_BASE && tag.type != MODFMT_TAG_DEPENDENCY &&
            tag.type != MODFMT_TAG_LINKED) {
            check_say_tag(e, tag.type);
        }
    }
}

static void check_one(const struct check *check, struct entry *e)
{
    uint32_t missing = check->has_features ? e->image->needs & ~check->features : 0;
    if (missing != 0) {
        check_say_features(e, missing);
    }
    check_tags(e);
    check_versions(e);
    if (!check->blind) {
        check_imports(check, e);
    }
}

void check_run(struct check *check)
{
    for (size_t i = 0; i < check->entry_count; i++) {
        struct entry *e = check->entries[i];
        for (size_t k = 0; k < e->need_count; k++) {
            e->needs[k].found = find_module(check, e->needs[k].tag.hash);
        }
    }
    for (size_t i = 0; i < check->entry_count; i++) {
        if (check->entries[i]->image != NULL) {
            check_one(check, check->entries[i]);
        }
    }
    check_circles(check);
    spread(check);
    for (size_t i = 0; i < check->entry_count; i++) {
        check->entries[i]->report.good = check->entries[i]->errors == 0;
    }
}

struct check_problem *check_add(struct entry *entry, enum check_kind kind, bool warning)
{
    struct check_report *report = &entry->report;
    report->problems = cli_grow(report->problems, &report->capacity, report->count + 1,
                                sizeof *report->problems);
    struct check_problem *problem = &report->problems[report->count++];
    *problem =
        (struct check_problem){.kind = kind, .warning = warning, .then = "", .now = ""};
    entry->errors += !warning;
    return problem;
}

const struct check_report *check_report_of(const struct check *check, size_t module)
{
    return &check->entries[module]->report;
}
