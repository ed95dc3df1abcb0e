/* SPDX-License-Identifier: BSD-2-Clause */
/** remove and erase. */
#include "catalog.h"
#include "linking.h"
#include "progress.h"
#include "room.h"
#include "verbs.h"

#include <stdlib.h>
#include <string.h>

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
