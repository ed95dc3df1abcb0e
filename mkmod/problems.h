/* SPDX-License-Identifier: BSD-2-Clause */
/** What is wrong with an input, collected so that one run reports it all. */
#ifndef MKMOD_PROBLEMS_H
#define MKMOD_PROBLEMS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct module;

struct problem {
    bool error;
    uint32_t section; /**< 0: no place */
    uint32_t address;
    char *text;
};

struct problems {
    struct problem *list;
    size_t count;
    size_t capacity;
    unsigned errors;
    unsigned warnings;
};

/** Add an error or a warning. `section` and `address` name the place; section 0: none. */
void problem_error(struct module *m, uint32_t section, uint32_t address,
                   const char *format, ...) __attribute__((format(printf, 4, 5)));
void problem_warning(struct module *m, uint32_t section, uint32_t address,
                     const char *format, ...) __attribute__((format(printf, 4, 5)));
/** Print all, with source lines where there is DWARF. @return true if one is an error */
bool problems_print(struct module *m);

/* source.c */
/** A place that somebody wants the source line of. */
struct source_query {
    uint32_t address;
    uint32_t object; /**< start of the object that it lies in; source_lines() sets it */
    char *line;      /**< "file.c:12", or NULL if not known; the caller's to free */
};
/** Ask the DWARF in the file. A child process does it, with limits on time and memory, so
 *  that bad DWARF costs at most the line numbers. */
void source_lines(struct module *m, struct source_query *queries, size_t count);

#endif
