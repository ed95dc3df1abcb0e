/* SPDX-License-Identifier: BSD-2-Clause */
/** What a module is, on one page. */
#include "moddump.h"

#include <inttypes.h>

static void label(const char *text)
{
    printf("  %-13s ", text);
}

static void print_title(const struct module *m)
{
    const struct modfmt_tag *name = module_tag(m, MODFMT_TAG_NAME);
    const struct modfmt_tag *version = module_tag(m, MODFMT_TAG_VERSION);
    const struct modfmt_tag *description = module_tag(m, MODFMT_TAG_DESCRIPTION);
    if (name != NULL) {
        cli_put_text(stdout, (const char *)name->value, name->length);
    } else {
        fputs("(a module without a name)", stdout);
    }
    if (version != NULL) {
        printf(" %" PRIu32 ".%" PRIu32 ".%" PRIu32, modfmt_get16(version->value),
               modfmt_get16(version->value + 2), modfmt_get16(version->value + 4));
    } else {
        fputs(" 0.0.0", stdout);
    }
    printf(": %" PRIu32 " bytes, format %u.%" PRIu32 "\n", m->image.size, MODFMT_MAJOR,
           m->image.minor);
    if (description != NULL) {
        label("description");
        cli_put_text(stdout, (const char *)description->value, description->length);
        putchar('\n');
    }
}

static void put_placements(uint32_t flags)
{
    static const char *const placements[] = {"one block", "text and data apart",
                                             "text in place", "linked to one place"};
    for (unsigned i = 0, shown = 0; i < 4; i++) {
        if ((flags >> i & 1) != 0) {
            printf("%s%s", shown++ != 0 ? "; " : "", placements[i]);
        }
    }
    putchar('\n');
}

/* Where a linked image belongs, and what it was before. */
static void print_link(const struct module *m)
{
    const struct modfmt_linked *link = &m->link;
    if (!m->linked) {
        return;
    }
    label("linked to");
    printf("text at 0x%08" PRIx32, link->text);
    if (m->image.data_mem != 0) {
        printf(", data from 0x%08" PRIx32 " up to 0x%08" PRIx32, link->data,
               link->data_end);
    }
    putchar('\n');
    label("for");
    put_firmware(stdout, link);
    putchar('\n');
    label("was");
    printf("%" PRIu32 " bytes, crc 0x%08" PRIx32 "; ", link->total_size, link->crc);
    put_placements(link->flags);
}

static void print_demands(const struct modfmt_image *image)
{
    char text[160];
    needs_text(image->needs, text, sizeof text);
    label("needs");
    printf("%s\n", text);
    label("placements");
    put_placements(image->flags);
    label("entry");
    if (image->entry == MODFMT_NO_ENTRY) {
        puts("none");
    } else {
        printf("text+0x%" PRIx32 " (Thumb)\n", image->entry - 1);
    }
    label("stack");
    if (image->stack_size == 0) {
        puts("not stated");
    } else {
        printf("%" PRIu32 " bytes\n", image->stack_size);
    }
}

/* RAM in all, and less of it where text stays in flash. */
static void print_ram(const struct modfmt_image *image)
{
    bool in_place = (image->flags & MODFMT_FLAG_IN_PLACE) != 0;
    bool linked = (image->flags & MODFMT_FLAG_LINKED) != 0;
    label("memory");
    if (linked) {
        printf("%" PRIu32 " bytes of RAM; text runs where it lies\n",
               ram_of(image, MODFMT_FLAG_LINKED));
        return;
    }
    printf("%" PRIu32 " bytes", ram_of(image, MODFMT_FLAG_APART));
    if (in_place) {
        printf("; %" PRIu32 " where text runs in place",
               ram_of(image, MODFMT_FLAG_IN_PLACE));
    }
    putchar('\n');
}

static void print_memory(const struct module *m)
{
    const struct modfmt_image *image = &m->image;
    label("text");
    printf("%" PRIu32 " bytes, %" PRIu32 " stored, aligned to %u", image->text_mem,
           image->text_stored, 1u << image->text_align);
    if (m->prefix != 0) {
        printf("; the first %" PRIu32 " are veneers", m->prefix);
    }
    putchar('\n');
    label("data");
    if (image->data_mem == 0) {
        puts("none");
    } else {
        uint32_t remainder = image->text_mem % (1u << image->data_align);
        printf("%" PRIu32 " bytes, %" PRIu32 " stored, %" PRIu32 " bss, aligned to %u",
               image->data_mem, image->data_stored, image->data_mem - image->data_stored,
               1u << image->data_align);
        if (remainder != 0) {
            printf(" (lies at %" PRIu32 " modulo that)", remainder);
        }
        putchar('\n');
        if ((image->flags & MODFMT_FLAG_CODE_IN_DATA) != 0) {
            label("");
            puts("holds code: its memory must be executable");
        }
    }
    print_ram(image);
}

/* Fix-ups of one list (but for the import's index and the word's alignment). */
static void print_fixup_counts(const struct module *m)
{
    size_t counts[2][5][2][2] = {0};
    for (size_t i = 0; i < m->fixup_count; i++) {
        const struct modfmt_fixup *f = &m->fixups[i];
        counts[f->segment][f->target][f->kind == MODFMT_KIND_MOV][f->relative]++;
    }
    for (unsigned i = 0; i < 2u * 5 * 2 * 2; i++) {
        unsigned segment = i / 20, target = i / 4 % 5, mov = i / 2 % 2, relative = i % 2;
        size_t count = counts[segment][target][mov][relative];
        if (count != 0) {
            label("");
            printf("%zu in %s: %s += %s%s%s\n", count, segment_name(segment),
                   mov != 0 ? "mov" : "word", target_name(target),
                   relative != 0 ? " - " : "",
                   relative != 0 ? segment_name(segment) : "");
        }
    }
}

/* What the module was built against, what it needs, what it can be given. */
static void print_surroundings(const struct module *m)
{
    static const struct word shown[] = {
        {MODFMT_TAG_API_VERSION, "built for"},
        {MODFMT_TAG_DEPENDENCY, "needs module"},
        {MODFMT_TAG_PARAMS, "parameters"},
        {0, NULL},
    };
    for (const struct word *word = shown; word->name != NULL; word++) {
        for (size_t i = 0; i < m->tag_count; i++) {
            if (m->tags[i].type != word->value) {
                continue;
            }
            label(word->name);
            fputs(word->value == MODFMT_TAG_API_VERSION ? "firmware interface " : "",
                  stdout);
            print_tag_value(&m->tags[i]);
            putchar('\n');
        }
    }
}

static void print_tables(const struct module *m)
{
    const struct modfmt_image *image = &m->image;
    bool names = module_tag(m, MODFMT_TAG_IMPORT_NAMES) != NULL;
    bool export_names = module_tag(m, MODFMT_TAG_EXPORT_NAMES) != NULL;
    size_t weak = 0;
    for (uint32_t i = 0; i < image->import_count; i++) {
        weak += m->imports[i].weak;
    }
    label("relocations");
    printf("%zu in %" PRIu32 " bytes", m->fixup_count, image->reloc_size);
    fputs(m->linked && m->fixup_count != 0 ? ", all applied" : "", stdout);
    if (m->fixup_count != 0) {
        printf(" (%.2f bytes each)", (double)image->reloc_size / (double)m->fixup_count);
    }
    putchar('\n');
    print_fixup_counts(m);
    label("imports");
    printf("%" PRIu32 " in %" PRIu32 " bytes", image->import_count,
           image->at.exports - image->at.imports);
    if (weak != 0) {
        printf(", %zu weak", weak);
    }
    printf("%s\n", image->import_count == 0 ? ""
                   : names                  ? ", with names"
                                            : ", without names");
    label("exports");
    printf("%" PRIu32 " in %" PRIu32 " bytes%s\n", image->export_count,
           image->at.tags - image->at.exports,
           image->export_count == 0 ? ""
           : export_names           ? ", with names"
                                    : ", without names");
    print_surroundings(m);
    label("tags");
    printf("%zu in %" PRIu32 " bytes", m->tag_count, m->tag_end - image->at.tags);
    for (size_t i = 0; i < m->tag_count; i++) {
        printf("%s%s", i == 0 ? ": " : ", ", tag_name(m->tags[i].type));
    }
    putchar('\n');
}

void print_overview(const struct module *module)
{
    print_title(module);
    print_demands(&module->image);
    print_link(module);
    print_memory(module);
    print_tables(module);
    label("crc");
    printf("0x%08" PRIx32 ", ok\n", module->image.crc);
    if (module->trailing != 0) {
        label("note");
        printf("%" PRIu32 " bytes 0xff follow the image, as in a dump of flash\n",
               module->trailing);
    }
}
