/* SPDX-License-Identifier: BSD-2-Clause */
/* An image of 1 MB with 100,000 fix-ups and 1,000 imports: linked whole, by pieces of 4
 * KB with a buffer of 64 KB, and by a buffer as a chip has it. Counts what it costs by
 * what is read, and prints the time. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "modfmt_link.h"

enum { TEXT = 1 << 20, DATA = 1 << 16, FIXUPS = 100000, IMPORTS = 1000 };

struct counted {
    struct modfmt_bytes bytes;
    const uint8_t *at;
    unsigned long reads, count;
};

static void require(bool condition, const char *what)
{
    if (condition)
        return;
    printf("FAILED: %s\n", what);
    exit(1);
}

static int read_(struct modfmt_bytes *self, uint32_t offset, void *to, uint32_t size)
{
    struct counted *c = (struct counted *)self;

    c->reads++;
    c->count += size;
    memcpy(to, c->at + offset, size);
    return 0;
}

static int find_(struct modfmt_linker *l, uint32_t index, uint32_t hash, uint32_t type,
                 uint32_t *ret_address)
{
    (void)l;
    (void)hash;
    (void)type;
    *ret_address = 0x08000001 + 16 * index;
    return 0;
}

/** Words at every tenth byte or so, MOVW/MOVT pairs in between; every fourth for an
 * import. */
static uint32_t make_fixups(struct modfmt_fixup *f, uint8_t *text)
{
    for (uint32_t k = 0; k < FIXUPS; k++) {
        bool mov = k % 5 == 0;

        f[k] =
            (struct modfmt_fixup){.place = 10 * k + (mov ? 0 : k % 3),
                                  .target = k % 4 ? k % 2 : MODFMT_TARGET_IMPORT,
                                  .import_index = (uint16_t)(k % 4 ? 0 : k / 4 % IMPORTS),
                                  .kind = mov ? MODFMT_KIND_MOV : MODFMT_KIND_WORD,
                                  .distance = mov ? 2 : 0};
        if (mov) {
            modfmt_put32(text + f[k].place, 0x0000f240);
            modfmt_put32(text + f[k].place + 4, 0x0000f2c0);
        }
    }
    return FIXUPS;
}

static uint8_t *make_image(uint32_t *ret_size)
{
    static uint8_t text[TEXT], data[DATA], relocs[4 * FIXUPS];
    static struct modfmt_fixup fixups[FIXUPS];
    static struct modfmt_import imports[IMPORTS];
    struct modfmt_source source = {.flags = MODFMT_FLAG_BLOCK | MODFMT_FLAG_APART,
                                   .machine = 40,
                                   .needs = 1,
                                   .text = text,
                                   .text_stored = TEXT,
                                   .text_mem = TEXT,
                                   .data = data,
                                   .data_stored = DATA,
                                   .data_mem = DATA,
                                   .text_align = 2,
                                   .data_align = 2,
                                   .relocs = relocs,
                                   .imports = imports,
                                   .import_count = IMPORTS};
    uint32_t count = make_fixups(fixups, text), size;
    uint8_t *image;

    for (uint32_t k = 0; k < IMPORTS; k++)
        imports[k].hash = 3 * k;
    qsort(fixups, count, sizeof(fixups[0]), modfmt_fixup_compare);
    require(modfmt_encode_fixups(fixups, count, relocs, sizeof(relocs),
                                 &source.reloc_size) == 0,
            "encode");
    size = modfmt_write_size(&source);
    image = malloc(size);
    require(image && modfmt_write(&source, image, size, ret_size) == 0, "write");
    return image;
}

/** Link with one buffer and one size of reads. @return what came out */
static uint8_t *run(const uint8_t *image, uint32_t size, uint32_t buffer_size,
                    uint32_t step)
{
    struct counted c = {{read_, size}, image, 0, 0};
    struct modfmt_linker l = {.image = &c.bytes,
                              .text = 0x08060040,
                              .data = 0x20010000,
                              .find = find_,
                              .buffer_size = buffer_size};
    struct modfmt_diag diag;
    clock_t start = clock();
    uint8_t *out;

    l.buffer = malloc(buffer_size);
    require(l.buffer && modfmt_link_begin(&l, &diag) == 0, "begin");
    out = malloc(l.bytes.size);
    require(out != NULL, "memory");
    for (uint32_t at = 0; at < l.bytes.size; at += step)
        require(l.bytes.read(&l.bytes, at, out + at,
                             l.bytes.size - at < step ? l.bytes.size - at : step) == 0,
                "read");
    printf("buffer %u, %u at once: %.0f ms, %lu reads of %.1f MB\n",
           (unsigned)buffer_size, (unsigned)step,
           1e3 * (double)(clock() - start) / CLOCKS_PER_SEC, c.reads,
           (double)c.count / 1e6);
    free(l.buffer);
    return out;
}

int main(void)
{
    uint32_t size = 0;
    uint8_t *image = make_image(&size);
    uint8_t *whole = run(image, size, 2u << 20, 2u << 20);
    uint8_t *pieces = run(image, size, 1 << 16, 1 << 14);
    uint8_t *chip = run(image, size, 1 << 13, 1 << 13);
    uint32_t linked = modfmt_get32(whole + MODFMT_OFF_TOTAL_SIZE);

    require(linked > size && !memcmp(whole, pieces, linked) &&
                !memcmp(whole, chip, linked),
            "not the same bytes");
    require(modfmt_get32(whole + MODFMT_OFF_CRC) == modfmt_image_crc(whole, linked),
            "CRC");
    free(image);
    free(whole);
    free(pieces);
    free(chip);
    return 0;
}
