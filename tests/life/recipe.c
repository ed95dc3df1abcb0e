/* SPDX-License-Identifier: BSD-2-Clause */
#include "recipe.h"

#include <stdlib.h>
#include <string.h>

#define WORDS_MAX 64u
#define TAGS_MAX  (RECIPE_SOME + 5u)

uint32_t recipe_hash(const char *name)
{
    return modfmt_hash(name, (uint32_t)strlen(name));
}

static unsigned count_of(const struct recipe_symbol *symbol)
{
    unsigned n = 0;

    while (n < RECIPE_SOME && symbol[n].name)
        n++;
    return n;
}

/** How many of the symbols come before that one in a table sorted by hash. */
static unsigned rank(const struct recipe_symbol *symbol, unsigned index)
{
    uint32_t hash = recipe_hash(symbol[index].name);
    unsigned before = 0;

    for (unsigned i = 0; i < count_of(symbol); i++)
        before += recipe_hash(symbol[i].name) < hash;
    return before;
}

uint32_t recipe_import_place(const struct recipe *r, unsigned index)
{
    return 4 * (r->init + r->fini + index);
}

/** What goes into the image, and all that it points to. */
struct draft {
    struct modfmt_source source;
    uint8_t text[RECIPE_TEXT + 16];
    uint8_t data[4 * WORDS_MAX];
    uint8_t relocs[256];
    struct modfmt_fixup fixups[WORDS_MAX];
    uint32_t fixup_count;
    struct modfmt_import imports[RECIPE_SOME];
    struct modfmt_export exports[RECIPE_SOME];
    struct modfmt_tag_source tags[TAGS_MAX];
    uint8_t values[TAGS_MAX][12 + MODFMT_NAME_MAX];
};

static uint8_t *add_tag(struct draft *d, uint32_t type, uint32_t length)
{
    uint32_t k = d->source.tag_count++;

    d->tags[k] = (struct modfmt_tag_source){type, length, d->values[k]};
    return d->values[k];
}

static void add_span(struct draft *d, uint32_t type, uint32_t place, uint32_t size)
{
    uint8_t *value = size ? add_tag(d, type, 8) : NULL;

    if (value) {
        modfmt_put32(value, place);
        modfmt_put32(value + 4, size);
    }
}

static void put_version(uint8_t *value, const uint16_t *version)
{
    for (unsigned i = 0; i < 3; i++)
        modfmt_put16(value + 2 * i, version[i]);
}

static void add_tags(struct draft *d, const struct recipe *r)
{
    static const uint16_t any[3] = {0xffff, 0xffff, 0xffff};
    uint8_t *value;

    add_span(d, MODFMT_TAG_INIT_ARRAY, MODFMT_PLACE_DATA, 4 * r->init);
    add_span(d, MODFMT_TAG_FINI_ARRAY, MODFMT_PLACE_DATA | (4 * r->init), 4 * r->fini);
    for (const struct recipe_need *n = r->need; n < r->need + RECIPE_SOME && n->name;
         n++) {
        bool bound = n->too_high[0] || n->too_high[1] || n->too_high[2];

        value = add_tag(d, MODFMT_TAG_DEPENDENCY, 12 + (uint32_t)strlen(n->name));
        put_version(value, n->lowest);
        put_version(value + 6, bound ? n->too_high : any);
        memcpy(value + 12, n->name, strlen(n->name));
    }
    if (r->name) {
        value = add_tag(d, MODFMT_TAG_NAME, (uint32_t)strlen(r->name));
        memcpy(value, r->name, strlen(r->name));
    }
    put_version(add_tag(d, MODFMT_TAG_VERSION, 6), r->version);
    add_span(d, MODFMT_TAG_PARAMS, r->params, r->params_size);
}

/** A word of data that the loader fixes. */
static void add_word(struct draft *d, uint32_t place, uint32_t value, uint8_t target,
                     uint32_t import)
{
    modfmt_put32(d->data + place, value);
    d->fixups[d->fixup_count++] = (struct modfmt_fixup){.place = place,
                                                        .import_index = (uint16_t)import,
                                                        .segment = 1,
                                                        .target = target,
                                                        .kind = MODFMT_KIND_WORD};
}

static void add_words(struct draft *d, const struct recipe *r)
{
    for (unsigned i = 0; i < r->init; i++)
        add_word(d, 4 * i, RECIPE_INIT(i), MODFMT_TARGET_TEXT, 0);
    for (unsigned i = 0; i < r->fini; i++)
        add_word(d, 4 * (r->init + i), RECIPE_FINI(i), MODFMT_TARGET_TEXT, 0);
    for (unsigned i = 0; i < count_of(r->import); i++)
        add_word(d, recipe_import_place(r, i), 0, MODFMT_TARGET_IMPORT,
                 rank(r->import, i));
    qsort(d->fixups, d->fixup_count, sizeof(d->fixups[0]), modfmt_fixup_compare);
    if (modfmt_encode_fixups(d->fixups, d->fixup_count, d->relocs, sizeof(d->relocs),
                             &d->source.reloc_size))
        abort();
}

static void add_symbols(struct draft *d, const struct recipe *r)
{
    d->source.import_count = count_of(r->import);
    d->source.export_count = count_of(r->export);
    for (unsigned i = 0; i < d->source.import_count; i++) {
        const struct recipe_symbol *s = &r->import[i];

        d->imports[rank(r->import, i)] = (struct modfmt_import){
            recipe_hash(s->name), s->type, s->weak, s->flags, NULL};
    }
    for (unsigned i = 0; i < d->source.export_count; i++) {
        const struct recipe_symbol *s = &r->export[i];

        d->exports[rank(r->export, i)] = (struct modfmt_export){
            recipe_hash(s->name), s->type, s->value, s->flags, NULL};
    }
}

struct recipe_image recipe_image(const struct recipe *r)
{
    struct draft *d = calloc(1, sizeof(*d));
    uint32_t words = r->init + r->fini + count_of(r->import);
    struct recipe_image image;

    if (!d || words + 4 > WORDS_MAX || r->odd > 16)
        abort();
    d->source = (struct modfmt_source){
        .flags = MODFMT_FLAG_BLOCK | MODFMT_FLAG_APART | MODFMT_FLAG_IN_PLACE | r->flags,
        .machine = 40,
        .needs = MODFMT_NEED_V6M | r->needs,
        .entry = r->no_entry ? 0 : RECIPE_ENTRY,
        .text = d->text,
        .text_stored = RECIPE_TEXT + r->odd,
        .text_mem = RECIPE_TEXT + r->odd,
        .data = d->data,
        .data_stored = 4 * words + RECIPE_FREE,
        .data_mem = 4 * words + RECIPE_FREE + RECIPE_BSS,
        .text_align = 2,
        .data_align = r->odd ? 0 : 2,
        .relocs = d->relocs,
        .imports = d->imports,
        .exports = d->exports,
        .tags = d->tags,
    };
    add_words(d, r);
    add_symbols(d, r);
    add_tags(d, r);
    image.size = modfmt_write_size(&d->source);
    image.bytes = malloc(image.size);
    if (!image.bytes || modfmt_write(&d->source, image.bytes, image.size, &image.size))
        abort();
    free(d);
    return image;
}

void recipe_mend(struct recipe_image *image)
{
    modfmt_put32(image->bytes + MODFMT_OFF_HEADER_CHECK,
                 modfmt_crc32(0, image->bytes, MODFMT_OFF_CRC));
    modfmt_put32(image->bytes + MODFMT_OFF_CRC,
                 modfmt_image_crc(image->bytes,
                                  modfmt_get32(image->bytes + MODFMT_OFF_TOTAL_SIZE)));
}

uint32_t recipe_tags(const struct recipe_image *image)
{
    struct modfmt_areas at;

    modfmt_areas(image->bytes, &at);
    return at.tags;
}
