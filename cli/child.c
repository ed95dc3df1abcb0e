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

#define MEMORY_LIMIT (2048ul * 1024ul * 1024ul)
#define ANSWER_MAX   (256ul * 1024ul * 1024ul)
#define PIECE        65536u
#define CLOCK_FACTOR 6u /* by the clock it may take so much longer: machines are busy */

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
    long left = (long)(seconds * CLOCK_FACTOR) * 1000 -
                (long)(now.tv_sec - start->tv_sec) * 1000 -
                (now.tv_nsec - start->tv_nsec) / 1000000;
    return left > 0 ? (int)left : 0;
}

/* Read up to the pipe's end, or until time is up: then false. */
static bool collect(int in, unsigned seconds, uint8_t **ret_bytes, size_t *ret_size)
{
    struct timespec start;
    size_t capacity = 0;
    ssize_t got = -1;
    *ret_bytes = NULL;
    *ret_size = 0;
    if (clock_gettime(CLOCK_MONOTONIC, &start) != 0) {
        return false;
    }
    do {
        struct pollfd poll_in = {in, POLLIN, 0};
        int ready = poll(&poll_in, 1, milliseconds_left(&start, seconds));
        if (ready < 0 && errno == EINTR) {
            got = 1;
            continue;
        }
        *ret_bytes = cli_grow(*ret_bytes, &capacity, *ret_size + PIECE, 1);
        got = ready > 0 ? read(in, *ret_bytes + *ret_size, PIECE) : -1;
        *ret_size += got > 0 ? (size_t)got : 0;
    } while (got > 0 && *ret_size < ANSWER_MAX);
    return got == 0;
}

_Noreturn static void run(int (*work)(void *context, FILE *out), void *context,
                          unsigned seconds, int end)
{
    limit(seconds);
    (void)close(STDERR_FILENO); /* a sanitizer's or libc's last words are not ours */
    FILE *out = fdopen(end, "wb");
    int result = out != NULL ? work(context, out) : CLI_CHILD_LOST;
    _exit(out != NULL && fflush(out) == 0 ? result : CLI_CHILD_LOST);
}

uint8_t *cli_child(int (*work)(void *context, FILE *out), void *context, unsigned seconds,
                   size_t *ret_size, int *ret_result)
{
    int ends[2];
    int status = 0;
    uint8_t *bytes = NULL;
    *ret_size = 0;
    *ret_result = CLI_CHILD_LOST;
    (void)fflush(NULL);
    if (pipe(ends) != 0) {
        return NULL;
    }
    pid_t pid = fork();
    if (pid == 0) {
        (void)close(ends[0]);
        run(work, context, seconds, ends[1]);
    }
    (void)close(ends[1]);
    if (pid > 0) {
        bool whole = collect(ends[0], seconds, &bytes, ret_size);
        if (!whole) {
            (void)kill(pid, SIGKILL);
        }
        while (waitpid(pid, &status, 0) < 0 && errno == EINTR) {
        }
        *ret_result = whole && WIFEXITED(status) ? WEXITSTATUS(status) : CLI_CHILD_LOST;
    }
    (void)close(ends[0]);
    return bytes;
}
