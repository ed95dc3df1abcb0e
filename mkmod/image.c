/* SPDX-License-Identifier: BSD-2-Clause */
#include <elf.h>
#include <stdlib.h>
#include <string.h>

#include "cli.h"
#include "module.h"

/* No fix-up takes more: a list of its own (descriptor, index, end mark) and one group of
 * six head bytes, a distance and two bytes of `low`. */
#define FIXUP_BYTES_MAX 16u

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
    source->export_count = m->export_count;
}

static struct modfmt_import *make_imports(const struct module *m)
{
    struct modfmt_import *imports = cli_alloc(m->import_count + 1u, sizeof *imports);
    for (uint32_t i = 0; i < m->import_count; i++) {
        const struct import *import = &m->imports[i];
        imports[i].hash = import->hash;
        imports[i].type = import->type;
        imports[i].weak = import->weak;
        imports[i].flags = (import->object ? MODFMT_IMPORT_OBJECT : 0) |
                           (import->unverified ? MODFMT_IMPORT_UNVERIFIED : 0);
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
    struct tags tags = {NULL, 0, 0, 0};
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
    struct modfmt_import *imports = make_imports(m);
    struct modfmt_export *exports = exports_table(m);
    memset(&source, 0, sizeof source);
    fill_source(m, &source);
    tags_make(m, &tags);
    source.imports = imports;
    source.exports = exports;
    source.tags = tags.list;
    source.tag_count = tags.count;
    source.relocs = relocs;
    if (modfmt_encode_fixups(m->fixups, m->fixup_count, relocs, (uint32_t)capacity,
                             &source.reloc_size) == 0) {
        sizes.total = modfmt_write_size(&source);
    }
    sizes.relocs = source.reloc_size;
    sizes.tags = tags_size(&tags);
    sizes.names = tags.names;
    sizes.flags = source.flags;
    if (sizes.total == 0) {
        cli_error(m->elf.path, "the image would be larger than %u bytes",
                  (unsigned)MODFMT_SIZE_MAX);
    } else {
        status = write_out(m, &source, &sizes);
    }
    free(relocs);
    free(imports);
    free(exports);
    tags_free(&tags);
    return status;
}
