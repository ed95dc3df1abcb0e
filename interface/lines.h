/* SPDX-License-Identifier: BSD-2-Clause */
/** The lines of a description that is being read. Private to this folder. */
#ifndef INTERFACE_LINES_H
#define INTERFACE_LINES_H

#include "types.h"

/** A struct, union or enum that the text defines, for looking it up by name. */
struct defined {
    const char *name;
    enum type_kind kind;
    uint32_t type;
    unsigned line;
};

struct reader {
    const char *path;
    enum parse_origin origin; /**< enum parse_origin */
    char *text;               /**< a copy, lines ended by zero bytes */
    size_t size;
    size_t at;
    char *line; /**< without the blanks in front */
    bool indented;
    unsigned number;
    bool failed; /**< and told */

    struct interface *interface;
    size_t symbol_capacity;
    unsigned *lines; /**< of symbols, in the order in which they came */
    size_t line_capacity;
    struct defined *defined; /**< sorted once the first pass is over */
    size_t defined_count;
    size_t defined_capacity;
};

/** The next line that is neither blank nor a comment. False at the end. */
bool reader_next(struct reader *r);
/** One message, "FILE:LINE: error: …"; the reading ends. Only the first is told. */
void reader_fail(struct reader *r, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/** Type spelled at *at, which is set behind it. On failure fails the reader. */
uint32_t reader_type(struct reader *r, const char **at);
/** The struct, union or enum of that name; TYPE_NONE: none. */
uint32_t reader_find(const struct reader *r, enum type_kind kind, const char *name,
                     size_t length);

#endif
