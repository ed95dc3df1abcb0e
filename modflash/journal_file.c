/* SPDX-License-Identifier: BSD-2-Clause */
/* The journal's file: a header that names the region, then the images one after another,
 * each with its size and flags before it; a CRC-32 over all of it at the end. */
#include "journal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define MAGIC      "modflash journal 1\n"
#define MAGIC_SIZE (sizeof MAGIC - 1)
#define HEAD_SIZE  (MAGIC_SIZE + 12)

char *journal_path(const char *uid, const struct region *region)
{
    const char *state = getenv("XDG_STATE_HOME"), *home = getenv("HOME");
    char *folder, *path;

    if (state != NULL && state[0] == '/') {
        folder = cli_format("%s/modflash", state);
    } else if (home != NULL && home[0] == '/') {
        folder = cli_format("%s/.local/state/modflash", home);
    } else {
        return NULL;
    }
    path = cli_format("%s/%s-%08x-%x.journal", folder, uid, region->base, region->size);
    free(folder);
    return path;
}

void journal_free(struct journal *journal)
{
    for (uint32_t i = 0; i < journal->count; i++) {
        free(journal->image[i].bytes);
    }
    free(journal->image);
    memset(journal, 0, sizeof *journal);
}

static _Noreturn void bad_journal(const struct session *session, const char *why)
{
    cli_error(
        session->journal,
        "%s; if its modules are not needed: 'modflash recover --discard-journal', then "
        "'modflash erase'",
        why);
    session_refuse((struct session *)(uintptr_t)session);
}

/* One image of the file. @return where the next one begins, or 0 */
static size_t read_image(const struct session *session, struct journal *journal,
                         const uint8_t *bytes, size_t at, size_t end)
{
    struct journal_image image = {0};
    struct modfmt_image view;
    struct modfmt_diag diag;

    if (end - at < 8) {
        return 0;
    }
    image.size = modfmt_get32(bytes + at);
    image.flags = modfmt_get32(bytes + at + 4) & MODFMT_STORE_PINNED;
    at += 8;
    if (image.size > end - at || modfmt_open(bytes + at, image.size, &view, &diag) != 0 ||
        view.size != image.size || modfmt_check(&view, &diag) != 0) {
        return 0;
    }
    image.bytes = cli_alloc(image.size, 1);
    memcpy(image.bytes, bytes + at, image.size);
    journal_look(session, &image);
    identity_of(&view, &image.identity);
    journal->image = cli_grow(journal->image, &journal->capacity, journal->count + 1u,
                              sizeof *journal->image);
    journal->image[journal->count++] = image;
    return at + image.size;
}

void journal_read(const struct session *session, struct journal *ret_journal)
{
    size_t size, at = HEAD_SIZE;
    uint8_t *bytes = cli_read_file(session->journal, &size);

    memset(ret_journal, 0, sizeof *ret_journal);
    if (size < HEAD_SIZE + 4 || size > UINT32_MAX ||
        memcmp(bytes, MAGIC, MAGIC_SIZE) != 0) {
        bad_journal(session, "is no journal of modflash");
    }
    if (modfmt_get32(bytes + size - 4) != modfmt_crc32(0, bytes, (uint32_t)size - 4)) {
        bad_journal(session, "is damaged: its CRC is wrong");
    }
    if (modfmt_get32(bytes + MAGIC_SIZE) != session->region.base ||
        modfmt_get32(bytes + MAGIC_SIZE + 4) != session->region.size) {
        bad_journal(session, "is of another region");
    }
    while (at < size - 4) {
        at = read_image(session, ret_journal, bytes, at, size - 4);
        if (at == 0) {
            bad_journal(session, "holds something that is no module");
        }
    }
    free(bytes);
}

/* Make every folder on the way to the file. */
static int make_folders(const char *path)
{
    char *copy = cli_format("%s", path);

    for (char *slash = strchr(copy + 1, '/'); slash != NULL;
         slash = strchr(slash + 1, '/')) {
        *slash = 0;
        if (mkdir(copy, 0700) != 0 && errno != EEXIST) {
            cli_error(copy,
                      "cannot be made: %s; set XDG_STATE_HOME to a folder that can "
                      "be written",
                      strerror(errno));
            free(copy);
            return CLI_IO;
        }
        *slash = '/';
    }
    free(copy);
    return 0;
}

/* The name must last as well as the bytes. @return 0, or -1 and errno */
static int sync_folder(const char *path)
{
    char *folder = cli_format("%s", path);
    int file, rc = -1;

    *strrchr(folder, '/') = 0;
    file = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (file >= 0) {
        rc = fsync(file);
        close(file);
    }
    free(folder);
    return rc;
}

int journal_delete(const struct session *session)
{
    /* One that came back after a crash of this machine would undo what was done since. */
    return unlink(session->journal) == 0 ? sync_folder(session->journal) : -1;
}

int journal_write(const struct session *session, const struct journal *journal)
{
    size_t size = HEAD_SIZE + 4, at = HEAD_SIZE;
    uint8_t *bytes;
    int status;

    for (uint32_t i = 0; i < journal->count; i++) {
        size += 8u + journal->image[i].size;
    }
    bytes = cli_alloc(size, 1);
    memcpy(bytes, MAGIC, MAGIC_SIZE);
    modfmt_put32(bytes + MAGIC_SIZE, session->region.base);
    modfmt_put32(bytes + MAGIC_SIZE + 4, session->region.size);
    modfmt_put32(bytes + MAGIC_SIZE + 8, journal->count);
    for (uint32_t i = 0; i < journal->count; i++) {
        const struct journal_image *image = &journal->image[i];

        modfmt_put32(bytes + at, image->size);
        modfmt_put32(bytes + at + 4, image->flags);
        memcpy(bytes + at + 8, image->bytes, image->size);
        at += 8u + image->size;
    }
    modfmt_put32(bytes + at, modfmt_crc32(0, bytes, (uint32_t)at));
    status = make_folders(session->journal);
    if (status == 0) {
        status = cli_write_file(session->journal, bytes, size);
    }
    if (status == 0 && sync_folder(session->journal) != 0) {
        cli_error(session->journal, "cannot be written to disk: %s", strerror(errno));
        status = CLI_IO;
    }
    free(bytes);
    return status;
}
