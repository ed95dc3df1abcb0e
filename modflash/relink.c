/* SPDX-License-Identifier: BSD-2-Clause */
/** relink: after an update of the firmware, link modules for the new one. */
#include "catalog.h"
#include "clearing.h"
#include "install.h"
#include "linked.h"
#include "linking.h"
#include "progress.h"
#include "verbs.h"
#include "xip.h"

#include <stdlib.h>
#include <string.h>

struct relink {
    struct session *session;
    struct host host;
    struct package *package; /**< modules that are to be linked anew */
    uint32_t count;
    uint32_t linked; /**< of those that were asked for, all that are linked */
    bool good;
    bool damaged; /**< one of them */
};

/* Was it named on the command line, or none? */
static bool is_meant(const struct request *request,
                     const struct modfmt_store_image *image)
{
    for (unsigned i = 0; i < request->operand_count; i++) {
        const char *name = request->operands[i];

        if (modfmt_hash(name, (uint32_t)strlen(name)) == image->hash) {
            return true;
        }
    }
    return request->operand_count == 0;
}

/* Names that are not there, or whose modules have nothing to be linked anew. */
static void check_names(struct relink *relink)
{
    const struct request *request = relink->session->request;
    struct modfmt_linked linked;

    for (unsigned i = 0; i < request->operand_count; i++) {
        const char *name = request->operands[i];

        if (!linked_stored(relink->session, catalog_find(relink->session, name),
                           &linked)) {
            cli_error(relink->session->target->spec,
                      "'%s' is not linked for a place in flash, so no firmware update "
                      "concerns it",
                      name);
            relink->good = false;
        }
    }
}

/* Would the firmware's loader take it as it is? */
static bool is_current(const struct relink *relink,
                       const struct modfmt_store_image *stored,
                       const struct modfmt_linked *linked)
{
    const struct host *host = &relink->host;

    return host_is(host, linked) &&
           linked_at_its_place(relink->session, stored, linked) &&
           (linked->data == linked->data_end ||
            (linked->data >= host->arena_begin && linked->data_end <= host->arena_end));
}

/* The module as it was before it was linked, as a package. */
static void unlink_one(struct relink *relink, const struct modfmt_store_image *stored)
{
    struct session *session = relink->session;
    struct package *package = &relink->package[relink->count];
    struct modfmt_diag diag = {0, 0, 0, 0};
    struct modfmt_image image;
    struct identity identity;
    uint8_t *bytes, *plain = NULL;
    uint32_t size = 0;
    int rc = catalog_check(session, stored, &bytes, &image, &diag);

    if (session->target->error[0] != 0) {
        session_fail(session, rc, &diag, "reading the module");
    }
    catalog_identity(session, stored, &identity);
    if (rc == 0) {
        plain = linked_undo(bytes, stored->size, &size, &diag);
    }
    free(bytes);
    if (plain == NULL) {
        cli_error(
            session->target->spec,
            "'%s' is damaged (%s), so it cannot be linked anew: install it again, or "
            "remove it",
            identity.name, modfmt_strerror(rc != 0 ? rc : diag.code));
        relink->damaged = true;
        return;
    }
    package_of_image(package, cli_format("%s", identity.name), plain, size);
    package->linked = package->had = true;
    package->done = "relinked";
    package->former = package->identity;
    package->former_crc = stored->crc;
    relink->count++;
}

/* All that were linked for something else. */
static void find_stale(struct relink *relink)
{
    struct session *session = relink->session;

    relink->package = cli_alloc(session->store.count + 1u, sizeof *relink->package);
    for (uint32_t i = 0; i < session->store.count; i++) {
        const struct modfmt_store_image *stored = &session->image[i];
        struct modfmt_linked linked;

        if (is_meant(session->request, stored) &&
            linked_stored(session, stored, &linked)) {
            relink->linked++;
            if (!is_current(relink, stored, &linked)) {
                unlink_one(relink, stored);
            }
        }
    }
}

/* All at once if there is room, else one after another. */
static void carry_out(struct relink *relink)
{
    int rc = install_try(relink->session, relink->package, relink->count);
    bool full = rc == MODFMT_E_STORE_FULL || rc == MODFMT_E_STORE_RESERVE ||
                rc == MODFMT_E_STORE_SLOTS;

    if (!full ||
        !clearing_install_singly(relink->session, relink->package, relink->count)) {
        install_packages(relink->session, relink->package, relink->count);
    }
}

/* Everything that can be refused is, before flash is touched. */
static bool prepare(struct relink *relink)
{
    struct session *session = relink->session;
    bool good = linking_check(session, relink->package, relink->count) &&
                xip_link(session, relink->package, relink->count, &relink->host);

    if (!good && relink->linked > 1) {
        cli_note(NULL,
                 "no module was linked anew; those that can be are when they are named: "
                 "modflash relink NAME...");
    }
    return good;
}

static void say_nothing_to_do(const struct relink *relink)
{
    if (relink->session->request->quiet) {
        return;
    }
    if (relink->linked == 0) {
        printf("nothing to do: no module is linked for a place in flash\n");
    } else {
        printf("nothing to do: %u module%s linked for %s\n", relink->linked,
               relink->linked == 1 ? " is" : "s are", relink->host.from);
    }
}

int verb_relink(const struct request *request)
{
    struct relink relink = {.session = session_open(request, SESSION_WRITE),
                            .good = true};
    struct session *session = relink.session;

    check_names(&relink);
    host_find(session, &relink.host);
    if (!relink.good || !host_can_link(session, &relink.host) ||
        !host_is_on_board(session, &relink.host)) {
        session_refuse(session);
    }
    find_stale(&relink);
    if (relink.damaged) {
        session_exit(session, CLI_TARGET);
    }
    if (relink.count == 0) {
        say_nothing_to_do(&relink);
    } else {
        host_read_table(session, &relink.host);
        if (!prepare(&relink)) {
            session_refuse(session);
        }
        carry_out(&relink);
    }
    for (uint32_t i = 0; i < relink.count; i++) {
        free((char *)(uintptr_t)relink.package[i].path);
        package_free(&relink.package[i]);
    }
    free(relink.package);
    host_free(&relink.host);
    return session_close(session);
}
