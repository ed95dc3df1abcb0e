/* SPDX-License-Identifier: BSD-2-Clause */
#include "catalog.h"

#include <stdlib.h>
#include <string.h>

int catalog_open(struct session *session, const struct modfmt_store_image *stored,
                 uint8_t **ret_bytes, struct modfmt_image *ret_image)
{
    struct modfmt_flash *flash = &session->device.flash;
    struct modfmt_diag diag;
    uint8_t *bytes = cli_alloc(stored->size, 1);
    uint32_t tags;
    int rc = flash->read(flash, stored->offset, bytes, MODFMT_HEADER_SIZE);

    *ret_bytes = bytes;
    if (rc == 0) {
        rc = modfmt_open(bytes, stored->size, ret_image, &diag);
    }
    if (rc == 0) {
        tags = ret_image->at.tags;
        rc = flash->read(flash, stored->offset + tags, bytes + tags, stored->size - tags);
    }
    return rc;
}

bool catalog_identity(struct session *session, const struct modfmt_store_image *stored,
                      struct identity *ret_identity)
{
    struct modfmt_image image;
    uint8_t *bytes;
    int rc = catalog_open(session, stored, &bytes, &image);

    memset(ret_identity, 0, sizeof *ret_identity);
    if (rc == 0) {
        identity_of(&image, ret_identity);
    }
    free(bytes);
    /* A name that does not give the record's hash is damaged, and says nothing. */
    return rc == 0 &&
           modfmt_hash(ret_identity->name, ret_identity->name_length) == stored->hash;
}

int catalog_check(struct session *session, const struct modfmt_store_image *stored,
                  uint8_t **ret_bytes, struct modfmt_image *ret_image,
                  struct modfmt_diag *diag)
{
    struct modfmt_flash *flash = &session->device.flash;
    uint8_t *bytes = cli_alloc(stored->size, 1);
    int rc = flash->read(flash, stored->offset, bytes, stored->size);

    if (rc != 0) {
        rc = modfmt_fail(diag, MODFMT_E_STORE_READ, stored->offset, 0, 0);
    }
    if (rc == 0) {
        rc = modfmt_open(bytes, stored->size, ret_image, diag);
    }
    if (rc == 0) {
        rc = modfmt_check(ret_image, diag);
    }
    *ret_bytes = bytes;
    return rc;
}

static _Noreturn void not_there(struct session *session, const char *name)
{
    char *list = cli_format("%s", "");

    for (uint32_t i = 0; i < session->store.count; i++) {
        struct identity identity;
        char *longer;

        catalog_identity(session, &session->store.image[i], &identity);
        longer = cli_format("%s%s%s", list, i != 0 ? ", " : "",
                            identity.name_length != 0 ? identity.name : "'' (no name)");
        free(list);
        list = longer;
    }
    cli_error(session->target->spec, "there is no module '%s'; there %s %s", name,
              session->store.count == 1 ? "is" : "are",
              session->store.count != 0 ? list : "none at all");
    free(list);
    session_refuse(session);
}

struct modfmt_store_image *catalog_find(struct session *session, const char *name)
{
    uint32_t hash = modfmt_hash(name, (uint32_t)strlen(name));
    struct modfmt_store_image *image = modfmt_store_find(&session->store, hash);
    struct identity identity;

    /* Another name may have the same hash: that module is not the one that was meant. */
    if (image == NULL || (catalog_identity(session, image, &identity) &&
                          strcmp(identity.name, name) != 0)) {
        not_there(session, name);
    }
    return image;
}

static int read_live(struct modfmt_store_source *source, uint32_t offset, void *bytes,
                     uint32_t size)
{
    const struct catalog_live *live = source->ctx;

    return live->flash->read(live->flash, live->offset + offset, bytes, size);
}

struct modfmt_store_source catalog_source(struct catalog_live *live)
{
    return (struct modfmt_store_source){.read = read_live, .ctx = live};
}
