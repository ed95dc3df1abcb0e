/* SPDX-License-Identifier: BSD-2-Clause */
#include "journal.h"

#include "catalog.h"
#include "install.h"
#include "linked.h"
#include "progress.h"
#include "room.h"
#include "verbs.h"
#include "xip.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

void journal_look(const struct session *session, struct journal_image *image)
{
    struct modfmt_linked linked;

    image->linked = linked_read(image->bytes, image->size, &linked);
    if (image->linked) {
        image->place = linked.text - MODFMT_HEADER_SIZE - session->region.base;
        image->flags |= MODFMT_STORE_PINNED;
    }
}

static void add(const struct session *session, struct journal *journal,
                const uint8_t *bytes, uint32_t size, uint32_t flags,
                const struct identity *identity)
{
    struct journal_image image = {.size = size, .flags = flags, .identity = *identity};

    image.bytes = cli_alloc(size, 1);
    memcpy(image.bytes, bytes, size);
    journal_look(session, &image);
    journal->image = cli_grow(journal->image, &journal->capacity, journal->count + 1u,
                              sizeof *journal->image);
    journal->image[journal->count++] = image;
}

static bool is_replaced(const struct package *package, uint32_t count, uint32_t hash)
{
    for (uint32_t i = 0; i < count; i++) {
        const struct identity *id = &package[i].identity;

        if (modfmt_hash(id->name, id->name_length) == hash) {
            return true;
        }
    }
    return false;
}

/* Everything that lives on, and what is new. An image that cannot be read whole, or must
 * not move, stops it here, with nothing done. */
static void collect(struct session *session, const struct package *package,
                    uint32_t count, struct journal *journal)
{
    for (uint32_t i = 0; i < session->store.count; i++) {
        const struct modfmt_store_image *stored = &session->store.image[i];
        struct modfmt_diag diag = {0, 0, 0, 0};
        struct modfmt_image image;
        struct modfmt_linked linked;
        struct identity identity;
        uint8_t *bytes;
        int rc;

        if (is_replaced(package, count, stored->hash)) {
            continue;
        }
        rc = catalog_check(session, stored, &bytes, &image, &diag);
        if (rc != 0) {
            cli_error(session->target->spec,
                      "the module at 0x%08x is damaged (%s); remove it first",
                      session_address(session, stored->offset), modfmt_strerror(rc));
            session_refuse(session);
        }
        identity_of(&image, &identity);
        if ((stored->flags & MODFMT_STORE_PINNED) != 0 &&
            !linked_read(bytes, stored->size, &linked)) {
            cli_error(session->target->spec,
                      "'%s' must not move, so the region cannot be rewritten",
                      identity.name);
            session_refuse(session);
        }
        add(session, journal, bytes, stored->size, 0, &identity);
        free(bytes);
    }
    for (uint32_t i = 0; i < count; i++) {
        add(session, journal, package[i].bytes, package[i].size, package[i].source.flags,
            &package[i].identity);
    }
}

static int read_kept(struct modfmt_store_source *source, uint32_t offset, void *bytes,
                     uint32_t size)
{
    const struct journal_image *image = source->ctx;

    if (!modfmt_range(offset, size, image->size)) {
        return -1;
    }
    /* As of packages: a linked image must not get to any place but its own. */
    if (image->linked && offset == 0 && size > MODFMT_HEADER_SIZE &&
        source->image.offset != image->place) {
        return -1;
    }
    memcpy(bytes, image->bytes + offset, size);
    return 0;
}

static struct modfmt_store_source *sources_of(struct journal *journal)
{
    struct modfmt_store_source *source = cli_alloc(journal->count + 1u, sizeof *source);

    for (uint32_t i = 0; i < journal->count; i++) {
        source[i].read = read_kept;
        source[i].ctx = &journal->image[i];
        source[i].flags = journal->image[i].flags;
    }
    return source;
}

/* After a plan. @return 1 if any image was linked anew, 0, or a negative error */
static int follow(const struct session *session, struct journal *journal,
                  const struct modfmt_store_source *source)
{
    int moved = 0;

    for (uint32_t i = 0; i < journal->count; i++) {
        struct journal_image *image = &journal->image[i];
        struct xip_image xip = {image->bytes, image->size, image->place};
        int rc = image->linked ? xip_move(session, &xip, source[i].image.offset) : 0;

        if (rc < 0) {
            return rc;
        }
        image->bytes = xip.bytes;
        image->place = image->linked ? xip.place : 0;
        moved |= rc;
    }
    return moved;
}

/* Plan to put all of it into an empty region, and link what is linked for its place
 * there.
 * @return 0 or what the store says */
static int plan(const struct session *session, struct journal *journal,
                struct modfmt_store *ret_planned)
{
    struct rehearsal *r = cli_alloc(1, sizeof *r);
    struct modfmt_diag diag;
    uint8_t scratch[64];
    int rc = 0, moved = 1;

    for (uint32_t round = 0; rc == 0 && moved > 0 && round < XIP_ROUNDS; round++) {
        struct modfmt_store_source *source = sources_of(journal);

        rehearsal_begin(session, r);
        modfmt_store_reset(&r->store);
        rc = modfmt_store_install(&r->store, source, journal->count, scratch,
                                  sizeof scratch, &diag);
        moved = rc == 0 ? follow(session, journal, source) : 0;
        free(source);
    }
    *ret_planned = r->store; /* its numbers */
    free(r);
    return moved < 0 ? moved : moved > 0 ? MODFMT_E_STORE_FORGED : rc;
}

/* What was there must not come back from a half-done erase. */
static void retire(struct session *session)
{
    struct modfmt_diag diag = {0, 0, 0, 0};
    int rc = modfmt_store_retire(&session->store, &diag);

    if (rc != 0 && rc != MODFMT_E_STORE_SLOTS) {
        session_fail(session, rc, &diag, "rewriting the region");
    }
}

void journal_apply(struct session *session, struct journal *journal)
{
    struct modfmt_store_source *source;
    uint8_t *scratch = cli_alloc(VERB_SCRATCH, 1);
    struct modfmt_diag diag = {0, 0, 0, 0};
    struct modfmt_store planned;
    int rc;

    session->kept = true;
    retire(session);
    modfmt_store_reset(&session->store);
    rc = plan(session, journal, &planned); /* after a cut other places are taken */
    if (rc != 0) {
        session_fail(session, rc, &diag, "rewriting the region");
    }
    source = sources_of(journal);
    rc = modfmt_store_install(&session->store, source, journal->count, scratch,
                              VERB_SCRATCH, &diag);
    if (rc != 0) {
        session_fail(session, rc, &diag, "rewriting the region");
    }
    if (journal_delete(session) != 0) {
        cli_warning(session->journal,
                    "cannot be deleted, though it is no longer needed: %s",
                    strerror(errno));
    }
    for (uint32_t i = 0; i < journal->count; i++) {
        char version[24];

        progress_end();
        if (!session->request->quiet) {
            const struct identity *identity = &journal->image[i].identity;

            cli_put_text(stdout, identity->name, identity->name_length);
            printf(" %s: at 0x%08x, %u bytes\n", identity_version(identity, version),
                   session_address(session, source[i].image.offset),
                   source[i].image.size);
        }
    }
    free(scratch);
    free(source);
}

bool journal_rewrite(struct session *session, struct package *package, uint32_t count)
{
    struct journal journal = {0};
    struct modfmt_store planned;
    int status;

    collect(session, package, count, &journal);
    if (plan(session, &journal, &planned) != 0) {
        journal_free(&journal);
        return false;
    }
    if (session->request->dry_run) {
        verb_say_plan(session, &planned, "the region would be rewritten");
        journal_free(&journal);
        return true;
    }
    if (session->journal == NULL) {
        cli_error(NULL, "there is no place to keep the modules meanwhile: set HOME or "
                        "XDG_STATE_HOME");
        session_refuse(session);
    }
    /* If the chip cannot even be halted, no journal is left behind. */
    session->device.planned = planned.programmed_bytes;
    session_begin(session);
    status = journal_write(session, &journal);
    if (status != 0) {
        session_exit(session, status);
    }
    if (!session->request->quiet) {
        printf("the region must be erased as a whole: its modules are kept in %s "
               "meanwhile\n",
               session->journal);
        fflush(stdout);
    }
    journal_apply(session, &journal);
    journal_free(&journal);
    return true;
}
