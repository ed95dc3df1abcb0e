/* SPDX-License-Identifier: BSD-2-Clause */
#include "offers.h"

#include "catalog.h"
#include "cli.h"

#include <stdlib.h>
#include <string.h>

/* It is one of the packages: what the region has under that name goes. */
static bool take_package(const struct package *package, uint32_t count,
                         struct offer *offer)
{
    struct modfmt_diag diag;

    for (uint32_t i = 0; i < count; i++) {
        const struct identity *id = &package[i].identity;

        if (modfmt_hash(id->name, id->name_length) == offer->need.hash) {
            return modfmt_open(package[i].bytes, package[i].size, &offer->image, &diag) ==
                   0;
        }
    }
    return false;
}

static bool take_stored(struct session *session, struct offer *offer)
{
    struct modfmt_diag diag = {0, 0, 0, 0};
    const struct modfmt_store_image *stored =
        session->paper ? NULL : modfmt_store_find(&session->store, offer->need.hash);
    int rc;

    if (stored == NULL) {
        return false;
    }
    rc = catalog_check(session, stored, &offer->bytes, &offer->image, &diag);
    if (session->target->error[0] != 0) {
        session_fail(session, rc, &diag, "reading a module of the region");
    }
    if (rc != 0) {
        free(offer->bytes);
    }
    return rc == 0;
}

void offers_read(struct session *session, const struct package *package, uint32_t count,
                 const struct modfmt_image *image, struct offers *ret_offers)
{
    uint32_t offset = 0;
    struct offer offer = {.bytes = NULL};

    memset(ret_offers, 0, sizeof *ret_offers);
    while (check_next_need(image, &offset, &offer.need)) {
        offer.bytes = NULL;
        if (take_package(package, count, &offer) || take_stored(session, &offer)) {
            ret_offers->offer = cli_grow(ret_offers->offer, &ret_offers->capacity,
                                         ret_offers->count + 1u, sizeof offer);
            ret_offers->offer[ret_offers->count++] = offer;
        }
    }
}

static bool exports_it(const struct modfmt_image *image,
                       const struct modfmt_import *import)
{
    for (uint32_t i = 0; i < image->export_count; i++) {
        struct modfmt_export export;

        modfmt_export_at(image, i, &export);
        if (export.hash == import->hash) {
            return export.type == import->type || export.type == 0 || import->type == 0;
        }
    }
    return false;
}

const char *offers_find(const struct offers *offers, const struct modfmt_import *import)
{
    for (size_t i = 0; i < offers->count; i++) {
        if (exports_it(&offers->offer[i].image, import)) {
            return offers->offer[i].need.name;
        }
    }
    return NULL;
}

void offers_free(struct offers *offers)
{
    for (size_t i = 0; i < offers->count; i++) {
        free(offers->offer[i].bytes);
    }
    free(offers->offer);
    memset(offers, 0, sizeof *offers);
}
