/* SPDX-License-Identifier: BSD-2-Clause */
/** verify: are contents good, and are they those of a file? */
#include "catalog.h"
#include "linked.h"
#include "params.h"
#include "verbs.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/* ---- names and files -----------------------------------------------------------------
 */

static bool looks_like_path(const char *operand)
{
    size_t length = strlen(operand);

    return strchr(operand, '/') != NULL ||
           (length > 4 && strcmp(operand + length - 4, ".bin") == 0);
}

static bool begins_as_image(const char *path)
{
    uint8_t first[4] = {0};
    FILE *file = fopen(path, "rb");
    size_t got = file != NULL ? fread(first, 1, sizeof first, file) : 0;

    if (file != NULL) {
        fclose(file);
    }
    return got == sizeof first && modfmt_get32(first) == MODFMT_MAGIC;
}

/* What looks like a path and cannot be had is one all the same: reading it says why. A
 * pipe must not be looked into. */
static bool is_file(const char *operand)
{
    struct stat status;

    if (stat(operand, &status) != 0) {
        return looks_like_path(operand) && errno != ENOENT;
    }
    return looks_like_path(operand) ||
           (S_ISREG(status.st_mode) && begins_as_image(operand));
}

/* The files among the operands, read and checked before anything is asked of the target;
 * of a name, `path` is NULL. */
static struct package *read_files(const struct request *request)
{
    struct package *package = cli_alloc(request->operand_count + 1u, sizeof *package);

    for (unsigned i = 0; i < request->operand_count; i++) {
        if (is_file(request->operands[i])) {
            package_read(&package[i], request->operands[i]);
        }
    }
    return package;
}

static const struct modfmt_store_image *find_name(struct session *session,
                                                  const char *name)
{
    uint32_t hash = modfmt_hash(name, (uint32_t)strlen(name));

    if (looks_like_path(name) && modfmt_store_find(&session->store, hash) == NULL) {
        cli_error(name, "there is no such file, and no module of that name in flash");
        session_exit(session, CLI_IO);
    }
    return catalog_find(session, name);
}

/* ---- contents ------------------------------------------------------------------------
 */

/* Is it the same image but for what its user filled in? */
static bool other_params_only(const struct package *package, const uint8_t *bytes,
                              uint32_t size)
{
    const uint32_t crc_end = MODFMT_OFF_CRC + 4u;
    const uint8_t *file = package->bytes;
    struct params_block block;
    struct modfmt_image image;
    struct modfmt_diag diag;
    uint32_t end;

    if (size != package->size || modfmt_open(file, size, &image, &diag) != 0 ||
        params_find(&image, &block) != NULL) {
        return false;
    }
    end = block.offset + block.size;
    return memcmp(file, bytes, MODFMT_OFF_CRC) == 0 &&
           memcmp(file + crc_end, bytes + crc_end, block.offset - crc_end) == 0 &&
           memcmp(file + end, bytes + end, size - end) == 0;
}

static void say_difference(const struct package *package, const struct identity *there,
                           const uint8_t *bytes, uint32_t size)
{
    const struct identity *here = &package->identity;
    char from[24], to[24];

    if (identity_compare(here, there) != 0) {
        cli_error(package->path, "is %s %s, and what is in flash is %s", here->name,
                  identity_version(here, from), identity_version(there, to));
    } else {
        cli_error(package->path, "is not what is in flash: %s %s there has other %s",
                  there->name, identity_version(there, to),
                  other_params_only(package, bytes, size)
                      ? "parameters, and all else is the same"
                      : "contents");
    }
}

/* A good image in flash, and a file of the same name. @return CLI_OK or CLI_REFUSED */
static int compare(const struct session *session, const struct package *package,
                   const struct modfmt_store_image *stored,
                   const struct identity *identity, const uint8_t *bytes)
{
    struct modfmt_linked linked;
    struct modfmt_diag diag;
    uint32_t size = stored->size;
    bool undo = linked_read(bytes, size, &linked) &&
                !linked_read(package->bytes, package->size, &linked);
    uint8_t *plain = undo ? linked_undo(bytes, size, &size, &diag) : NULL;
    bool same;

    bytes = plain != NULL ? plain : bytes;
    same = size == package->size && memcmp(bytes, package->bytes, size) == 0;
    if (!same) {
        say_difference(package, identity, bytes, size);
    } else if (!session->request->quiet) {
        cli_put_text(stdout, identity->name, identity->name_length);
        printf(": the same as ");
        cli_put_text(stdout, package->path, strlen(package->path));
        printf("%s, %u bytes at 0x%08x\n", undo ? ", linked for its place" : "",
               stored->size, session_address(session, stored->offset));
    }
    free(plain);
    return same ? CLI_OK : CLI_REFUSED;
}

static void say_good(const struct session *session,
                     const struct modfmt_store_image *stored,
                     const struct identity *identity)
{
    if (!session->request->quiet) {
        cli_put_text(stdout, identity->name, identity->name_length);
        printf(": good, %u bytes at 0x%08x\n", stored->size,
               session_address(session, stored->offset));
    }
}

/* @param package  the file that it shall be the same as, or NULL
 * @return CLI_OK; CLI_REFUSED, it is another; CLI_TARGET, it is not good */
static int verify_one(struct session *session, const struct modfmt_store_image *stored,
                      const struct package *package)
{
    struct modfmt_diag diag = {0, 0, 0, 0};
    struct modfmt_image image;
    struct modfmt_linked linked = {0};
    struct identity identity;
    bool placed = true;
    uint8_t *bytes;
    int rc, status = CLI_TARGET;

    catalog_identity(session, stored, &identity);
    rc = catalog_check(session, stored, &bytes, &image, &diag);
    if (rc == 0) {
        rc = linked_check(bytes, stored->size, &diag);
        placed = !linked_read(bytes, stored->size, &linked) ||
                 linked_at_its_place(session, stored, &linked);
    }
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
    } else if (package != NULL) {
        status = compare(session, package, stored, &identity, bytes);
    } else {
        say_good(session, stored, &identity);
        status = CLI_OK;
    }
    free(bytes);
    return status;
}

static int verify_file(struct session *session, const struct package *package)
{
    const struct identity *here = &package->identity;
    uint32_t hash = modfmt_hash(here->name, here->name_length);
    const struct modfmt_store_image *stored = modfmt_store_find(&session->store, hash);
    struct identity there;

    /* Another name may have the same hash. */
    if (stored == NULL || (catalog_identity(session, stored, &there) &&
                           strcmp(there.name, here->name) != 0)) {
        cli_error(package->path, "is %s, and there is no module of that name in flash",
                  here->name);
        return CLI_REFUSED;
    }
    return verify_one(session, stored, package);
}

int verb_verify(const struct request *request)
{
    struct package *package = read_files(request);
    struct session *session = session_open(request, SESSION_READ);
    int worst = CLI_OK, status;

    for (unsigned i = 0; i < request->operand_count; i++) {
        status =
            package[i].path != NULL
                ? verify_file(session, &package[i])
                : verify_one(session, find_name(session, request->operands[i]), NULL);
        worst = status > worst ? status : worst;
        package_free(&package[i]);
    }
    for (uint32_t i = 0; request->operand_count == 0 && i < session->store.count; i++) {
        status = verify_one(session, &session->image[i], NULL);
        worst = status > worst ? status : worst;
    }
    free(package);
    status = session_close(session);
    return status != 0 ? status : worst;
}
