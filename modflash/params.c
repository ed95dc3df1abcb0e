/* SPDX-License-Identifier: BSD-2-Clause */
/** params: a module's parameter block, shown, saved, or written into a new copy of the
 *  module. */
#include "catalog.h"
#include "install.h"
#include "linked.h"
#include "params.h"
#include "verbs.h"
#include "xip.h"

#include <stdlib.h>
#include <string.h>

#define ROW 16u

/* Does the fix-up change a byte of the block when the module is loaded? */
static bool touches(const struct modfmt_fixup *f, const struct params_block *block)
{
    uint32_t segment = strcmp(block->segment, "data") == 0;
    uint32_t last = f->place;

    if (f->segment != segment) {
        return false;
    }
    if (f->kind == MODFMT_KIND_MOV && f->distance != MODFMT_MOV_MOVW_ALONE &&
        f->distance != MODFMT_MOV_MOVT_ALONE) {
        last += 2u * f->distance;
    }
    return last + 4u > block->place && f->place < block->place + block->size;
}

const char *params_find(const struct modfmt_image *image, struct params_block *ret_block)
{
    struct modfmt_fixups fixups;
    struct modfmt_fixup fixup;
    struct modfmt_diag diag;
    struct modfmt_tag tag;
    struct params_block block;
    uint32_t place;
    bool data;

    if (modfmt_tag_find(image, MODFMT_TAG_PARAMS, &tag) != 1 || tag.length != 8) {
        return "has no parameters: it was made without a parameter block "
               "(module_params, see mkmod(1))";
    }
    place = modfmt_get32(tag.value);
    data = (place & MODFMT_PLACE_DATA) != 0;
    block = (struct params_block){
        .segment = data ? "data" : "text",
        .place = place & ~MODFMT_PLACE_DATA,
        .size = modfmt_get32(tag.value + 4),
    };
    block.offset = (data ? image->at.data : image->at.text) + block.place;
    if (!modfmt_range(block.place, block.size,
                      data ? image->data_stored : image->text_stored)) {
        return "has parameters that are not stored in the image: pack it with a newer "
               "mkmod";
    }
    modfmt_fixups_begin(image, &fixups);
    while (modfmt_fixups_next(&fixups, &fixup, &diag) == 1) {
        if (touches(&fixup, &block)) {
            return "has addresses in its parameters, which the loader sets";
        }
    }
    *ret_block = block;
    return NULL;
}

static void show(const struct params_block *block, const uint8_t *bytes)
{
    printf("parameters   %u bytes at %s+0x%x\n", block->size, block->segment,
           block->place);
    for (uint32_t row = 0; row < block->size; row += ROW) {
        uint32_t count = block->size - row < ROW ? block->size - row : ROW;

        printf("%04x ", row);
        for (uint32_t i = 0; i < ROW; i++) {
            if (i < count) {
                printf(" %02x", bytes[row + i]);
            } else {
                printf("   ");
            }
        }
        printf("  ");
        for (uint32_t i = 0; i < count; i++) {
            uint8_t c = bytes[row + i];

            putchar(c >= 0x20 && c < 0x7f ? c : '.');
        }
        printf("\n");
    }
}

/* Put the file's bytes into the image, and make it whole again. */
static void change(struct session *session, const char *name,
                   const struct modfmt_image *image, const struct params_block *block,
                   uint8_t *bytes)
{
    const char *path = session->request->set;
    struct modfmt_tag tag;
    size_t size;
    uint8_t *values = cli_read_file(path, &size);

    if (modfmt_tag_find(image, MODFMT_TAG_SIGNATURE, &tag) == 1) {
        cli_error(session->target->spec,
                  "'%s' is signed, and other parameters would break the signature: set "
                  "them with mkmod --params, sign the module and install that",
                  name);
        session_refuse(session);
    }
    if (size == 0 || size > block->size) {
        cli_error(path, "has %zu bytes, and the parameters of '%s' %u: give 1 to %u",
                  size, name, block->size, block->size);
        session_refuse(session);
    }
    memcpy(bytes + block->offset, values, size);
    modfmt_put32(bytes + MODFMT_OFF_CRC, modfmt_image_crc(bytes, image->size));
    free(values);
}

/** A module as it is in the store, whole. */
struct module {
    struct modfmt_store_image stored;
    uint8_t *bytes; /**< unlinked, if it is linked */
    struct modfmt_image image;
    bool linked;
    struct modfmt_linked to;
    uint32_t *bound; /**< addresses of imports, if it is linked */
};

static _Noreturn void refuse_damaged(struct session *session, const char *name, int code)
{
    cli_error(session->target->spec, "'%s' is damaged (%s): install it again", name,
              modfmt_strerror(code));
    session_exit(session, CLI_TARGET);
}

static void read_module(struct session *session, const char *name, struct module *module)
{
    struct modfmt_diag diag = {0, 0, 0, 0};
    uint8_t *bytes;
    uint32_t size;
    int rc;

    memset(module, 0, sizeof *module);
    module->stored = *catalog_find(session, name);
    rc = catalog_check(session, &module->stored, &module->bytes, &module->image, &diag);
    if (rc != 0 && session->target->error[0] != 0) {
        session_fail(session, rc, &diag, "reading the module");
    }
    if (rc == 0 && linked_read(module->bytes, module->stored.size, &module->to)) {
        module->linked = true;
        module->bound = linked_bound(module->bytes, module->stored.size);
        bytes = linked_undo(module->bytes, module->stored.size, &size, &diag);
        free(module->bytes);
        module->bytes = bytes;
        rc = bytes == NULL ? diag.code : modfmt_open(bytes, size, &module->image, &diag);
    }
    if (rc != 0) {
        refuse_damaged(session, name, rc);
    }
}

/* A new copy takes the module's place, as an update does. It takes the bytes. */
static void write_copy(struct session *session, struct module *module, const char *name)
{
    struct package package;

    package_of_image(&package, name, module->bytes, module->image.size);
    module->bytes = NULL;
    package.source.flags = module->stored.flags & MODFMT_STORE_PINNED;
    package.had = true;
    package.former = package.identity;
    package.former_crc = module->stored.crc;
    if (module->linked) {
        package.kept_linked = true;
        if (!xip_link_again(session, &package, &module->stored, &module->to,
                            module->bound)) {
            session_refuse(session);
        }
    }
    install_packages(session, &package, 1);
    package_free(&package);
}

int verb_params(const struct request *request)
{
    const char *name = request->operands[0];
    struct session *session =
        session_open(request, request->set != NULL ? SESSION_WRITE : SESSION_READ);
    struct module module;
    struct params_block block;
    const char *why;
    int rc, status = CLI_OK;

    read_module(session, name, &module);
    why = params_find(&module.image, &block);
    if (why != NULL) {
        cli_error(session->target->spec, "'%s' %s", name, why);
        session_refuse(session);
    }
    if (request->set != NULL) {
        change(session, name, &module.image, &block, module.bytes);
        write_copy(session, &module, name);
    } else if (request->get != NULL) {
        status = cli_write_file(request->get, module.bytes + block.offset, block.size);
    } else {
        show(&block, module.bytes + block.offset);
    }
    free(module.bytes);
    free(module.bound);
    rc = session_close(session);
    return rc != 0 ? rc : status;
}
