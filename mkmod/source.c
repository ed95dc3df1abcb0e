/* SPDX-License-Identifier: BSD-2-Clause */
#include <dwarf.h>
#include <elfutils/libdw.h>
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "module.h"

#define TIME_LIMIT_MS  2000
#define CPU_LIMIT_S    2u
#define MEMORY_LIMIT   (1024ul * 1024ul * 1024ul)
#define LINE_MAX_BYTES 200u

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

/* One record for each query: the line's text, zero-padded. Less than PIPE_BUF, so that a
 * write is never split. */
struct answer {
    uint32_t index;
    char line[LINE_MAX_BYTES];
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

static void find_in_unit(Dwarf_Die *unit, const struct source_query *queries,
                         size_t count, int out)
{
    for (size_t i = 0; i < count; i++) {
        Dwarf_Line *line = dwarf_getsrc_die(unit, queries[i].address & ~1u);
        Dwarf_Addr from = 0;
        int number = 0;
        if (line == NULL || dwarf_lineno(line, &number) != 0 || number <= 0 ||
            dwarf_lineaddr(line, &from) != 0 ||
            dwarf_haspc(unit, queries[i].address) <= 0) {
            continue;
        }
        const char *file = dwarf_linesrc(line, NULL, NULL);
        if (file == NULL) {
            continue;
        }
        const char *slash = strrchr(file, '/');
        struct answer answer;
        memset(&answer, 0, sizeof answer);
        answer.index = (uint32_t)i;
        (void)snprintf(answer.line, sizeof answer.line, "%.180s:%d",
                       slash != NULL ? slash + 1 : file, number);
        if (write(out, &answer, sizeof answer) != (ssize_t)sizeof answer) {
            return;
        }
    }
}

_Noreturn static void child(const struct module *m, const struct source_query *queries,
                            size_t count, int out)
{
    limit();
    (void)close(STDERR_FILENO); /* a sanitizer's or libc's last words are not ours */
    Elf *elf = elf_memory((char *)m->elf.bytes, m->elf.size);
    Dwarf *dwarf = elf != NULL ? dwarf_begin_elf(elf, DWARF_C_READ, NULL) : NULL;
    Dwarf_Off offset = 0;
    Dwarf_Off next = 0;
    size_t header = 0;
    while (dwarf != NULL &&
           dwarf_nextcu(dwarf, offset, &next, &header, NULL, NULL, NULL) == 0) {
        Dwarf_Die unit;
        if (dwarf_offdie(dwarf, offset + header, &unit) != NULL) {
            find_in_unit(&unit, queries, count, out);
        }
        if (next <= offset) {
            break;
        }
        offset = next;
    }
    _exit(0);
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

static void collect(struct source_query *queries, size_t count, int in)
{
    struct timespec start;
    struct answer answer;
    size_t have = 0;
    if (clock_gettime(CLOCK_MONOTONIC, &start) != 0) {
        return;
    }
    for (;;) {
        struct pollfd poll_in = {in, POLLIN, 0};
        if (poll(&poll_in, 1, milliseconds_left(&start)) <= 0) {
            return;
        }
        ssize_t got = read(in, (char *)&answer + have, sizeof answer - have);
        if (got <= 0) {
            return;
        }
        have += (size_t)got;
        if (have < sizeof answer) {
            continue;
        }
        have = 0;
        answer.line[sizeof answer.line - 1] = '\0';
        if (answer.index < count && queries[answer.index].line == NULL) {
            queries[answer.index].line = strdup(answer.line);
        }
    }
}

void source_lines(const struct module *m, struct source_query *queries, size_t count)
{
    const struct section *info = elffile_section(&m->elf, ".debug_info");
    int ends[2];
    if (info == NULL || info->bytes == NULL || pipe(ends) != 0) {
        return;
    }
    (void)fflush(NULL);
    pid_t pid = fork();
    if (pid == 0) {
        (void)close(ends[0]);
        child(m, queries, count, ends[1]);
    }
    (void)close(ends[1]);
    if (pid > 0) {
        collect(queries, count, ends[0]);
        (void)kill(pid, SIGKILL);
        while (waitpid(pid, NULL, 0) < 0 && errno == EINTR) {
        }
    }
    (void)close(ends[0]);
}
