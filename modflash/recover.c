/* SPDX-License-Identifier: BSD-2-Clause */
/** Compact, and finishing a compaction that was cut short. */
#include "journal.h"
#include "progress.h"
#include "room.h"
#include "verbs.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* Compact on a copy. @return what the store says */
static int rehearse(struct session *session, struct rehearsal *r,
                    struct modfmt_diag *diag)
{
    uint8_t scratch[64];

    rehearsal_begin(session, r);
    return modfmt_store_compact(&r->store, scratch, sizeof scratch, diag);
}

static void compact(struct session *session, const struct modfmt_store *planned)
{
    struct modfmt_diag diag = {0, 0, 0, 0};
    uint8_t *scratch = cli_alloc(VERB_SCRATCH, 1);
    int rc;

    session->device.planned = planned->programmed_bytes;
    session_begin(session);
    rc = modfmt_store_compact(&session->store, scratch, VERB_SCRATCH, &diag);
    if (rc != 0) {
        session_fail(session, rc, &diag, "compacting");
    }
    progress_end();
    verb_say_plan(session, &session->store, "compacted");
    free(scratch);
}

static _Noreturn void refuse_compaction(struct session *session,
                                        const struct modfmt_diag *diag)
{
    cli_error(
        session->target->spec,
        "%u dead bytes cannot be had: no other sector holds the live bytes beside "
        "them, or these must not move; 'modflash compact --journal' rewrites the region from a copy kept here",
        diag->got);
    session_refuse(session);
}

int verb_compact(const struct request *request)
{
    struct session *session = session_open(request, SESSION_WRITE);
    struct rehearsal *r = cli_alloc(1, sizeof *r);
    struct modfmt_diag diag = {0, 0, 0, 0};
    int rc = rehearse(session, r, &diag);

    if (session->target->error[0] != 0) {
        session_fail(session, rc, &diag, "reading the module region");
    }
    if (request->journal ||
        (rc == MODFMT_E_STORE_COMPACT && session->region.sector_count == 1)) {
        if (!journal_rewrite(session, NULL, 0)) {
            session_fail(session, MODFMT_E_STORE_FULL, &diag, "compacting");
        }
    } else if (rc == MODFMT_E_STORE_COMPACT) {
        refuse_compaction(session, &diag);
    } else if (rc != 0) {
        session_fail(session, rc, &diag, "compacting");
    } else if (request->dry_run) {
        verb_say_plan(session, &r->store, "would be");
    } else if (r->store.programmed_bytes != 0 || r->store.erased_sectors != 0) {
        compact(session, &r->store);
    } else if (!request->quiet) {
        printf("nothing to gain: there is no sector with enough dead bytes to move the "
               "rest\n");
    }
    free(r);
    return session_close(session);
}

/* Make certain which state stands, on a copy first: that says whether there is anything
 * to do. */
static void settle(struct session *session)
{
    struct rehearsal *r = cli_alloc(1, sizeof *r);
    struct modfmt_diag diag = {0, 0, 0, 0};
    int rc;

    rehearsal_begin(session, r);
    rc = modfmt_store_settle(&r->store, &diag);
    if (rc == 0 && r->store.programmed_bytes == 0 && r->store.erased_sectors == 0) {
        if (!session->request->quiet) {
            printf("nothing to recover\n");
        }
    } else if (rc == 0 && session->request->dry_run) {
        verb_say_plan(session, &r->store, "would be");
    } else if (rc == 0) {
        session_begin(session);
        rc = modfmt_store_settle(&session->store, &diag);
        progress_end();
    }
    if (rc != 0) {
        session_fail(session, rc, &diag, "recovering");
    }
    if (session->target->begun) {
        verb_say_plan(session, &session->store, "settled");
    }
    free(r);
}

static void discard(struct session *session)
{
    const char *journal = session->journal;

    if (!session->pending || session->request->dry_run) {
        if (!session->request->quiet) {
            printf("%s %s\n", session->pending ? journal : "there is",
                   session->pending ? "would be deleted" : "no journal of this region");
        }
        return;
    }
    if (journal_delete(session) != 0) {
        cli_error(session->journal, "cannot be deleted: %s", strerror(errno));
        session_exit(session, CLI_IO);
    }
    if (!session->request->quiet) {
        printf("%s: deleted; 'modflash list' shows what the power failure left, and "
               "'modflash erase' begins anew\n",
               session->journal);
    }
}

int verb_recover(const struct request *request)
{
    struct session *session = session_open(request, SESSION_RECOVER);
    struct journal journal;

    if (!session->pending && !request->discard_journal) {
        settle(session);
        return session_close(session);
    }
    if (request->discard_journal) {
        discard(session);
        return session_close(session);
    }
    journal_read(session, &journal);
    if (request->dry_run && !request->quiet) {
        printf("%u module%s would be put back from %s\n", journal.count,
               journal.count == 1 ? "" : "s", session->journal);
    }
    if (!request->dry_run) {
        session_begin(session);
        journal_apply(session, &journal);
    }
    journal_free(&journal);
    return session_close(session);
}
