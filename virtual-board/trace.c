/* SPDX-License-Identifier: BSD-2-Clause */
/** What happens on the board, one line each. */
#include "trace.h"

#include <stdarg.h>

void trace_line(const struct trace *trace, const char *format, ...)
{
    if (trace->out == NULL) {
        return;
    }
    va_list arguments;
    va_start(arguments, format);
    vfprintf(trace->out, format, arguments);
    va_end(arguments);
    fputc('\n', trace->out);
}
