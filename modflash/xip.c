/* SPDX-License-Identifier: BSD-2-Clause */
#include "xip.h"

#include "arena.h"
#include "check.h"
#include "cli.h"
#include "linked.h"
#include "offers.h"

#include <stdlib.h>
#include <string.h>

/** A package that is going to be linked. */
struct job {
    struct package *package;
    struct modfmt_linker plan; /**< sizes and alignments */
    uint32_t hash;             /**< of its name */
    uint32_t *address;         /**< of its imports */
    uint32_t former;           /**< where its data was; 0: nowhere */
    uint32_t guess;            /**< offset in the region */
    bool had;                  /**< it replaces a linked module */
};

struct jobs {
    struct session *session;
    struct host *host;
    const struct package *package; /**< all, linked or not */
    uint32_t package_count;
    struct arena arena;
    struct job *job;
    uint32_t count;
};

/* ---- which ones ----------------------------------------------------------------------
 */

static uint32_t hash_of(const struct package *package)
{
    return modfmt_hash(package->identity.name, package->identity.name_length);
}

/* Is this one to be linked? Then it is a job. */
static void choose(struct jobs *jobs, struct package *package)
{
    const struct request *request = jobs->session->request;
    struct job job = {.package = package, .hash = hash_of(package)};
    const struct modfmt_store_image *stored =
        jobs->session->paper ? NULL : modfmt_store_find(&jobs->session->store, job.hash);
    struct modfmt_linked linked;

    if (stored != NULL && linked_stored(jobs->session, stored, &linked)) {
        job.had = true;
        job.former = linked.data;
        job.guess = stored->offset & ~(MODFMT_STORE_PLACE_ALIGN - 1u);
    }
    if (request->no_xip_link || (!request->xip_link && !package->linked && !job.had)) {
        return;
    }
    if (stored != NULL && (stored->flags & MODFMT_STORE_PINNED) == 0) {
        package->source.force = true; /* the same content, but it must not move */
    }
    package->kept_linked = !request->xip_link && !package->linked;
    package->linked = true;
    jobs->job[jobs->count++] = job;
}

/* ---- can it be linked? ---------------------------------------------------------------
 */

/* What to do instead. */
static const char *plainly(const struct session *session)
{
    return session->request->xip_link ? "install it without --xip-link"
                                      : "install a plain copy with --no-xip-link";
}

/* Why libmodfmt would not link it, for who has to do something about it. */
static void say_unfit(const struct session *session, const struct package *package,
                      int rc, const struct modfmt_diag *diag)
{
    const char *path = package->path;

    if (rc == MODFMT_E_IN_PLACE && diag->offset == MODFMT_OFF_FLAGS) {
        cli_error(path,
                  "can only be loaded as one block of RAM (its text branches into its "
                  "data, or the other way), so it cannot be linked to run in flash; "
                  "%s",
                  plainly(session));
    } else if (rc == MODFMT_E_IN_PLACE && diag->offset == MODFMT_OFF_TEXT_ALIGN) {
        cli_error(
            path,
            "its text wants an alignment of %u bytes, and modules in flash have 64; "
            "%s",
            1u << package->bytes[MODFMT_OFF_TEXT_ALIGN], plainly(session));
    } else if (rc == MODFMT_E_IN_PLACE && diag->offset == MODFMT_OFF_TEXT_STORED) {
        cli_error(
            path,
            "its text ends with %u zero bytes that are not stored, so it cannot run "
            "where it lies; pack it again, with a newer mkmod",
            modfmt_get32(package->bytes + MODFMT_OFF_TEXT_MEM) -
                modfmt_get32(package->bytes + MODFMT_OFF_TEXT_STORED));
    } else if (rc == MODFMT_E_IN_PLACE) {
        cli_error(path,
                  "is compressed, so it cannot run where it lies; link a copy that is "
                  "not, or %s",
                  plainly(session));
    } else if (rc == MODFMT_E_RELOC_PLACE) {
        cli_error(
            path,
            "offset 0x%x: a fix-up is of bytes that are not stored, or that another one "
            "fixes, so it cannot be linked to run in flash; %s",
            diag->offset, plainly(session));
    } else {
        cli_error(path, "cannot be linked: offset 0x%x: %s", diag->offset,
                  modfmt_strerror(rc));
    }
}

/* The name of an import as messages have it. To be freed. */
static char *import_text(const struct modfmt_import *import)
{
    return import->name != NULL ? cli_format("'%s'", import->name)
                                : cli_format("with hash 0x%08x", import->hash);
}

/* An import that the firmware has no address for. `module`: offers it, or NULL. */
static void say_unbound(const struct jobs *jobs, const struct job *job,
                        const struct modfmt_image *image,
                        const struct modfmt_import *import, const char *module, int rc)
{
    struct check_need need;
    uint32_t offset = 0;
    char *name = import_text(import);

    if (module == NULL && check_next_need(image, &offset, &need)) {
        module = need.name;
    }
    if (module != NULL) {
        cli_error(job->package->path,
                  "import %s is not the firmware's: it needs module '%s', and only the "
                  "firmware's symbols have addresses at flash time; %s",
                  name, module, plainly(jobs->session));
    } else if (jobs->host->table == NULL) {
        cli_error(
            job->package->path,
            "import %s: %s has no table of exports, so it cannot be linked; build the "
            "firmware with modapi's",
            name, jobs->host->from);
    } else if (rc == MODLOAD_E_TYPE) {
        cli_error(job->package->path,
                  "import %s: %s offers it with another type than the module was built "
                  "for; build the module anew",
                  name, jobs->host->from);
    } else {
        cli_error(job->package->path, "import %s is not in the table of exports of %s",
                  name, jobs->host->from);
    }
    free(name);
}

/* A weak import that a loader would bind to a needed module's export. Where the module is
 * the one that ran so before the firmware's update, it may go on so. @return does it go?
 */
static bool weak_goes(const struct jobs *jobs, const struct job *job,
                      const struct modfmt_image *image,
                      const struct modfmt_import *import, const char *module, int rc)
{
    char *name;

    if (module == NULL) {
        return true;
    }
    if (job->package->done == NULL) {
        say_unbound(jobs, job, image, import, module, rc);
        return false;
    }
    name = import_text(import);
    cli_warning(job->package->path,
                "import %s is weak, and stays unbound though module '%s' has it: only "
                "the firmware's symbols have addresses at flash time",
                name, module);
    free(name);
    return true;
}

/* Addresses for all imports. @return false after saying which have none */
static bool bind(const struct jobs *jobs, struct job *job)
{
    struct modfmt_image image;
    struct modfmt_diag diag;
    struct offers offers;
    bool good = true;

    if (modfmt_open(job->package->bytes, job->package->size, &image, &diag) != 0) {
        return false; /* it has been checked */
    }
    offers_read(jobs->session, jobs->package, jobs->package_count, &image, &offers);
    job->address = cli_alloc(image.import_count + 1u, sizeof *job->address);
    for (uint32_t i = 0; i < image.import_count; i++) {
        struct modfmt_import import;
        const char *module;
        int rc;

        modfmt_import_at(&image, i, &import);
        rc = host_address(jobs->host, import.hash, import.type, &job->address[i]);
        if (rc == 0) {
            continue;
        }
        module = offers_find(&offers, &import);
        if (import.weak == 0) {
            say_unbound(jobs, job, &image, &import, module, rc);
            good = false;
        } else {
            good = weak_goes(jobs, job, &image, &import, module, rc) && good;
        }
    }
    offers_free(&offers);
    return good;
}

static bool check(const struct jobs *jobs, struct job *job)
{
    const struct package *package = job->package;
    struct modfmt_diag diag = {0, 0, 0, 0};
    int rc = linked_plan(package->bytes, package->size, jobs->host->build_id_size,
                         &job->plan, &diag);

    if (rc != 0) {
        say_unfit(jobs->session, package, rc, &diag);
        return false;
    }
    return bind(jobs, job);
}

/* ---- RAM -----------------------------------------------------------------------------
 */

static struct arena_need need_of(const struct job *job)
{
    uint32_t align = 1u << job->plan.data_align;

    return (struct arena_need){job->plan.data_mem, align, job->plan.text_mem % align};
}

/* @return the first that cannot have any, or NULL. `keep`: what fits stays where it is;
 * if not, the largest come first */
static struct job *allot(struct jobs *jobs, bool keep)
{
    for (uint32_t i = 0; i < jobs->count && keep; i++) {
        struct job *job = &jobs->job[i];
        struct arena_need need = need_of(job);

        (void)(job->former != 0 && need.size != 0 &&
               arena_take(&jobs->arena, job->package->identity.name, &need, job->former,
                          true, &job->package->to.data));
    }
    for (uint32_t i = 0; i < jobs->count; i++) {
        struct job *job = &jobs->job[i];
        struct arena_need need = need_of(job);

        if (need.size != 0 && job->package->to.data == 0 &&
            !arena_take(&jobs->arena, job->package->identity.name, &need, 0, false,
                        &job->package->to.data)) {
            return job;
        }
    }
    return NULL;
}

/* Nobody of them has any yet. */
static void begin_arena(struct jobs *jobs, const struct package *package, uint32_t count)
{
    arena_free(&jobs->arena);
    arena_open(jobs->session, jobs->host, &jobs->arena);
    for (uint32_t i = 0; i < count; i++) {
        arena_give_up(&jobs->arena, hash_of(&package[i]));
    }
    for (uint32_t i = 0; i < jobs->count; i++) {
        jobs->job[i].package->to.data = 0;
    }
}

static int by_size(const void *a, const void *b)
{
    const struct job *x = a, *y = b;

    if (x->plan.data_mem != y->plan.data_mem) {
        return x->plan.data_mem > y->plan.data_mem ? -1 : 1;
    }
    return strcmp(x->package->identity.name, y->package->identity.name);
}

static void say_full(const struct jobs *jobs, const struct job *job)
{
    char *text = arena_text(&jobs->arena);
    struct arena_need need = need_of(job);
    char *where = need.remainder == 0
                      ? cli_format("at a multiple of %u", need.align)
                      : cli_format("at %u modulo %u", need.remainder, need.align);

    cli_error(
        job->package->path,
        "the RAM that %s sets aside for modules with fixed addresses, 0x%08x:%u, is "
        "full: '%s' needs %u bytes %s, and the largest gap is %u; %s",
        jobs->session->request->arena != NULL ? "--arena" : jobs->host->from,
        jobs->arena.begin, jobs->arena.end - jobs->arena.begin,
        job->package->identity.name, need.size, where, arena_room(&jobs->arena), text);
    free(where);
    free(text);
}

static bool allot_all(struct jobs *jobs, const struct package *package, uint32_t count)
{
    struct job *left;

    begin_arena(jobs, package, count);
    if (allot(jobs, true) == NULL) {
        return true;
    }
    begin_arena(jobs, package, count);
    qsort(jobs->job, jobs->count, sizeof *jobs->job, by_size);
    left = allot(jobs, false);
    if (left != NULL) {
        say_full(jobs, left);
    }
    return left == NULL;
}

/* ---- linking -------------------------------------------------------------------------
 */

/* Link it for a place that is a guess. */
static bool link_one(const struct session *session, struct package *package,
                     uint32_t place, uint32_t data_mem, const uint32_t *address)
{
    struct modfmt_diag diag = {0, 0, 0, 0};
    uint32_t size = 0;
    uint8_t *bytes;

    package->place = place;
    package->to.text = session_address(session, place) + MODFMT_HEADER_SIZE;
    package->to.data_end = package->to.data + data_mem;
    bytes =
        linked_make(package->bytes, package->size, &package->to, address, &size, &diag);
    if (bytes == NULL) {
        say_unfit(session, package, diag.code, &diag);
        return false;
    }
    package_take(package, bytes, size);
    package->source.flags |= MODFMT_STORE_PINNED;
    package->linked = true;
    return true;
}

static void say_signed(const struct session *session, const struct package *package)
{
    struct modfmt_image image;
    struct modfmt_diag diag;
    struct modfmt_tag tag;

    if (!session->request->quiet &&
        modfmt_open(package->bytes, package->size, &image, &diag) == 0 &&
        modfmt_tag_find(&image, MODFMT_TAG_SIGNATURE, &tag) == 1) {
        cli_note(
            package->path,
            "is signed, and modflash has no keys: who links a module answers for it, so "
            "verify the signature first");
    }
}

static bool link_all(struct jobs *jobs)
{
    for (uint32_t i = 0; i < jobs->count; i++) {
        struct job *job = &jobs->job[i];
        struct modfmt_linked *to = &job->package->to;

        to->api = jobs->host->api;
        to->build_id_size = jobs->host->build_id_size;
        memcpy(to->build_id, jobs->host->build_id, sizeof to->build_id);
        say_signed(jobs->session, job->package);
        if (!link_one(jobs->session, job->package, job->guess, job->plan.data_mem,
                      job->address)) {
            return false;
        }
    }
    return true;
}

static void end(struct jobs *jobs)
{
    for (uint32_t i = 0; i < jobs->count; i++) {
        free(jobs->job[i].address);
    }
    free(jobs->job);
    arena_free(&jobs->arena);
}

bool xip_link(struct session *session, struct package *package, uint32_t count,
              struct host *given)
{
    struct host own = {0};
    struct jobs jobs = {.session = session,
                        .host = given != NULL ? given : &own,
                        .package = package,
                        .package_count = count};
    bool good = true;

    jobs.job = cli_alloc(count + 1u, sizeof *jobs.job);
    for (uint32_t i = 0; i < count; i++) {
        choose(&jobs, &package[i]);
    }
    if (jobs.count != 0 && given == NULL) {
        host_find(session, &own);
        good = host_can_link(session, &own) && host_is_on_board(session, &own);
        if (good) {
            host_read_table(session, &own);
        }
    }
    for (uint32_t i = 0, all = good ? jobs.count : 0; i < all; i++) {
        good = check(&jobs, &jobs.job[i]) && good;
    }
    good = good &&
           (jobs.count == 0 || (allot_all(&jobs, package, count) && link_all(&jobs)));
    end(&jobs);
    host_free(&own);
    return good;
}

bool xip_link_again(struct session *session, struct package *package,
                    const struct modfmt_store_image *stored,
                    const struct modfmt_linked *to, const uint32_t *bound)
{
    uint32_t guess = stored->offset & ~(MODFMT_STORE_PLACE_ALIGN - 1u);

    package->to = *to;
    return link_one(session, package, guess, to->data_end - to->data, bound);
}

int xip_move(const struct session *session, struct xip_image *image, uint32_t place)
{
    struct modfmt_diag diag = {0, 0, 0, 0};
    uint8_t *moved;

    if (place == image->place) {
        return 0;
    }
    moved = linked_move(image->bytes, image->size,
                        session_address(session, place) + MODFMT_HEADER_SIZE, &diag);
    if (moved == NULL) {
        return diag.code;
    }
    free(image->bytes);
    image->bytes = moved;
    image->place = place;
    return 1;
}

int xip_follow(const struct session *session, struct package *package,
               const struct modfmt_store_source *source, uint32_t count)
{
    int moved = 0;

    for (uint32_t i = 0; i < count; i++) {
        struct xip_image image = {package[i].bytes, package[i].size, package[i].place};
        int rc;

        if (!package[i].linked) {
            continue;
        }
        rc = xip_move(session, &image, source[i].image.offset);
        if (rc < 0) {
            return rc;
        }
        package[i].bytes = image.bytes;
        package[i].place = image.place;
        package[i].to.text = session_address(session, image.place) + MODFMT_HEADER_SIZE;
        moved |= rc;
    }
    return moved;
}
