/* SPDX-License-Identifier: BSD-2-Clause */
/** Messages on stderr: the board's own errors, and nothing else. */
#include "message.h"

#include <stdarg.h>
#include <stdio.h>

/* Control characters are shown, not obeyed. */
static void put_text(const char *text)
{
    for (; *text != '\0'; text++) {
        unsigned char c = (unsigned char)*text;
        if (c < 0x20 || c == 0x7f) {
            fprintf(stderr, "\\x%02x", c);
        } else {
            putc(c, stderr);
        }
    }
}

void message_error(const char *file, const char *format, ...)
{
    char text[1000];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    fputs("virtual-board: ", stderr);
    if (file != NULL) {
        put_text(file);
        fputs(": ", stderr);
    }
    fputs("error: ", stderr);
    put_text(text);
    putc('\n', stderr);
}
