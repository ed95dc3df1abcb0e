/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * store_file FLASH OFFSET:SIZE[,SIZE...] install FILE... | remove NAME... | compact |
 *            retire | list
 * A module store in the file of a whole flash at 0x08000000, for tests.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "modfmt_store.h"

#define FLASH_MAX  0x100000
#define IMAGES_MAX 128
#define FILES_MAX  128

static uint8_t cells[FLASH_MAX];
static uint32_t region;

static int read_cells(struct modfmt_flash *flash, uint32_t offset, void *bytes,
                      uint32_t size)
{
    (void)flash;
    memcpy(bytes, cells + region + offset, size);
    return 0;
}

static int program_cells(struct modfmt_flash *flash, uint32_t offset, const void *bytes,
                         uint32_t size)
{
    (void)flash;
    for (uint32_t i = 0; i < size; i++)
        cells[region + offset + i] &= ((const uint8_t *)bytes)[i];
    return 0;
}

static int erase_cells(struct modfmt_flash *flash, uint32_t sector)
{
    memset(cells + region + modfmt_store_sector_offset(flash, sector), 0xff,
           flash->sector_size[sector]);
    return 0;
}

struct file {
    uint8_t *bytes;
    size_t size;
};

static int read_file(struct modfmt_store_source *source, uint32_t offset, void *bytes,
                     uint32_t size)
{
    const struct file *file = source->ctx;

    if (offset > file->size || size > file->size - offset)
        return -1;
    memcpy(bytes, file->bytes + offset, size);
    return 0;
}

static struct file load(const char *path)
{
    FILE *in = fopen(path, "rb");
    struct file file = {malloc(FLASH_MAX), 0};

    if (!in || !file.bytes) {
        perror(path);
        exit(3);
    }
    file.size = fread(file.bytes, 1, FLASH_MAX, in);
    fclose(in);
    return file;
}

static int install(struct modfmt_store *store, char **path, uint32_t count, void *buffer,
                   uint32_t size, struct modfmt_diag *diag)
{
    static struct modfmt_store_source source[FILES_MAX];
    static struct file file[FILES_MAX];

    for (uint32_t i = 0; i < count && i < FILES_MAX; i++) {
        file[i] = load(path[i]);
        source[i] = (struct modfmt_store_source){.read = read_file, .ctx = &file[i]};
    }
    return modfmt_store_install(store, source, count, buffer, size, diag);
}

static int run(struct modfmt_store *store, const char *verb, char **operand,
               uint32_t count, struct modfmt_diag *diag)
{
    static uint32_t hash[FILES_MAX];
    static uint8_t buffer[4096];

    if (strcmp(verb, "install") == 0)
        return install(store, operand, count, buffer, sizeof(buffer), diag);
    if (strcmp(verb, "compact") == 0)
        return modfmt_store_compact(store, buffer, sizeof(buffer), diag);
    if (strcmp(verb, "retire") == 0)
        return modfmt_store_retire(store, diag);
    for (uint32_t i = 0; i < count && i < FILES_MAX; i++)
        hash[i] = modfmt_hash(operand[i], (uint32_t)strlen(operand[i]));
    if (strcmp(verb, "remove") == 0)
        return modfmt_store_remove(store, hash, count, buffer, sizeof(buffer), diag);
    for (uint32_t i = 0; i < store->count; i++)
        printf("%08x %u\n", store->image[i].offset, store->image[i].size);
    printf("head %x next %u\n", store->head, store->next_slot);
    return 0;
}

static void save(const char *path)
{
    FILE *out = fopen(path, "wb");

    if (!out || fwrite(cells, 1, FLASH_MAX, out) != FLASH_MAX || fclose(out) != 0) {
        perror(path);
        exit(3);
    }
}

int main(int argc, char **argv)
{
    static struct modfmt_store_image image[IMAGES_MAX];
    struct modfmt_store store;
    uint32_t sizes[MODFMT_STORE_SECTOR_MAX];
    struct modfmt_flash flash = {.unit = 4,
                                 .sector_size = sizes,
                                 .read = read_cells,
                                 .program = program_cells,
                                 .erase = erase_cells};
    struct modfmt_diag diag = {0, 0, 0, 0};
    struct file before;
    char *at;
    int rc;

    if (argc < 4)
        return 2;
    memset(cells, 0xff, sizeof(cells));
    before = load(argv[1]);
    memcpy(cells, before.bytes, before.size);
    region = (uint32_t)strtoul(argv[2], &at, 0);
    flash.base = 0x08000000u + region;
    while (*at != '\0' && flash.sector_count < MODFMT_STORE_SECTOR_MAX)
        sizes[flash.sector_count++] = (uint32_t)strtoul(at + 1, &at, 0);
    rc = modfmt_store_open(&store, &flash, image, IMAGES_MAX, &diag);
    if (rc == 0)
        rc = run(&store, argv[3], argv + 4, (uint32_t)(argc - 4), &diag);
    if (rc != 0) {
        fprintf(stderr, "store_file: %s (got 0x%x)\n", modfmt_strerror(rc), diag.got);
        return 1;
    }
    save(argv[1]);
    return 0;
}
