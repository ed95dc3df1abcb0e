/* SPDX-License-Identifier: BSD-2-Clause */
/** From a file's bytes to tables that printers can walk. */
#include "moddump.h"

#include <stdlib.h>
#include <string.h>

/* Names stand one behind the other, so that walking them is linear in all. */
static const char *next_name(const char **names)
{
    const char *name = *names;
    if (name != NULL) {
        *names = name + strlen(name) + 1;
    }
    return name;
}

static const char *first_name(const struct module *m, uint32_t type)
{
    const struct modfmt_tag *tag = module_tag(m, type);
    return tag == NULL ? NULL : (const char *)tag->value;
}

/* What the tag holds too few of, or does not end, is left empty or taken as it is: the
 * format's checks do not look into it. */
static void read_prototypes(struct module *m)
{
    const struct modfmt_tag *tag = module_tag(m, MODFMT_TAG_IMPORT_PROTOTYPES);
    uint32_t at = 0;
    m->prototypes = cli_alloc(m->image.import_count + 1, sizeof *m->prototypes);
    for (uint32_t i = 0; tag != NULL && i < m->image.import_count && at < tag->length;
         i++) {
        m->prototypes[i].bytes = (const char *)tag->value + at;
        m->prototypes[i].length = strnlen(m->prototypes[i].bytes, tag->length - at);
        at += (uint32_t)m->prototypes[i].length + 1;
    }
}

static void read_symbols(struct module *m)
{
    const struct modfmt_image *image = &m->image;
    const char *names = first_name(m, MODFMT_TAG_IMPORT_NAMES);
    m->imports = cli_alloc(image->import_count + 1, sizeof *m->imports);
    for (uint32_t i = 0; i < image->import_count; i++) {
        const uint8_t *row = image->bytes + image->at.imports + i * MODFMT_IMPORT_SIZE;
        m->imports[i] = (struct modfmt_import){
            .hash = modfmt_get32(row + MODFMT_IMPORT_OFF_HASH),
            .type = modfmt_get32(row + MODFMT_IMPORT_OFF_TYPE) & ~MODFMT_IMPORT_WEAK,
            .weak =
                (modfmt_get32(row + MODFMT_IMPORT_OFF_TYPE) & MODFMT_IMPORT_WEAK) != 0,
            .flags = image->bytes[image->at.import_flags + i],
            .name = next_name(&names),
        };
    }
    names = first_name(m, MODFMT_TAG_EXPORT_NAMES);
    m->exports = cli_alloc(image->export_count + 1, sizeof *m->exports);
    for (uint32_t i = 0; i < image->export_count; i++) {
        const uint8_t *row = image->bytes + image->at.exports + i * MODFMT_EXPORT_SIZE;
        m->exports[i] = (struct modfmt_export){
            .hash = modfmt_get32(row + MODFMT_EXPORT_OFF_HASH),
            .type = modfmt_get32(row + MODFMT_EXPORT_OFF_TYPE),
            .value = modfmt_get32(row + MODFMT_EXPORT_OFF_VALUE),
            .flags = image->bytes[image->at.export_flags + i],
            .name = next_name(&names),
        };
    }
}

static int read_tags(struct module *m)
{
    struct modfmt_tag tag;
    uint32_t offset = m->image.at.tags;
    size_t capacity = 0;
    int got;
    m->tag_end = offset;
    while ((got = modfmt_tag_next(&m->image, &offset, &tag)) == 1) {
        m->tags = cli_grow(m->tags, &capacity, m->tag_count + 1, sizeof *m->tags);
        m->tags[m->tag_count++] = tag;
        m->tag_end = tag.offset + modfmt_up4(tag.length);
    }
    const struct modfmt_tag *origin = module_tag(m, MODFMT_TAG_ORIGIN);
    m->prefix = origin == NULL ? 0 : modfmt_get32(origin->value);
    m->compressed = module_tag(m, MODFMT_TAG_COMPRESSION) != NULL;
    return got;
}

static int read_fixups(struct module *m, struct modfmt_diag *diag)
{
    struct modfmt_fixups iter;
    struct modfmt_fixup fixup;
    size_t capacity = 0;
    int got;
    modfmt_fixups_begin(&m->image, &iter);
    while ((got = modfmt_fixups_next(&iter, &fixup, diag)) == 1) {
        m->fixups = cli_grow(m->fixups, &capacity, m->fixup_count + 1, sizeof *m->fixups);
        m->fixups[m->fixup_count++] = fixup;
    }
    return got;
}

int module_open(const char *path, uint8_t *bytes, size_t size, struct module *ret_module,
                struct modfmt_diag *diag)
{
    struct module m = {.path = path, .bytes = bytes, .size = size};
    uint32_t available = size > UINT32_MAX ? UINT32_MAX : (uint32_t)size;
    int code = modfmt_open(bytes, available, &m.image, diag);
    if (code == 0) {
        code = modfmt_check(&m.image, diag);
    }
    if (code == 0) {
        code = modfmt_check_trailing(&m.image, available, diag);
    }
    if (code == 0 && available != size) {
        code = MODFMT_E_TRAILING;
        *diag = (struct modfmt_diag){code, available, bytes[available], 0xff};
    }
    if (code != 0) {
        return code;
    }
    m.trailing = available - m.image.size;
    code = read_tags(&m);
    if (code == 0) {
        code = read_fixups(&m, diag);
    }
    if (code != 0) {
        module_close(&m);
        return code;
    }
    read_symbols(&m);
    read_prototypes(&m);
    linked_read(&m);
    *ret_module = m;
    return 0;
}

void module_close(struct module *module)
{
    free(module->fixups);
    free(module->imports);
    free(module->prototypes);
    free(module->exports);
    free(module->tags);
}

const struct modfmt_tag *module_tag(const struct module *module, uint32_t type)
{
    for (size_t i = 0; i < module->tag_count; i++) {
        if (module->tags[i].type == type) {
            return &module->tags[i];
        }
    }
    return NULL;
}

uint8_t module_byte(const struct module *module, unsigned segment, uint32_t offset)
{
    const struct modfmt_image *image = &module->image;
    uint32_t stored = segment == 0 ? image->text_stored : image->data_stored;
    uint32_t start = segment == 0 ? image->at.text : image->at.data;
    return offset < stored ? image->bytes[start + offset] : 0;
}

static uint32_t stored_word(const struct module *m, unsigned segment, uint32_t offset)
{
    uint8_t word[4];
    for (uint32_t i = 0; i < 4; i++) {
        word[i] = module_byte(m, segment, offset + i);
    }
    return modfmt_get32(word);
}

/* The immediate of a MOVW or MOVT: i:imm4:imm3:imm8 (ARM ARM, encodings T3 and T1). */
static uint32_t mov_immediate(uint32_t word)
{
    return (word & 0xf) << 12 | (word >> 10 & 1) << 11 | (word >> 28 & 7) << 8 |
           (word >> 16 & 0xff);
}

uint32_t module_stored(const struct module *module, const struct modfmt_fixup *fixup)
{
    uint32_t word = stored_word(module, fixup->segment, fixup->place);
    uint32_t added = linked_value(module, fixup);
    if (fixup->kind != MODFMT_KIND_MOV) {
        return word - added;
    }
    uint32_t value = mov_immediate(word);
    if (fixup->distance == MODFMT_MOV_MOVT_ALONE) {
        return (value - ((fixup->low + added) >> 16)) << 16 | fixup->low;
    }
    if (fixup->distance == MODFMT_MOV_MOVW_ALONE) {
        uint32_t low = module->linked ? 0u - added : fixup->low;
        return (value + low) & 0xffff;
    }
    uint32_t top = fixup->place + 2u * fixup->distance;
    value |= mov_immediate(stored_word(module, fixup->segment, top)) << 16;
    return value - added;
}

void module_areas(const struct modfmt_image *image, struct area ret_areas[AREA_COUNT])
{
    const struct modfmt_areas *at = &image->at;
    const struct area areas[AREA_COUNT] = {
        {"header", 0, MODFMT_HEADER_SIZE},
        {"text", at->text, image->text_stored},
        {"data", at->data, image->data_stored},
        {"relocs", at->relocs, image->reloc_size},
        {"imports", at->imports, image->import_count * MODFMT_IMPORT_SIZE},
        {"import flags", at->import_flags, image->import_count},
        {"exports", at->exports, image->export_count * MODFMT_EXPORT_SIZE},
        {"export flags", at->export_flags, image->export_count},
        {"tags", at->tags, image->size - at->tags},
    };
    memcpy(ret_areas, areas, sizeof areas);
}
