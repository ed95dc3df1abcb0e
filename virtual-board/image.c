/* SPDX-License-Identifier: BSD-2-Clause */
/** The flash's cells, in a file that is shared with them: nothing needs to be saved. */
#include "image.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "chip.h"

static bool fail(struct image *image, const char *what)
{
    snprintf(image->problem, sizeof image->problem, "%s: %s", what, strerror(errno));
    return false;
}

/* All bytes are written, not merely reserved: a full disk is found here, and not as a
 * SIGBUS later. */
static bool write_erased(int file)
{
    uint8_t erased[0x10000];
    memset(erased, 0xff, sizeof erased);
    for (uint32_t done = 0; done < CHIP_FLASH_SIZE;) {
        ssize_t count = write(file, erased, sizeof erased);
        if (count < 0) {
            return false;
        }
        done += (uint32_t)count;
    }
    return true;
}

static bool make_file(struct image *image, const char *path)
{
    image->file = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    if (image->file < 0) {
        return fail(image, "cannot make it");
    }
    if (!write_erased(image->file)) {
        bool made = fail(image, "cannot write it");
        unlink(path);
        return made;
    }
    return true;
}

static bool check_file(struct image *image)
{
    struct stat status;
    if (fstat(image->file, &status) != 0) {
        return fail(image, "cannot be looked at");
    }
    if (!S_ISREG(status.st_mode)) {
        snprintf(image->problem, sizeof image->problem,
                 "is no regular file; a flash image is one, of %u bytes",
                 CHIP_FLASH_SIZE);
        return false;
    }
    if (status.st_size != (off_t)CHIP_FLASH_SIZE) {
        snprintf(image->problem, sizeof image->problem,
                 "has %lld bytes, but a flash image has %u; without the file, flash "
                 "starts erased",
                 (long long)status.st_size, CHIP_FLASH_SIZE);
        return false;
    }
    if (flock(image->file, LOCK_EX | LOCK_NB) != 0) {
        return fail(image, "is in use by another virtual-board");
    }
    return true;
}

static bool map_file(struct image *image)
{
    void *cells =
        mmap(NULL, CHIP_FLASH_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, image->file, 0);
    if (cells == MAP_FAILED) {
        return fail(image, "cannot be mapped");
    }
    image->cells = cells;
    return true;
}

bool image_open(struct image *image, const char *path)
{
    *image = (struct image){.file = open(path, O_RDWR | O_CLOEXEC | O_NONBLOCK)};
    if (image->file < 0 && errno != ENOENT) {
        return fail(image, "cannot be opened");
    }
    bool there = image->file >= 0 || make_file(image, path);
    if (there && check_file(image) && map_file(image)) {
        return true;
    }
    if (image->file >= 0) {
        close(image->file);
    }
    return false;
}

void image_close(struct image *image)
{
    if (image->cells != NULL) {
        munmap(image->cells, CHIP_FLASH_SIZE);
        close(image->file);
        image->cells = NULL;
    }
}
