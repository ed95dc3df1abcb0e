/* SPDX-License-Identifier: BSD-2-Clause */
#include "clearing.h"

#include "catalog.h"
#include "install.h"
#include "linked.h"
#include "room.h"

#include <stdlib.h>
#include <string.h>

/** One transaction of the plan. */
struct step {
    bool move;       /**< a linked module; else a package is installed */
    uint32_t number; /**< of the package; or hash of the module's name */
    uint32_t victim; /**< sector that is cleared by it */
};

struct clearing {
    struct session *session;
    struct package *package;
    uint32_t count;
    const struct modfmt_store_source *only; /**< instead of packages, or NULL */
    bool *installed;                        /**< per package */
    bool *linked;                           /**< per image of the session's store */
    struct rehearsal *now, *trial;
    uint32_t tried; /**< bit a sector: no use to clear it, or done */
    struct step *step;
    size_t step_count, capacity;
};

/* ---- trying things on a copy
 * ----------------------------------------------------------- */

static void begin_trial(struct clearing *c)
{
    *c->trial = *c->now;
    c->trial->store.image = c->trial->image;
    c->trial->store.flash = &c->trial->device.flash;
}

static void accept_trial(struct clearing *c)
{
    struct rehearsal *other = c->now;

    c->now = c->trial;
    c->trial = other;
}

static void add_step(struct clearing *c, bool move, uint32_t number, uint32_t victim)
{
    c->step = cli_grow(c->step, &c->capacity, c->step_count + 1u, sizeof *c->step);
    c->step[c->step_count++] = (struct step){move, number, victim};
}

static bool install_on(struct rehearsal *r, struct modfmt_store_source *source,
                       uint32_t count)
{
    struct modfmt_diag diag;
    uint8_t scratch[64];

    return modfmt_store_install(&r->store, source, count, scratch, sizeof scratch,
                                &diag) == 0;
}

static bool try_packages(struct clearing *c, uint32_t first, uint32_t count)
{
    struct modfmt_store_source *source, only;
    bool good;

    begin_trial(c);
    if (c->only != NULL) {
        only = *c->only;
        return install_on(c->trial, &only, 1);
    }
    source = install_sources(c->package + first, count);
    good = install_on(c->trial, source, count);
    free(source);
    return good;
}

/* ---- clearing a sector
 * ----------------------------------------------------------------- */

static uint32_t hash_of(const struct package *package)
{
    return modfmt_hash(package->identity.name, package->identity.name_length);
}

/* The number of the package of that name that has been installed; c->count: none. */
static uint32_t installed_package(const struct clearing *c, uint32_t hash)
{
    uint32_t i = 0;

    while (i < c->count && !(c->installed[i] && hash_of(&c->package[i]) == hash)) {
        i++;
    }
    return i;
}

static const struct modfmt_store_image *in_session(const struct clearing *c,
                                                   uint32_t hash)
{
    return modfmt_store_find(&c->session->store, hash);
}

static bool is_linked(const struct clearing *c, uint32_t hash)
{
    uint32_t number = installed_package(c, hash);
    const struct modfmt_store_image *stored = in_session(c, hash);

    return number < c->count ? c->package[number].linked
                             : stored != NULL && c->linked[stored - c->session->image];
}

/* Bytes of an image in a sector. */
static uint32_t overlap(const struct modfmt_flash *flash, uint32_t sector,
                        const struct modfmt_store_image *image)
{
    uint32_t begin = modfmt_store_sector_offset(flash, sector);
    uint32_t end = modfmt_store_sector_offset(flash, sector + 1u);

    begin = image->offset > begin ? image->offset : begin;
    end = image->offset + image->size < end ? image->offset + image->size : end;
    return begin < end ? end - begin : 0;
}

/* Plan to move one linked module. Its bytes do not matter, but for their number. */
static bool move_one(struct clearing *c, const struct modfmt_store_image *image)
{
    uint32_t number = installed_package(c, image->hash);
    const struct modfmt_store_image *stored = in_session(c, image->hash);
    struct catalog_live live = {&c->session->device.flash,
                                stored != NULL ? stored->offset : 0};
    struct modfmt_store_source source = catalog_source(&live);

    if (number < c->count) {
        source = c->package[number].source;
        source.ctx = &c->package[number];
    }
    source.flags = MODFMT_STORE_PINNED;
    source.force = true;
    return install_on(c->trial, &source, 1);
}

/* Bytes to be moved out of a sector; 0: no linked module is there, or clearing it would
 * be of no use, or a module that must not move is there as well. */
static uint32_t worth(const struct clearing *c, uint32_t sector)
{
    const struct modfmt_store *store = &c->now->store;
    uint32_t live = 0, moved = 0;

    for (uint32_t i = 0; i < store->count; i++) {
        const struct modfmt_store_image *image = &store->image[i];
        uint32_t bytes = overlap(store->flash, sector, image);
        bool linked = bytes != 0 && is_linked(c, image->hash);

        if (bytes != 0 && !linked && (image->flags & MODFMT_STORE_PINNED) != 0) {
            return 0;
        }
        live += bytes;
        moved += linked ? image->size : 0;
    }
    return sector == store->head || store->fill[sector] >= live + MODFMT_STORE_GAIN_MIN
               ? moved
               : 0;
}

/* Plan to move all linked modules out of a sector. */
static bool try_sector(struct clearing *c, uint32_t victim)
{
    const struct modfmt_flash *flash = c->now->store.flash;
    size_t steps = c->step_count;
    bool good = true;

    begin_trial(c);
    c->trial->store.fill[victim] = flash->sector_size[victim];
    for (uint32_t i = 0; good && i < c->now->store.count; i++) {
        const struct modfmt_store_image *image = &c->now->store.image[i];

        if (overlap(flash, victim, image) != 0 && is_linked(c, image->hash)) {
            good = move_one(c, image);
            add_step(c, true, image->hash, victim);
        }
    }
    if (good) {
        accept_trial(c);
    } else {
        c->step_count = steps;
    }
    return good;
}

/* Clear the sector that takes the least moving, of those that can be. @return false: none
 */
static bool clear_one(struct clearing *c)
{
    uint32_t count = c->now->store.flash->sector_count;

    for (;;) {
        uint32_t best = count, least = 0;

        for (uint32_t i = 0; i < count; i++) {
            uint32_t bytes = (c->tried >> i & 1u) == 0 ? worth(c, i) : 0;

            if (bytes != 0 && (best == count || bytes < least)) {
                best = i;
                least = bytes;
            }
        }
        if (best == count) {
            return false;
        }
        c->tried |= (uint32_t)1 << best;
        if (try_sector(c, best)) {
            return true;
        }
    }
}

/* ---- plans
 * ------------------------------------------------------------------------------ */

static void begin(struct clearing *c, struct session *session, struct package *package,
                  uint32_t count)
{
    struct modfmt_linked linked;

    *c = (struct clearing){.session = session, .package = package, .count = count};
    c->installed = cli_alloc(count + 1u, sizeof *c->installed);
    c->linked = cli_alloc(session->store.count + 1u, sizeof *c->linked);
    for (uint32_t i = 0; i < session->store.count; i++) {
        c->linked[i] = linked_stored(session, &session->image[i], &linked);
    }
    c->now = cli_alloc(1, sizeof *c->now);
    c->trial = cli_alloc(1, sizeof *c->trial);
    rehearsal_begin(session, c->now);
}

static void end(struct clearing *c)
{
    free(c->installed);
    free(c->linked);
    free(c->now);
    free(c->trial);
    free(c->step);
}

/* All at once, after as much clearing as it takes. */
static bool plan_at_once(struct clearing *c)
{
    while (!try_packages(c, 0, c->count)) {
        if (!clear_one(c)) {
            return false;
        }
    }
    return true;
}

/* The next one that fits. */
static bool install_one(struct clearing *c)
{
    for (uint32_t i = 0; i < c->count; i++) {
        if (!c->installed[i] && try_packages(c, i, 1)) {
            accept_trial(c);
            c->installed[i] = true;
            add_step(c, false, i, 0);
            return true;
        }
    }
    return false;
}

static bool plan_singly(struct clearing *c)
{
    for (uint32_t left = c->count; left != 0;) {
        if (install_one(c)) {
            left--;
            c->tried = 0; /* what it replaced may be what was in the way */
        } else if (!clear_one(c)) {
            return false;
        }
    }
    return true;
}

/* ---- carrying it out
 * -------------------------------------------------------------------- */

/* The module that is there, linked for another place. */
static void move(struct session *session, const struct step *step)
{
    const struct modfmt_store_image *stored =
        modfmt_store_find(&session->store, step->number);
    struct modfmt_diag diag = {0, 0, 0, 0};
    struct modfmt_image image;
    struct package package;
    uint8_t *bytes;
    int rc = catalog_check(session, stored, &bytes, &image, &diag);

    if (rc != 0) {
        cli_error(session->target->spec,
                  "the module at 0x%08x is damaged (%s); remove it first",
                  session_address(session, stored->offset), modfmt_strerror(rc));
        session_refuse(session);
    }
    package_of_image(&package, session->target->spec, bytes, stored->size);
    package.done = "moved";
    package.had = package.linked = linked_read(bytes, stored->size, &package.to);
    package.place = package.to.text - MODFMT_HEADER_SIZE - session->region.base;
    package.source.flags = MODFMT_STORE_PINNED;
    package.source.force = true;
    /* What is left of the sector is of no use: it is going to be erased. */
    session->store.fill[step->victim] = session->device.flash.sector_size[step->victim];
    install_now(session, &package, 1);
    package_free(&package);
}

static void say_steps(const struct clearing *c)
{
    uint32_t moved = 0;

    for (size_t i = 0; i < c->step_count; i++) {
        moved += c->step[i].move;
    }
    if (moved != 0 && !c->session->request->quiet) {
        printf("%u linked module%s %s linked for other places, to make room\n", moved,
               moved == 1 ? "" : "s",
               c->session->request->dry_run ? "would be" : "must be");
    }
}

static void carry_out(struct clearing *c)
{
    for (size_t i = 0; i < c->step_count; i++) {
        if (c->step[i].move) {
            move(c->session, &c->step[i]);
        } else {
            install_now(c->session, &c->package[c->step[i].number], 1);
        }
    }
}

bool clearing_make_room(struct session *session, struct package *package, uint32_t count)
{
    struct clearing c;
    bool good;

    if (session->region.sector_count == 1) {
        return false;
    }
    begin(&c, session, package, count);
    good = plan_at_once(&c) && c.step_count != 0;
    if (good) {
        say_steps(&c);
        if (!session->request->dry_run) {
            carry_out(&c);
        }
    }
    end(&c);
    return good;
}

bool clearing_helps(struct session *session, const struct modfmt_store_source *source)
{
    struct clearing c;
    bool good;

    if (session->region.sector_count == 1) {
        return false;
    }
    begin(&c, session, NULL, 0);
    c.only = source;
    good = plan_at_once(&c);
    end(&c);
    return good;
}

bool clearing_install_singly(struct session *session, struct package *package,
                             uint32_t count)
{
    struct clearing c;
    bool good;

    begin(&c, session, package, count);
    good = plan_singly(&c);
    if (good) {
        if (!session->request->quiet) {
            printf("there is no room for all of them at once: one after another\n");
        }
        say_steps(&c);
        for (uint32_t i = 0; i < count && session->request->dry_run; i++) {
            printf("%s: would be %s\n", package[i].identity.name,
                   package[i].done != NULL ? package[i].done : "installed");
        }
        if (!session->request->dry_run) {
            carry_out(&c);
        }
    }
    end(&c);
    return good;
}
