/* SPDX-License-Identifier: BSD-2-Clause */
/** Install and update. Everything that can be refused is refused before flash is touched.
 */
#include "install.h"

#include "catalog.h"
#include "clearing.h"
#include "journal.h"
#include "linked.h"
#include "linking.h"
#include "progress.h"
#include "room.h"
#include "verbs.h"
#include "xip.h"

#include <stdlib.h>
#include <string.h>

/* Names count by their hashes: two modules that share one cannot be there. */
static void check_alone(const struct package *new, const struct package *other)
{
    const struct identity *a = &new->identity, *b = &other->identity;

    if (strcmp(a->name, b->name) == 0) {
        cli_die(CLI_REFUSED, new->path,
                "is named '%s' as %s is: two modules of one name cannot be there",
                a->name, other->path);
    }
    if (modfmt_hash(a->name, a->name_length) == modfmt_hash(b->name, b->name_length)) {
        cli_die(
            CLI_REFUSED, new->path,
            "its name '%s' and that of %s, '%s', have the same hash: rename one of them",
            a->name, other->path, b->name);
    }
}

/* One that was read from flash, say. */
static void check_unlinked(const struct package *package)
{
    struct modfmt_linked linked;

    if (linked_read(package->bytes, package->size, &linked)) {
        cli_die(
            CLI_REFUSED, package->path,
            "is linked already, for text at 0x%08x and one firmware; install the file "
            "that it was made of",
            linked.text);
    }
}

struct package *install_read(const struct request *request, uint32_t *ret_count)
{
    struct package *package = cli_alloc(request->operand_count, sizeof *package);

    for (uint32_t i = 0; i < request->operand_count; i++) {
        package_read(&package[i], request->operands[i]);
        check_unlinked(&package[i]);
        package[i].source.force = request->force;
        package[i].source.flags = request->pin ? MODFMT_STORE_PINNED : 0;
        for (uint32_t k = 0; k < i; k++) {
            check_alone(&package[i], &package[k]);
        }
    }
    *ret_count = request->operand_count;
    return package;
}

struct modfmt_store_source *install_sources(struct package *package, uint32_t count)
{
    struct modfmt_store_source *source = cli_alloc(count, sizeof *source);

    for (uint32_t i = 0; i < count; i++) {
        source[i] = package[i].source;
        source[i].ctx = &package[i];
    }
    return source;
}

/* What is there under this name? @return false after saying why it must not be replaced
 */
static bool compare(struct session *session, struct package *package, bool must_be_there)
{
    const struct identity *new = &package->identity;
    uint32_t hash = modfmt_hash(new->name, new->name_length);
    const struct modfmt_store_image *image = modfmt_store_find(&session->store, hash);
    char from[24], to[24];

    if (image == NULL) {
        if (must_be_there) {
            cli_error(package->path,
                      "there is no module '%s' to update; 'modflash install' makes one",
                      new->name);
        }
        return !must_be_there;
    }
    package->had = true;
    package->former_crc = image->crc;
    if (session->request->pin && (image->flags & MODFMT_STORE_PINNED) == 0) {
        package->source.force = true; /* the same content, but it must say so now */
    }
    if (!catalog_identity(session, image, &package->former)) {
        return true; /* damaged: there is nothing to compare with, and it can only get
                        better */
    }
    if (strcmp(package->former.name, new->name) != 0) {
        cli_error(package->path,
                  "the names '%s' and '%s' have the same hash: rename one of the modules",
                  new->name, package->former.name);
        return false;
    }
    if (identity_compare(new, &package->former) < 0 &&
        !session->request->allow_downgrade) {
        cli_error(
            package->path,
            "is %s %s, older than the %s that is there; --allow-downgrade installs it "
            "all the same",
            new->name, identity_version(new, to),
            identity_version(&package->former, from));
        return false;
    }
    return true;
}

static void no_room(struct session *session, int code, const struct room *room,
                    const struct package *package, uint32_t count)
{
    uint32_t largest = 0;

    for (uint32_t i = 0; i < count; i++) {
        largest = package[i].size > largest ? package[i].size : largest;
    }
    cli_error(
        session->target->spec,
        "no room: the largest of these images has %u bytes, and the largest that can "
        "be had is %u (%u bytes of the region's %u are live%s)",
        largest, room->largest, room->live, session->region.size,
        code == MODFMT_E_STORE_RESERVE ? "; one sector must stay free to compact into"
                                       : "");
    if (session->region.sector_count == 1) {
        cli_note(
            session->target->spec,
            "this region is one sector; remove a module, or give a region of several "
            "sectors");
    } else if (!session->request->journal) {
        cli_note(
            session->target->spec,
            "--journal rewrites the whole region from a copy kept on this machine, if "
            "that makes room enough");
    }
}

static const char *what_was_done(const struct package *package, bool unchanged)
{
    return unchanged               ? "unchanged"
           : package->done != NULL ? package->done
           : package->had          ? "updated"
                                   : "installed";
}

/* Behind the place and size of a linked module. */
static void report_linked(const struct package *package)
{
    printf(", linked%s", package->kept_linked ? " as before" : "");
    if (package->to.data != package->to.data_end) {
        printf(", RAM 0x%08x-0x%08x", package->to.data, package->to.data_end);
    }
}

void install_report(const struct session *session, const struct package *package,
                    const struct modfmt_store_source *source, uint32_t count)
{
    char from[24], to[24];

    progress_end();
    if (session->request->quiet) {
        return;
    }
    for (uint32_t i = 0; i < count; i++) {
        const struct identity *new = &package[i].identity;
        bool unchanged = source[i].unchanged;

        cli_put_text(stdout, new->name, new->name_length);
        printf(" ");
        if (package[i].had && !unchanged && package[i].done == NULL) {
            printf("%s -> ", identity_version(&package[i].former, from));
        }
        printf("%s: %s%s at 0x%08x, %u bytes", identity_version(new, to),
               session->request->dry_run && !unchanged ? "would be " : "",
               what_was_done(&package[i], unchanged),
               session_address(session, source[i].image.offset), source[i].image.size);
        if (package[i].linked) {
            report_linked(&package[i]);
        }
        printf("\n");
    }
}

void verb_say_plan(const struct session *session, const struct modfmt_store *planned,
                   const char *doing)
{
    if (session->request->quiet) {
        return;
    }
    printf("%s: %u sector%s erased, %u bytes programmed, %u image%s moved\n", doing,
           planned->erased_sectors, planned->erased_sectors == 1 ? "" : "s",
           planned->programmed_bytes, planned->moved_images,
           planned->moved_images == 1 ? "" : "s");
}

/* Plan on a copy, until linked images are linked for where they are put. @return what the
 * store says; the numbers are in `r`, the places in *ret_source */
static int rehearse(struct session *session, struct package *package, uint32_t count,
                    struct rehearsal *r, struct modfmt_store_source **ret_source,
                    struct modfmt_diag *diag)
{
    struct modfmt_store_source *source = NULL;
    uint8_t scratch[64];
    int rc = 0, moved = 1;

    for (uint32_t round = 0; rc == 0 && moved > 0 && round < XIP_ROUNDS; round++) {
        free(source);
        source = install_sources(package, count);
        rehearsal_begin(session, r);
        rc =
            modfmt_store_install(&r->store, source, count, scratch, sizeof scratch, diag);
        moved = rc == 0 ? xip_follow(session, package, source, count) : 0;
    }
    if (moved >
        0) { /* the plan depends on the images' contents hardly ever, and barely */
        rc = modfmt_fail(diag, MODFMT_E_STORE_FORGED, 0, 0, 0);
    }
    session->device.planned = r->store.programmed_bytes;
    *ret_source = source;
    return moved < 0 ? moved : rc;
}

int install_try(struct session *session, struct package *package, uint32_t count)
{
    struct rehearsal *r = cli_alloc(1, sizeof *r);
    struct modfmt_store_source *source;
    struct modfmt_diag diag = {0, 0, 0, 0};
    int rc = rehearse(session, package, count, r, &source, &diag);

    free(source);
    free(r);
    return rc;
}

/* Really do it. */
static void carry_out(struct session *session, struct package *package, uint32_t count)
{
    struct modfmt_store_source *source = install_sources(package, count);
    uint8_t *scratch = cli_alloc(VERB_SCRATCH, 1);
    struct modfmt_diag diag = {0, 0, 0, 0};
    int rc;

    session_begin(session);
    rc = modfmt_store_install(&session->store, source, count, scratch, VERB_SCRATCH,
                              &diag);
    if (rc != 0) {
        session_fail(session, rc, &diag, "installing");
    }
    install_report(session, package, source, count);
    free(scratch);
    free(source);
}

/* Could rewriting the whole region help, with what is live kept on the host meanwhile? */
static bool rewriting_helps(const struct session *session)
{
    return session->region.sector_count == 1 || session->request->journal;
}

/* Nothing was to be written: say of what is there that it is the same. */
static void report_unchanged(struct session *session, const struct package *package,
                             uint32_t count)
{
    struct modfmt_store_source *source =
        install_sources((struct package *)(uintptr_t)package, count);

    for (uint32_t i = 0; i < count; i++) {
        const struct identity *id = &package[i].identity;

        source[i].unchanged = true;
        source[i].image =
            *modfmt_store_find(&session->store, modfmt_hash(id->name, id->name_length));
    }
    install_report(session, package, source, count);
    free(source);
}

static bool is_for_want_of_room(int code)
{
    return code == MODFMT_E_STORE_FULL || code == MODFMT_E_STORE_SLOTS ||
           code == MODFMT_E_STORE_RESERVE || code == MODFMT_E_STORE_COMPACT;
}

/* Plan it and do it. @return what the store says, if that is that there is no room, and
 * nothing was done; else 0 */
static int plan_and_do(struct session *session, struct package *package, uint32_t count)
{
    struct rehearsal *r = cli_alloc(1, sizeof *r);
    struct modfmt_store_source *source;
    struct modfmt_diag diag = {0, 0, 0, 0};
    int rc = rehearse(session, package, count, r, &source, &diag);

    if (session->target->error[0] != 0) {
        session_fail(session, rc, &diag, "reading the module region");
    }
    if (rc != 0 && !is_for_want_of_room(rc)) {
        session_fail(session, rc, &diag, "installing");
    }
    if (rc == 0 && session->request->dry_run) {
        install_report(session, package, source, count);
        verb_say_plan(session, &r->store, "would be");
    } else if (rc == 0 &&
               (r->store.programmed_bytes != 0 || r->store.erased_sectors != 0)) {
        carry_out(session, package, count);
    } else if (rc == 0) {
        report_unchanged(session, package, count);
    }
    free(source);
    free(r);
    return rc;
}

static _Noreturn void refuse(struct session *session, int code,
                             const struct package *package, uint32_t count)
{
    struct modfmt_diag diag = {0, 0, 0, 0};
    struct room room;

    room_measure(session, &room);
    if (code == MODFMT_E_STORE_SLOTS && room.largest == 0) {
        session_fail(session, code, &diag, "installing"); /* no smaller one either */
    }
    no_room(session, code, &room, package, count);
    session_refuse(session);
}

void install_now(struct session *session, struct package *package, uint32_t count)
{
    int rc = plan_and_do(session, package, count);

    if (rc != 0) {
        refuse(session, rc, package, count);
    }
}

void install_packages(struct session *session, struct package *package, uint32_t count)
{
    int rc = plan_and_do(session, package, count);

    if (rc == 0) {
        return;
    }
    if (clearing_make_room(session, package, count)) {
        if (!session->request->dry_run) {
            install_now(session, package, count);
        }
        return;
    }
    if (!rewriting_helps(session) || !journal_rewrite(session, package, count)) {
        refuse(session, rc, package, count);
    }
}

static int install(const struct request *request, bool must_be_there)
{
    uint32_t count;
    struct package *package = install_read(request, &count);
    struct session *session = session_open(request, SESSION_WRITE);
    bool good = true;
    int status;

    for (uint32_t i = 0; i < count; i++) {
        if (!package_suits(&package[i], &session->target->chip) ||
            !compare(session, &package[i], must_be_there)) {
            good = false;
        }
    }
    if (!good || !linking_check(session, package, count) ||
        !xip_link(session, package, count, NULL)) {
        session_refuse(session);
    }
    install_packages(session, package, count);
    status = session_close(session);
    for (uint32_t i = 0; i < count; i++) {
        package_free(&package[i]);
    }
    free(package);
    return status;
}

int verb_install(const struct request *request)
{
    return install(request, false);
}

int verb_update(const struct request *request)
{
    return install(request, true);
}
