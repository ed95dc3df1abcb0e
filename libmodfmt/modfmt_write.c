/* SPDX-License-Identifier: BSD-2-Clause */
/* Writing images on hosts. The same source gives the same bytes. */
#include "modfmt.h"

/* ---- relocation lists -------------------------------------------------------- */

/** A list's descriptor. */
static uint32_t descriptor_(const struct modfmt_fixup *f)
{
    uint32_t kind = f->kind == MODFMT_KIND_MOV ? MODFMT_KIND_MOV
                    : f->place & 3             ? MODFMT_KIND_WORD_ANY
                                               : MODFMT_KIND_WORD;

    return kind << MODFMT_RELOC_KIND_SHIFT | (f->relative ? MODFMT_RELOC_RELATIVE : 0) |
           (f->segment ? MODFMT_RELOC_PLACE_DATA : 0) | f->target;
}

int modfmt_fixup_compare(const void *a, const void *b)
{
    const struct modfmt_fixup *x = a, *y = b;
    uint32_t dx = descriptor_(x) << 16 | x->import_index;
    uint32_t dy = descriptor_(y) << 16 | y->import_index;

    if (dx != dy)
        return dx < dy ? -1 : 1;
    return x->place < y->place ? -1 : x->place > y->place;
}

/** Output that goes on counting when the buffer is full. */
struct sink_ {
    uint8_t *buffer;
    uint32_t capacity;
    uint32_t size;
};

static void put_(struct sink_ *out, uint32_t byte)
{
    if (out->size < out->capacity)
        out->buffer[out->size] = (uint8_t)byte;
    out->size++;
}

/** A group's head: skip in digits of five bits, n in the last byte. */
static void head_(struct sink_ *out, uint32_t skip, uint32_t n)
{
    const unsigned bits = 8 - MODFMT_RELOC_RUN_BITS;
    unsigned shift = 0;

    while (skip >> shift >> bits)
        shift += bits;
    for (; shift; shift -= bits)
        put_(out, (skip >> shift & ((1u << bits) - 1)) << MODFMT_RELOC_RUN_BITS);
    put_(out, (skip & ((1u << bits) - 1)) << MODFMT_RELOC_RUN_BITS | n);
}

/** Words from `f` on that lie one behind the other, up to `most`. */
static size_t run_(const struct modfmt_fixup *f, size_t count, size_t most)
{
    size_t n = 1;

    while (n < count && n < most && f[n].place == f[n - 1].place + 4)
        n++;
    return n;
}

/** The groups of `count` fix-ups, without the end mark. */
static void groups_(struct sink_ *out, const struct modfmt_fixup *f, size_t count)
{
    uint32_t cursor = 0;
    unsigned kind = descriptor_(f) >> MODFMT_RELOC_KIND_SHIFT;
    size_t n;

    for (; count; f += n, count -= n) {
        uint32_t skip = (f->place - cursor) >> kind;

        n = 1;
        if (kind != MODFMT_KIND_MOV) {
            n = run_(f, count, MODFMT_RELOC_RUN_LONG + 0xff);
            head_(out, skip,
                  n < MODFMT_RELOC_RUN_LONG ? (uint32_t)n : MODFMT_RELOC_RUN_LONG);
            if (n >= MODFMT_RELOC_RUN_LONG)
                put_(out, (uint32_t)n - MODFMT_RELOC_RUN_LONG);
            cursor = f->place + 4 * (uint32_t)n;
            continue;
        }
        cursor = f->place;
        if (f->distance > MODFMT_MOV_MOVT_ALONE) {
            head_(out, skip, f->distance - 1u);
            continue;
        }
        head_(out, skip, MODFMT_MOV_ALONE);
        put_(out, f->low);
        put_(out, f->low >> 8);
    }
}

/** Fix-ups from `f` on that have its descriptor and, if `import`, its import. */
static size_t same_(const struct modfmt_fixup *f, size_t count, bool import)
{
    uint32_t d = descriptor_(f);
    size_t n = 1;

    while (n < count && descriptor_(&f[n]) == d &&
           !(import && f[n].import_index != f->import_index))
        n++;
    return n;
}

/** How many consecutive imports from `f` on have one word each, in rising order of
 * places. @param count  of the descriptor's fix-ups */
static size_t row_(const struct modfmt_fixup *f, size_t count)
{
    size_t n = 0;

    if (f->kind == MODFMT_KIND_MOV)
        return 0;
    while (
        n < count &&
        (n == 0 || (f[n].import_index == f[n - 1].import_index + 1 &&
                    f[n].place - f[n - 1].place >= 4 && f[n].place > f[n - 1].place)) &&
        (n + 1 == count || f[n + 1].import_index != f[n].import_index))
        n++;
    return n;
}

/** One list. */
static void list_(struct sink_ *out, const struct modfmt_fixup *f, size_t count,
                  uint32_t target)
{
    put_(out, (descriptor_(f) & ~(uint32_t)MODFMT_RELOC_TARGET_MASK) | target);
    if (target >= MODFMT_TARGET_IMPORT) {
        put_(out, f->import_index);
        put_(out, f->import_index >> 8);
    }
    groups_(out, f, count);
    put_(out, MODFMT_RELOC_END);
}

/** The lists of a descriptor of imports: what rows leave over, then rows. */
static void imports_(struct sink_ *out, const struct modfmt_fixup *f, size_t count)
{
    for (uint32_t target = MODFMT_TARGET_IMPORT; target <= MODFMT_TARGET_IMPORTS;
         target++)
        for (size_t at = 0, n; at < count; at += n) {
            bool row;

            n = row_(&f[at], count - at);
            row = n > 1;
            if (!row)
                n = same_(&f[at], count - at, true);
            if (row == (target == MODFMT_TARGET_IMPORTS))
                list_(out, &f[at], n, target);
        }
}

int modfmt_encode_fixups(const struct modfmt_fixup *fixups, size_t count, uint8_t *buffer,
                         uint32_t capacity, uint32_t *ret_size)
{
    struct sink_ out = {buffer, capacity, 0};

    while (count) {
        size_t n = same_(fixups, count, false);

        if (fixups->target == MODFMT_TARGET_IMPORT)
            imports_(&out, fixups, n);
        else
            list_(&out, fixups, n, fixups->target);
        fixups += n;
        count -= n;
    }
    *ret_size = out.size;
    return out.size > capacity ? MODFMT_E_NO_SPACE : 0;
}

/* ---- the image ----------------------------------------------------------------- */

static void header_fields_(const struct modfmt_source *s, uint8_t *h)
{
    uint32_t critical = 0;

    for (uint32_t k = 0; k < s->tag_count; k++)
        critical += (s->tags[k].type & MODFMT_TAG_CRITICAL) != 0;
    __builtin_memset(h, 0, MODFMT_HEADER_SIZE);
    modfmt_put32(h + MODFMT_OFF_MAGIC, MODFMT_MAGIC);
    h[MODFMT_OFF_MAJOR] = MODFMT_MAJOR;
    h[MODFMT_OFF_MINOR] = MODFMT_MINOR;
    modfmt_put16(h + MODFMT_OFF_HEADER_SIZE, MODFMT_HEADER_SIZE);
    modfmt_put32(h + MODFMT_OFF_FLAGS, s->flags);
    modfmt_put16(h + MODFMT_OFF_MACHINE, s->machine);
    modfmt_put16(h + MODFMT_OFF_NEEDS, s->needs);
    modfmt_put32(h + MODFMT_OFF_ENTRY, s->entry);
    modfmt_put32(h + MODFMT_OFF_STACK_SIZE, s->stack_size);
    modfmt_put32(h + MODFMT_OFF_TEXT_STORED, s->text_stored);
    modfmt_put32(h + MODFMT_OFF_TEXT_MEM, s->text_mem);
    modfmt_put32(h + MODFMT_OFF_DATA_STORED, s->data_stored);
    modfmt_put32(h + MODFMT_OFF_DATA_MEM, s->data_mem);
    modfmt_put32(h + MODFMT_OFF_RELOC_SIZE, s->reloc_size);
    modfmt_put16(h + MODFMT_OFF_IMPORT_COUNT, s->import_count);
    modfmt_put16(h + MODFMT_OFF_EXPORT_COUNT, s->export_count);
    h[MODFMT_OFF_TEXT_ALIGN] = (uint8_t)s->text_align;
    h[MODFMT_OFF_DATA_ALIGN] = (uint8_t)s->data_align;
    modfmt_put16(h + MODFMT_OFF_CRITICAL_COUNT, critical);
}

uint32_t modfmt_write_size(const struct modfmt_source *source)
{
    uint8_t header[MODFMT_HEADER_SIZE];
    struct modfmt_areas at;
    uint64_t size;

    if (source->text_stored > MODFMT_SIZE_MAX || source->data_stored > MODFMT_SIZE_MAX ||
        source->reloc_size > MODFMT_SIZE_MAX)
        return 0;
    header_fields_(source, header);
    modfmt_areas(header, &at);
    size = at.tags;
    for (uint32_t k = 0; k < source->tag_count; k++)
        size += MODFMT_TAG_VALUE_OFFSET + modfmt_up4(source->tags[k].length & 0xffffff);
    size = (size + MODFMT_IMAGE_ALIGN - 1) / MODFMT_IMAGE_ALIGN * MODFMT_IMAGE_ALIGN;
    return size > MODFMT_SIZE_MAX ? 0 : (uint32_t)size;
}

static void copy_(uint8_t *to, const void *from, uint32_t size)
{
    if (size)
        __builtin_memcpy(to, from, size);
}

static void tables_(const struct modfmt_source *s, const struct modfmt_areas *at,
                    uint8_t *image)
{
    for (uint32_t k = 0; k < s->import_count; k++) {
        uint8_t *p = image + at->imports + k * MODFMT_IMPORT_SIZE;

        modfmt_put32(p + MODFMT_IMPORT_OFF_HASH, s->imports[k].hash);
        modfmt_put32(p + MODFMT_IMPORT_OFF_TYPE,
                     s->imports[k].type | (s->imports[k].weak ? MODFMT_IMPORT_WEAK : 0));
        image[at->import_flags + k] = (uint8_t)s->imports[k].flags;
    }
    for (uint32_t k = 0; k < s->export_count; k++) {
        uint8_t *p = image + at->exports + k * MODFMT_EXPORT_SIZE;

        modfmt_put32(p + MODFMT_EXPORT_OFF_HASH, s->exports[k].hash);
        modfmt_put32(p + MODFMT_EXPORT_OFF_TYPE, s->exports[k].type);
        modfmt_put32(p + MODFMT_EXPORT_OFF_VALUE, s->exports[k].value);
        image[at->export_flags + k] = (uint8_t)s->exports[k].flags;
    }
}

int modfmt_write(const struct modfmt_source *source, uint8_t *buffer, uint32_t capacity,
                 uint32_t *ret_size)
{
    uint32_t size = modfmt_write_size(source), offset;
    struct modfmt_areas at;

    if (size == 0 || size > capacity)
        return MODFMT_E_NO_SPACE;
    __builtin_memset(buffer, 0, size);
    header_fields_(source, buffer);
    modfmt_put32(buffer + MODFMT_OFF_TOTAL_SIZE, size);
    modfmt_areas(buffer, &at);
    copy_(buffer + at.text, source->text, source->text_stored);
    copy_(buffer + at.data, source->data, source->data_stored);
    copy_(buffer + at.relocs, source->relocs, source->reloc_size);
    tables_(source, &at, buffer);
    offset = at.tags;
    for (uint32_t k = 0; k < source->tag_count; k++) {
        const struct modfmt_tag_source *tag = &source->tags[k];

        modfmt_put32(buffer + offset, tag->type | tag->length << 8);
        copy_(buffer + offset + MODFMT_TAG_VALUE_OFFSET, tag->value, tag->length);
        offset += MODFMT_TAG_VALUE_OFFSET + modfmt_up4(tag->length);
    }
    modfmt_put32(buffer + MODFMT_OFF_HEADER_CHECK,
                 modfmt_crc32(0, buffer, MODFMT_OFF_CRC));
    modfmt_put32(buffer + MODFMT_OFF_CRC, modfmt_image_crc(buffer, size));
    *ret_size = size;
    return 0;
}
