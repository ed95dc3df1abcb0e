/* SPDX-License-Identifier: BSD-2-Clause */
/** Images that are linked to a place: what they say of it, and what they were before. */
#include "moddump.h"

#include <inttypes.h>
#include <stdlib.h>

/* Windows of this size, or what the image has: larger ones cost fewer passes. */
#define BUFFER_MAX (1u << 20)

void linked_read(struct module *m)
{
    const struct modfmt_tag *bound = module_tag(m, MODFMT_TAG_BOUND);
    struct modfmt_memory memory = modfmt_memory_bytes(m->bytes, m->image.size);
    struct modfmt_diag diag;
    m->linked = modfmt_linked_read(&memory.bytes, &m->link, &diag) == 1;
    m->bound = bound != NULL ? bound->value : NULL;
}

uint32_t linked_value(const struct module *m, const struct modfmt_fixup *fixup)
{
    const uint32_t address[2] = {m->link.text, m->link.data};
    uint32_t value = 0;
    if (!m->linked) {
        return 0;
    }
    if (fixup->target == MODFMT_TARGET_IMPORT) {
        value = modfmt_get32(m->bound + 4u * fixup->import_index);
    } else if (fixup->target != MODFMT_TARGET_ABSOLUTE) {
        value = address[fixup->target == MODFMT_TARGET_DATA];
    }
    return fixup->relative != 0 ? value - address[fixup->segment] : value;
}

void put_firmware(FILE *out, const struct modfmt_linked *link)
{
    fputs("firmware ", out);
    for (uint32_t i = 0; i < link->build_id_size; i++) {
        fprintf(out, "%02x", link->build_id[i]);
    }
    fputs(link->build_id_size == 0 ? "without a build id" : "", out);
    if (link->api != 0) {
        fprintf(out, ", interface %" PRIu32 ".%" PRIu32, link->api >> 16,
                link->api & 0xffff);
    }
}

int unlink_module(const struct module *m, const char *output)
{
    struct modfmt_memory memory = modfmt_memory_bytes(m->bytes, m->image.size);
    struct modfmt_linker l = {.image = &memory.bytes, .buffer_size = BUFFER_MAX};
    struct modfmt_diag diag = {0};
    if (!m->linked) {
        cli_error(m->path, "the image is not linked: there is nothing to undo [%s]",
                  modfmt_strerror_name(MODFMT_E_FLAGS));
        return CLI_REFUSED;
    }
    l.buffer = cli_alloc(l.buffer_size, 1);
    int code = modfmt_unlink_begin(&l, &diag);
    int status = CLI_REFUSED;
    if (code == 0) {
        uint8_t *image = cli_alloc(l.bytes.size, 1);
        code = l.bytes.read(&l.bytes, 0, image, l.bytes.size);
        status = code == 0 ? cli_write_file(output, image, l.bytes.size) : CLI_REFUSED;
        free(image);
    }
    if (code != 0) {
        cli_error(m->path,
                  "what was linked cannot be told from it: %s (offset 0x%" PRIx32
                  "); install the original again [%s]",
                  modfmt_strerror(code), diag.offset, modfmt_strerror_name(code));
    }
    free(l.buffer);
    return status;
}
