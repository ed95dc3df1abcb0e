/* SPDX-License-Identifier: BSD-2-Clause */
/* Linking and unlinking images by pieces (specs/modfmt.md, 2.6). What comes out is, in
 * this order: a header made anew; text and data, by windows; relocation lists, imports
 * and exports as they are; tags, with two more or less of them; zeros. */
#include "modfmt_link_parts.h"

/** Bytes of the tag linked in an image, from its tag's first byte to the next tag's. */
static uint32_t linked_size_(const struct modfmt_linker *l)
{
    return MODFMT_TAG_VALUE_OFFSET + MODFMT_LINKED_SIZE + modfmt_up4(l->build_id_size);
}

static int fail_(struct modfmt_linker *l, int code, uint32_t offset, uint32_t got,
                 uint32_t want)
{
    return modfmt_fail(&l->diag_, code, offset, got, want);
}

/* ---- imports ----------------------------------------------------------------- */

int modfmt_link_import_(struct modfmt_linker *l, uint32_t index, uint32_t *ret_address)
{
    uint8_t entry[MODFMT_IMPORT_SIZE];
    uint32_t at = l->at_.imports + MODFMT_IMPORT_SIZE * index, hash, type;
    int rc;

    if (l->unlink_) {
        rc = modfmt_link_get_(l, l->bound_ + MODFMT_TAG_VALUE_OFFSET + 4 * index, entry,
                              4);
        *ret_address = rc ? 0 : modfmt_get32(entry);
        return rc;
    }
    rc = modfmt_link_get_(l, at, entry, sizeof(entry));
    if (rc)
        return rc;
    hash = modfmt_get32(entry + MODFMT_IMPORT_OFF_HASH);
    type = modfmt_get32(entry + MODFMT_IMPORT_OFF_TYPE);
    rc = l->find(l, index, hash, type & ~MODFMT_IMPORT_WEAK, ret_address);
    if (type & MODFMT_IMPORT_WEAK && (rc == MODLOAD_E_IMPORT || rc == MODLOAD_E_TYPE)) {
        *ret_address = 0;
        rc = 0;
    }
    return rc ? fail_(l, rc, index, hash, type & ~MODFMT_IMPORT_WEAK) : 0;
}

/** The bytes of the tag bound from `offset` on, as many as the buffer holds. */
static int bound_piece_(struct modfmt_linker *l, uint32_t offset, const uint8_t **ret)
{
    /* Whole words are made, of which the first may be wanted in part. */
    uint32_t part = offset % 4, index = offset / 4, size = 0;
    uint8_t *p = l->buffer;

    while (size + 4 <= l->buffer_size && index <= l->import_count) {
        uint32_t word = MODFMT_TAG_BOUND | 4 * l->import_count << 8;
        int rc = index ? modfmt_link_import_(l, index - 1, &word) : 0;

        if (rc)
            return rc;
        modfmt_put32(p + size, word);
        size += 4;
        index++;
    }
    *ret = p + part;
    return (int)(size - part);
}

/* ---- pieces ------------------------------------------------------------------- */

static uint32_t least_(uint32_t a, uint32_t b)
{
    return a < b ? a : b;
}

/** Bytes as the image has them. */
static int copy_(struct modfmt_linker *l, uint32_t offset, uint32_t size,
                 const uint8_t **ret)
{
    int rc;

    size = least_(size, l->buffer_size);
    rc = modfmt_link_get_(l, offset, l->buffer, size);
    *ret = l->buffer;
    return rc ? rc : (int)size;
}

/** Bytes of segments and what lies between and behind them, up to the tags. */
static int body_(struct modfmt_linker *l, uint32_t offset, uint32_t size,
                 const uint8_t **ret)
{
    const struct modfmt_areas *at = &l->at_;
    uint32_t text_end = at->text + l->text_stored_;
    uint32_t data_end = at->data + l->data_stored_;

    if (offset < text_end)
        return modfmt_link_window_(l, false, offset - at->text,
                                   least_(size, text_end - offset), ret);
    if (offset < at->data)
        return copy_(l, offset, least_(size, at->data - offset), ret);
    if (offset < data_end)
        return modfmt_link_window_(l, true, offset - at->data,
                                   least_(size, data_end - offset), ret);
    return copy_(l, offset, least_(size, at->tags - offset), ret);
}

/** Bytes of the tags and the zeros behind them. */
static int tags_(struct modfmt_linker *l, uint32_t offset, uint32_t size,
                 const uint8_t **ret)
{
    /* In the image: where the first tag and the first one behind bound are. */
    uint32_t first = l->at_.tags + (l->unlink_ ? linked_size_(l) : 0);
    uint32_t rest = l->bound_ + (l->unlink_ && l->import_count ? LINK_BOUND_SIZE_(l) : 0);

    if (offset < l->out_[0]) {
        *ret = l->tag_ + (offset - l->at_.tags);
        return (int)least_(size, l->out_[0] - offset);
    }
    if (offset < l->out_[1])
        return copy_(l, first + (offset - l->out_[0]), least_(size, l->out_[1] - offset),
                     ret);
    if (offset < l->out_[2])
        return bound_piece_(l, offset - l->out_[1], ret);
    if (offset < l->out_[3])
        return copy_(l, rest + (offset - l->out_[2]), least_(size, l->out_[3] - offset),
                     ret);
    size = least_(size, l->buffer_size);
    __builtin_memset(l->buffer, 0, size);
    *ret = l->buffer;
    return (int)size;
}

/** What comes out from `offset` on. @return how many bytes `*ret` has of it, at least one
 * and maybe more than `size`; or an error */
static int piece_(struct modfmt_linker *l, uint32_t offset, uint32_t size,
                  const uint8_t **ret)
{
    if (offset < MODFMT_HEADER_SIZE) {
        *ret = l->header + offset;
        return (int)(MODFMT_HEADER_SIZE - offset);
    }
    return offset < l->at_.tags ? body_(l, offset, size, ret)
                                : tags_(l, offset, size, ret);
}

static int read_(struct modfmt_bytes *self, uint32_t offset, void *to, uint32_t size)
{
    struct modfmt_linker *l = (struct modfmt_linker *)self;
    uint8_t *p = to;

    if (!modfmt_range(offset, size, self->size))
        return MODFMT_E_TRUNCATED;
    while (size) {
        const uint8_t *from;
        int n = piece_(l, offset, size, &from);
        uint32_t count = least_((uint32_t)n, size);

        if (n < 0)
            return n;
        __builtin_memcpy(p, from, count);
        p += count;
        offset += count;
        size -= count;
    }
    return 0;
}

/* ---- CRCs --------------------------------------------------------------------- */

static const uint8_t zeros_[4];

/** Check the image's CRC, and that nothing but zeros is behind its tags. `header` is its
 * own. */
static int check_crc_(struct modfmt_linker *l, const uint8_t *header)
{
    uint32_t offset = MODFMT_OFF_HEADER_CHECK,
             want = modfmt_get32(header + MODFMT_OFF_CRC);
    uint32_t crc = modfmt_crc32(modfmt_get32(header + offset), zeros_, sizeof(zeros_));

    while (offset < l->size_) {
        const uint8_t *p;
        int n = copy_(l, offset, l->size_ - offset, &p);

        if (n < 0)
            return n;
        crc = modfmt_crc32(crc, p, (uint32_t)n);
        for (int k = 0; k < n; k++)
            if (p[k] && offset + (uint32_t)k >= l->end_)
                return fail_(l, MODFMT_E_PADDING, offset + (uint32_t)k, p[k], 0);
        offset += (uint32_t)n;
    }
    return crc == want ? 0 : fail_(l, MODFMT_E_CRC, MODFMT_OFF_CRC, want, crc);
}

/** The CRC of what comes out. */
static int make_crc_(struct modfmt_linker *l, uint32_t *ret_crc)
{
    uint32_t offset = MODFMT_OFF_HEADER_CHECK;
    uint32_t crc = modfmt_crc32(modfmt_get32(l->header + offset), zeros_, sizeof(zeros_));

    while (offset < l->bytes.size) {
        const uint8_t *p;
        int n = piece_(l, offset, l->bytes.size - offset, &p);

        if (n < 0)
            return n;
        crc = modfmt_crc32(crc, p, (uint32_t)n);
        offset += (uint32_t)n;
    }
    *ret_crc = crc;
    return 0;
}

/* ---- plan --------------------------------------------------------------------- */

/** Read and check the image's header, and note what it says. */
static int header_(struct modfmt_linker *l, uint8_t *header)
{
    int rc;

    if (l->buffer_size < MODFMT_LINK_BUFFER_MIN)
        return fail_(l, MODFMT_E_NO_SPACE, 0, l->buffer_size, MODFMT_LINK_BUFFER_MIN);
    l->bytes.size = 0;
    l->bytes.read = read_;
    rc = l->image->size < MODFMT_HEADER_SIZE
             ? 0
             : modfmt_link_get_(l, 0, header, MODFMT_HEADER_SIZE);
    if (rc == 0)
        rc = modfmt_header_check(header, l->image->size, &l->diag_);
    if (rc)
        return rc;
    modfmt_areas(header, &l->at_);
    l->size_ = modfmt_get32(header + MODFMT_OFF_TOTAL_SIZE);
    l->text_stored_ = modfmt_get32(header + MODFMT_OFF_TEXT_STORED);
    l->text_mem = modfmt_get32(header + MODFMT_OFF_TEXT_MEM);
    l->data_stored_ = modfmt_get32(header + MODFMT_OFF_DATA_STORED);
    l->data_mem = modfmt_get32(header + MODFMT_OFF_DATA_MEM);
    l->reloc_size_ = modfmt_get32(header + MODFMT_OFF_RELOC_SIZE);
    l->import_count = modfmt_get16(header + MODFMT_OFF_IMPORT_COUNT);
    l->text_align = header[MODFMT_OFF_TEXT_ALIGN];
    l->data_align = header[MODFMT_OFF_DATA_ALIGN];
    __builtin_memcpy(l->header, header, MODFMT_HEADER_SIZE);
    return 0;
}

/** May text run where the image lies, and data go anywhere? */
static int allowed_(struct modfmt_linker *l)
{
    uint32_t flags = modfmt_get32(l->header + MODFMT_OFF_FLAGS);

    if (!(flags & MODFMT_FLAG_APART) || flags & MODFMT_FLAG_LINKED)
        return fail_(l, MODFMT_E_IN_PLACE, MODFMT_OFF_FLAGS, flags, MODFMT_FLAG_APART);
    if (l->text_align > MODFMT_TEXT_ALIGN_IN_PLACE_MAX)
        return fail_(l, MODFMT_E_IN_PLACE, MODFMT_OFF_TEXT_ALIGN, l->text_align,
                     MODFMT_TEXT_ALIGN_IN_PLACE_MAX);
    if (l->text_stored_ != l->text_mem)
        return fail_(l, MODFMT_E_IN_PLACE, MODFMT_OFF_TEXT_STORED, l->text_stored_,
                     l->text_mem);
    if (l->build_id_size > MODFMT_LINKED_BUILD_ID_MAX)
        return fail_(l, MODFMT_E_TAG_VALUE, 0, l->build_id_size,
                     MODFMT_LINKED_BUILD_ID_MAX);
    return 0;
}

/** Look at a tag: number `index`, `head` its first word. */
static int tag_(struct modfmt_linker *l, uint32_t offset, uint32_t head, uint32_t index)
{
    uint32_t type = head & 0xff;
    uint32_t critical = modfmt_get16(l->header + MODFMT_OFF_CRITICAL_COUNT);

    if (((type & MODFMT_TAG_CRITICAL) != 0) != (index < critical))
        return fail_(l, MODFMT_E_TAG_COUNT, offset, index, critical);
    if ((type == MODFMT_TAG_LINKED && !l->unlink_) || type == MODFMT_TAG_COMPRESSION)
        return fail_(l, MODFMT_E_IN_PLACE, offset, type, 0);
    if (type & MODFMT_TAG_CRITICAL && type != MODFMT_TAG_LINKED &&
        (type < MODFMT_TAG_INIT_ARRAY || type > MODFMT_TAG_DEPENDENCY))
        return fail_(l, MODFMT_E_TAG_CRITICAL, offset, type, 0);
    if (type == MODFMT_TAG_LINKED && index)
        return fail_(l, MODFMT_E_TAG_ORDER, offset, type, 0);
    if (type == MODFMT_TAG_BOUND &&
        (!l->unlink_ || l->bound_ || head >> 8 != 4 * l->import_count ||
         !l->import_count))
        return fail_(l, MODFMT_E_TAG_VALUE, offset, head >> 8, 4 * l->import_count);
    /* Linking: bound goes before the first tag that has a higher number. */
    if (l->bound_ == 0 &&
        (l->unlink_ ? type == MODFMT_TAG_BOUND
                    : type > MODFMT_TAG_BOUND && !(type & MODFMT_TAG_CRITICAL)))
        l->bound_ = offset;
    return 0;
}

/** Walk the tags: find where they end, and where bound is or goes. */
static int walk_tags_(struct modfmt_linker *l)
{
    uint32_t offset = l->at_.tags, index = 0;
    uint32_t critical = modfmt_get16(l->header + MODFMT_OFF_CRITICAL_COUNT);

    l->bound_ = 0;
    while (offset < l->size_) {
        uint8_t bytes[MODFMT_TAG_VALUE_OFFSET];
        int rc = modfmt_link_get_(l, offset, bytes, sizeof(bytes));
        uint32_t head = modfmt_get32(bytes), length = modfmt_up4(head >> 8);

        if (rc)
            return rc;
        if ((head & 0xff) == MODFMT_TAG_END)
            break;
        if (length > l->size_ - offset - MODFMT_TAG_VALUE_OFFSET)
            return fail_(l, MODFMT_E_TAG_END, offset, head >> 8, l->size_ - offset);
        rc = tag_(l, offset, head, index++);
        if (rc)
            return rc;
        offset += MODFMT_TAG_VALUE_OFFSET + length;
    }
    if (index < critical)
        return fail_(l, MODFMT_E_TAG_COUNT, offset, index, critical);
    l->end_ = offset;
    if (l->bound_ == 0)
        l->bound_ = offset;
    return 0;
}

/** Change what is different in the header of what comes out. */
static void change_header_(struct modfmt_linker *l, uint32_t flags, uint32_t critical,
                           uint32_t crc)
{
    uint8_t *h = l->header;

    modfmt_put32(h + MODFMT_OFF_FLAGS, flags);
    modfmt_put32(h + MODFMT_OFF_TOTAL_SIZE, l->bytes.size);
    modfmt_put16(h + MODFMT_OFF_CRITICAL_COUNT, critical);
    modfmt_put32(h + MODFMT_OFF_HEADER_CHECK, modfmt_crc32(0, h, MODFMT_OFF_CRC));
    modfmt_put32(h + MODFMT_OFF_CRC, crc);
}

/** Put the tag linked together. */
static void make_tag_(struct modfmt_linker *l, const uint8_t *header)
{
    uint32_t length = MODFMT_LINKED_SIZE + l->build_id_size;
    uint8_t *v = l->tag_ + MODFMT_TAG_VALUE_OFFSET;

    __builtin_memset(l->tag_, 0, sizeof(l->tag_));
    modfmt_put32(l->tag_, MODFMT_TAG_LINKED | length << 8);
    modfmt_put32(v + MODFMT_LINKED_OFF_TEXT, l->text);
    modfmt_put32(v + MODFMT_LINKED_OFF_DATA, l->data);
    modfmt_put32(v + MODFMT_LINKED_OFF_DATA_END, l->data + l->data_mem);
    modfmt_put32(v + MODFMT_LINKED_OFF_API, l->api);
    modfmt_put32(v + MODFMT_LINKED_OFF_FLAGS, modfmt_get32(header + MODFMT_OFF_FLAGS));
    modfmt_put32(v + MODFMT_LINKED_OFF_TOTAL_SIZE, l->size_);
    modfmt_put32(v + MODFMT_LINKED_OFF_CRC, modfmt_get32(header + MODFMT_OFF_CRC));
    if (l->build_id_size)
        __builtin_memcpy(v + MODFMT_LINKED_SIZE, l->build_id, l->build_id_size);
}

/** Plan linking; `header` becomes that of the image. */
static int plan_(struct modfmt_linker *l, uint8_t *header)
{
    uint32_t flags;
    int rc;

    l->unlink_ = false;
    l->checking_ = false;
    rc = header_(l, header);
    if (rc == 0)
        rc = allowed_(l);
    if (rc == 0)
        rc = walk_tags_(l);
    if (rc)
        return rc;
    if (l->data_mem == 0)
        l->data = 0;
    l->out_[0] = l->at_.tags + linked_size_(l);
    l->out_[1] = l->out_[0] + (l->bound_ - l->at_.tags);
    l->out_[2] = l->out_[1] + (l->import_count ? LINK_BOUND_SIZE_(l) : 0);
    l->out_[3] = l->out_[2] + (l->end_ - l->bound_);
    l->bytes.size = (l->out_[3] + MODFMT_IMAGE_ALIGN - 1) & ~(MODFMT_IMAGE_ALIGN - 1);
    if (l->bytes.size > MODFMT_SIZE_MAX) {
        rc = fail_(l, MODFMT_E_TOTAL_SIZE, MODFMT_OFF_TOTAL_SIZE, l->bytes.size,
                   MODFMT_SIZE_MAX);
        l->bytes.size = 0;
        return rc;
    }
    flags = modfmt_get32(header + MODFMT_OFF_FLAGS) & MODFMT_FLAG_CODE_IN_DATA;
    change_header_(l, flags | MODFMT_FLAG_LINKED,
                   modfmt_get16(header + MODFMT_OFF_CRITICAL_COUNT) + 1u, 0);
    make_tag_(l, header);
    return 0;
}

int modfmt_link_plan(struct modfmt_linker *l, struct modfmt_diag *diag)
{
    uint8_t header[MODFMT_HEADER_SIZE];
    int rc = plan_(l, header);

    if (rc)
        *diag = l->diag_;
    return rc;
}

/* ---- link --------------------------------------------------------------------- */

/** What linking and unlinking have in common behind the plan. */
static int check_all_(struct modfmt_linker *l, const uint8_t *header, uint32_t *ret_crc)
{
    uint32_t address;
    int rc = check_crc_(l, header);

    if (rc == 0)
        rc = modfmt_link_lists_(l);
    for (uint32_t k = 0; k < l->import_count && rc == 0; k++)
        rc = modfmt_link_import_(l, k, &address);
    if (rc)
        return rc;
    l->checking_ = true;
    rc = make_crc_(l, ret_crc);
    l->checking_ = false;
    return rc;
}

int modfmt_link_begin(struct modfmt_linker *l, struct modfmt_diag *diag)
{
    uint8_t header[MODFMT_HEADER_SIZE];
    uint32_t crc = 0;
    int rc = plan_(l, header);

    if (rc == 0)
        rc = modfmt_link_fits_(l->header, l->text, l->data, &l->diag_);
    if (rc == 0)
        rc = check_all_(l, header, &crc);
    if (rc == 0) {
        modfmt_put32(l->header + MODFMT_OFF_CRC, crc);
        return 0;
    }
    l->bytes.size = 0;
    *diag = l->diag_;
    return rc;
}

/* ---- unlink ------------------------------------------------------------------- */

/** Read the tag linked, which is the image's first one. */
static int read_tag_(struct modfmt_linker *l, struct modfmt_linked *linked)
{
    int rc = modfmt_linked_get_(l->image, l->header, linked, &l->diag_);

    if (rc <= 0)
        return rc ? rc
                  : fail_(l, MODFMT_E_FLAGS, MODFMT_OFF_FLAGS,
                          modfmt_get32(l->header + MODFMT_OFF_FLAGS), MODFMT_FLAG_LINKED);
    l->text = linked->text;
    l->data = linked->data;
    l->api = linked->api;
    __builtin_memcpy(l->tag_, linked->build_id, sizeof(linked->build_id));
    l->build_id = l->tag_;
    l->build_id_size = linked->build_id_size;
    return 0;
}

/** Plan unlinking: what comes out has the size and flags that the tag says. */
static int plan_unlink_(struct modfmt_linker *l, uint8_t *header, uint32_t *ret_crc)
{
    struct modfmt_linked linked;
    int rc;

    l->unlink_ = true;
    l->checking_ = false;
    rc = header_(l, header);
    if (rc == 0)
        rc = read_tag_(l, &linked);
    if (rc == 0)
        rc = walk_tags_(l);
    if (rc == 0 && l->import_count && l->bound_ == l->end_)
        rc = fail_(l, MODFMT_E_TAG_VALUE, l->end_, 0, l->import_count);
    if (rc)
        return rc;
    l->out_[0] = l->at_.tags;
    l->out_[1] = l->bound_ - linked_size_(l);
    l->out_[2] = l->out_[1];
    l->out_[3] = l->end_ - linked_size_(l) - (l->import_count ? LINK_BOUND_SIZE_(l) : 0);
    if (linked.total_size < l->out_[3])
        return fail_(l, MODFMT_E_TAG_VALUE, l->at_.tags, linked.total_size, l->out_[3]);
    l->bytes.size = linked.total_size;
    change_header_(l, linked.flags, modfmt_get16(header + MODFMT_OFF_CRITICAL_COUNT) - 1u,
                   linked.crc);
    *ret_crc = linked.crc;
    return 0;
}

int modfmt_unlink_begin(struct modfmt_linker *l, struct modfmt_diag *diag)
{
    uint8_t header[MODFMT_HEADER_SIZE];
    uint32_t crc = 0, want = 0;
    int rc = plan_unlink_(l, header, &want);

    if (rc == 0)
        rc = check_all_(l, header, &crc);
    if (rc == 0 && crc != want)
        rc = fail_(l, MODFMT_E_CRC,
                   l->at_.tags + MODFMT_TAG_VALUE_OFFSET + MODFMT_LINKED_OFF_CRC, want,
                   crc);
    if (rc) {
        l->bytes.size = 0;
        *diag = l->diag_;
    }
    return rc;
}
