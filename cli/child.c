/* SPDX-License-Identifier: BSD-2-Clause */
/* Work that may crash or never end, because a library does on bad input: in a child. */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "cli.h"

#define MEMORY_LIMIT (1024ul * 1024ul * 1024ul)
#define ANSWER_MAX   (64ul * 1024ul * 1024ul)
#define PIECE        4096u

#if defined(__SANITIZE_ADDRESS__)
#define MEMORY_LIMITED 0 /* the sanitizer's shadow alone is larger than any limit */
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define MEMORY_LIMITED 0
#endif
#endif
#ifndef MEMORY_LIMITED
#define MEMORY_LIMITED 1
#endif

static void limit(unsigned seconds)
{
    struct rlimit cpu = {seconds, seconds};
    struct rlimit none = {0, 0};
    (void)setrlimit(RLIMIT_CPU, &cpu);
    (void)setrlimit(RLIMIT_CORE, &none);
    if (MEMORY_LIMITED) {
        struct rlimit memory = {MEMORY_LIMIT, MEMORY_LIMIT};
        (void)setrlimit(RLIMIT_AS, &memory);
    }
}

static int milliseconds_left(const struct timespec *start, unsigned seconds)
{
    struct timespec now;
    if (clock_gettime(CLOCK_MONOTONIC, &now) != 0) {
        return 0;
    }
    long left = (long)seconds * 1000 - (long)(now.tv_sec - start->tv_sec) * 1000 -
                (now.tv_nsec - start->tv_nsec) / 1000000;
    return left > 0 ? (int)left : 0;
}

/* Read up to the pipe's end. @return bytes, or NULL if that does not come in time */
static uint8_t *collect(int in, unsigned seconds, size_t *ret_size)
{
    struct timespec start;
    uint8_t *bytes = NULL;
    size_t capacity = 0;
    size_t size = 0;
    if (clock_gettime(CLOCK_MONOTONIC, &start) != 0) {
        return NULL;
    }
    while (size < ANSWER_MAX) {
        struct pollfd poll_in = {in, POLLIN, 0};
        int ready = poll(&poll_in, 1, milliseconds_left(&start, seconds));
        if (ready < 0 && errno == EINTR) {
            continue;
        }
        bytes = cli_grow(bytes, &capacity, size + PIECE, 1);
        ssize_t got = ready > 0 ? read(in, bytes + size, PIECE) : -1;
        if (got == 0) {
            *ret_size = size;
            return bytes;
        }
        if (got < 0) {
            break;
        }
        size += (size_t)got;
    }
    free(bytes);
    return NULL;
}

uint8_t *cli_child(void (*work)(void *context, FILE *out), void *context,
                   unsigned seconds, size_t *ret_size)
{
    int ends[2];
    int status = 0;
    uint8_t *bytes = NULL;
    (void)fflush(NULL);
    if (pipe(ends) != 0) {
        return NULL;
    }
    pid_t pid = fork();
    if (pid == 0) {
        limit(seconds);
        (void)close(ends[0]);
        (void)close(STDERR_FILENO); /* a sanitizer's or libc's last words are not ours */
        FILE *out = fdopen(ends[1], "wb");
        if (out != NULL) {
            work(context, out);
        }
        _exit(out != NULL && fflush(out) == 0 ? 0 : 1);
    }
    (void)close(ends[1]);
    if (pid > 0) {
        bytes = collect(ends[0], seconds, ret_size);
        (void)kill(pid, SIGKILL);
        while (waitpid(pid, &status, 0) < 0 && errno == EINTR) {
        }
    }
    (void)close(ends[0]);
    return bytes;
}
