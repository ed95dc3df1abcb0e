/* SPDX-License-Identifier: BSD-2-Clause */
/* Links, unlinks and relinks many images in one process. On stdin, per image:
 *
 *     u32  what: 0 link, 1 unlink, 2 link what unlinking gives
 *     u32  text, data, api
 *     u32  bytes of the linker's buffer; bytes read at once (bit 31: last ones first)
 *     u32  n, and n bytes of build id
 *     u32  n, and n times the hash of an import's name and its address
 *     u32  n, and n bytes of the image
 *
 * and on stdout: the error as a 32-bit number, u32 n, and n bytes of what came out.
 * Everything lies in memory of just its size, so that a sanitizer sees each overrun. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "modfmt_link.h"

struct request {
    uint32_t what, text, data, api, buffer_size, step;
    uint8_t *build_id, *imports, *image;
    uint32_t build_id_size, import_count, image_size;
};

/** Give up: the test's own mistake. */
static void require(bool condition, const char *what)
{
    if (condition)
        return;
    fprintf(stderr, "link-batch: %s\n", what);
    exit(3);
}

static uint32_t number(void)
{
    uint8_t bytes[4];

    require(fread(bytes, 1, 4, stdin) == 4, "a record is cut");
    return modfmt_get32(bytes);
}

static uint8_t *array(uint32_t *ret_count, uint32_t unit)
{
    uint32_t count = number();
    uint8_t *bytes = malloc(count ? (size_t)count * unit : 1);

    require(bytes && fread(bytes, unit, count, stdin) == count, "a record is cut");
    *ret_count = count;
    return bytes;
}

static int find(struct modfmt_linker *l, uint32_t index, uint32_t hash, uint32_t type,
                uint32_t *ret_address)
{
    const struct request *q = l->ctx;

    (void)index;
    (void)type;
    for (uint32_t k = 0; k < q->import_count; k++)
        if (modfmt_get32(q->imports + 8 * k) == hash) {
            *ret_address = modfmt_get32(q->imports + 8 * k + 4);
            return 0;
        }
    return MODLOAD_E_IMPORT;
}

/** The image's reader: one that does not forgive. */
static int read_image(struct modfmt_bytes *self, uint32_t offset, void *to, uint32_t size)
{
    require(size != 0 && modfmt_range(offset, size, self->size),
            "read outside the image");
    memcpy(to, ((const struct modfmt_memory *)self)->at + offset, size);
    return 0;
}

/** All of what comes out, step by step; NULL if one fails. */
static uint8_t *read_all(struct modfmt_bytes *b, uint32_t step, int *ret_rc)
{
    bool backwards = step >> 31;
    uint32_t at = 0;
    uint8_t *out = malloc(b->size);

    step &= 0x7fffffff;
    require(out != NULL && step, "no memory");
    for (*ret_rc = 0; at < b->size && *ret_rc == 0; at += step) {
        uint32_t size = b->size - at < step ? b->size - at : step;

        *ret_rc = b->read(b, backwards ? b->size - at - size : at, out + at, size);
    }
    if (backwards) {
        uint8_t *turned = malloc(b->size);

        require(turned != NULL, "no memory");
        for (at = 0; at < b->size; at += step) {
            uint32_t size = b->size - at < step ? b->size - at : step;

            memcpy(turned + b->size - at - size, out + at, size);
        }
        free(out);
        out = turned;
    }
    return out;
}

static void answer(int rc, struct modfmt_bytes *b, uint32_t step)
{
    uint8_t *out = rc ? NULL : read_all(b, step, &rc);
    uint8_t head[8];

    modfmt_put32(head, (uint32_t)rc);
    modfmt_put32(head + 4, rc ? 0 : b->size);
    fwrite(head, 1, sizeof(head), stdout);
    if (rc == 0)
        fwrite(out, 1, b->size, stdout);
    free(out);
}

static void run(struct request *q)
{
    struct modfmt_memory image = modfmt_memory_bytes(q->image, q->image_size);
    void *buffer[2] = {malloc(q->buffer_size), malloc(q->buffer_size)};
    struct modfmt_linker u = {
        .image = &image.bytes, .buffer = buffer[1], .buffer_size = q->buffer_size};
    struct modfmt_linker l = {.image = q->what == 2 ? &u.bytes : &image.bytes,
                              .buffer = buffer[0],
                              .buffer_size = q->buffer_size,
                              .text = q->text,
                              .data = q->data,
                              .api = q->api,
                              .build_id = q->build_id,
                              .build_id_size = q->build_id_size,
                              .find = find,
                              .ctx = q};
    struct modfmt_diag diag = {0};
    int rc = 0;

    require(buffer[0] && buffer[1], "no memory");
    image.bytes.read = read_image;
    if (q->what != 0)
        rc = modfmt_unlink_begin(&u, &diag);
    if (rc == 0 && q->what != 1)
        rc = modfmt_link_begin(&l, &diag);
    require(rc == diag.code, "diag does not have the code");
    answer(rc, q->what == 1 ? &u.bytes : &l.bytes, q->step);
    free(buffer[0]);
    free(buffer[1]);
}

int main(void)
{
    int c;

    while ((c = getchar()) != EOF) {
        struct request q;

        ungetc(c, stdin);
        q.what = number();
        q.text = number();
        q.data = number();
        q.api = number();
        q.buffer_size = number();
        q.step = number();
        q.build_id = array(&q.build_id_size, 1);
        q.imports = array(&q.import_count, 8);
        q.image = array(&q.image_size, 1);
        run(&q);
        free(q.build_id);
        free(q.imports);
        free(q.image);
    }
    return ferror(stdin) || fflush(stdout) ? 3 : 0;
}
