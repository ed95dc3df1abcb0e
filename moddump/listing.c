/* SPDX-License-Identifier: BSD-2-Clause */
/** The parts of a module in full, one table each. */
#include "moddump.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

struct field {
    uint32_t offset;
    uint32_t size;
    const char *name;
};

static const struct field fields[] = {
    {MODFMT_OFF_MAGIC, 4, "magic"},
    {MODFMT_OFF_MAJOR, 1, "major"},
    {MODFMT_OFF_MINOR, 1, "minor"},
    {MODFMT_OFF_HEADER_SIZE, 2, "header_size"},
    {MODFMT_OFF_TOTAL_SIZE, 4, "total_size"},
    {MODFMT_OFF_FLAGS, 4, "flags"},
    {MODFMT_OFF_MACHINE, 2, "machine"},
    {MODFMT_OFF_NEEDS, 2, "needs"},
    {MODFMT_OFF_ENTRY, 4, "entry"},
    {MODFMT_OFF_STACK_SIZE, 4, "stack_size"},
    {MODFMT_OFF_TEXT_STORED, 4, "text_stored"},
    {MODFMT_OFF_TEXT_MEM, 4, "text_mem"},
    {MODFMT_OFF_DATA_STORED, 4, "data_stored"},
    {MODFMT_OFF_DATA_MEM, 4, "data_mem"},
    {MODFMT_OFF_RELOC_SIZE, 4, "reloc_size"},
    {MODFMT_OFF_IMPORT_COUNT, 2, "import_count"},
    {MODFMT_OFF_EXPORT_COUNT, 2, "export_count"},
    {MODFMT_OFF_TEXT_ALIGN, 1, "text_align"},
    {MODFMT_OFF_DATA_ALIGN, 1, "data_align"},
    {MODFMT_OFF_CRITICAL_COUNT, 2, "critical_count"},
    {MODFMT_OFF_CRC, 4, "crc"},
    {MODFMT_OFF_HEADER_CHECK, 4, "header_check"},
};

static void print_meaning(const struct modfmt_image *image, uint32_t offset)
{
    char text[160] = "";
    if (offset == MODFMT_OFF_MAGIC) {
        snprintf(text, sizeof text, "\"MODF\"");
    } else if (offset == MODFMT_OFF_FLAGS) {
        bits_text(flag_words, image->flags, text, sizeof text);
    } else if (offset == MODFMT_OFF_MACHINE) {
        snprintf(text, sizeof text, "ARM");
    } else if (offset == MODFMT_OFF_NEEDS) {
        needs_text(image->needs, text, sizeof text);
    } else if (offset == MODFMT_OFF_ENTRY && image->entry == MODFMT_NO_ENTRY) {
        snprintf(text, sizeof text, "none");
    } else if (offset == MODFMT_OFF_TEXT_ALIGN) {
        snprintf(text, sizeof text, "%u bytes", 1u << image->text_align);
    } else if (offset == MODFMT_OFF_DATA_ALIGN) {
        snprintf(text, sizeof text, "%u bytes", 1u << image->data_align);
    } else if (offset == MODFMT_OFF_CRC || offset == MODFMT_OFF_HEADER_CHECK) {
        snprintf(text, sizeof text, "ok");
    }
    if (text[0] != 0) {
        printf("  %s", text);
    }
}

void print_headers(const struct module *module)
{
    puts("header:\n  offset  field              hex     decimal");
    for (size_t i = 0; i < sizeof fields / sizeof fields[0]; i++) {
        const uint8_t *at = module->bytes + fields[i].offset;
        uint32_t value = fields[i].size == 4   ? modfmt_get32(at)
                         : fields[i].size == 2 ? modfmt_get16(at)
                                               : at[0];
        char hex[16];
        snprintf(hex, sizeof hex, "%0*" PRIx32, (int)fields[i].size * 2, value);
        printf("  %6" PRIu32 "  %-12s  %8s  %10" PRIu32, fields[i].offset, fields[i].name,
               hex, value);
        print_meaning(&module->image, fields[i].offset);
        putchar('\n');
    }
    putchar('\n');
}

void print_segments(const struct module *module)
{
    const struct modfmt_image *image = &module->image;
    struct area areas[AREA_COUNT];
    puts("segments:\n  name      memory     stored  zeroed  align");
    printf("  text  %10" PRIu32 " %10" PRIu32 " %7" PRIu32 " %6u\n", image->text_mem,
           image->text_stored, image->text_mem - image->text_stored,
           1u << image->text_align);
    printf("  data  %10" PRIu32 " %10" PRIu32 " %7" PRIu32 " %6u\n", image->data_mem,
           image->data_stored, image->data_mem - image->data_stored,
           1u << image->data_align);
    puts("\nareas of the image:\n  name          offset        size");
    module_areas(image, areas);
    for (size_t i = 0; i < AREA_COUNT; i++) {
        printf("  %-12s  %08" PRIx32 "  %8" PRIu32 "\n", areas[i].name, areas[i].offset,
               areas[i].size);
    }
    putchar('\n');
}

void print_relocs(const struct module *module)
{
    printf("relocations: %zu\n", module->fixup_count);
    if (module->fixup_count != 0) {
        puts("  place          kind      stored    adds");
    }
    for (size_t i = 0; i < module->fixup_count; i++) {
        const struct modfmt_fixup *f = &module->fixups[i];
        printf("  %s+%08" PRIx32 "  %-8s  ", segment_name(f->segment), f->place,
               fixup_kind(f));
        if (module->compressed) {
            fputs("?         ", stdout);
        } else {
            printf("%08" PRIx32 "  ", module_stored(module, f));
        }
        put_target(stdout, module, f);
        if (f->kind == MODFMT_KIND_MOV && f->distance > MODFMT_MOV_MOVT_ALONE) {
            printf("  (movt at +%u)", 2u * f->distance);
        }
        putchar('\n');
    }
    putchar('\n');
}

static void print_symbol_name(const char *name)
{
    if (name != NULL) {
        cli_put_text(stdout, name, strlen(name));
    } else {
        putchar('-');
    }
}

void print_imports(const struct module *module)
{
    uint32_t count = module->image.import_count;
    size_t *uses = cli_alloc(count + 1, sizeof *uses);
    char flags[64];
    for (size_t i = 0; i < module->fixup_count; i++) {
        if (module->fixups[i].target == MODFMT_TARGET_IMPORT) {
            uses[module->fixups[i].import_index]++;
        }
    }
    printf("imports: %" PRIu32 "\n", count);
    if (count != 0) {
        puts("  index  hash      type      places  flags                 name");
    }
    for (uint32_t i = 0; i < count; i++) {
        const struct modfmt_import *import = &module->imports[i];
        bits_text(import_words, import->flags, flags, sizeof flags);
        printf("  %5" PRIu32 "  %08" PRIx32 "  %08" PRIx32 "  %6zu  %-4s  %-18s  ", i,
               import->hash, import->type, uses[i], import->weak != 0 ? "weak" : "-",
               flags[0] != 0 ? flags : "-");
        print_symbol_name(import->name);
        if (module->linked) {
            printf("  at 0x%08" PRIx32, modfmt_get32(module->bound + 4 * i));
        }
        if (module->prototypes[i].length != 0) {
            fputs("  ", stdout);
            cli_put_text(stdout, module->prototypes[i].bytes,
                         module->prototypes[i].length);
        }
        putchar('\n');
    }
    putchar('\n');
    free(uses);
}

void print_exports(const struct module *module)
{
    uint32_t count = module->image.export_count;
    char flags[64];
    printf("exports: %" PRIu32 "\n", count);
    if (count != 0) {
        puts("  index  hash      type      value          flags         name");
    }
    for (uint32_t i = 0; i < count; i++) {
        const struct modfmt_export *export = &module->exports[i];
        bits_text(export_words, export->flags, flags, sizeof flags);
        printf("  %5" PRIu32 "  %08" PRIx32 "  %08" PRIx32 "  %s+%08" PRIx32 "  %-12s  ",
               i, export->hash, export->type,
               segment_name((export->flags & MODFMT_EXPORT_DATA) != 0), export->value,
               flags[0] != 0 ? flags : "-");
        print_symbol_name(export->name);
        putchar('\n');
    }
    putchar('\n');
}

static void print_hex_row(const uint8_t *bytes, uint32_t offset, uint32_t count)
{
    printf("  %08" PRIx32 " ", offset);
    for (uint32_t i = 0; i < 16; i++) {
        if (i < count) {
            printf("%s%02x", i % 4 == 0 ? " " : "", bytes[offset + i]);
        } else {
            printf("%s  ", i % 4 == 0 ? " " : "");
        }
    }
    fputs("  |", stdout);
    for (uint32_t i = 0; i < count; i++) {
        uint8_t c = bytes[offset + i];
        putchar(c >= 0x20 && c < 0x7f ? c : '.');
    }
    puts("|");
}

void print_hex(const struct module *module)
{
    struct area areas[AREA_COUNT];
    module_areas(&module->image, areas);
    for (size_t i = 0; i < AREA_COUNT; i++) {
        /* With the padding behind it, so that no byte of the image is missing. */
        uint32_t end = i + 1 < AREA_COUNT ? areas[i + 1].offset : module->image.size;
        if (end == areas[i].offset) {
            continue;
        }
        printf("%s: %" PRIu32 " bytes\n", areas[i].name, areas[i].size);
        for (uint32_t at = areas[i].offset; at < end; at += 16) {
            print_hex_row(module->bytes, at, end - at < 16 ? end - at : 16);
        }
        putchar('\n');
    }
}
