/* SPDX-License-Identifier: BSD-2-Clause */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "cli.h"
#include "module.h"

/* Of each sort: all that anybody would read; beyond that only the number matters. */
#define PRINTED_MAX 1000u

static void add(struct module *m, bool error, uint32_t section, uint32_t address,
                const char *format, va_list args)
{
    struct problems *p = &m->problems;
    unsigned *sort = error ? &p->errors : &p->warnings;
    if ((*sort)++ >= PRINTED_MAX) {
        return;
    }
    char text[4096]; /* two prototypes may be long */
    (void)vsnprintf(text, sizeof text, format, args);
    p->list = cli_grow(p->list, &p->capacity, p->count + 1, sizeof *p->list);
    struct problem *problem = &p->list[p->count++];
    problem->error = error;
    problem->section = section;
    problem->address = address;
    problem->text = cli_format("%s", text);
}

void problem_error(struct module *m, uint32_t section, uint32_t address,
                   const char *format, ...)
{
    va_list args;
    va_start(args, format);
    add(m, true, section, address, format, args);
    va_end(args);
}

void problem_warning(struct module *m, uint32_t section, uint32_t address,
                     const char *format, ...)
{
    va_list args;
    va_start(args, format);
    add(m, false, section, address, format, args);
    va_end(args);
}

static void print_one(const struct module *m, const struct problem *problem,
                      const char *line)
{
    void (*say)(const char *, const char *, ...) =
        problem->error ? cli_error : cli_warning;
    if (problem->section == 0) {
        say(m->elf.path, "%s", problem->text);
        return;
    }
    const struct section *s = &m->elf.sections[problem->section];
    if (line != NULL) {
        say(m->elf.path, "%s+0x%x (%s): %s", s->name,
            (unsigned)(problem->address - s->address), line, problem->text);
    } else {
        say(m->elf.path, "%s+0x%x: %s", s->name,
            (unsigned)(problem->address - s->address), problem->text);
    }
}

bool problems_print(struct module *m)
{
    struct problems *p = &m->problems;
    if (p->count == 0) {
        return false;
    }
    struct source_query *queries = cli_alloc(p->count, sizeof *queries);
    size_t placed = 0;
    for (size_t i = 0; i < p->count; i++) {
        queries[i].address = p->list[i].address;
        placed += p->list[i].section != 0;
    }
    if (placed != 0) {
        source_lines(m, queries, p->count);
    }
    for (size_t i = 0; i < p->count; i++) {
        print_one(m, &p->list[i], queries[i].line);
        free(queries[i].line);
        free(p->list[i].text);
    }
    if (p->warnings > PRINTED_MAX) {
        cli_note(m->elf.path, "and %u more warnings", p->warnings - PRINTED_MAX);
    }
    if (p->errors > PRINTED_MAX) {
        cli_note(m->elf.path, "and %u more errors", p->errors - PRINTED_MAX);
    }
    free(queries);
    free(p->list);
    p->list = NULL;
    p->count = 0;
    p->capacity = 0;
    return p->errors != 0;
}
