/* SPDX-License-Identifier: BSD-2-Clause */
/** Opening and closing what a verb works on, and what failures are called. */
#include "session.h"

#include "journal.h"
#include "progress.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* What the callers hold ends with the process: it is not worth a way back. */
static _Noreturn void leave(int status)
{
    fflush(stdout);
    _exit(status);
}

uint32_t session_address(const struct session *session, uint32_t offset)
{
    return session->region.base + offset;
}

void session_say_region(const struct session *session)
{
    const struct region *region = &session->region;

    if (strcmp(region->origin, "default") == 0 && !session->request->json &&
        !session->request->quiet) {
        cli_note(NULL,
                 "nobody said where the module region is: using the %s's default, "
                 "--region 0x%08x:%uK",
                 session->target->chip.name, region->base, region->size / 1024);
    }
}

struct session *session_open_region(const struct request *request, enum session_use use)
{
    struct session *session = cli_alloc(1, sizeof *session);
    struct target_options options = {
        .spec = request->probe,
        .chip_name = request->chip,
        .writable = use != SESSION_READ, /* also to plan: a file that is made then */
        .resume = request->no_reset,
    };
    int status;

    session->request = request;
    status = target_open(&options, &session->target);
    if (status != 0) {
        leave(status);
    }
    status = region_find(session->target, request->region, request->firmware,
                         &session->region, &session->descriptor);
    if (status != 0) {
        target_close(session->target, false);
        leave(status);
    }
    device_begin(&session->device, session->target, &session->region);
    if (isatty(STDERR_FILENO) && !request->quiet) {
        session->device.progress = progress_show;
    }
    session_say_region(session);
    session->journal = journal_path(session->target->chip.uid, &session->region);
    session->pending = session->journal != NULL && access(session->journal, F_OK) == 0;
    if (use == SESSION_WRITE && session->pending) {
        cli_error(session->target->spec,
                  "an earlier compaction was cut short, and its modules are kept in %s; "
                  "finish it first: modflash recover",
                  session->journal);
        session_refuse(session);
    }
    return session;
}

struct session *session_open(const struct request *request, enum session_use use)
{
    struct session *session = session_open_region(request, use);
    struct modfmt_diag diag = {0, 0, 0, 0};
    int rc;

    rc = modfmt_store_open(&session->store, &session->device.flash, session->image,
                           SESSION_IMAGES_MAX, &diag);
    /* What a rewrite that was cut short has left may be anything; the journal counts. */
    if (rc == MODFMT_E_STORE_DAMAGED && session->pending) {
        modfmt_store_reset(&session->store);
        rc = 0;
    }
    if (session->target->error[0] != 0 || rc != 0) {
        session_fail(session, rc, &diag, "reading the module region");
    }
    return session;
}

void session_begin(struct session *session)
{
    if (session->device.writing) {
        return; /* one change after another */
    }
    if (session->target->ops->begin(session->target) != 0) {
        session_fail(session, 0, NULL, "preparing the chip");
    }
    session->device.writing = true;
}

static int close_target(struct session *session)
{
    int status = target_close(session->target, !session->request->no_reset);

    progress_end();
    device_end(&session->device);
    free(session->journal);
    return status;
}

int session_close(struct session *session)
{
    int status = close_target(session);

    free(session);
    return status;
}

void session_exit(struct session *session, int status)
{
    session_close(session);
    leave(status);
}

void session_refuse(struct session *session)
{
    int status = session_close(session);

    leave(status != 0 ? status : CLI_REFUSED);
}

/* What the store's error means for who typed the command. */
static void explain(const struct session *session, int code,
                    const struct modfmt_diag *diag, const char *doing)
{
    const char *spec = session->target->spec;
    uint32_t base = session->region.base;

    switch (code) {
    case MODFMT_E_STORE_VERIFY:
        cli_error(
            spec,
            "%s: at 0x%08x flash does not hold what was written: it was not erased, "
            "or is worn out; nothing changed for the modules",
            doing, base + diag->offset);
        break;
    case MODFMT_E_STORE_DAMAGED:
        cli_error(spec,
                  "%s: the directory is damaged (slot %u): save what you need with "
                  "'modflash read', then 'modflash erase' and install again",
                  doing, diag->got);
        break;
    case MODFMT_E_STORE_GEOMETRY:
        cli_error(spec, "%s: %s (0x%x)", doing, modfmt_strerror(code), diag->got);
        break;
    case MODFMT_E_STORE_SLOTS:
        cli_error(
            spec,
            "%s: the directory is full and there is no erased sector to move it to; "
            "'modflash compact --journal' rewrites the region",
            doing);
        break;
    default:
        cli_error(spec, "%s: %s", doing, modfmt_strerror(code));
        break;
    }
}

void session_fail(struct session *session, int code, const struct modfmt_diag *diag,
                  const char *doing)
{
    bool of_target = session->target->error[0] != 0;
    int status = CLI_REFUSED;

    progress_end();
    if (of_target) {
        cli_error(session->target->spec, "%s: %s", doing, session->target->error);
    } else {
        explain(session, code, diag, doing);
    }
    if (session->kept) {
        cli_note(NULL, "the modules are safe in %s; 'modflash recover' puts them back",
                 session->journal);
    }
    if (of_target || code == MODFMT_E_STORE_VERIFY || code == MODFMT_E_STORE_DAMAGED) {
        status = CLI_TARGET;
    }
    close_target(session);
    leave(status);
}
