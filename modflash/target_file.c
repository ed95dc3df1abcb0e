/* SPDX-License-Identifier: BSD-2-Clause */
/**
 * A flash image in a file, raw from the flash base on. It behaves as flash does:
 * programming clears bits only, and what is not erased is not programmed.
 */
#define _XOPEN_SOURCE 700 /* realpath() */
#include "target_kinds.h"
#include "chip.h"
#include "cli.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct file_target {
    struct target target; /* first */
    char *path;
    int fd; /* -1: there is no file yet; begin() makes it */
};

static struct file_target *file_of(struct target *target)
{
    return (struct file_target *)target;
}

/* ---- bytes ---------------------------------------------------------------- */

static int fail_io(struct file_target *file, const char *what)
{
    return target_fail(&file->target, "%s: %s", what, strerror(errno));
}

/* @return 0, or -1 and errno; a file that ends early is EIO */
static int read_at(int fd, uint8_t *bytes, size_t size, off_t at)
{
    while (size != 0) {
        ssize_t got = pread(fd, bytes, size, at);
        if (got < 0 && errno == EINTR) {
            continue;
        }
        if (got <= 0) {
            errno = got == 0 ? EIO : errno;
            return -1;
        }
        bytes += got;
        at += got;
        size -= (size_t)got;
    }
    return 0;
}

static int write_at(int fd, const uint8_t *bytes, size_t size, off_t at)
{
    while (size != 0) {
        ssize_t put = pwrite(fd, bytes, size, at);
        if (put < 0 && errno == EINTR) {
            continue;
        }
        if (put <= 0) {
            errno = put == 0 ? ENOSPC : errno;
            return -1;
        }
        bytes += put;
        at += put;
        size -= (size_t)put;
    }
    return 0;
}

/* ---- operations ----------------------------------------------------------- */

static int check_range(struct target *target, uint32_t address, uint32_t length,
                       uint32_t *ret_offset)
{
    const struct target_chip *chip = &target->chip;
    uint32_t offset = address - chip->flash_base;
    if (address < chip->flash_base || offset > chip->flash_size ||
        length > chip->flash_size - offset) {
        return target_fail(target,
                           "0x%08" PRIx32 " + %" PRIu32 " bytes is outside the flash",
                           address, length);
    }
    *ret_offset = offset;
    return 0;
}

static int file_read(struct target *target, uint32_t address, void *bytes,
                     uint32_t length)
{
    struct file_target *file = file_of(target);
    uint32_t offset = 0;
    if (check_range(target, address, length, &offset) != 0) {
        return -1;
    }
    if (target_interrupted()) {
        return target_fail(target, "interrupted");
    }
    target->counts.read_bytes += length;
    if (file->fd < 0) {
        memset(bytes, 0xFF, length);
        return 0;
    }
    return read_at(file->fd, bytes, length, offset) == 0
               ? 0
               : fail_io(file, "cannot be read");
}

static int create(struct file_target *file)
{
    uint32_t size = file->target.chip.flash_size;
    file->fd = open(file->path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    if (file->fd < 0) {
        return fail_io(file, "cannot be created");
    }
    uint8_t *erased = cli_alloc(size, 1);
    memset(erased, 0xFF, size);
    int status = write_at(file->fd, erased, size, 0);
    free(erased);
    if (status != 0) {
        fail_io(file, "cannot be written");
        unlink(file->path);
    }
    return status;
}

/* Two writers at once would end in a store that neither of them made. */
static int lock_file(struct file_target *file)
{
    struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
    if (fcntl(file->fd, F_SETLK, &lock) == 0 || (errno != EACCES && errno != EAGAIN)) {
        return 0;
    }
    return target_fail(&file->target, "another modflash is writing to it");
}

static int file_begin(struct target *target)
{
    struct file_target *file = file_of(target);
    if (target_interrupted()) {
        return target_fail(target, "interrupted");
    }
    if ((file->fd < 0 && create(file) != 0) || lock_file(file) != 0) {
        return -1;
    }
    target->begun = true;
    return 0;
}

/* All bytes of what is to be programmed must be erased. */
static int check_erased(struct file_target *file, uint32_t offset, uint32_t length)
{
    uint8_t block[4096];
    for (uint32_t at = 0; at < length;) {
        uint32_t size = length - at < sizeof block ? length - at : (uint32_t)sizeof block;
        if (read_at(file->fd, block, size, (off_t)offset + at) != 0) {
            return fail_io(file, "cannot be read");
        }
        for (uint32_t i = 0; i < size; i++, at++) {
            if (block[i] != 0xFF) {
                return target_fail(&file->target,
                                   "0x%08" PRIx32
                                   " is to be programmed but is not erased",
                                   file->target.chip.flash_base + offset + at);
            }
        }
    }
    return 0;
}

static int file_program(struct target *target, uint32_t address, const void *bytes,
                        uint32_t length)
{
    struct file_target *file = file_of(target);
    uint32_t offset = 0;
    if (check_range(target, address, length, &offset) != 0) {
        return -1;
    }
    if (!target->begun || (offset | length) % target->chip.unit != 0) {
        return target_fail(target,
                           "programming 0x%08" PRIx32 " + %" PRIu32
                           " bytes is no whole number of units",
                           address, length);
    }
    if (target_interrupted()) {
        return target_fail(target, "interrupted");
    }
    if (check_erased(file, offset, length) != 0) {
        return -1;
    }
    if (write_at(file->fd, bytes, length, offset) != 0) {
        return fail_io(file, "cannot be written");
    }
    target->counts.programmed_bytes += length;
    return 0;
}

static int file_erase(struct target *target, uint32_t index)
{
    struct file_target *file = file_of(target);
    uint8_t block[4096];
    uint32_t offset = 0;
    if (!target->begun || index >= target->chip.sector_count) {
        return target_fail(target, "there is no sector %" PRIu32, index);
    }
    if (target_interrupted()) {
        return target_fail(target, "interrupted");
    }
    for (uint32_t i = 0; i < index; i++) {
        offset += target->chip.sector_size[i];
    }
    memset(block, 0xFF, sizeof block);
    for (uint32_t at = 0; at < target->chip.sector_size[index]; at += sizeof block) {
        if (write_at(file->fd, block, sizeof block, (off_t)offset + at) != 0) {
            return fail_io(file, "cannot be written");
        }
    }
    target->counts.erased_sectors++;
    return 0;
}

static int file_end(struct target *target, bool reset)
{
    struct file_target *file = file_of(target);
    (void)reset;
    target->begun = false;
    if (fsync(file->fd) != 0 && errno != EINVAL && errno != ENOTSUP) {
        return fail_io(file, "cannot be written");
    }
    return 0;
}

static void file_close(struct target *target)
{
    struct file_target *file = file_of(target);
    if (file->fd >= 0) {
        close(file->fd);
    }
    free(file->path);
    free(file);
}

static const struct target_ops file_ops = {
    .read = file_read,
    .begin = file_begin,
    .program = file_program,
    .erase = file_erase,
    .end = file_end,
    .close = file_close,
};

/* ---- opening -------------------------------------------------------------- */

static uint64_t hash_text(uint64_t hash, const char *text)
{
    for (; *text != 0; text++) {
        hash = (hash ^ (uint8_t)*text) * 0x100000001B3u; /* FNV-1a, 64 bits */
    }
    return hash;
}

/* By the path that all names of the file share; one that is not there yet has its
 * folder's and its name. */
static uint64_t hash_path(const char *path)
{
    const uint64_t basis = 0xCBF29CE484222325u;
    const char *slash = strrchr(path, '/');
    char *real = realpath(path, NULL);
    uint64_t hash;
    if (real != NULL) {
        hash = hash_text(basis, real);
    } else {
        char *folder = slash == NULL ? cli_format(".")
                                     : cli_format("%.*s/", (int)(slash - path), path);
        real = realpath(folder, NULL);
        free(folder);
        hash = hash_text(basis, real != NULL && strcmp(real, "/") != 0 ? real : "");
        hash = hash_text(hash, "/");
        hash = hash_text(hash, slash == NULL ? path : slash + 1);
    }
    free(real);
    return hash;
}

/* A file that is there; its size must be the chip's. */
static int open_existing(struct file_target *file, bool writable)
{
    struct stat info;
    uint32_t size = file->target.chip.flash_size;
    file->fd = open(file->path, (writable ? O_RDWR : O_RDONLY) | O_CLOEXEC);
    if (file->fd < 0) {
        if (errno == ENOENT && writable) {
            return 0;
        }
        cli_error(file->path, "cannot be opened: %s", strerror(errno));
        return CLI_IO;
    }
    if (fstat(file->fd, &info) != 0 || !S_ISREG(info.st_mode)) {
        cli_error(file->path, "is no regular file");
        return CLI_IO;
    }
    if (info.st_size != (off_t)size) {
        cli_error(file->path,
                  "has %jd bytes, but the whole flash of a %s, from 0x%08" PRIx32
                  " on, has %" PRIu32,
                  (intmax_t)info.st_size, file->target.chip.name,
                  file->target.chip.flash_base, size);
        return CLI_IO;
    }
    return 0;
}

int target_file_open(const struct target_options *options, const char *path,
                     struct target **ret_target)
{
    const char *name = options->chip_name != NULL ? options->chip_name : "stm32f405";
    struct chip_model model;
    if (!chip_find_name(name, &model)) {
        char *names = chip_name_list();
        cli_error(NULL, "chip '%s' is not known; known are %s", name, names);
        free(names);
        return CLI_USAGE;
    }
    struct file_target *file = cli_alloc(1, sizeof *file);
    file->target.ops = &file_ops;
    file->target.spec = options->spec;
    file->path = cli_format("%s", path);
    chip_describe(&model, model.row->flash_size, &file->target.chip);
    snprintf(file->target.chip.uid, sizeof file->target.chip.uid, "file-%016" PRIx64,
             hash_path(path));
    int status = open_existing(file, options->writable);
    if (status != 0) {
        file_close(&file->target);
        return status;
    }
    *ret_target = &file->target;
    return 0;
}
