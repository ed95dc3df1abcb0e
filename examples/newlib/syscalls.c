/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What newlib wants of a system, of one that has a console and a heap and nothing else.
 * printf writes by _write, malloc takes memory by _sbrk; the others are called on the
 * way.
 */
#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "firmware.h"

/** malloc's memory. It could as well be asked of the firmware; this way it is in the
 *  module, and gone with it. */
static _Alignas(8) char heap[2048];

int _close(int file);
_Noreturn void _exit(int status);
int _fstat(int file, struct stat *ret_status);
int _getpid(void);
int _isatty(int file);
int _kill(int process, int signal);
off_t _lseek(int file, off_t offset, int whence);
int _read(int file, void *buffer, size_t size);
void *_sbrk(ptrdiff_t size);
int _write(int file, const void *bytes, size_t size);

void *_sbrk(ptrdiff_t size)
{
    static ptrdiff_t used;
    char *memory = heap + used;

    if (size > (ptrdiff_t)sizeof(heap) - used || size < -used) {
        errno = ENOMEM;
        return (void *)-1;
    }
    used += size;
    return memory;
}

/* fw_print takes texts that end with a zero byte, so a piece at a time is copied. */
int _write(int file, const void *bytes, size_t size)
{
    char piece[65];

    (void)file;
    for (size_t at = 0, length; at < size; at += length) {
        length = size - at < sizeof(piece) - 1 ? size - at : sizeof(piece) - 1;
        memcpy(piece, (const char *)bytes + at, length);
        piece[length] = '\0';
        fw_print(piece);
    }
    return (int)size;
}

int _read(int file, void *buffer, size_t size)
{
    (void)file, (void)buffer, (void)size;
    return 0;
}

int _close(int file)
{
    (void)file;
    return -1;
}

off_t _lseek(int file, off_t offset, int whence)
{
    (void)file, (void)offset, (void)whence;
    return 0;
}

/* A terminal: so that printf's lines are written when they end. */
int _fstat(int file, struct stat *ret_status)
{
    (void)file;
    ret_status->st_mode = S_IFCHR;
    return 0;
}

int _isatty(int file)
{
    (void)file;
    return 1;
}

/* abort() and exit() end here: the firmware's fault handler says in which module. */
_Noreturn void _exit(int status)
{
    (void)status;
    __builtin_trap();
}

int _kill(int process, int signal)
{
    (void)process;
    _exit(signal);
}

int _getpid(void)
{
    return 1;
}
