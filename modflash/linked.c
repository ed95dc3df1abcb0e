/* SPDX-License-Identifier: BSD-2-Clause */
#include "linked.h"

#include "cli.h"

#include <stdlib.h>
#include <string.h>

/** An image in the store, as libmodfmt's linker reads it. */
struct in_store {
    struct modfmt_bytes bytes;
    struct modfmt_flash *flash;
    uint32_t offset;
};

static int read_stored(struct modfmt_bytes *self, uint32_t offset, void *to,
                       uint32_t size)
{
    const struct in_store *in = (const struct in_store *)self;

    return in->flash->read(in->flash, in->offset + offset, to, size) != 0
               ? MODFMT_E_STORE_READ
               : 0;
}

bool linked_read(const uint8_t *bytes, uint32_t size, struct modfmt_linked *ret_linked)
{
    struct modfmt_memory memory = modfmt_memory_bytes(bytes, size);
    struct modfmt_diag diag;

    return modfmt_linked_read(&memory.bytes, ret_linked, &diag) == 1;
}

bool linked_stored(struct session *session, const struct modfmt_store_image *stored,
                   struct modfmt_linked *ret_linked)
{
    struct in_store in = {
        {read_stored, stored->size}, &session->device.flash, stored->offset};
    struct modfmt_diag diag;

    return modfmt_linked_read(&in.bytes, ret_linked, &diag) == 1;
}

bool linked_at_its_place(const struct session *session,
                         const struct modfmt_store_image *stored,
                         const struct modfmt_linked *linked)
{
    return session_address(session, stored->offset) + MODFMT_HEADER_SIZE == linked->text;
}

/* One window for all of it: about two thirds of the buffer are one. */
static void *take_buffer(struct modfmt_linker *l, uint32_t size)
{
    l->buffer_size = 2u * size + 4096u;
    l->buffer = cli_alloc(l->buffer_size, 1);
    return l->buffer;
}

int linked_plan(const uint8_t *bytes, uint32_t size, uint32_t build_id_size,
                struct modfmt_linker *ret_plan, struct modfmt_diag *diag)
{
    struct modfmt_memory memory = modfmt_memory_bytes(bytes, size);
    struct modfmt_linker l = {.image = &memory.bytes, .build_id_size = build_id_size};
    static const uint8_t none[MODFMT_LINKED_BUILD_ID_MAX];
    int rc;

    l.build_id = none;
    take_buffer(&l, size);
    rc = modfmt_link_plan(&l, diag);
    free(l.buffer);
    l.buffer = NULL;
    l.image = NULL;
    *ret_plan = l;
    return rc;
}

static int find_bound(struct modfmt_linker *l, uint32_t index, uint32_t hash,
                      uint32_t type, uint32_t *ret_address)
{
    const uint32_t *address = l->ctx;

    (void)hash;
    (void)type;
    *ret_address = address[index];
    return 0;
}

/* All bytes that a linker gives. */
static uint8_t *read_all(struct modfmt_linker *l, uint32_t *ret_size,
                         struct modfmt_diag *diag)
{
    uint8_t *bytes = cli_alloc(l->bytes.size + 1u, 1);
    int rc = l->bytes.read(&l->bytes, 0, bytes, l->bytes.size);

    if (rc != 0) {
        (void)modfmt_fail(diag, rc, 0, 0, 0);
        free(bytes);
        return NULL;
    }
    *ret_size = l->bytes.size;
    return bytes;
}

uint8_t *linked_make(const uint8_t *bytes, uint32_t size, const struct modfmt_linked *to,
                     const uint32_t *address, uint32_t *ret_size,
                     struct modfmt_diag *diag)
{
    struct modfmt_memory memory = modfmt_memory_bytes(bytes, size);
    struct modfmt_linker l = {
        .image = &memory.bytes,
        .text = to->text,
        .data = to->data,
        .api = to->api,
        .build_id = to->build_id,
        .build_id_size = to->build_id_size,
        .find = find_bound,
        .ctx = (uint32_t *)(uintptr_t)address,
    };
    uint8_t *out = NULL;

    take_buffer(&l, size);
    if (modfmt_link_begin(&l, diag) == 0) {
        out = read_all(&l, ret_size, diag);
    }
    free(l.buffer);
    return out;
}

uint8_t *linked_undo(const uint8_t *bytes, uint32_t size, uint32_t *ret_size,
                     struct modfmt_diag *diag)
{
    struct modfmt_memory memory = modfmt_memory_bytes(bytes, size);
    struct modfmt_linker l = {.image = &memory.bytes};
    uint8_t *out = NULL;

    take_buffer(&l, size);
    if (modfmt_unlink_begin(&l, diag) == 0) {
        out = read_all(&l, ret_size, diag);
    }
    free(l.buffer);
    return out;
}

int linked_check(const uint8_t *bytes, uint32_t size, struct modfmt_diag *diag)
{
    struct modfmt_linked linked;
    uint8_t *plain;

    if (!linked_read(bytes, size, &linked)) {
        return 0;
    }
    plain = linked_undo(bytes, size, &size, diag);
    free(plain);
    return plain != NULL ? 0 : diag->code;
}

uint32_t *linked_bound(const uint8_t *bytes, uint32_t size)
{
    uint32_t *address;
    struct modfmt_image image;
    struct modfmt_diag diag;
    struct modfmt_tag tag;

    if (modfmt_open(bytes, size, &image, &diag) != 0) {
        return cli_alloc(1, sizeof *address);
    }
    address = cli_alloc(image.import_count + 1u, sizeof *address);
    if (modfmt_tag_find(&image, MODFMT_TAG_BOUND, &tag) == 1 &&
        tag.length == 4u * image.import_count) {
        for (uint32_t i = 0; i < image.import_count; i++) {
            address[i] = modfmt_get32(tag.value + 4u * i);
        }
    }
    return address;
}

uint8_t *linked_move(const uint8_t *bytes, uint32_t size, uint32_t text,
                     struct modfmt_diag *diag)
{
    struct modfmt_linked to;
    uint32_t plain_size, moved_size = 0;
    uint32_t *address;
    uint8_t *plain = linked_undo(bytes, size, &plain_size, diag), *moved;

    if (plain == NULL || !linked_read(bytes, size, &to)) {
        free(plain);
        return NULL;
    }
    address = linked_bound(bytes, size);
    to.text = text;
    moved = linked_make(plain, plain_size, &to, address, &moved_size, diag);
    free(address);
    free(plain);
    return moved;
}
