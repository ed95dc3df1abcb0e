/* SPDX-License-Identifier: BSD-2-Clause */
/* The image's tags, in the order of specs/modfmt.md, 6: critical ones first, each of both
 * sorts by number. */
#include <stdlib.h>
#include <string.h>

#include "cli.h"
#include "module.h"

/* A copy of the value is kept until tags_free(). */
static void add(struct tags *tags, uint32_t type, uint32_t length, const void *value)
{
    tags->list =
        cli_grow(tags->list, &tags->capacity, tags->count + 1u, sizeof *tags->list);
    uint8_t *copy = cli_alloc(length + 1u, 1);
    memcpy(copy, value, length);
    tags->list[tags->count++] = (struct modfmt_tag_source){type, length, copy};
}

/* A place in the sense of specs/modfmt.md, 6. */
static uint32_t place_of(const struct module *m, unsigned home, uint32_t address)
{
    return (address - m->segment[home].link) |
           (home == HOME_DATA ? MODFMT_PLACE_DATA : 0);
}

static void add_span(struct tags *tags, const struct module *m, uint32_t type,
                     const struct array_place *span)
{
    uint8_t value[8];
    if (span->size != 0) {
        modfmt_put32(value, place_of(m, segments_at(m, span->address), span->address));
        modfmt_put32(value + 4, span->size);
        add(tags, type, sizeof value, value);
    }
}

static void add_critical(struct tags *tags, const struct module *m)
{
    uint8_t value[NEED_NAME_OFFSET + MODFMT_NAME_MAX];
    add_span(tags, m, MODFMT_TAG_INIT_ARRAY, &m->init);
    add_span(tags, m, MODFMT_TAG_FINI_ARRAY, &m->fini);
    if (m->has_static_base) {
        modfmt_put32(value, place_of(m, m->static_home, m->static_base));
        modfmt_put32(value + 4, 0);
        add(tags, MODFMT_TAG_STATIC_BASE, 8, value);
    }
    for (size_t i = 0; i < m->options.needs.count; i++) {
        uint32_t length = needs_value(&m->options.needs.list[i], value);
        add(tags, MODFMT_TAG_DEPENDENCY, length, value);
    }
}

static void add_version(struct tags *tags, uint32_t type, const uint16_t *version)
{
    uint8_t value[6];
    for (unsigned i = 0; i < 3; i++) {
        modfmt_put16(value + 2 * i, version[i]);
    }
    add(tags, type, sizeof value, value);
}

static void add_text(struct tags *tags, uint32_t type, const char *text)
{
    add(tags, type, (uint32_t)strlen(text), text);
}

/* Strings one after the other, each with its end. */
struct strings {
    char *bytes;
    size_t capacity;
    size_t size;
};

static void append(struct strings *s, const char *text)
{
    size_t length = strlen(text) + 1;
    s->bytes = cli_grow(s->bytes, &s->capacity, s->size + length, 1);
    memcpy(s->bytes + s->size, text, length);
    s->size += length;
}

static void add_strings(struct tags *tags, uint32_t type, struct strings *s)
{
    if (s->size != 0) {
        add(tags, type, (uint32_t)s->size, s->bytes);
    }
    tags->names += (uint32_t)s->size;
    free(s->bytes);
    *s = (struct strings){NULL, 0, 0};
}

static void add_names(struct tags *tags, const struct module *m)
{
    struct strings s = {NULL, 0, 0};
    for (uint32_t i = 0; i < m->import_count; i++) {
        append(&s, m->imports[i].name);
    }
    add_strings(tags, MODFMT_TAG_IMPORT_NAMES, &s);
    for (uint32_t i = 0; i < m->export_count; i++) {
        append(&s, m->exports[i].name);
    }
    add_strings(tags, MODFMT_TAG_EXPORT_NAMES, &s);
}

static void add_prototypes(struct tags *tags, const struct module *m)
{
    struct strings s = {NULL, 0, 0};
    bool any = false;
    for (uint32_t i = 0; i < m->import_count; i++) {
        const char *prototype = m->imports[i].prototype;
        any |= prototype != NULL && prototype[0] != '\0';
    }
    for (uint32_t i = 0; any && i < m->import_count; i++) {
        const char *prototype = m->imports[i].prototype;
        append(&s, prototype != NULL ? prototype : "");
    }
    add_strings(tags, MODFMT_TAG_IMPORT_PROTOTYPES, &s);
}

static void add_origin(struct tags *tags, const struct module *m)
{
    uint8_t value[12];
    modfmt_put32(value, m->prefix);
    modfmt_put32(value + 4, m->segment[0].start);
    modfmt_put32(value + 8, m->segment[1].link);
    add(tags, MODFMT_TAG_ORIGIN, sizeof value, value);
}

void tags_make(const struct module *m, struct tags *tags)
{
    const struct options *o = &m->options;
    add_critical(tags, m);
    add_text(tags, MODFMT_TAG_NAME, o->name);
    if (o->has_version) {
        add_version(tags, MODFMT_TAG_VERSION, o->version);
    }
    if (o->description != NULL) {
        add_text(tags, MODFMT_TAG_DESCRIPTION, o->description);
    }
    if (m->build_id != NULL) {
        add(tags, MODFMT_TAG_BUILD_ID, m->build_id_size, m->build_id);
    }
    if (m->has_api_version) {
        add_version(tags, MODFMT_TAG_API_VERSION, m->api_version);
    }
    add_origin(tags, m);
    if (!o->strip_names) {
        add_names(tags, m);
    }
    add_span(tags, m, MODFMT_TAG_PARAMS, &m->params);
    if (!o->strip_names) {
        add_prototypes(tags, m);
    }
}

uint32_t tags_size(const struct tags *tags)
{
    uint32_t size = 0;
    for (uint32_t i = 0; i < tags->count; i++) {
        size += MODFMT_TAG_VALUE_OFFSET + modfmt_up4(tags->list[i].length);
    }
    return size;
}

void tags_free(struct tags *tags)
{
    for (uint32_t i = 0; i < tags->count; i++) {
        free((void *)tags->list[i].value);
    }
    free(tags->list);
}
