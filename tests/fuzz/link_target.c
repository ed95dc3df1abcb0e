/* SPDX-License-Identifier: BSD-2-Clause */
/* The fuzz target of linking: an image, hostile but with a right CRC, is linked and
 * unlinked.
 *
 * What must hold, whatever the bytes are:
 * - nothing outside the image is asked for, nothing outside the buffers is written (each
 * is malloc'ed at its size, so that ASan watches), also if the image changes between
 * reads;
 * - any buffer and any size of read give the same bytes, or the same error;
 * - what is linked is refused as it is when it is linked again, and unlinks to what it
 * was;
 * - of an image that passes the full check it passes too, and its text and data are what
 * the iterator says. */
#include <stdlib.h>
#include <string.h>

#include "fuzz.h"
#include "modfmt_link.h"

#define TEXT_ADDRESS   0x08060040u
#define DATA_ADDRESS   0x20010000u
#define IMPORT_ADDRESS 0x08001235u
/** A larger one is not read out: zeros behind the tags may be without end. */
#define OUT_MAX 0x40000u

struct source {
    struct modfmt_bytes bytes;
    const uint8_t *at;
    uint32_t seed; /**< not 0: each read changes a byte */
};

static void require(bool condition)
{
    if (!condition)
        abort();
}

static int read_(struct modfmt_bytes *self, uint32_t offset, void *to, uint32_t size)
{
    struct source *s = (struct source *)self;

    require(modfmt_range(offset, size, self->size));
    memcpy(to, s->at + offset, size);
    if (s->seed && size) {
        s->seed = s->seed * 1664525 + 1013904223;
        ((uint8_t *)to)[(s->seed >> 8) % size] ^= (uint8_t)(s->seed >> 24);
    }
    return 0;
}

static int find_(struct modfmt_linker *l, uint32_t index, uint32_t hash, uint32_t type,
                 uint32_t *ret_address)
{
    require((type & MODFMT_IMPORT_WEAK) == 0 && index < l->import_count);
    if (l->ctx && hash & 1)
        return MODLOAD_E_IMPORT;
    *ret_address = IMPORT_ADDRESS + (hash & 0xfffffe);
    return 0;
}

/** Where data goes: aligned as the image wants, if it says so. */
static uint32_t data_address(const uint8_t *header)
{
    uint32_t align = 1u << header[MODFMT_OFF_DATA_ALIGN] % 16;

    return DATA_ADDRESS + modfmt_get32(header + MODFMT_OFF_TEXT_MEM) % align;
}

static void *allocated(uint32_t size)
{
    void *p = malloc(size ? size : 1);

    require(p != NULL);
    return p;
}

/** Link (unlink) the image by a buffer, and read it out by pieces. @return rc; *ret_out
 * of *ret_size bytes, NULL where it is refused or too large */
static int make(struct source *s, bool unlink, bool weak_only, uint32_t buffer_size,
                uint32_t step, uint8_t **ret_out, uint32_t *ret_size)
{
    static const uint8_t build_id[20] = "a firmware's build";
    struct modfmt_linker l = {.image = &s->bytes,
                              .buffer = allocated(buffer_size),
                              .buffer_size = buffer_size,
                              .text = TEXT_ADDRESS,
                              .data = s->bytes.size < MODFMT_HEADER_SIZE
                                          ? DATA_ADDRESS
                                          : data_address(s->at),
                              .build_id = build_id,
                              .build_id_size = sizeof(build_id),
                              .ctx = weak_only ? s : NULL,
                              .find = find_};
    struct modfmt_diag diag = {.code = 1};
    int rc = unlink ? modfmt_unlink_begin(&l, &diag) : modfmt_link_begin(&l, &diag);

    require(rc <= 0 && (rc == 0 ? diag.code == 1 : diag.code == rc));
    *ret_out = NULL;
    *ret_size = l.bytes.size;
    if (rc == 0 && l.bytes.size <= OUT_MAX) {
        *ret_out = allocated(l.bytes.size);
        for (uint32_t at = 0; at < l.bytes.size && rc == 0; at += step)
            rc = l.bytes.read(&l.bytes, at, *ret_out + at,
                              l.bytes.size - at < step ? l.bytes.size - at : step);
        require(rc == 0 || s->seed);
    }
    free(l.buffer);
    return rc;
}

/** The stored word or instructions, as the specification has it and no faster. */
static void apply(const struct modfmt_image *i, const struct modfmt_fixup *f,
                  uint8_t *const *segment, bool weak_only)
{
    const uint32_t address[2] = {TEXT_ADDRESS,
                                 i->data_mem ? data_address(i->bytes) : 0};
    uint8_t *p = segment[f->segment] + f->place;
    uint32_t v = 0;

    if (f->target == MODFMT_TARGET_IMPORT) {
        uint32_t hash = modfmt_get32(i->bytes + i->at.imports + 8u * f->import_index);

        v = weak_only && hash & 1 ? 0 : IMPORT_ADDRESS + (hash & 0xfffffe);
    } else if (f->target != MODFMT_TARGET_ABSOLUTE) {
        v = address[f->target == MODFMT_TARGET_DATA];
    }
    if (f->relative)
        v -= address[f->segment];
    fuzz_fix(p, f, v);
}

/** Is the linked image a good one, with the bytes that the iterator says? */
static void compare(const struct modfmt_image *i, const uint8_t *linked, uint32_t size,
                    bool weak_only)
{
    uint8_t *copy = allocated(i->size);
    uint8_t *const segment[2] = {copy + i->at.text, copy + i->at.data};
    struct modfmt_image made;
    struct modfmt_fixups it;
    struct modfmt_fixup f;
    struct modfmt_diag diag;

    require(modfmt_open(linked, size, &made, &diag) == 0 &&
            modfmt_check(&made, &diag) == 0);
    memcpy(copy, i->bytes, i->size);
    modfmt_fixups_begin(i, &it);
    while (modfmt_fixups_next(&it, &f, &diag) == 1)
        apply(i, &f, segment, weak_only);
    require(!memcmp(copy + 64, linked + 64, i->at.tags - 64));
    free(copy);
}

static void link_image(struct source *s, unsigned options)
{
    bool weak_only = options & 2;
    uint32_t small = MODFMT_LINK_BUFFER_MIN + (options >> 4), size[4];
    uint8_t *out[4] = {NULL};
    int rc = make(s, false, weak_only, 4096, OUT_MAX, &out[0], &size[0]);

    require(make(s, false, weak_only, small, 4 + (options >> 3), &out[1], &size[1]) ==
                rc ||
            s->seed);
    if (rc == 0 && !s->seed && out[0]) {
        struct source linked = {{read_, size[0]}, out[0], 0};
        struct modfmt_image image;
        struct modfmt_diag diag;

        require(size[0] == size[1] && !memcmp(out[0], out[1], size[0]));
        require(make(&linked, false, false, 4096, OUT_MAX, &out[2], &size[2]) ==
                MODFMT_E_IN_PLACE);
        require(make(&linked, true, false, small, 64, &out[3], &size[3]) == 0);
        require(size[3] == modfmt_get32(s->at + MODFMT_OFF_TOTAL_SIZE) &&
                (!out[3] || !memcmp(out[3], s->at, size[3])));
        if (modfmt_open(s->at, s->bytes.size, &image, &diag) == 0 &&
            modfmt_check(&image, &diag) == 0)
            compare(&image, out[0], size[0], weak_only);
    }
    for (unsigned k = 0; k < 4; k++)
        free(out[k]);
}

/** Make the header's check and the CRC right, as far as the header can be read at all. */
static void mend(uint8_t *image, uint32_t size)
{
    uint32_t total;

    if (size < MODFMT_HEADER_SIZE)
        return;
    modfmt_put32(image, MODFMT_MAGIC);
    modfmt_put32(image + MODFMT_OFF_HEADER_CHECK, modfmt_crc32(0, image, MODFMT_OFF_CRC));
    total = modfmt_get32(image + MODFMT_OFF_TOTAL_SIZE);
    if (total >= MODFMT_HEADER_SIZE && total <= size)
        modfmt_put32(image + MODFMT_OFF_CRC, modfmt_image_crc(image, total));
}

/** The options' byte: bit 0 unlink, 1 weak imports stay unbound, 2 the image changes, the
 * others sizes. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct source s = {{read_, (uint32_t)size - 1}, NULL, 0};
    uint8_t *image, *out;
    unsigned options;
    uint32_t out_size;

    if (size < 1 || size > 0x20000)
        return 0;
    options = data[0];
    image = allocated(s.bytes.size);
    memcpy(image, data + 1, size - 1);
    mend(image, s.bytes.size);
    s.at = image;
    s.seed = options & 4 ? options : 0;
    if (options & 1) {
        make(&s, true, false, MODFMT_LINK_BUFFER_MIN, 4 + (options >> 3), &out,
             &out_size);
        free(out);
    } else {
        link_image(&s, options);
    }
    free(image);
    return 0;
}
