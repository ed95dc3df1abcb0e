/* SPDX-License-Identifier: BSD-2-Clause */
/* Views and iterators for hosts: open, fix-ups, imports, exports, tags. */
#include "modfmt.h"

int modfmt_open(const void *bytes, uint32_t available, struct modfmt_image *ret_image,
                struct modfmt_diag *diag)
{
    const uint8_t *h = bytes;
    struct modfmt_image *i = ret_image;
    int rc = modfmt_header_plan(h, available, diag);

    if (rc < 0)
        return rc;
    modfmt_areas(h, &i->at);
    i->bytes = h;
    i->size = modfmt_get32(h + MODFMT_OFF_TOTAL_SIZE);
    i->minor = h[MODFMT_OFF_MINOR];
    i->flags = modfmt_get32(h + MODFMT_OFF_FLAGS);
    i->machine = modfmt_get16(h + MODFMT_OFF_MACHINE);
    i->needs = modfmt_get16(h + MODFMT_OFF_NEEDS);
    i->entry = modfmt_get32(h + MODFMT_OFF_ENTRY);
    i->stack_size = modfmt_get32(h + MODFMT_OFF_STACK_SIZE);
    i->text_stored = modfmt_get32(h + MODFMT_OFF_TEXT_STORED);
    i->text_mem = modfmt_get32(h + MODFMT_OFF_TEXT_MEM);
    i->data_stored = modfmt_get32(h + MODFMT_OFF_DATA_STORED);
    i->data_mem = modfmt_get32(h + MODFMT_OFF_DATA_MEM);
    i->reloc_size = modfmt_get32(h + MODFMT_OFF_RELOC_SIZE);
    i->import_count = modfmt_get16(h + MODFMT_OFF_IMPORT_COUNT);
    i->export_count = modfmt_get16(h + MODFMT_OFF_EXPORT_COUNT);
    i->text_align = h[MODFMT_OFF_TEXT_ALIGN];
    i->data_align = h[MODFMT_OFF_DATA_ALIGN];
    i->critical_count = modfmt_get16(h + MODFMT_OFF_CRITICAL_COUNT);
    i->crc = modfmt_get32(h + MODFMT_OFF_CRC);
    i->header_check = modfmt_get32(h + MODFMT_OFF_HEADER_CHECK);
    return 0;
}

uint32_t modfmt_image_crc(const uint8_t *bytes, uint32_t size)
{
    static const uint8_t zero[4];
    uint32_t crc = modfmt_crc32(0, bytes, MODFMT_OFF_CRC);

    crc = modfmt_crc32(crc, zero, sizeof(zero));
    return modfmt_crc32(crc, bytes + MODFMT_OFF_CRC + 4, size - MODFMT_OFF_CRC - 4);
}

/* ---- fix-ups --------------------------------------------------------------- */

/** The first half-words of both instructions, their immediate bits cleared. */
enum { MOVW_ = 0xf240, MOVT_ = 0xf2c0 };
enum { AT_LIST_, FIRST_GROUP_, NEXT_GROUP_ };
/** Values of modfmt_fixups.checking. */
enum { ITERATE_ = 0, CHECK_ = 1, CHECK_COMPRESSED_ = 2 };

void modfmt_fixups_begin(const struct modfmt_image *image, struct modfmt_fixups *ret_iter)
{
    *ret_iter = (struct modfmt_fixups){.image = image, .next = image->at.relocs};
}

static int reloc_fail_(const struct modfmt_fixups *it, struct modfmt_diag *diag, int code,
                       uint32_t got, uint32_t want)
{
    uint32_t start = it->image->at.relocs;

    /* The byte read last, or the first one where none was. */
    return modfmt_fail(diag, code, it->next > start ? it->next - 1 : start, got, want);
}

/** The next byte of the table, or MODFMT_E_RELOC_END. */
static int table_byte_(struct modfmt_fixups *it, struct modfmt_diag *diag)
{
    const struct modfmt_image *i = it->image;

    if (it->next == i->at.relocs + i->reloc_size)
        return reloc_fail_(it, diag, MODFMT_E_RELOC_END, i->reloc_size,
                           i->reloc_size + 1);
    return i->bytes[it->next++];
}

/** Between data and absolute: means nothing (specs/modfmt.md, 3.1). */
#define RESERVED_TARGET_ 2u

static uint32_t segment_size_(const struct modfmt_image *image, bool data)
{
    return data ? image->data_mem : image->text_mem;
}

static bool in_turn_(const struct modfmt_fixups *it)
{
    return (it->desc & MODFMT_RELOC_TARGET_MASK) == MODFMT_TARGET_IMPORTS;
}

/** Does the import at hand exist? */
static int import_(const struct modfmt_fixups *it, struct modfmt_diag *diag)
{
    uint32_t count = it->image->import_count;

    return it->index < count
               ? 0
               : reloc_fail_(it, diag, MODFMT_E_RELOC_IMPORT, it->index, count);
}

/** Read a list's head and check it (specs/modfmt.md, 7, "in detail"). */
static int list_begin_(struct modfmt_fixups *it, struct modfmt_diag *diag)
{
    const struct modfmt_image *i = it->image;
    int desc = table_byte_(it, diag), low = 0, high = 0;
    uint32_t d = (uint32_t)desc, target, kind, key;

    if (desc < 0)
        return desc;
    target = d & MODFMT_RELOC_TARGET_MASK;
    kind = d >> MODFMT_RELOC_KIND_SHIFT;
    if (target > MODFMT_TARGET_IMPORTS || target == RESERVED_TARGET_ ||
        kind > MODFMT_KIND_WORD ||
        (target == MODFMT_TARGET_IMPORTS && kind == MODFMT_KIND_MOV) ||
        (target == MODFMT_TARGET_ABSOLUTE && !(d & MODFMT_RELOC_RELATIVE)))
        return reloc_fail_(it, diag, MODFMT_E_RELOC_LIST, d, 0);
    if (target >= MODFMT_TARGET_IMPORT) {
        low = table_byte_(it, diag);
        high = low < 0 ? low : table_byte_(it, diag);
        if (high < 0)
            return high;
    }
    it->desc = (uint8_t)d;
    it->index = (uint32_t)low | (uint32_t)high << 8;
    /* One more than descriptor and index, so that 0 is below every list. */
    key = (d << 16 | it->index) + 1;
    if (key <= it->key)
        return reloc_fail_(it, diag, MODFMT_E_RELOC_LIST, d, (it->key - 1) >> 16);
    it->key = key;
    if (it->checking && i->flags & MODFMT_FLAG_IN_PLACE && !(d & MODFMT_RELOC_PLACE_DATA))
        return reloc_fail_(it, diag, MODFMT_E_IN_PLACE, d, MODFMT_RELOC_PLACE_DATA);
    it->cursor = 0;
    it->left = segment_size_(i, d & MODFMT_RELOC_PLACE_DATA);
    it->state = FIRST_GROUP_;
    return target == MODFMT_TARGET_IMPORT ? import_(it, diag) : 0;
}

/** Read a group's head. @return its n (0: the list ends) or an error; *ret_skip in bytes
 */
static int group_head_(struct modfmt_fixups *it, struct modfmt_diag *diag,
                       uint32_t *ret_skip)
{
    unsigned kind = it->desc >> MODFMT_RELOC_KIND_SHIFT;
    uint64_t skip = 0; /* checked after each byte: never more than 33 bits */
    uint32_t n;

    do {
        int b = table_byte_(it, diag);

        if (b < 0)
            return b;
        skip = skip << (8 - MODFMT_RELOC_RUN_BITS) | (unsigned)b >> MODFMT_RELOC_RUN_BITS;
        n = (uint32_t)b & ((1u << MODFMT_RELOC_RUN_BITS) - 1);
        if (skip > it->left >> kind)
            return reloc_fail_(it, diag, MODFMT_E_RELOC_PLACE, (uint32_t)skip,
                               it->left >> kind);
    } while (n == 0 && skip);
    *ret_skip = (uint32_t)skip << kind;
    return (int)n;
}

/** The stored bytes of the list's segment, and how many they are. */
static const uint8_t *stored_(const struct modfmt_fixups *it, uint32_t *ret_size)
{
    const struct modfmt_image *i = it->image;
    bool data = it->desc & MODFMT_RELOC_PLACE_DATA;

    *ret_size = data ? i->data_stored : i->text_stored;
    return i->bytes + (data ? i->at.data : i->at.text);
}

/** Are the bytes at `place` a MOVW (MOVT)? Those that the image does not store may be. */
static bool mov_at_(const struct modfmt_fixups *it, uint32_t place, uint32_t first)
{
    uint32_t size;
    const uint8_t *p = stored_(it, &size) + place;

    return !modfmt_range(place, 4, size) ||
           ((modfmt_get16(p) & 0xfbf0) == first && (modfmt_get16(p + 2) & 0x8000) == 0);
}

/** Is what stands alone at `place` taken for a MOVT? What is not stored is zero. */
static bool movt_(const struct modfmt_fixups *it, uint32_t place)
{
    uint32_t size;
    const uint8_t *p = stored_(it, &size);

    return place < size && p[place] & 0x80;
}

/** Read the rest of a mov group. */
static int mov_group_(struct modfmt_fixups *it, uint32_t skip, uint32_t n,
                      struct modfmt_fixup *ret_fixup, struct modfmt_diag *diag)
{
    bool alone = n == MODFMT_MOV_ALONE, good;
    uint32_t reach = alone ? 0 : n + 1;
    int low = 0, high = 0;

    if (skip == 0 && it->state == NEXT_GROUP_)
        return reloc_fail_(it, diag, MODFMT_E_RELOC_CODE, 0, 1);
    if (alone) {
        low = table_byte_(it, diag);
        high = low < 0 ? low : table_byte_(it, diag);
        if (high < 0)
            return high;
    }
    it->left -= skip;
    it->cursor += skip;
    if (it->left < 2 * reach + 4)
        return reloc_fail_(it, diag, MODFMT_E_RELOC_PLACE, 2 * reach + 4, it->left);
    good = mov_at_(it, it->cursor, alone && movt_(it, it->cursor) ? MOVT_ : MOVW_) &&
           (alone || mov_at_(it, it->cursor + 2 * reach, MOVT_));
    if (it->checking == CHECK_ && !good)
        return reloc_fail_(it, diag, MODFMT_E_RELOC_INSN, it->cursor, 0);
    ret_fixup->place = it->cursor;
    ret_fixup->kind = MODFMT_KIND_MOV;
    ret_fixup->distance = (uint8_t)reach;
    if (alone)
        ret_fixup->distance =
            movt_(it, it->cursor) ? MODFMT_MOV_MOVT_ALONE : MODFMT_MOV_MOVW_ALONE;
    ret_fixup->low = (uint16_t)(low | high << 8);
    it->state = NEXT_GROUP_;
    return 1;
}

/** Give out one word of the group at hand. */
static int word_(struct modfmt_fixups *it, struct modfmt_fixup *ret_fixup,
                 struct modfmt_diag *diag)
{
    int rc = in_turn_(it) ? import_(it, diag) : 0;

    ret_fixup->place = it->cursor;
    ret_fixup->kind = MODFMT_KIND_WORD;
    ret_fixup->distance = 0;
    ret_fixup->low = 0;
    ret_fixup->import_index = (uint16_t)it->index;
    it->index += in_turn_(it);
    it->cursor += 4;
    it->run--;
    return rc ? rc : 1;
}

/** Read the rest of a group of words, and give out the first one. */
static int words_(struct modfmt_fixups *it, uint32_t skip, uint32_t n,
                  struct modfmt_fixup *ret_fixup, struct modfmt_diag *diag)
{
    if (n == MODFMT_RELOC_RUN_LONG) {
        int more = table_byte_(it, diag);

        if (more < 0)
            return more;
        n += (uint32_t)more;
    }
    if (4 * n > it->left - skip)
        return reloc_fail_(it, diag, MODFMT_E_RELOC_PLACE, 4 * n, it->left - skip);
    it->left -= skip + 4 * n;
    it->cursor += skip;
    it->run = (uint16_t)n;
    it->state = NEXT_GROUP_;
    return word_(it, ret_fixup, diag);
}

/** The next fix-up of the list at hand. @return 1, 0 at the list's end, or an error */
static int list_next_(struct modfmt_fixups *it, struct modfmt_fixup *ret_fixup,
                      struct modfmt_diag *diag)
{
    uint32_t skip = 0;
    int n = group_head_(it, diag, &skip);

    if (n <= 0)
        return n;
    if (it->desc >> MODFMT_RELOC_KIND_SHIFT != MODFMT_KIND_MOV)
        return words_(it, skip, (uint32_t)n, ret_fixup, diag);
    ret_fixup->import_index = (uint16_t)it->index;
    return mov_group_(it, skip, (uint32_t)n, ret_fixup, diag);
}

int modfmt_fixups_next(struct modfmt_fixups *iter, struct modfmt_fixup *ret_fixup,
                       struct modfmt_diag *diag)
{
    const struct modfmt_image *i = iter->image;
    struct modfmt_fixup f;
    int rc;

    if (iter->run) {
        rc = word_(iter, &f, diag);
    } else {
        do {
            rc = 0;
            if (iter->state == AT_LIST_) {
                if (iter->next == i->at.relocs + i->reloc_size)
                    return 0;
                rc = list_begin_(iter, diag);
            }
            if (rc == 0)
                rc = list_next_(iter, &f, diag);
            if (rc == 0)
                iter->state = AT_LIST_;
        } while (rc == 0);
    }
    if (rc < 0)
        return rc;
    f.segment = (iter->desc & MODFMT_RELOC_PLACE_DATA) != 0;
    f.relative = (iter->desc & MODFMT_RELOC_RELATIVE) != 0;
    f.target =
        in_turn_(iter) ? MODFMT_TARGET_IMPORT : iter->desc & MODFMT_RELOC_TARGET_MASK;
    *ret_fixup = f;
    return 1;
}

/* ---- imports, exports, tags -------------------------------------------------- */

/** String number `index` of a tag of names. */
static const char *name_(const struct modfmt_image *image, uint32_t type, uint32_t index)
{
    struct modfmt_tag tag;
    const uint8_t *p, *end;

    if (!modfmt_tag_find(image, type, &tag))
        return NULL;
    p = tag.value;
    end = p + tag.length;
    for (; p != end && index; p++)
        if (*p == 0)
            index--;
    return p == end ? NULL : (const char *)p;
}

void modfmt_import_at(const struct modfmt_image *image, uint32_t index,
                      struct modfmt_import *ret_import)
{
    const uint8_t *p = image->bytes + image->at.imports + index * MODFMT_IMPORT_SIZE;

    ret_import->hash = modfmt_get32(p + MODFMT_IMPORT_OFF_HASH);
    ret_import->type = modfmt_get32(p + MODFMT_IMPORT_OFF_TYPE) & ~MODFMT_IMPORT_WEAK;
    ret_import->weak = modfmt_get32(p + MODFMT_IMPORT_OFF_TYPE) / MODFMT_IMPORT_WEAK;
    ret_import->flags = image->bytes[image->at.import_flags + index];
    ret_import->name = name_(image, MODFMT_TAG_IMPORT_NAMES, index);
}

void modfmt_export_at(const struct modfmt_image *image, uint32_t index,
                      struct modfmt_export *ret_export)
{
    const uint8_t *p = image->bytes + image->at.exports + index * MODFMT_EXPORT_SIZE;

    ret_export->hash = modfmt_get32(p + MODFMT_EXPORT_OFF_HASH);
    ret_export->type = modfmt_get32(p + MODFMT_EXPORT_OFF_TYPE);
    ret_export->value = modfmt_get32(p + MODFMT_EXPORT_OFF_VALUE);
    ret_export->flags = image->bytes[image->at.export_flags + index];
    ret_export->name = name_(image, MODFMT_TAG_EXPORT_NAMES, index);
}

int modfmt_tag_next(const struct modfmt_image *image, uint32_t *offset,
                    struct modfmt_tag *ret_tag)
{
    uint32_t at = *offset, head;

    if (at == image->size)
        return 0;
    if (!modfmt_range(at, MODFMT_TAG_VALUE_OFFSET, image->size))
        return MODFMT_E_TAG_END;
    head = modfmt_get32(image->bytes + at);
    if ((head & 0xff) == MODFMT_TAG_END)
        return 0;
    at += MODFMT_TAG_VALUE_OFFSET;
    if (!modfmt_range(at, modfmt_up4(head >> 8), image->size))
        return MODFMT_E_TAG_END;
    ret_tag->type = head & 0xff;
    ret_tag->length = head >> 8;
    ret_tag->offset = at;
    ret_tag->value = image->bytes + at;
    *offset = at + modfmt_up4(ret_tag->length);
    return 1;
}

int modfmt_tag_find(const struct modfmt_image *image, uint32_t type,
                    struct modfmt_tag *ret_tag)
{
    uint32_t offset = image->at.tags;
    struct modfmt_tag tag;

    while (modfmt_tag_next(image, &offset, &tag) == 1)
        if (tag.type == type) {
            *ret_tag = tag;
            return 1;
        }
    return 0;
}
