/* SPDX-License-Identifier: BSD-2-Clause */
/** verify, remove and erase. */
#include "catalog.h"
#include "linked.h"
#include "linking.h"
#include "progress.h"
#include "room.h"
#include "verbs.h"

#include <stdlib.h>
#include <string.h>

/* @return is it good? */
static bool verify_one(struct session *session, const struct modfmt_store_image *stored)
{
    struct modfmt_diag diag = {0, 0, 0, 0};
    struct modfmt_image image;
    struct modfmt_linked linked = {0};
    struct identity identity;
    bool placed = true;
    uint8_t *bytes;
    int rc;

    catalog_identity(session, stored, &identity);
    rc = catalog_check(session, stored, &bytes, &image, &diag);
    if (rc == 0) {
        rc = linked_check(bytes, stored->size, &diag);
        placed = !linked_read(bytes, stored->size, &linked) ||
                 linked_at_its_place(session, stored, &linked);
    }
    free(bytes);
    if (session->target->error[0] != 0) {
        session_fail(session, rc, &diag, "reading the module");
    }
    if (rc != 0) {
        cli_error(session->target->spec, "%s: damaged at 0x%08x: %s", identity.name,
                  session_address(session, stored->offset + diag.offset),
                  modfmt_strerror(rc));
    } else if (!placed) {
        cli_error(session->target->spec,
                  "%s: lies at 0x%08x, and was linked for another place (0x%08x): "
                  "'modflash relink' mends it",
                  identity.name, session_address(session, stored->offset),
                  linked.text - MODFMT_HEADER_SIZE);
    } else if (!session->request->quiet) {
        cli_put_text(stdout, identity.name, identity.name_length);
        printf(": good, %u bytes at 0x%08x\n", stored->size,
               session_address(session, stored->offset));
    }
    return rc == 0 && placed;
}

int verb_verify(const struct request *request)
{
    struct session *session = session_open(request, SESSION_READ);
    bool good = true;
    int status;

    for (unsigned i = 0; i < request->operand_count; i++) {
        good = verify_one(session, catalog_find(session, request->operands[i])) && good;
    }
    for (uint32_t i = 0; request->operand_count == 0 && i < session->store.count; i++) {
        good = verify_one(session, &session->image[i]) && good;
    }
    status = session_close(session);
    return status != 0 ? status : good ? CLI_OK : CLI_TARGET;
}

/* The hashes of the names on the command line; each must be there. */
static uint32_t *find_all(struct session *session, const struct request *request)
{
    uint32_t *hash = cli_alloc(request->operand_count, sizeof *hash);

    for (unsigned i = 0; i < request->operand_count; i++) {
        hash[i] = catalog_find(session, request->operands[i])->hash;
        for (unsigned k = 0; k < i; k++) {
            if (hash[k] == hash[i]) {
                cli_error(NULL, "'%s' is named twice", request->operands[i]);
                session_refuse(session);
            }
        }
    }
    return hash;
}

static int remove_all(struct session *session, struct modfmt_store *store,
                      const uint32_t *hash, struct modfmt_diag *diag)
{
    uint8_t *scratch = cli_alloc(VERB_SCRATCH, 1);
    int rc = modfmt_store_remove(store, hash, session->request->operand_count, scratch,
                                 VERB_SCRATCH, diag);

    free(scratch);
    return rc;
}

int verb_remove(const struct request *request)
{
    struct session *session = session_open(request, SESSION_WRITE);
    uint32_t *hash = find_all(session, request);
    struct rehearsal *r = cli_alloc(1, sizeof *r);
    struct modfmt_diag diag = {0, 0, 0, 0};
    int rc;

    if (!linking_check_removal(session, hash, request->operand_count)) {
        session_refuse(session);
    }
    rehearsal_begin(session, r);
    rc = remove_all(session, &r->store, hash, &diag);
    if (rc == 0 && !request->dry_run) {
        session_begin(session);
        rc = remove_all(session, &session->store, hash, &diag);
    }
    if (rc != 0) {
        session_fail(session, rc, &diag, "removing");
    }
    progress_end();
    for (unsigned i = 0; i < request->operand_count && !request->quiet; i++) {
        printf("%s: %sremoved\n", request->operands[i],
               request->dry_run ? "would be " : "");
    }
    if (request->dry_run) {
        verb_say_plan(session, &r->store, "would be");
    }
    free(hash);
    free(r);
    return session_close(session);
}

int verb_erase(const struct request *request)
{
    struct session *session = session_open_region(request, SESSION_WRITE);
    const struct region *region = &session->region;

    if (!request->dry_run) {
        session_begin(session);
        for (uint32_t i = 0; i < region->sector_count; i++) {
            if (session->device.flash.erase(&session->device.flash, i) != 0) {
                session_fail(session, MODFMT_E_STORE_ERASE, NULL, "erasing");
            }
        }
    }
    progress_end();
    if (!request->quiet) {
        printf("%u sector%s from 0x%08x on%s erased\n", region->sector_count,
               region->sector_count == 1 ? "" : "s", region->base,
               request->dry_run ? " would be" : "");
    }
    return session_close(session);
}
