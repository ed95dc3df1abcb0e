/* SPDX-License-Identifier: BSD-2-Clause */
/* libdw crashes on some files, and takes for ever on others. So DWARF is read in a child
 * with limits, which writes a description into a pipe (see also mkmod/source.c). */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "cli.h"
#include "dies.h"

#define TIME_LIMIT_MS 60000
#define CPU_LIMIT_S   10u
#define MEMORY_LIMIT  (2048ul * 1024ul * 1024ul)
#define ANSWER_MAX    (256u << 20)

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

struct job {
    const uint8_t *bytes;
    size_t size;
    const struct interface_probes *probes;
};

static void limit(void)
{
    struct rlimit cpu = {CPU_LIMIT_S, CPU_LIMIT_S};
    struct rlimit none = {0, 0};
    (void)setrlimit(RLIMIT_CPU, &cpu);
    (void)setrlimit(RLIMIT_CORE, &none);
    if (MEMORY_LIMITED) {
        struct rlimit memory = {MEMORY_LIMIT, MEMORY_LIMIT};
        (void)setrlimit(RLIMIT_AS, &memory);
    }
}

static bool write_all(int out, const char *bytes, size_t size)
{
    while (size != 0) {
        ssize_t done = write(out, bytes, size);
        if (done <= 0) {
            return false;
        }
        bytes += done;
        size -= (size_t)done;
    }
    return true;
}

/* Ends with status 0 if it has written all there is, 2 if there is no DWARF, 4 if there
 * is more in other files. */
_Noreturn static void child(const struct job *job, int out)
{
    limit();
    (void)close(STDERR_FILENO); /* a sanitizer's or libc's last words are not ours */
    struct interface *in = cli_alloc(1, sizeof *in);
    in->types = types_new();
    in->provider = "";
    struct dwarf_reader reader = {.interface = in, .probes = job->probes};
    elf_version(EV_CURRENT);
    Elf *elf = elf_memory((char *)(uintptr_t)job->bytes, job->size);
    Dwarf *dwarf = elf != NULL ? dwarf_begin_elf(elf, DWARF_C_READ, NULL) : NULL;
    if (dwarf == NULL) {
        _exit(2);
    }
    dwarf_read(&reader, dwarf);
    if (reader.lost) {
        _exit(4);
    }
    size_t size;
    char *text = interface_text_dwarf(in, &size);
    _exit(write_all(out, text, size) ? 0 : 3);
}

static int milliseconds_left(const struct timespec *start)
{
    struct timespec now;
    if (clock_gettime(CLOCK_MONOTONIC, &now) != 0) {
        return 0;
    }
    long passed = (long)(now.tv_sec - start->tv_sec) * 1000 +
                  (now.tv_nsec - start->tv_nsec) / 1000000;
    return passed < TIME_LIMIT_MS ? (int)(TIME_LIMIT_MS - passed) : 0;
}

/* Everything up to the end of the pipe; NULL if that does not come in time. */
static char *collect(int in, size_t *ret_size)
{
    struct timespec start;
    size_t capacity = 0;
    size_t size = 0;
    char *text = NULL;
    if (clock_gettime(CLOCK_MONOTONIC, &start) != 0) {
        return NULL;
    }
    for (;;) {
        struct pollfd poll_in = {in, POLLIN, 0};
        text = cli_grow(text, &capacity, size + 65536, 1);
        int ready = poll(&poll_in, 1, milliseconds_left(&start));
        if (ready < 0 && errno == EINTR) {
            continue;
        }
        ssize_t got = ready > 0 ? read(in, text + size, capacity - size) : -1;
        if (got == 0) {
            *ret_size = size;
            return text;
        }
        if (got < 0 || size > ANSWER_MAX) {
            free(text);
            return NULL;
        }
        size += (size_t)got;
    }
}

/* What the child found, as text. *ret_status is what waitpid() says. */
static char *run(const struct job *job, size_t *ret_size, int *ret_status)
{
    int ends[2];
    char *text = NULL;
    *ret_status = -1;
    if (pipe(ends) != 0) {
        return NULL;
    }
    (void)fflush(NULL);
    pid_t pid = fork();
    if (pid == 0) {
        (void)close(ends[0]);
        child(job, ends[1]);
    }
    (void)close(ends[1]);
    if (pid > 0) {
        text = collect(ends[0], ret_size);
        if (text == NULL) {
            (void)kill(pid, SIGKILL);
        }
        while (waitpid(pid, ret_status, 0) < 0 && errno == EINTR) {
        }
    }
    (void)close(ends[0]);
    return text;
}

static struct interface *empty(const char *path)
{
    static const char text[] = "modfmt interface 1\n";
    struct interface *in = NULL;
    if (interface_parse_text(path, text, sizeof text - 1, PARSE_DWARF, &in) != CLI_OK) {
        cli_die(CLI_IO, path, "out of memory");
    }
    return in;
}

static struct interface *read_elf(const char *path, const struct job *job,
                                  const char **ret_why)
{
    struct interface *in = NULL;
    enum parse_origin origin = job->probes != NULL ? PARSE_PROBE : PARSE_DWARF;
    size_t size = 0;
    int status;
    char *text = run(job, &size, &status);
    *ret_why = NULL;
    if (text == NULL || !WIFEXITED(status)) {
        *ret_why =
            "has debug information that cannot be read: it is damaged, or more than "
            "this tool takes";
    } else if (WEXITSTATUS(status) == 2) {
        *ret_why = "has no debug information (compile with -g)";
    } else if (WEXITSTATUS(status) == 4) {
        *ret_why = "has debug information that is not all in this file (compile without "
                   "-gsplit-dwarf and -fdebug-types-section)";
    } else if (WEXITSTATUS(status) != 0 ||
               interface_parse_text(path, text, size, origin, &in) != CLI_OK) {
        *ret_why = "has debug information that cannot be read: it is damaged";
    }
    free(text);
    return in != NULL ? in : empty(path);
}

struct interface *interface_of_elf(const char *path, const uint8_t *bytes, size_t size,
                                   const char **ret_why)
{
    struct job job = {bytes, size, NULL};
    return read_elf(path, &job, ret_why);
}

struct interface *interface_of_probe(const char *path, const uint8_t *bytes, size_t size,
                                     const struct interface_probes *probes,
                                     const char **ret_why)
{
    struct job job = {bytes, size, probes};
    return read_elf(path, &job, ret_why);
}
