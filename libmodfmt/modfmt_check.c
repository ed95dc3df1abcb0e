/* SPDX-License-Identifier: BSD-2-Clause */
/* The full check (specs/modfmt.md, 7: checks 17 to 23), in the order of the spec. */
#include "modfmt_link_parts.h"

static int header_(const struct modfmt_image *i, struct modfmt_diag *diag)
{
    uint32_t crc = modfmt_image_crc(i->bytes, i->size);
    const uint32_t in_place = MODFMT_FLAG_IN_PLACE, apart = MODFMT_FLAG_APART;
    const uint32_t linked = MODFMT_FLAG_LINKED, ram = MODFMT_FLAG_BLOCK | apart;

    if (crc != i->crc)
        return modfmt_fail(diag, MODFMT_E_CRC, MODFMT_OFF_CRC, i->crc, crc);
    if (!(i->flags & (ram | linked)) || (i->flags & (in_place | apart)) == in_place ||
        (i->flags & linked && i->flags & (ram | in_place)))
        return modfmt_fail(diag, MODFMT_E_FLAGS, MODFMT_OFF_FLAGS, i->flags, apart);
    if (i->needs & ~MODFMT_NEED_ALL)
        return modfmt_fail(diag, MODFMT_E_NEEDS, MODFMT_OFF_NEEDS, i->needs,
                           MODFMT_NEED_ALL);
    if (i->flags & (in_place | linked) && i->text_align > MODFMT_TEXT_ALIGN_IN_PLACE_MAX)
        return modfmt_fail(diag, MODFMT_E_IN_PLACE, MODFMT_OFF_TEXT_ALIGN, i->text_align,
                           MODFMT_TEXT_ALIGN_IN_PLACE_MAX);
    if (i->flags & (in_place | linked) && i->text_stored != i->text_mem)
        return modfmt_fail(diag, MODFMT_E_IN_PLACE, MODFMT_OFF_TEXT_STORED,
                           i->text_stored, i->text_mem);
    return 0;
}

/** All bytes of [offset, end) are zero. */
static int zeros_(const struct modfmt_image *i, uint32_t offset, uint32_t end,
                  struct modfmt_diag *diag)
{
    for (; offset < end; offset++)
        if (i->bytes[offset])
            return modfmt_fail(diag, MODFMT_E_PADDING, offset, i->bytes[offset], 0);
    return 0;
}

static int paddings_(const struct modfmt_image *i, struct modfmt_diag *diag)
{
    const struct modfmt_areas *at = &i->at;
    const struct {
        uint32_t offset, end;
    } gaps[] = {
        {at->text + i->text_stored, at->data},
        {at->data + i->data_stored, at->relocs},
        {at->relocs + i->reloc_size, at->imports},
        {at->import_flags + i->import_count, at->exports},
        {at->export_flags + i->export_count, at->tags},
    };

    for (unsigned k = 0; k < sizeof(gaps) / sizeof(gaps[0]); k++) {
        int rc = zeros_(i, gaps[k].offset, gaps[k].end, diag);

        if (rc)
            return rc;
    }
    return 0;
}

/** Flags and order of hashes of a table whose entries start with the hash. */
static int symbol_(const struct modfmt_image *i, uint32_t table, uint32_t flags,
                   uint32_t size, uint32_t k, uint32_t allowed, int code,
                   struct modfmt_diag *diag)
{
    uint32_t at = table + k * size;

    /* A later minor version may know flags that this one may ignore. */
    if (i->minor <= MODFMT_MINOR && i->bytes[flags + k] & ~allowed)
        return modfmt_fail(diag, code, flags + k, i->bytes[flags + k], allowed);
    if (k && modfmt_get32(i->bytes + at) <= modfmt_get32(i->bytes + at - size))
        return modfmt_fail(diag, code, at, modfmt_get32(i->bytes + at),
                           modfmt_get32(i->bytes + at - size));
    return 0;
}

static int symbols_(const struct modfmt_image *i, struct modfmt_diag *diag)
{
    int rc = 0;

    for (uint32_t k = 0; k < i->import_count && rc == 0; k++)
        rc = symbol_(i, i->at.imports, i->at.import_flags, MODFMT_IMPORT_SIZE, k,
                     MODFMT_IMPORT_ALL, MODFMT_E_IMPORT, diag);
    for (uint32_t k = 0; k < i->export_count && rc == 0; k++) {
        uint32_t at = i->at.exports + k * MODFMT_EXPORT_SIZE + MODFMT_EXPORT_OFF_VALUE;
        uint32_t value = modfmt_get32(i->bytes + at);
        uint32_t flags = i->bytes[i->at.export_flags + k];
        uint32_t size = flags & MODFMT_EXPORT_DATA ? i->data_mem : i->text_mem;

        rc = symbol_(i, i->at.exports, i->at.export_flags, MODFMT_EXPORT_SIZE, k,
                     MODFMT_EXPORT_ALL, MODFMT_E_EXPORT, diag);
        if (rc == 0 && modfmt_get32(i->bytes + at - 4) & MODFMT_IMPORT_WEAK)
            return modfmt_fail(diag, MODFMT_E_EXPORT, at - 4,
                               modfmt_get32(i->bytes + at - 4), 0);
        if (rc == 0 && !(flags & MODFMT_EXPORT_OBJECT)) {
            if (!(value & 1))
                return modfmt_fail(diag, MODFMT_E_EXPORT, at, value, value | 1);
            value--;
        }
        if (rc == 0 && value >= size)
            return modfmt_fail(diag, MODFMT_E_EXPORT, at, value, size);
    }
    return rc;
}

/* ---- tags ------------------------------------------------------------------ */

enum value_ {
    ANY_,
    NAME_,
    LINE_,
    PLACE_,
    ARRAY_,
    ORIGIN_,
    IMPORTS_,
    EXPORTS_,
    DEPENDENCY_,
    SIZES_,
    BOUND_,
    LINKED_
};

/** What a tag's value may be: its length, and what else is looked at. */
static const struct rule_ {
    uint8_t type;
    uint8_t value;
    uint16_t min;
    uint32_t max;
} rules_[] = {
    {MODFMT_TAG_NAME, NAME_, 1, MODFMT_NAME_MAX},
    {MODFMT_TAG_VERSION, ANY_, 6, 6},
    {MODFMT_TAG_DESCRIPTION, LINE_, 1, 255},
    {MODFMT_TAG_BUILD_ID, ANY_, 1, 64},
    {MODFMT_TAG_API_VERSION, ANY_, 6, 6},
    {MODFMT_TAG_ORIGIN, ORIGIN_, 12, 12},
    {MODFMT_TAG_IMPORT_NAMES, IMPORTS_, 0, 0xffffff},
    {MODFMT_TAG_EXPORT_NAMES, EXPORTS_, 0, 0xffffff},
    {MODFMT_TAG_PARAMS, PLACE_, 8, 8},
    {MODFMT_TAG_IMPORT_PROTOTYPES, ANY_, 1, 0xffffff},
    {MODFMT_TAG_BOUND, BOUND_, 4, 0xffffff},
    {MODFMT_TAG_LINKED, LINKED_, MODFMT_LINKED_SIZE,
     MODFMT_LINKED_SIZE + MODFMT_LINKED_BUILD_ID_MAX},
    {MODFMT_TAG_INIT_ARRAY, ARRAY_, 8, 8},
    {MODFMT_TAG_FINI_ARRAY, ARRAY_, 8, 8},
    {MODFMT_TAG_STATIC_BASE, PLACE_, 8, 8},
    {MODFMT_TAG_DEPENDENCY, DEPENDENCY_, 13, 12 + MODFMT_NAME_MAX},
    {MODFMT_TAG_COMPRESSION, SIZES_, 12, 12},
    {MODFMT_TAG_SIGNATURE, ANY_, 4, 4096},
};

static const struct rule_ *rule_(uint32_t type)
{
    for (unsigned k = 0; k < sizeof(rules_) / sizeof(rules_[0]); k++)
        if (rules_[k].type == type)
            return &rules_[k];
    return NULL;
}

/** Bytes that may stand in names; `space` lets 0x20 through as well. */
static bool text_(const uint8_t *p, uint32_t length, bool space)
{
    for (uint32_t k = 0; k < length; k++)
        if (p[k] < 0x20 || p[k] == 0x7f || (p[k] == 0x20 && !space))
            return false;
    return true;
}

/** One string an entry of the table, each hashing to the entry's hash. */
static int names_(const struct modfmt_image *i, const struct modfmt_tag *tag,
                  bool exports, struct modfmt_diag *diag)
{
    uint32_t count = exports ? i->export_count : i->import_count;
    uint32_t entry = exports ? i->at.exports : i->at.imports, at = 0;

    for (uint32_t k = 0; k < count; k++) {
        uint32_t length = 0, hash = modfmt_get32(i->bytes + entry);
        const char *name = (const char *)tag->value + at;

        while (at + length < tag->length && name[length])
            length++;
        if (at + length == tag->length || length == 0 ||
            !text_(tag->value + at, length, false) || modfmt_hash(name, length) != hash)
            return modfmt_fail(diag, MODFMT_E_NAMES, tag->offset + at,
                               modfmt_hash(name, length), hash);
        at += length + 1;
        entry += exports ? MODFMT_EXPORT_SIZE : MODFMT_IMPORT_SIZE;
    }
    if (count == 0 || at != tag->length)
        return modfmt_fail(diag, MODFMT_E_NAMES, tag->offset + at, tag->length, at);
    return 0;
}

/** A place and the size behind it lie in their segment; the static base has no size. */
static bool place_(const struct modfmt_image *i, const struct modfmt_tag *tag)
{
    uint32_t place = modfmt_get32(tag->value);
    uint32_t size = modfmt_get32(tag->value + 4);

    if (tag->type == MODFMT_TAG_STATIC_BASE && size)
        return false;
    return modfmt_range(place & ~MODFMT_PLACE_DATA, size,
                        place & MODFMT_PLACE_DATA ? i->data_mem : i->text_mem);
}

/** A place that holds whole words at a multiple of 4, wherever the module is loaded: the
 *  address of data is congruent to text_mem. */
static bool array_(const struct modfmt_image *i, const struct modfmt_tag *tag)
{
    uint32_t place = modfmt_get32(tag->value);
    uint32_t address = place & MODFMT_PLACE_DATA ? place + i->text_mem : place;

    return place_(i, tag) && (address | modfmt_get32(tag->value + 4)) % 4 == 0;
}

static int value_(const struct modfmt_image *i, const struct modfmt_tag *tag,
                  const struct rule_ *rule, struct modfmt_diag *diag)
{
    const uint8_t *v = tag->value;
    struct modfmt_linked linked;
    bool good = true;

    if (tag->length < rule->min || tag->length > rule->max)
        return modfmt_fail(diag, MODFMT_E_TAG_VALUE, tag->offset, tag->length, rule->max);
    switch ((enum value_)rule->value) {
    case ANY_:
        break;
    case NAME_:
    case LINE_:
        good = text_(v, tag->length, rule->value == LINE_);
        break;
    case PLACE_:
        good = place_(i, tag);
        break;
    case ARRAY_:
        good = array_(i, tag);
        break;
    case ORIGIN_:
        good = modfmt_get32(v) <= i->text_mem;
        break;
    case DEPENDENCY_:
        good = text_(v + 12, tag->length - 12, false);
        break;
    case SIZES_:
        good = modfmt_get32(v + 4) <= i->text_mem && modfmt_get32(v + 8) <= i->data_mem;
        break;
    case BOUND_:
        good = i->flags & MODFMT_FLAG_LINKED && tag->length == 4 * i->import_count;
        break;
    case LINKED_:
        good = modfmt_linked_parse_(i->bytes, v, &linked);
        break;
    case IMPORTS_:
    case EXPORTS_:
        return names_(i, tag, rule->value == EXPORTS_, diag);
    }
    if (!good)
        return modfmt_fail(diag, MODFMT_E_TAG_VALUE, tag->offset, modfmt_get32(v), 0);
    return 0;
}

/** One tag: count, order, criticality, padding, value. `index`: how many came before,
 * `last`: the type of the one before (0: none). */
static int tag_(const struct modfmt_image *i, const struct modfmt_tag *tag,
                uint32_t index, uint32_t last, struct modfmt_diag *diag)
{
    uint32_t at = tag->offset - MODFMT_TAG_VALUE_OFFSET;
    const struct rule_ *rule = rule_(tag->type);
    bool critical = tag->type & MODFMT_TAG_CRITICAL;
    int rc;

    if (critical != (index < i->critical_count))
        return modfmt_fail(diag, MODFMT_E_TAG_COUNT, at, index, i->critical_count);
    /* Both critical or both not: so the types compare as the numbers do. */
    if (((tag->type ^ last) & MODFMT_TAG_CRITICAL) == 0 &&
        (tag->type < last || (tag->type == last && tag->type != MODFMT_TAG_DEPENDENCY)))
        return modfmt_fail(diag, MODFMT_E_TAG_ORDER, at, tag->type, last);
    if (last == MODFMT_TAG_SIGNATURE)
        return modfmt_fail(diag, MODFMT_E_TAG_ORDER, at, tag->type, last);
    if (!rule && critical)
        return modfmt_fail(diag, MODFMT_E_TAG_CRITICAL, at, tag->type, 0);
    rc =
        zeros_(i, tag->offset + tag->length, tag->offset + modfmt_up4(tag->length), diag);
    if (rc == 0 && rule)
        rc = value_(i, tag, rule, diag);
    return rc;
}

/** Has an image with the flag linked the tags that it must have? */
static int linked_(const struct modfmt_image *i, struct modfmt_diag *diag)
{
    bool first = i->critical_count && i->size > i->at.tags &&
                 i->bytes[i->at.tags] == MODFMT_TAG_LINKED;
    struct modfmt_tag tag;

    if (!(i->flags & MODFMT_FLAG_LINKED))
        return 0;
    if (!first)
        return modfmt_fail(diag, MODFMT_E_FLAGS, MODFMT_OFF_FLAGS, i->flags, 0);
    if (i->import_count && !modfmt_tag_find(i, MODFMT_TAG_BOUND, &tag))
        return modfmt_fail(diag, MODFMT_E_TAG_VALUE, i->at.tags, 0, i->import_count);
    return 0;
}

/** All tags; *ret_compressed tells whether one says that the segments are compressed. */
static int tags_(const struct modfmt_image *i, bool *ret_compressed,
                 struct modfmt_diag *diag)
{
    uint32_t offset = i->at.tags, index = 0, last = 0;
    struct modfmt_tag tag;
    int rc;

    while ((rc = modfmt_tag_next(i, &offset, &tag)) == 1) {
        rc = tag_(i, &tag, index++, last, diag);
        if (rc)
            return rc;
        last = tag.type;
        if (tag.type == MODFMT_TAG_COMPRESSION)
            *ret_compressed = true;
    }
    if (rc < 0)
        return modfmt_fail(diag, rc, offset, i->size - offset, 0);
    if (index < i->critical_count)
        return modfmt_fail(diag, MODFMT_E_TAG_COUNT, offset, index, i->critical_count);
    rc = zeros_(i, offset, i->size, diag);
    return rc ? rc : linked_(i, diag);
}

int modfmt_check(const struct modfmt_image *image, struct modfmt_diag *diag)
{
    bool compressed = false;
    struct modfmt_fixups it;
    struct modfmt_fixup fixup;
    int rc = header_(image, diag);

    if (rc == 0)
        rc = paddings_(image, diag);
    if (rc == 0)
        rc = symbols_(image, diag);
    if (rc == 0)
        rc = tags_(image, &compressed, diag);
    if (rc)
        return rc;
    modfmt_fixups_begin(image, &it);
    it.checking = compressed ? 2 : 1;
    do
        rc = modfmt_fixups_next(&it, &fixup, diag);
    while (rc == 1);
    return rc;
}

int modfmt_check_trailing(const struct modfmt_image *image, uint32_t available,
                          struct modfmt_diag *diag)
{
    for (uint32_t offset = image->size; offset < available; offset++)
        if (image->bytes[offset] != 0xff)
            return modfmt_fail(diag, MODFMT_E_TRAILING, offset, image->bytes[offset],
                               0xff);
    return 0;
}
