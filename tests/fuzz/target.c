/* SPDX-License-Identifier: BSD-2-Clause */
/* The fuzz target: an image, hostile but with a right CRC, is opened, checked and loaded.
 *
 * What must hold, whatever the bytes are:
 * - nothing is read outside the image (read_() and ASan watch) or written outside the memory
 *   that place_() gave (each piece is malloc'ed at its size, so that ASan watches; the image,
 *   where its text runs in place, is compared with what it was);
 * - a load that fails has given back all memory; one that succeeds has it all, until unloaded;
 * - an image that passes the full check loads, or the loader says what it does not support;
 * - what it loads is what the iterator says: two decoders of the same table agree.
 */
#include <stdlib.h>
#include <string.h>

#include "fuzz.h"
#include "modload.h"

/** No module of the fuzzer's gets more. */
#define MEMORY_MAX 0x20000u
#define TEXT_ADDRESS 0x20008000u
#define DATA_ADDRESS 0x10010000u
#define IMPORT_ADDRESS 0x08001235u
#define FLASH_ADDRESS 0x08060000u

struct host {
    unsigned placed; /**< bit: purpose */
    bool weak_only;  /**< bind nothing */
};

static void require(bool condition)
{
    if (!condition)
        abort();
}

static int read_(const struct modload_port *port, const struct modload_source *source,
                 uint32_t offset, void *buffer, uint32_t size)
{
    (void)port;
    require(modfmt_range(offset, size, source->available));
    if (size)
        memcpy(buffer, (const uint8_t *)source->handle + offset, size);
    return 0;
}

static int place_(const struct modload_port *port, enum modload_purpose purpose, uint32_t align,
                  uint32_t offset, struct modfmt_segment *segment)
{
    struct host *h = port->ctx;

    require(segment->size != 0 && (align & (align - 1)) == 0);
    require(offset == 0 || purpose >= MODLOAD_DATA);
    require(!(h->placed & 1u << purpose));
    if (segment->size > MEMORY_MAX)
        return MODLOAD_E_MEMORY;
    if (purpose >= MODLOAD_FIXED && (segment->address - offset) % align != 0)
        return MODLOAD_E_LINKED;
    segment->bytes = malloc(segment->size);
    require(segment->bytes != NULL);
    memset(segment->bytes, 0xa5, segment->size);
    if (purpose < MODLOAD_FIXED)
        segment->address =
            (purpose >= MODLOAD_DATA ? DATA_ADDRESS : TEXT_ADDRESS) + offset % align;
    require((segment->address - offset) % align == 0);
    h->placed |= 1u << purpose;
    return 0;
}

static void release_(const struct modload_port *port, enum modload_purpose purpose,
                     const struct modfmt_segment *segment)
{
    struct host *h = port->ctx;

    require(h->placed & 1u << purpose);
    h->placed &= ~(1u << purpose);
    free(segment->bytes);
}

static int find_(const struct modload_port *port, uint32_t hash, uint32_t type,
                 uint32_t *ret_address)
{
    require((type & MODFMT_IMPORT_WEAK) == 0);
    if (((const struct host *)port->ctx)->weak_only)
        return MODLOAD_E_IMPORT;
    *ret_address = IMPORT_ADDRESS + (hash & 0xfffffe);
    return 0;
}

static void sync_(const struct modload_port *port, const struct modload_image *module)
{
    (void)port;
    (void)module;
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

/** The image's word or instruction pair, as the specification has it and no faster. */
static void apply(const struct modfmt_image *i, const struct modfmt_fixup *f,
                  const struct modfmt_segment *segments, bool weak_only)
{
    uint8_t *p = segments[f->segment].bytes + f->place;
    uint32_t v = 0;
    struct modfmt_import import;

    if (f->target == MODFMT_TARGET_IMPORT) {
        modfmt_import_at(i, f->import_index, &import);
        v = weak_only ? 0 : IMPORT_ADDRESS + (import.hash & 0xfffffe);
    } else if (f->target != MODFMT_TARGET_ABSOLUTE) {
        v = segments[f->target == MODFMT_TARGET_DATA].address;
    }
    if (f->relative)
        v -= segments[f->segment].address;
    fuzz_fix(p, f, v);
}

/** Load by the iterator, and compare. Only for images that passed the full check, so that a
 *  MOVW/MOVT is known to be one. */
static void compare(const struct modfmt_image *i, const struct modload_image *m, bool weak_only)
{
    struct modfmt_segment copy[2];
    struct modfmt_fixups it;
    struct modfmt_fixup f;
    struct modfmt_diag diag;

    for (unsigned k = 0; k < 2; k++) {
        uint32_t stored = k ? i->data_stored : i->text_stored;

        copy[k] = m->segment[k];
        copy[k].bytes = calloc(1, copy[k].size + 1);
        require(copy[k].bytes != NULL && copy[k].size == (k ? i->data_mem : i->text_mem));
        if (stored)
            memcpy(copy[k].bytes, i->bytes + (k ? i->at.data : i->at.text), stored);
    }
    modfmt_fixups_begin(i, &it);
    while (m->placement != MODLOAD_LINKED && modfmt_fixups_next(&it, &f, &diag) == 1)
        apply(i, &f, copy, weak_only);
    for (unsigned k = 0; k < 2; k++) {
        require(copy[k].size == 0 || !memcmp(copy[k].bytes, m->segment[k].bytes, copy[k].size));
        free(copy[k].bytes);
    }
}

/** Is each MOVW/MOVT fix-up within the stored bytes, and no place fixed twice by one? Only
 *  then does the order in which lists are applied not matter to what an instruction is. */
static bool simple(const struct modfmt_image *i)
{
    struct modfmt_fixups it;
    struct modfmt_fixup f;
    struct modfmt_diag diag;
    uint8_t *seen = calloc(2, MEMORY_MAX);
    bool good = seen != NULL;

    modfmt_fixups_begin(i, &it);
    while (good && modfmt_fixups_next(&it, &f, &diag) == 1) {
        bool pair = f.kind == MODFMT_KIND_MOV && f.distance > MODFMT_MOV_MOVT_ALONE;
        uint32_t at[2] = {f.place, f.place + (pair ? 2u * f.distance : 0)};

        for (unsigned k = 0; k < (pair ? 2u : 1u) && good; k++)
            for (uint32_t b = at[k]; b < at[k] + 4 && good; b++) {
                good = b < MEMORY_MAX && !seen[f.segment * MEMORY_MAX + b];
                if (good)
                    seen[f.segment * MEMORY_MAX + b] = 1;
            }
    }
    free(seen);
    return good;
}

/** What a firmware has to be for the image's tag linked, if it has one. */
static const uint8_t *identity_for(const uint8_t *bytes, uint32_t size,
                                   struct modload_identity *identity)
{
    struct modfmt_image image;
    struct modfmt_tag tag;
    struct modfmt_diag diag;

    if (modfmt_open(bytes, size, &image, &diag) ||
        modfmt_tag_find(&image, MODFMT_TAG_LINKED, &tag) != 1 || tag.length < MODFMT_LINKED_SIZE)
        return NULL;
    identity->build_id = tag.value + MODFMT_LINKED_SIZE;
    identity->build_id_size = tag.length - MODFMT_LINKED_SIZE;
    identity->api = modfmt_get32(tag.value + MODFMT_LINKED_OFF_API);
    return tag.value;
}

/** Is a module where it says, and does nobody who reads of it leave it? */
static void look(const struct modload_image *m, const uint8_t *bytes, uint32_t address)
{
    const struct modfmt_segment *text = &m->segment[0], *data = &m->segment[1];

    /* As in a block, whatever the placement. */
    require(data->size == 0 || m->placement == MODLOAD_AS_BLOCK ||
            (data->address - modfmt_get32(bytes + MODFMT_OFF_TEXT_MEM)) %
                    (1u << bytes[MODFMT_OFF_DATA_ALIGN]) ==
                0);
    if (m->placement >= MODLOAD_IN_PLACE) {
        require(text->bytes == bytes + MODFMT_HEADER_SIZE);
        require(text->address == address + MODFMT_HEADER_SIZE);
        require(text->size == modfmt_get32(bytes + MODFMT_OFF_TEXT_STORED));
    }
    for (unsigned k = 0; k < 3; k++) {
        const struct modload_span *span = &m->span[k];
        bool inside = false;

        for (unsigned i = 0; i < 2; i++)
            inside |= modfmt_range(span->address - m->segment[i].address, span->size,
                                   m->segment[i].size);
        require(inside || span->size == 0);
    }
}

static void load(const uint8_t *bytes, uint32_t size, unsigned options)
{
    struct host host = {0, (options & 2) != 0};
    struct modload_identity identity = {NULL, 0, 0};
    const uint8_t *linked = options & 64 ? identity_for(bytes, size, &identity) : NULL;
    const struct modload_port port = {
        .ctx = &host,
        .features = options & 4 ? 0xffffffff : MODFMT_NEED_ALL,
        .options = MODLOAD_OPT_CRC | (options & 1 ? MODLOAD_OPT_APART : 0) |
                   (options & 32 ? MODLOAD_OPT_IN_PLACE : 0),
        .read = read_,
        .place = place_,
        .release = release_,
        .find = find_,
        .sync = sync_,
        .identity = options & 64 ? &identity : NULL,
    };
    struct modload_source source = {MODLOAD_WITH_READ && options & 16 ? NULL : bytes, size,
                                    (void *)(uintptr_t)bytes, 0};
    struct modload_image module;
    struct modfmt_image image;
    struct modfmt_diag diag;
    int checked = modfmt_open(bytes, size, &image, &diag);
    int loaded;

    if (source.mapped && options & (32 | 64))
        source.address = linked ? modfmt_get32(linked) - MODFMT_HEADER_SIZE : FLASH_ADDRESS;
    if (checked == 0)
        checked = modfmt_check(&image, &diag);
    require(checked == 0 || diag.code == checked);
    diag.code = 1;
    loaded = modload_image_load(&port, &source, &module, &diag);
    require(diag.code == loaded && loaded <= 0);
    if (loaded) {
        require(host.placed == 0);
        /* A good image fails for the loader's own reasons only. */
        require(checked || loaded <= MODLOAD_E_NEEDS);
        return;
    }
    look(&module, bytes, source.address);
    if (checked == 0 && simple(&image))
        compare(&image, &module, host.weak_only);
    modload_image_unload(&port, &module);
    modload_image_unload(&port, &module);
    require(host.placed == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    uint8_t *image, *flash;
    unsigned options;

    if (size < 1 || size > MEMORY_MAX)
        return 0;
    options = data[0];
    image = malloc(size - 1 ? size - 1 : 1);
    require(image != NULL);
    memcpy(image, data + 1, size - 1);
    if (!(options & 8))
        mend(image, (uint32_t)(size - 1));
    flash = malloc(size);
    require(flash != NULL);
    memcpy(flash, image, size - 1);
    load(image, (uint32_t)(size - 1), options);
    require(memcmp(flash, image, size - 1) == 0);
    free(flash);
    free(image);
    return 0;
}
