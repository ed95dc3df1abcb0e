/* SPDX-License-Identifier: BSD-2-Clause */
#include <elf.h>
#include <stdlib.h>
#include <string.h>

#include "cli.h"
#include "module.h"

/* No fix-up takes more: a list of its own (descriptor, index, end mark) and one group of
 * six head bytes, a distance and two bytes of `low`. */
#define FIXUP_BYTES_MAX 16u

struct tags {
    struct modfmt_tag_source list[16];
    uint32_t count;
    uint8_t version[6];
    uint8_t origin[12];
    uint8_t init[8];
    uint8_t fini[8];
    uint8_t base[8]; /* place, then 0 */
};

static void add_tag(struct tags *tags, uint32_t type, uint32_t length, const void *value)
{
    tags->list[tags->count].type = type;
    tags->list[tags->count].length = length;
    tags->list[tags->count++].value = value;
}

/* A place in the sense of specs/modfmt.md, 6. */
static uint32_t place_of(const struct module *m, unsigned home, uint32_t address)
{
    return (address - m->segment[home].link) |
           (home == HOME_DATA ? MODFMT_PLACE_DATA : 0);
}

static void add_array(struct tags *tags, const struct module *m, uint32_t type,
                      const struct array_place *array, uint8_t *value)
{
    if (array->size != 0) {
        unsigned home = segments_at(m, array->address);
        modfmt_put32(value, place_of(m, home, array->address));
        modfmt_put32(value + 4, array->size);
        add_tag(tags, type, 8, value);
    }
}

/* The imports' names, one after the other, each with its end. */
static char *join_names(const struct module *m, uint32_t *ret_size)
{
    size_t size = 0;
    for (uint32_t i = 0; i < m->import_count; i++) {
        size += strlen(m->imports[i].name) + 1;
    }
    char *names = cli_alloc(size + 1, 1);
    char *at = names;
    for (uint32_t i = 0; i < m->import_count; i++) {
        const char *name = m->imports[i].name;
        size_t length = strlen(name) + 1;
        memcpy(at, name, length);
        at += length;
    }
    *ret_size = (uint32_t)size;
    return names;
}

static void make_tags(const struct module *m, struct tags *tags, const char *names,
                      uint32_t names_size)
{
    const struct options *o = &m->options;
    memset(tags, 0, sizeof *tags);
    /* Critical tags come first. */
    add_array(tags, m, MODFMT_TAG_INIT_ARRAY, &m->init, tags->init);
    add_array(tags, m, MODFMT_TAG_FINI_ARRAY, &m->fini, tags->fini);
    if (m->has_static_base) {
        modfmt_put32(tags->base, place_of(m, m->static_home, m->static_base));
        add_tag(tags, MODFMT_TAG_STATIC_BASE, sizeof tags->base, tags->base);
    }
    add_tag(tags, MODFMT_TAG_NAME, (uint32_t)strlen(o->name), o->name);
    if (o->has_version) {
        for (unsigned i = 0; i < 3; i++) {
            modfmt_put16(tags->version + 2 * i, o->version[i]);
        }
        add_tag(tags, MODFMT_TAG_VERSION, sizeof tags->version, tags->version);
    }
    if (o->description != NULL) {
        add_tag(tags, MODFMT_TAG_DESCRIPTION, (uint32_t)strlen(o->description),
                o->description);
    }
    if (m->build_id != NULL) {
        add_tag(tags, MODFMT_TAG_BUILD_ID, m->build_id_size, m->build_id);
    }
    modfmt_put32(tags->origin, m->prefix);
    modfmt_put32(tags->origin + 4, m->segment[0].start);
    modfmt_put32(tags->origin + 8, m->segment[1].start);
    add_tag(tags, MODFMT_TAG_ORIGIN, sizeof tags->origin, tags->origin);
    if (m->import_count != 0 && !o->strip_names) {
        add_tag(tags, MODFMT_TAG_IMPORT_NAMES, names_size, names);
    }
}

static void fill_source(const struct module *m, struct modfmt_source *source)
{
    const struct segment *text = &m->segment[0];
    const struct segment *data = &m->segment[1];
    source->flags = segments_flags(m);
    source->machine = EM_ARM;
    source->needs = m->needs;
    source->entry = m->entry;
    source->stack_size = m->options.stack_size;
    source->text = text->bytes;
    source->text_stored = text->stored;
    source->text_mem = text->mem;
    source->text_align = text->align;
    source->data = data->bytes;
    source->data_stored = data->stored;
    source->data_mem = data->mem;
    source->data_align = data->present ? data->align : 0;
    source->import_count = m->import_count;
}

static struct modfmt_import *make_imports(const struct module *m)
{
    struct modfmt_import *imports = cli_alloc(m->import_count + 1u, sizeof *imports);
    for (uint32_t i = 0; i < m->import_count; i++) {
        const struct symbol *s = &m->elf.symbols[m->imports[i].symbol];
        imports[i].hash = m->imports[i].hash;
        imports[i].weak = m->imports[i].weak;
        imports[i].flags = s->type == STT_OBJECT ? MODFMT_IMPORT_OBJECT : 0;
    }
    return imports;
}

/* The image must pass the check that every reader makes; else the fault is mkmod's. */
static bool check_image(const struct module *m, const uint8_t *bytes, uint32_t size)
{
    struct modfmt_image image;
    struct modfmt_diag diag = {0, 0, 0, 0};
    int error = modfmt_open(bytes, size, &image, &diag);
    if (error == 0) {
        error = modfmt_check(&image, &diag);
    }
    if (error != 0) {
        cli_error(
            m->elf.path,
            "the image made of it does not pass its own check: %s (offset %u, got 0x%x, "
            "want 0x%x); this is a fault of mkmod, please report it",
            modfmt_strerror(error), (unsigned)diag.offset, (unsigned)diag.got,
            (unsigned)diag.want);
    }
    return error == 0;
}

static uint32_t tags_size(const struct tags *tags)
{
    uint32_t size = 0;
    for (uint32_t i = 0; i < tags->count; i++) {
        size += MODFMT_TAG_VALUE_OFFSET + modfmt_up4(tags->list[i].length);
    }
    return size;
}

static int write_out(struct module *m, const struct modfmt_source *source,
                     const struct image_sizes *sizes)
{
    uint32_t size = 0;
    uint8_t *image = cli_alloc(sizes->total, 1);
    int status = CLI_REFUSED;
    if (modfmt_write(source, image, sizes->total, &size) != 0) {
        cli_error(m->elf.path,
                  "the image could not be written into %u bytes; this is a fault of "
                  "mkmod, please report it",
                  (unsigned)sizes->total);
    } else if (check_image(m, image, size)) {
        status = cli_write_file(m->options.output, image, size);
        if (status == CLI_OK && m->options.verbose) {
            report_map(m, sizes);
        }
    }
    free(image);
    return status;
}

int image_write(struct module *m)
{
    struct modfmt_source source;
    struct image_sizes sizes = {0, 0, 0, 0, 0};
    struct tags tags;
    int status = CLI_REFUSED;
    size_t capacity = m->fixup_count * FIXUP_BYTES_MAX + 1;
    if (capacity > MODFMT_SIZE_MAX) {
        cli_error(m->elf.path, "has too many fix-ups: %zu", m->fixup_count);
        return CLI_REFUSED;
    }
    uint8_t *relocs = malloc(capacity);
    if (relocs == NULL) {
        cli_die(CLI_IO, m->elf.path, "out of memory");
    }
    char *names = join_names(m, &sizes.names);
    struct modfmt_import *imports = make_imports(m);
    memset(&source, 0, sizeof source);
    fill_source(m, &source);
    make_tags(m, &tags, names, sizes.names);
    source.imports = imports;
    source.tags = tags.list;
    source.tag_count = tags.count;
    source.relocs = relocs;
    if (modfmt_encode_fixups(m->fixups, m->fixup_count, relocs, (uint32_t)capacity,
                             &source.reloc_size) == 0) {
        sizes.total = modfmt_write_size(&source);
    }
    sizes.relocs = source.reloc_size;
    sizes.tags = tags_size(&tags);
    sizes.flags = source.flags;
    if (sizes.total == 0) {
        cli_error(m->elf.path, "the image would be larger than %u bytes",
                  (unsigned)MODFMT_SIZE_MAX);
    } else {
        status = write_out(m, &source, &sizes);
    }
    free(relocs);
    free(names);
    free(imports);
    return status;
}
