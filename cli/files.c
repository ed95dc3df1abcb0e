/* SPDX-License-Identifier: BSD-2-Clause */
/** Memory and files, with one clear message for whatever goes wrong. */
#include "cli.h"
#include "text.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* More than any image or ELF that makes sense, and a stop for /dev/zero and its like. */
#define STREAM_MAX ((size_t)512 << 20)

/* ---- memory ---------------------------------------------------------------- */

void *cli_alloc(size_t count, size_t size)
{
    void *memory = calloc(count, size); /* checks the product */
    if (memory == NULL) {
        cli_die(CLI_IO, NULL, "out of memory");
    }
    return memory;
}

void *cli_grow(void *array, size_t *capacity, size_t want, size_t size)
{
    size_t grown = *capacity < 16 ? 16 : *capacity;
    if (want <= *capacity && array != NULL) {
        return array;
    }
    while (grown < want && grown <= SIZE_MAX / 2) {
        grown *= 2;
    }
    void *memory = grown < want || (size != 0 && grown > SIZE_MAX / size)
                       ? NULL
                       : realloc(array, grown * size);
    if (memory == NULL) {
        cli_die(CLI_IO, NULL, "out of memory");
    }
    *capacity = grown;
    return memory;
}

char *cli_format(const char *format, ...)
{
    va_list list;
    va_start(list, format);
    int length = vsnprintf(NULL, 0, format, list);
    va_end(list);
    char *text = cli_alloc((size_t)(length < 0 ? 0 : length) + 1, 1);
    if (length > 0) {
        va_start(list, format);
        vsnprintf(text, (size_t)length + 1, format, list);
        va_end(list);
    }
    return text;
}

/* ---- reading --------------------------------------------------------------- */

void cli_hold_descriptors_(void)
{
    /* Opened the wrong way round, so that using one fails as if it were closed. */
    for (int fd = 0; fd <= 2; fd++) {
        if (fcntl(fd, F_GETFD) == -1 && errno == EBADF &&
            open("/dev/null", fd == 0 ? O_WRONLY : O_RDONLY) != fd) {
            return;
        }
    }
}

static ssize_t read_some(int fd, uint8_t *buffer, size_t size)
{
    ssize_t got;
    do {
        got = read(fd, buffer, size);
    } while (got < 0 && errno == EINTR);
    return got;
}

uint8_t *cli_read_file(const char *path, size_t *ret_size)
{
    struct stat info;
    uint8_t *bytes = NULL;
    size_t capacity = 0;
    size_t size = 0;
    int fd = open(path, O_RDONLY | O_CLOEXEC);

    if (fd < 0) {
        cli_die(CLI_IO, path, "cannot be opened: %s", strerror(errno));
    }
    if (fstat(fd, &info) != 0) {
        cli_die(CLI_IO, path, "cannot be read: %s", strerror(errno));
    }
    if (S_ISDIR(info.st_mode)) {
        cli_die(CLI_IO, path, "is a directory, not a file");
    }
    if (S_ISREG(info.st_mode) && info.st_size > 0 &&
        (uintmax_t)info.st_size < SIZE_MAX / 2) {
        /* One byte more: the read that finds the end needs no second buffer. */
        bytes = cli_grow(bytes, &capacity, (size_t)info.st_size + 1, 1);
    }
    for (;;) {
        bytes = cli_grow(bytes, &capacity, size + 1, 1);
        ssize_t got = read_some(fd, bytes + size, capacity - size);
        if (got < 0) {
            cli_die(CLI_IO, path, "cannot be read: %s", strerror(errno));
        }
        if (got == 0) {
            break;
        }
        size += (size_t)got;
        if (!S_ISREG(info.st_mode) && size > STREAM_MAX) {
            cli_die(CLI_IO, path, "does not end within %zu MiB, and is no regular file",
                    STREAM_MAX >> 20);
        }
    }
    close(fd);
    /* Fitted, so that a sanitizer sees a read past the end; never fails when it shrinks.
     */
    uint8_t *fitted = realloc(bytes, size != 0 ? size : 1);
    *ret_size = size;
    return fitted != NULL ? fitted : bytes;
}

/* ---- writing --------------------------------------------------------------- */

static bool write_all(int fd, const uint8_t *bytes, size_t size)
{
    while (size != 0) {
        ssize_t put = write(fd, bytes, size);
        if (put < 0 && errno == EINTR) {
            continue;
        }
        if (put <= 0) {
            errno = put == 0 ? ENOSPC : errno;
            return false;
        }
        bytes += put;
        size -= (size_t)put;
    }
    return true;
}

static int complain(const char *path, const char *what)
{
    cli_error(path, "%s: %s", what, strerror(errno));
    return CLI_IO;
}

static int write_stdout(const char *path, const void *bytes, size_t size)
{
    if (fflush(stdout) != 0 || !write_all(STDOUT_FILENO, bytes, size)) {
        return complain(path, "cannot be written");
    }
    return CLI_OK;
}

/* To a device, a pipe or the like, which a file must not replace. */
static int write_directly(const char *path, const void *bytes, size_t size)
{
    int fd = open(path, O_WRONLY | O_TRUNC | O_NOCTTY | O_CLOEXEC);
    if (fd < 0) {
        return complain(path, "cannot be opened for writing");
    }
    bool good = write_all(fd, bytes, size);
    int error = errno;
    if (close(fd) != 0 && good) {
        good = false;
        error = errno;
    }
    errno = error;
    return good ? CLI_OK : complain(path, "cannot be written");
}

/* The folder part, with its slash; "" if there is none. */
static char *folder_of(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash == NULL ? cli_format("%s", "")
                         : cli_format("%.*s", (int)(slash - path) + 1, path);
}

/* Where a chain of symbolic links ends, whether or not there is a file yet; NULL: a loop.
 */
static char *follow_links(const char *path)
{
    char *at = cli_format("%s", path);
    for (int links = 0; links < 40; links++) {
        char target[PATH_MAX];
        ssize_t length = readlink(at, target, sizeof target - 1);
        if (length < 0) {
            return at;
        }
        target[length] = 0;
        char *folder = target[0] == '/' ? cli_format("%s", "") : folder_of(at);
        free(at);
        at = cli_format("%s%s", folder, target);
        free(folder);
    }
    free(at);
    errno = ELOOP;
    return NULL;
}

static mode_t new_mode(const struct stat *old)
{
    mode_t mask = umask(0);
    umask(mask);
    return old != NULL ? old->st_mode & 0777 : 0666 & ~mask;
}

/* Fill the temporary and give it the old file's owner and mode. errno tells a failure. */
static bool fill(int fd, const struct stat *old, const void *bytes, size_t size)
{
    bool good = write_all(fd, bytes, size);
    if (good && old != NULL && (old->st_uid != geteuid() || old->st_gid != getegid())) {
        /* Only root may give files away; for others the new file is simply theirs. */
        good = fchown(fd, old->st_uid, old->st_gid) == 0 || errno == EPERM;
    }
    good = good && fchmod(fd, new_mode(old)) == 0;
    good = good && (fsync(fd) == 0 || errno == EINVAL || errno == ENOTSUP);
    int error = errno;
    if (close(fd) != 0 && good) {
        return false;
    }
    errno = error;
    return good;
}

static int replace(const char *path, const char *target, const struct stat *old,
                   const void *bytes, size_t size)
{
    char *folder = folder_of(target);
    char *temporary = cli_format("%s.modfmt-XXXXXX", folder);
    int fd = mkstemp(temporary);
    int status = CLI_OK;

    if (fd < 0) {
        status = complain(path, "cannot be created");
    } else if (!fill(fd, old, bytes, size) || rename(temporary, target) != 0) {
        int error = errno;
        unlink(temporary);
        errno = error;
        status = complain(path, "cannot be written");
    }
    free(temporary);
    free(folder);
    return status;
}

static bool names_descriptor(const char *path)
{
    return strncmp(path, "/dev/fd/", 8) == 0 || strncmp(path, "/dev/std", 8) == 0 ||
           strncmp(path, "/proc/", 6) == 0;
}

int cli_write_file(const char *path, const void *bytes, size_t size)
{
    struct stat old;
    struct stat standard;
    bool exists = stat(path, &old) == 0;

    if (strcmp(path, "-") == 0) {
        return write_stdout("standard output", bytes, size);
    }
    if (exists && S_ISDIR(old.st_mode)) {
        errno = EISDIR;
        return complain(path, "cannot be written");
    }
    /* Stdout may be a regular file that others write to as well: it must stay the same.
     */
    if (exists && !S_ISCHR(old.st_mode) && fstat(STDOUT_FILENO, &standard) == 0 &&
        standard.st_dev == old.st_dev && standard.st_ino == old.st_ino) {
        return write_stdout(path, bytes, size);
    }
    if (names_descriptor(path) || (exists && !S_ISREG(old.st_mode))) {
        return write_directly(path, bytes, size);
    }
    /* Renaming would get round a file's write protection. */
    if (exists && access(path, W_OK) != 0) {
        return complain(path, "cannot be written");
    }
    char *target = follow_links(path);
    if (target == NULL) {
        return complain(path, "cannot be written");
    }
    int status = replace(path, target, exists ? &old : NULL, bytes, size);
    free(target);
    return status;
}

int cli_close_stdout(void)
{
    bool failed = ferror(stdout) != 0;
    int error = 0;

    if (fflush(stdout) != 0) {
        failed = true;
        error = errno;
    }
    /* EBADF with nothing left to write: stdout was closed all along, and not needed. */
    if (fclose(stdout) != 0 && errno != EBADF && !failed) {
        failed = true;
        error = errno;
    }
    if (failed) {
        cli_error("standard output", "cannot be written%s%s", error != 0 ? ": " : "",
                  error != 0 ? strerror(error) : "");
        return CLI_IO;
    }
    return CLI_OK;
}
