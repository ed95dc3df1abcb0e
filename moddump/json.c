/* SPDX-License-Identifier: BSD-2-Clause */
/** Everything about a module as JSON. Members may be added; "schema" is raised when one
 *  changes its meaning or goes. */
#include "moddump.h"

#define SCHEMA 1

static void put_bits(struct cli_json *json, const char *key, const struct word *words,
                     uint32_t bits)
{
    cli_json_array(json, key);
    for (; words->name != NULL; words++) {
        if ((bits & words->value) != 0) {
            cli_json_text(json, NULL, words->name);
        }
    }
    cli_json_close_array(json);
}

static void put_identity(struct cli_json *json, const struct module *m)
{
    const struct modfmt_tag *name = module_tag(m, MODFMT_TAG_NAME);
    const struct modfmt_tag *description = module_tag(m, MODFMT_TAG_DESCRIPTION);
    const struct modfmt_tag *version = module_tag(m, MODFMT_TAG_VERSION);
    char text[32] = "0.0.0";
    if (version != NULL) {
        snprintf(text, sizeof text, "%u.%u.%u", (unsigned)modfmt_get16(version->value),
                 (unsigned)modfmt_get16(version->value + 2),
                 (unsigned)modfmt_get16(version->value + 4));
    }
    cli_json_number(json, "schema", SCHEMA);
    cli_json_text(json, "file", m->path);
    cli_json_number(json, "trailing_ff", m->trailing);
    cli_json_string(json, "name", name == NULL ? NULL : (const char *)name->value,
                    name == NULL ? 0 : name->length);
    cli_json_text(json, "version", text);
    cli_json_string(json, "description",
                    description == NULL ? NULL : (const char *)description->value,
                    description == NULL ? 0 : description->length);
}

static void put_header(struct cli_json *json, const struct modfmt_image *image)
{
    char text[160];
    cli_json_object(json, "header");
    cli_json_number(json, "major", MODFMT_MAJOR);
    cli_json_number(json, "minor", image->minor);
    cli_json_number(json, "header_size", MODFMT_HEADER_SIZE);
    cli_json_number(json, "total_size", image->size);
    cli_json_hex32(json, "flags", image->flags);
    cli_json_number(json, "machine", image->machine);
    cli_json_hex32(json, "needs", image->needs);
    if (image->entry == MODFMT_NO_ENTRY) {
        cli_json_text(json, "entry", NULL);
    } else {
        cli_json_number(json, "entry", image->entry);
    }
    cli_json_number(json, "stack_size", image->stack_size);
    cli_json_number(json, "text_stored", image->text_stored);
    cli_json_number(json, "text_mem", image->text_mem);
    cli_json_number(json, "data_stored", image->data_stored);
    cli_json_number(json, "data_mem", image->data_mem);
    cli_json_number(json, "reloc_size", image->reloc_size);
    cli_json_number(json, "import_count", image->import_count);
    cli_json_number(json, "export_count", image->export_count);
    cli_json_number(json, "text_align", image->text_align);
    cli_json_number(json, "data_align", image->data_align);
    cli_json_number(json, "critical_count", image->critical_count);
    cli_json_hex32(json, "crc", image->crc);
    cli_json_hex32(json, "header_check", image->header_check);
    cli_json_close_object(json);
    put_bits(json, "placements", flag_words, image->flags & ~MODFMT_FLAG_CODE_IN_DATA);
    cli_json_bool(json, "code_in_data", (image->flags & MODFMT_FLAG_CODE_IN_DATA) != 0);
    put_bits(json, "needs", need_words, image->needs);
    needs_text(image->needs, text, sizeof text);
    cli_json_text(json, "needs_text", text);
}

/* RAM that each placement takes which the image allows. */
static void put_ram(struct cli_json *json, const struct modfmt_image *image)
{
    cli_json_object(json, "ram");
    for (const struct word *word = flag_words; word->name != NULL; word++) {
        if ((image->flags & word->value) != 0 &&
            word->value != MODFMT_FLAG_CODE_IN_DATA) {
            cli_json_number(json, word->name, ram_of(image, word->value));
        }
    }
    cli_json_close_object(json);
}

static void put_areas(struct cli_json *json, const struct module *m)
{
    struct area areas[AREA_COUNT];
    module_areas(&m->image, areas);
    cli_json_number(json, "prefix", m->prefix);
    cli_json_array(json, "areas");
    for (size_t i = 0; i < AREA_COUNT; i++) {
        cli_json_row(json, NULL);
        cli_json_text(json, "name", areas[i].name);
        cli_json_number(json, "offset", areas[i].offset);
        cli_json_number(json, "size", areas[i].size);
        cli_json_close_object(json);
    }
    cli_json_close_array(json);
}

static void put_fixup(struct cli_json *json, const struct module *m,
                      const struct modfmt_fixup *f)
{
    cli_json_row(json, NULL);
    cli_json_text(json, "segment", segment_name(f->segment));
    cli_json_number(json, "offset", f->place);
    cli_json_text(json, "kind", f->kind == MODFMT_KIND_MOV ? "mov" : "word");
    cli_json_text(json, "target", target_name(f->target));
    cli_json_bool(json, "relative", f->relative != 0);
    if (f->target == MODFMT_TARGET_IMPORT) {
        cli_json_number(json, "import", f->import_index);
    }
    if (f->kind == MODFMT_KIND_MOV) {
        bool pair = f->distance > MODFMT_MOV_MOVT_ALONE;
        cli_json_text(json, "mov", pair ? "pair" : fixup_kind(f));
        if (pair) {
            cli_json_number(json, "distance", f->distance);
        } else {
            cli_json_number(json, "low", f->low);
        }
    }
    if (!m->compressed) {
        cli_json_hex32(json, "stored", module_stored(m, f));
    }
    cli_json_close_object(json);
}

static void put_symbols(struct cli_json *json, const struct module *m)
{
    cli_json_array(json, "imports");
    for (uint32_t i = 0; i < m->image.import_count; i++) {
        cli_json_row(json, NULL);
        cli_json_number(json, "index", i);
        cli_json_text(json, "name", m->imports[i].name);
        cli_json_hex32(json, "hash", m->imports[i].hash);
        cli_json_hex32(json, "type", m->imports[i].type);
        cli_json_bool(json, "weak", m->imports[i].weak != 0);
        if (m->linked) {
            cli_json_hex32(json, "bound", modfmt_get32(m->bound + 4 * i));
        }
        if (m->prototypes[i].length != 0) {
            cli_json_string(json, "prototype", m->prototypes[i].bytes,
                            m->prototypes[i].length);
        }
        put_bits(json, "flags", import_words, m->imports[i].flags);
        cli_json_close_object(json);
    }
    cli_json_close_array(json);
    cli_json_array(json, "exports");
    for (uint32_t i = 0; i < m->image.export_count; i++) {
        cli_json_row(json, NULL);
        cli_json_number(json, "index", i);
        cli_json_text(json, "name", m->exports[i].name);
        cli_json_hex32(json, "hash", m->exports[i].hash);
        cli_json_hex32(json, "type", m->exports[i].type);
        cli_json_text(json, "segment",
                      segment_name((m->exports[i].flags & MODFMT_EXPORT_DATA) != 0));
        cli_json_number(json, "value", m->exports[i].value);
        put_bits(json, "flags", export_words, m->exports[i].flags);
        cli_json_close_object(json);
    }
    cli_json_close_array(json);
}

void print_json(const struct module *module)
{
    struct cli_json json;
    cli_json_begin(&json, stdout);
    cli_json_object(&json, NULL);
    put_identity(&json, module);
    put_header(&json, &module->image);
    put_ram(&json, &module->image);
    put_areas(&json, module);
    cli_json_array(&json, "relocations");
    for (size_t i = 0; i < module->fixup_count; i++) {
        put_fixup(&json, module, &module->fixups[i]);
    }
    cli_json_close_array(&json);
    put_symbols(&json, module);
    json_tags(&json, module);
    cli_json_close_object(&json);
    cli_json_end(&json);
}
