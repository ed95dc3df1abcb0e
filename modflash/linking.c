/* SPDX-License-Identifier: BSD-2-Clause */
#include "linking.h"

#include "catalog.h"
#include "check.h"
#include "progress.h"

#include <stdlib.h>
#include <string.h>

#define BOARD "the firmware on the board"

/** A module of the region that plays a part in it. */
struct held {
    const struct modfmt_store_image *stored;
    uint8_t *bytes; /**< NULL: damaged */
    struct modfmt_image image;
    char *from;           /**< for messages */
    bool replaced;        /**< by a package */
    size_t before, after; /**< its numbers in the checks */
};

struct linking {
    struct session *session;
    const struct package *package;
    uint32_t count;
    struct modfmt_image *image; /**< of the packages */
    struct check *before;       /**< the region as it is: what is wrong anyway */
    struct check *after;        /**< as it would be */
    bool offered;               /**< it is known what the firmware offers */
    struct firmware *files;     /**< of --firmware and --api */
    size_t file_count;
    uint8_t *table; /**< of the board's firmware */
    struct held *held;
    size_t held_count;
    size_t held_capacity;
};

static _Noreturn void refuse(const struct linking *l)
{
    if (l->session->paper) {
        exit(CLI_REFUSED);
    }
    session_refuse(l->session);
}

/* ---- what the firmware offers ------------------------------------------------------ */

static bool offer(struct linking *l, const char *from, const struct firmware *f,
                  const uint8_t *table, uint32_t count)
{
    const struct interface *api = f != NULL ? f->api : NULL;
    bool built = f != NULL && f->built;
    bool good = check_offer(l->before, from, api, built, table, count) &&
                check_offer(l->after, from, api, built, table, count);

    l->offered = l->offered || good;
    return good;
}

static void use_features(struct linking *l, uint32_t features)
{
    if (features != 0) {
        check_features(l->before, features);
        check_features(l->after, features);
    }
}

/* A file that was named: the firmware's ELF, a description of it, or of a module. */
static void use_file(struct linking *l, const char *path, struct firmware *f)
{
    uint32_t count;

    if (firmware_read(path, f) != CLI_OK) {
        refuse(l);
    }
    use_features(l, f->descriptor.features);
    if (f->api != NULL && strcmp(f->api->provider, INTERFACE_FIRMWARE) != 0) {
        return; /* it takes part as a module */
    }
    count = f->table != NULL ? f->descriptor.export_count : 0;
    if ((f->table != NULL || f->api != NULL) && !offer(l, path, f, f->table, count)) {
        cli_error(path, "its table of exports is not sorted by hash, so loaders find "
                        "nothing in it; make it with modapi build");
        refuse(l);
    }
}

/* --firmware and --api. */
static void use_files(struct linking *l)
{
    const struct request *request = l->session->request;

    l->files = cli_alloc(request->api_count + 1u, sizeof *l->files);
    if (request->firmware != NULL) {
        use_file(l, request->firmware, &l->files[l->file_count++]);
    }
    for (unsigned i = 0; i < request->api_count; i++) {
        use_file(l, request->apis[i], &l->files[l->file_count++]);
    }
}

/* The table of the firmware that is there, one read. @return false: it tells nothing that
 * can be believed */
static bool use_board(struct linking *l)
{
    struct session *session = l->session;
    struct target *target = session->target;
    struct firmware_descriptor *d = &session->descriptor;
    const struct target_chip *chip = &target->chip;
    uint32_t size;

    if (session->request->region != NULL || session->request->firmware != NULL) {
        (void)region_describe(target, d); /* it was not asked where the region is */
    }
    if (target->error[0] != 0) {
        session_fail(session, 0, NULL, "asking the firmware what it offers");
    }
    use_features(l, d->features);
    if (d->exports == 0 || d->exports % 4u != 0 || d->exports < chip->flash_base ||
        d->export_count > chip->flash_size / MODFMT_EXPORT_SIZE) {
        return false;
    }
    size = d->export_count * MODFMT_EXPORT_SIZE;
    if (!modfmt_range(d->exports - chip->flash_base, size, chip->flash_size)) {
        return false;
    }
    l->table = cli_alloc(size + 1u, 1);
    if (size != 0 && target->ops->read(target, d->exports, l->table, size) != 0) {
        session_fail(session, 0, NULL, "asking the firmware what it offers");
    }
    return offer(l, BOARD, NULL, l->table, d->export_count);
}

static bool imports_anything(const struct linking *l)
{
    for (uint32_t i = 0; i < l->count; i++) {
        if (l->image[i].import_count != 0) {
            return true;
        }
    }
    return l->held_count != 0;
}

/* The first of these that says it: --firmware and --api, the board. */
static void find_offers(struct linking *l)
{
    use_files(l);
    if (l->offered) {
        return;
    }
    if (imports_anything(l) ? use_board(l) : l->session->descriptor.version != 0) {
        use_features(l, l->session->descriptor.features);
        return;
    }
    check_blind(l->before);
    check_blind(l->after);
    if (imports_anything(l) && !l->session->request->quiet && !l->session->paper) {
        cli_warning(l->session->target->spec,
                    "%s does not tell what it offers, so imports are not checked; "
                    "--firmware ELF or --api FILE says it",
                    BOARD);
    }
}

/* ---- the modules of the region -------------------------------------------------------
 */

static bool is_replaced(const struct linking *l, uint32_t hash)
{
    for (uint32_t i = 0; i < l->count; i++) {
        const struct identity *id = &l->package[i].identity;

        if (modfmt_hash(id->name, id->name_length) == hash) {
            return true;
        }
    }
    return false;
}

/* Read a module whole, once. */
static void hold(struct linking *l, const struct modfmt_store_image *stored)
{
    struct session *session = l->session;
    struct modfmt_diag diag = {0, 0, 0, 0};
    struct identity identity;
    struct held *h;
    int rc;

    for (size_t i = 0; i < l->held_count; i++) {
        if (l->held[i].stored == stored) {
            return;
        }
    }
    l->held = cli_grow(l->held, &l->held_capacity, l->held_count + 1u, sizeof *l->held);
    h = &l->held[l->held_count++];
    memset(h, 0, sizeof *h);
    h->stored = stored;
    h->replaced = is_replaced(l, stored->hash);
    rc = catalog_check(session, stored, &h->bytes, &h->image, &diag);
    if (session->target->error[0] != 0) {
        session_fail(session, rc, &diag, "reading a module of the region");
    }
    if (rc != 0) {
        free(h->bytes);
        h->bytes = NULL;
        if (!h->replaced) {
            cli_warning(session->target->spec,
                        "the module at 0x%08x is damaged, and counts as not there: %s",
                        session_address(session, stored->offset), modfmt_strerror(rc));
        }
        return;
    }
    identity_of(&h->image, &identity);
    h->from = cli_format("%s (in the module region)", identity.name);
}

/* Those that the image needs. */
static void hold_needed(struct linking *l, const struct modfmt_image *image)
{
    struct check_need need;
    uint32_t offset = 0;

    while (check_next_need(image, &offset, &need)) {
        const struct modfmt_store_image *stored =
            modfmt_store_find(&l->session->store, need.hash);

        if (stored != NULL) {
            hold(l, stored);
        }
    }
}

/* Does a module of the region need one of these? *ret_identity and *ret_need say which.
 * Only header and tags are read, and no tags if there is no critical one. */
static bool needs_any(struct session *session, const struct modfmt_store_image *stored,
                      const uint32_t *hash, uint32_t count, struct identity *ret_identity,
                      struct check_need *ret_need)
{
    struct modfmt_flash *flash = &session->device.flash;
    struct modfmt_image image;
    struct modfmt_diag diag;
    uint8_t header[MODFMT_HEADER_SIZE], *bytes;
    uint32_t offset = 0;
    bool found = false;

    if (flash->read(flash, stored->offset, header, sizeof header) != 0 ||
        modfmt_open(header, stored->size, &image, &diag) != 0 ||
        image.critical_count == 0) {
        return false;
    }
    if (catalog_open(session, stored, &bytes, &image) == 0) {
        identity_of(&image, ret_identity);
        while (!found && check_next_need(&image, &offset, ret_need)) {
            for (uint32_t i = 0; i < count; i++) {
                found = found || hash[i] == ret_need->hash;
            }
        }
        ret_need->range = NULL; /* it goes with the bytes */
    }
    free(bytes);
    return found;
}

/* Those that need what is going to be replaced. */
static void hold_dependents(struct linking *l)
{
    struct session *session = l->session;
    uint32_t *hash = cli_alloc(l->count, sizeof *hash);
    uint32_t count = 0;

    for (uint32_t i = 0; i < l->count; i++) {
        const struct identity *id = &l->package[i].identity;

        if (l->package[i].had) {
            hash[count++] = modfmt_hash(id->name, id->name_length);
        }
    }
    for (uint32_t i = 0; count != 0 && i < session->store.count; i++) {
        struct identity identity;
        struct check_need need;

        if (!is_replaced(l, session->image[i].hash) &&
            needs_any(session, &session->image[i], hash, count, &identity, &need)) {
            hold(l, &session->image[i]);
        }
    }
    free(hash);
    if (session->target->error[0] != 0) {
        session_fail(session, 0, NULL, "reading the module region");
    }
}

/* All that plays a part; those that are held may need others in turn. */
static void find_modules(struct linking *l)
{
    hold_dependents(l);
    for (uint32_t i = 0; i < l->count; i++) {
        hold_needed(l, &l->image[i]);
    }
    for (size_t i = 0; i < l->held_count; i++) {
        if (l->held[i].bytes != NULL) {
            struct modfmt_image image = l->held[i].image; /* held may move */

            hold_needed(l, &image);
        }
    }
}

/* ---- the verdict
 * ----------------------------------------------------------------------- */

static void enter_modules(struct linking *l, size_t *number)
{
    for (uint32_t i = 0; i < l->count; i++) {
        number[i] = check_module(l->after, l->package[i].path, &l->image[i]);
    }
    for (size_t i = 0; i < l->held_count; i++) {
        struct held *h = &l->held[i];

        if (h->bytes == NULL) {
            continue;
        }
        h->before = check_module(l->before, h->from, &h->image);
        if (!h->replaced) {
            h->after = check_module(l->after, h->from, &h->image);
        }
    }
    for (size_t i = 0; i < l->file_count; i++) {
        const struct interface *api = l->files[i].api;

        if (api != NULL && strcmp(api->provider, INTERFACE_FIRMWARE) != 0) {
            check_offer_module(l->before, api);
            check_offer_module(l->after, api);
        }
    }
    check_run(l->before);
    check_run(l->after);
}

static bool has_problem(const struct check_report *report, const struct check_problem *p)
{
    for (size_t i = 0; i < report->count; i++) {
        const struct check_problem *other = &report->problems[i];

        if (!other->warning && other->kind == p->kind && other->hash == p->hash) {
            return true;
        }
    }
    return false;
}

/* A module that is there and that the packages would spoil. */
static bool judge_held(const struct linking *l, const struct held *h, bool explain)
{
    const struct check_report *before, *after;
    bool good = true;

    if (h->bytes == NULL || h->replaced) {
        return true;
    }
    before = check_report_of(l->before, h->before);
    after = check_report_of(l->after, h->after);
    for (size_t i = 0; i < after->count; i++) {
        const struct check_problem *p = &after->problems[i];

        if (p->warning) {
            continue;
        }
        if (!has_problem(before, p)) {
            cli_error(h->from, "%s", p->text);
            good = false;
        } else if (explain) {
            cli_note(h->from, "%s", p->text);
        }
    }
    return good;
}

static bool judge(const struct linking *l, const size_t *number)
{
    bool good = true, explain = false;

    progress_end();
    for (uint32_t i = 0; i < l->count; i++) {
        const struct check_report *report = check_report_of(l->after, number[i]);

        good = check_print(report, l->session->request->quiet) && good;
        for (size_t k = 0; k < report->count; k++) {
            explain = explain || report->problems[k].kind == CHECK_NEED_BAD;
        }
    }
    for (size_t i = 0; i < l->held_count; i++) {
        good = judge_held(l, &l->held[i], explain) && good;
    }
    if (!good) {
        cli_note(NULL,
                 "nothing was changed; --no-check leaves it to the loader to refuse "
                 "what does not fit");
    }
    return good;
}

static void end(struct linking *l)
{
    check_free(l->before);
    check_free(l->after);
    for (size_t i = 0; i < l->file_count; i++) {
        firmware_free(&l->files[i]);
    }
    for (size_t i = 0; i < l->held_count; i++) {
        free(l->held[i].bytes);
        free(l->held[i].from);
    }
    free(l->files);
    free(l->table);
    free(l->held);
    free(l->image);
}

bool linking_check(struct session *session, const struct package *package, uint32_t count)
{
    struct linking l = {.session = session, .package = package, .count = count};
    size_t *number = cli_alloc(count, sizeof *number);
    struct modfmt_diag diag;
    bool good;

    if (session->request->no_check) {
        free(number);
        return true;
    }
    l.image = cli_alloc(count, sizeof *l.image);
    for (uint32_t i = 0; i < count; i++) { /* they passed modfmt_check() */
        (void)modfmt_open(package[i].bytes, package[i].size, &l.image[i], &diag);
    }
    l.before = check_new();
    l.after = check_new();
    find_modules(&l);
    find_offers(&l);
    enter_modules(&l, number);
    good = judge(&l, number);
    end(&l);
    free(number);
    return good;
}

bool linking_check_removal(struct session *session, const uint32_t *hash, uint32_t count)
{
    bool good = true;

    for (uint32_t i = 0; i < session->store.count && !session->request->no_check; i++) {
        const struct modfmt_store_image *stored = &session->image[i];
        struct identity identity;
        struct check_need need;
        bool goes = false;

        for (uint32_t k = 0; k < count; k++) {
            goes = goes || hash[k] == stored->hash;
        }
        if (!goes && needs_any(session, stored, hash, count, &identity, &need)) {
            cli_error(session->target->spec,
                      "'%s' is needed by '%s': remove that as well, or let it break with "
                      "--no-check",
                      need.name, identity.name);
            good = false;
        }
    }
    if (session->target->error[0] != 0) {
        session_fail(session, 0, NULL, "reading the module region");
    }
    return good;
}
