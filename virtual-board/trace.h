/* SPDX-License-Identifier: BSD-2-Clause */
/** What happens on the board, one line each, for --trace. */
#ifndef TRACE_H
#define TRACE_H

#include <stdio.h>

struct trace {
    FILE *out; /**< NULL: nobody wants to know */
};

/** Write one line; the newline is added. */
void trace_line(const struct trace *trace, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

#endif
