/* SPDX-License-Identifier: BSD-2-Clause */
/* Reads that fail, memory that is refused, imports that are missing: at every call of the
 * port, one at a time, the load ends with the right code, and the port has back what it gave.
 *
 * load_test IMAGE…: each is loaded as a block, apart, in place and linked, as far as it
 * allows. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "modload.h"

enum call { NONE, READ, PLACE, FIND };

static struct {
    unsigned calls;     /**< made so far */
    unsigned fail_at;   /**< number of the call that fails; 0: none */
    enum call failed;   /**< what it was */
    int balance;        /**< pieces of memory given and not taken back */
    enum modload_purpose purpose[2]; /**< what they were given for */
    int no_memory;      /**< what place() says that fails */
    unsigned long in_place, linked;
    unsigned long runs;
} test;

static bool fails(enum call call)
{
    if (++test.calls != test.fail_at)
        return false;
    test.failed = call;
    return true;
}

static int read_(const struct modload_port *port, const struct modload_source *source,
                 uint32_t offset, void *buffer, uint32_t size)
{
    (void)port;
    if (!modfmt_range(offset, size, source->available))
        abort();
    /* A short read: half of it comes. */
    if (fails(READ)) {
        memcpy(buffer, (const uint8_t *)source->handle + offset, size / 2);
        return -1;
    }
    memcpy(buffer, (const uint8_t *)source->handle + offset, size);
    return 0;
}

static int place_(const struct modload_port *port, enum modload_purpose purpose, uint32_t align,
                  uint32_t offset, struct modfmt_segment *segment)
{
    (void)port;
    (void)align;
    (void)offset;
    if (fails(PLACE))
        return test.no_memory;
    segment->bytes = malloc(segment->size);
    if (purpose < MODLOAD_FIXED)
        segment->address = 0x20000000;
    if (!segment->bytes || test.balance == 2)
        abort();
    test.purpose[test.balance++] = purpose;
    return 0;
}

static void release_(const struct modload_port *port, enum modload_purpose purpose,
                     const struct modfmt_segment *segment)
{
    (void)port;
    free(segment->bytes);
    /* In reverse order, as what they were given. */
    if (test.balance == 0 || test.purpose[--test.balance] != purpose)
        abort();
}

static int find_(const struct modload_port *port, uint32_t hash, uint32_t type,
                 uint32_t *ret_address)
{
    (void)port;
    (void)type;
    *ret_address = hash;
    return fails(FIND) ? MODLOAD_E_IMPORT : 0;
}

static void sync_(const struct modload_port *port, const struct modload_image *module)
{
    (void)port;
    (void)module;
}

/** The value of the first tag of a linked image, or NULL. */
static const uint8_t *linked_tag(const struct modload_source *source)
{
    struct modfmt_image image;
    struct modfmt_tag tag;
    struct modfmt_diag diag;

    if (modfmt_open(source->handle, source->available, &image, &diag) ||
        modfmt_tag_find(&image, MODFMT_TAG_LINKED, &tag) != 1)
        return NULL;
    return tag.value;
}

static int load(const struct modload_source *source, uint32_t options, unsigned fail_at)
{
    const uint8_t *tag = linked_tag(source);
    const struct modload_identity identity = {
        tag ? tag + MODFMT_LINKED_SIZE : NULL, tag ? modfmt_get16(tag - 3) - MODFMT_LINKED_SIZE : 0,
        tag ? modfmt_get32(tag + MODFMT_LINKED_OFF_API) : 0,
    };
    const struct modload_port port = {
        .features = MODFMT_NEED_ALL, .options = options, .read = read_, .place = place_,
        .release = release_, .find = find_, .sync = sync_, .identity = tag ? &identity : NULL,
    };
    struct modload_image module;
    struct modfmt_diag diag;
    int rc;

    test.calls = 0;
    test.fail_at = fail_at;
    test.failed = NONE;
    rc = modload_image_load(&port, source, &module, &diag);
    if (rc == 0) {
        test.in_place += module.placement == MODLOAD_IN_PLACE;
        test.linked += module.placement == MODLOAD_LINKED;
        modload_image_unload(&port, &module);
    }
    if (test.balance != 0 || diag.code != rc) {
        fprintf(stderr, "call %u: %d pieces of memory not given back\n", fail_at, test.balance);
        exit(1);
    }
    test.runs++;
    return rc;
}

/** Does the code say what failed? A weak import may stay unbound. */
static bool expected(int rc)
{
    switch (test.failed) {
    case READ:
        return rc == MODLOAD_E_READ;
    case PLACE:
        return rc == test.no_memory;
    case FIND:
        return rc == MODLOAD_E_IMPORT || rc == 0;
    case NONE:
        break;
    }
    return false;
}

/** Fail at every call of a load that is good. */
static void run(const char *path, const struct modload_source *source, uint32_t options)
{
    unsigned calls;

    if (load(source, options, 0))
        return; /* one that is not for this loader, or not for this placement */
    calls = test.calls;
    for (unsigned k = 1; k <= calls; k++) {
        int rc = load(source, options, k);

        if (!expected(rc)) {
            fprintf(stderr, "%s: call %u (kind %d) failed, and the load gave %d\n", path, k,
                    test.failed, rc);
            exit(1);
        }
    }
}

static void run_all(const char *path)
{
    static uint8_t bytes[1 << 20], before[1 << 20];
    FILE *f = fopen(path, "rb");
    struct modload_source source = {NULL, 0, bytes, 0}; /* not mapped: it must be read */
    const uint8_t *tag;

    if (!f) {
        perror(path);
        exit(3);
    }
    source.available = (uint32_t)fread(bytes, 1, sizeof(bytes), f);
    fclose(f);
    test.no_memory = MODLOAD_E_MEMORY;
    for (uint32_t options = 0; options < 4; options++)
        run(path, &source, options);
    /* Where code can run. */
    test.no_memory = MODLOAD_E_EXECUTE;
    memcpy(before, bytes, sizeof(before));
    tag = linked_tag(&source);
    source.mapped = bytes;
    source.address = tag ? modfmt_get32(tag) - MODFMT_HEADER_SIZE : 0x08000000;
    run(path, &source, MODLOAD_OPT_IN_PLACE);
    run(path, &source, MODLOAD_OPT_IN_PLACE | MODLOAD_OPT_APART | MODLOAD_OPT_CRC);
    if (memcmp(before, bytes, sizeof(before)) != 0) {
        fprintf(stderr, "%s: the image was written to\n", path);
        exit(1);
    }
}

int main(int argc, char **argv)
{
    for (int k = 1; k < argc; k++)
        run_all(argv[k]);
    printf("%lu loads, %lu that succeeded in place, %lu linked\n", test.runs, test.in_place,
           test.linked);
    return test.runs < 1200 || test.in_place < 4 || test.linked < 4;
}
