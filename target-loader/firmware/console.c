/* SPDX-License-Identifier: BSD-2-Clause */
#include "console.h"

#include <stdarg.h>
#include <stdbool.h>
#include <string.h>

#include "board.h"
#include "firmware.h"

static bool inside_line;

static void put(char c)
{
    if (c == '\n')
        board_put('\r');
    board_put(c);
    inside_line = c != '\n';
}

void console_fresh_line(void)
{
    if (inside_line)
        put('\n');
}

void console_bytes(const char *bytes, unsigned size)
{
    for (; size != 0; size--, bytes++)
        put(*bytes >= ' ' && *bytes <= '~' ? *bytes : '?');
}

void fw_print(const char *text)
{
    while (*text)
        put(*text++);
}

int fw_puts(const char *text)
{
    fw_print(text);
    put('\n');
    return 0;
}

/** One conversion of a format. */
struct conversion {
    int width;
    bool zeros;
    bool left;
};

/** Print `size` characters in a field. @return how many that were with the padding */
static int put_field(const struct conversion *c, const char *text, int size)
{
    int padding = c->width > size ? c->width - size : 0;

    for (int i = 0; !c->left && i < padding; i++)
        put(c->zeros ? '0' : ' ');
    for (int i = 0; i < size; i++)
        put(text[i]);
    for (int i = 0; c->left && i < padding; i++)
        put(' ');
    return padding + size;
}

static int put_number(struct conversion *c, uint32_t value, uint32_t base, char sign,
                      const char *digits)
{
    char text[12];
    int at = (int)sizeof(text);
    int printed = 0;

    do {
        text[--at] = digits[value % base];
        value /= base;
    } while (value != 0);
    if (sign && c->zeros && !c->left) {
        /* The sign stands before the zeros. */
        put(sign);
        printed = 1;
        c->width--;
    } else if (sign) {
        text[--at] = sign;
    }
    return printed + put_field(c, text + at, (int)sizeof(text) - at);
}

static const char *parse(const char *format, struct conversion *ret_conversion)
{
    struct conversion c = {0, false, false};

    for (;; format++) {
        if (*format == '0')
            c.zeros = true;
        else if (*format == '-')
            c.left = true;
        else
            break;
    }
    for (; *format >= '0' && *format <= '9'; format++)
        c.width = c.width * 10 + (*format - '0');
    /* All of them are 32 bits here. */
    while (*format == 'l' || *format == 'h' || *format == 'z')
        format++;
    *ret_conversion = c;
    return format;
}

static int convert(char what, struct conversion *c, va_list *args)
{
    static const char lower[] = "0123456789abcdef";
    const char *text;
    char one;
    int number;

    switch (what) {
    case 'd':
    case 'i':
        number = va_arg(*args, int);
        return put_number(c, number < 0 ? 0u - (uint32_t)number : (uint32_t)number, 10,
                          number < 0 ? '-' : 0, lower);
    case 'u':
        return put_number(c, va_arg(*args, uint32_t), 10, 0, lower);
    case 'p':
        fw_print("0x");
        c->width = 8;
        c->zeros = true;
        return 2 + put_number(c, va_arg(*args, uint32_t), 16, 0, lower);
    case 'x':
        return put_number(c, va_arg(*args, uint32_t), 16, 0, lower);
    case 'X':
        return put_number(c, va_arg(*args, uint32_t), 16, 0, "0123456789ABCDEF");
    case 'c':
        one = (char)va_arg(*args, int);
        return put_field(c, &one, 1);
    case 's':
        text = va_arg(*args, const char *);
        if (!text)
            text = "(null)";
        c->zeros = false;
        return put_field(c, text, (int)strlen(text));
    default:
        put(what);
        return 1;
    }
}

int fw_printf(const char *format, ...)
{
    int printed = 0;
    va_list args;

    va_start(args, format);
    while (*format) {
        struct conversion c;

        if (*format != '%') {
            put(*format++);
            printed++;
            continue;
        }
        format = parse(format + 1, &c);
        if (*format)
            printed += convert(*format++, &c, &args);
    }
    va_end(args);
    return printed;
}
