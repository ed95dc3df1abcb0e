/* SPDX-License-Identifier: BSD-2-Clause */
/** Messages on stderr, one line each, whatever the names in them hold. */
#include "cli.h"
#include "text.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

static const char *tool_name = "tool";
static unsigned errors;

void cli_set_name_(const char *name)
{
    tool_name = name;
}

unsigned cli_error_count(void)
{
    return errors;
}

size_t cli_utf8_(const char *bytes, size_t length, uint32_t *ret_character)
{
    static const uint32_t lowest[] = {0, 0, 0x80, 0x800, 0x10000};
    unsigned lead = (unsigned char)bytes[0];
    size_t want = lead < 0x80                   ? 1
                  : lead >= 0xc2 && lead < 0xe0 ? 2
                  : lead >= 0xe0 && lead < 0xf0 ? 3
                  : lead >= 0xf0 && lead < 0xf5 ? 4
                                                : 0;
    if (want == 0 || want > length) {
        return 0;
    }
    uint32_t value = want == 1 ? lead : lead & (0x7fu >> want);
    for (size_t i = 1; i < want; i++) {
        unsigned next = (unsigned char)bytes[i];
        if ((next & 0xc0u) != 0x80u) {
            return 0;
        }
        value = value << 6 | (next & 0x3fu);
    }
    if (value < lowest[want] || (value >= 0xd800 && value < 0xe000) || value > 0x10ffff) {
        return 0;
    }
    *ret_character = value;
    return want;
}

/* Characters that move the cursor or reorder what stands beside them. */
static bool is_control(uint32_t c)
{
    return c < 0x20 || (c >= 0x7f && c < 0xa0) || c == 0x61c ||
           (c >= 0x200e && c <= 0x200f) || (c >= 0x2028 && c <= 0x202e) ||
           (c >= 0x2066 && c <= 0x2069);
}

void cli_put_text(FILE *out, const char *bytes, size_t length)
{
    for (size_t at = 0; at < length;) {
        uint32_t character;
        size_t size = cli_utf8_(bytes + at, length - at, &character);
        if (size == 0 || (size == 1 && is_control(character))) {
            fprintf(out, "\\x%02x", (unsigned)(unsigned char)bytes[at]);
            at++;
        } else if (is_control(character)) {
            fprintf(out, "\\u{%04lx}", (unsigned long)character);
            at += size;
        } else {
            fwrite(bytes + at, 1, size, out);
            at += size;
        }
    }
}

/* The line is put together first and written at once, so that two tools that run at the
 * same time do not mix theirs. */
static void print_line(const char *file, const char *kind, const char *format,
                       va_list list)
{
    char *line = NULL;
    size_t size = 0;
    va_list again;
    va_copy(again, list);
    int length = vsnprintf(NULL, 0, format, again);
    va_end(again);
    char *text = length < 0 ? NULL : malloc((size_t)length + 1);
    FILE *out = text == NULL ? NULL : open_memstream(&line, &size);
    if (out != NULL) {
        vsnprintf(text, (size_t)length + 1, format, list);
        fprintf(out, "%s: ", tool_name);
        if (file != NULL) {
            cli_put_text(out, file, strlen(file));
            fputs(": ", out);
        }
        fprintf(out, "%s: ", kind);
        cli_put_text(out, text, (size_t)length);
        putc('\n', out);
    }
    if (out != NULL && fclose(out) == 0) {
        fwrite(line, 1, size, stderr);
    } else {
        fprintf(stderr, "%s: %s: out of memory\n", tool_name, kind);
    }
    free(line);
    free(text);
}

void cli_error(const char *file, const char *format, ...)
{
    va_list list;
    va_start(list, format);
    print_line(file, "error", format, list);
    va_end(list);
    errors++;
}

void cli_warning(const char *file, const char *format, ...)
{
    va_list list;
    va_start(list, format);
    print_line(file, "warning", format, list);
    va_end(list);
}

void cli_note(const char *file, const char *format, ...)
{
    va_list list;
    va_start(list, format);
    print_line(file, "note", format, list);
    va_end(list);
}

void cli_die(enum cli_status status, const char *file, const char *format, ...)
{
    va_list list;
    va_start(list, format);
    print_line(file, "error", format, list);
    va_end(list);
    exit((int)status);
}

void cli_usage(const struct cli_tool *tool, const char *format, ...)
{
    char text[256];
    va_list list;
    cli_set_name_(tool->name);
    va_start(list, format);
    vsnprintf(text, sizeof text, format, list);
    va_end(list);
    /* One line: what is wrong, and how it would be right. */
    cli_error(NULL, "%s (usage: %s; \"%s --help\" tells more)", text, tool->usage, tool->name);
    exit(CLI_USAGE);
}
