/* SPDX-License-Identifier: BSD-2-Clause */
/** The JSON writer. It cannot write an invalid text as long as containers are closed. */
#include "cli.h"
#include "text.h"

#include <inttypes.h>
#include <string.h>

static void put_string(FILE *out, const char *bytes, size_t length)
{
    putc('"', out);
    for (size_t at = 0; at < length;) {
        uint32_t character;
        size_t size = cli_utf8_(bytes + at, length - at, &character);
        if (size == 0) {
            fputs("\\ufffd", out);
            at++;
            continue;
        }
        if (character == '"' || character == '\\') {
            fprintf(out, "\\%c", (int)character);
        } else if (character < 0x20 || (character >= 0x7f && character < 0xa0)) {
            fprintf(out, "\\u%04" PRIx32, character);
        } else {
            fwrite(bytes + at, 1, size, out);
        }
        at += size;
    }
    putc('"', out);
}

static void new_line(struct cli_json *json)
{
    putc('\n', json->out);
    for (unsigned i = 0; i < json->depth; i++) {
        fputs("  ", json->out);
    }
}

/* What stands before a value: comma, line break, key. */
static void before(struct cli_json *json, const char *key)
{
    if (json->depth != 0) {
        if (!json->first) {
            putc(',', json->out);
        }
        if (!json->inlined) {
            new_line(json);
        } else if (!json->first) {
            putc(' ', json->out);
        }
    }
    json->first = false;
    if (key != NULL) {
        put_string(json->out, key, strlen(key));
        fputs(": ", json->out);
    }
}

static void open_container(struct cli_json *json, const char *key, char bracket)
{
    before(json, key);
    putc(bracket, json->out);
    json->depth++;
    json->first = true;
}

static void close_container(struct cli_json *json, char bracket)
{
    json->depth--;
    if (!json->first && !json->inlined) {
        new_line(json);
    }
    putc(bracket, json->out);
    json->first = false;
    if (json->inlined && json->depth == json->row_depth) {
        json->inlined = false;
    }
}

void cli_json_begin(struct cli_json *json, FILE *out)
{
    *json = (struct cli_json){.out = out, .first = true};
}

void cli_json_end(struct cli_json *json)
{
    putc('\n', json->out);
}

void cli_json_object(struct cli_json *json, const char *key)
{
    open_container(json, key, '{');
}

void cli_json_array(struct cli_json *json, const char *key)
{
    open_container(json, key, '[');
}

void cli_json_row(struct cli_json *json, const char *key)
{
    unsigned depth = json->depth;
    open_container(json, key, '{');
    if (!json->inlined) {
        json->inlined = true;
        json->row_depth = depth;
    }
}

void cli_json_close_object(struct cli_json *json)
{
    close_container(json, '}');
}

void cli_json_close_array(struct cli_json *json)
{
    close_container(json, ']');
}

void cli_json_string(struct cli_json *json, const char *key, const char *bytes,
                     size_t length)
{
    before(json, key);
    if (bytes == NULL) {
        fputs("null", json->out);
    } else {
        put_string(json->out, bytes, length);
    }
}

void cli_json_text(struct cli_json *json, const char *key, const char *string)
{
    cli_json_string(json, key, string, string == NULL ? 0 : strlen(string));
}

void cli_json_number(struct cli_json *json, const char *key, uint64_t value)
{
    before(json, key);
    fprintf(json->out, "%" PRIu64, value);
}

void cli_json_signed(struct cli_json *json, const char *key, int64_t value)
{
    before(json, key);
    fprintf(json->out, "%" PRId64, value);
}

void cli_json_bool(struct cli_json *json, const char *key, bool value)
{
    before(json, key);
    fputs(value ? "true" : "false", json->out);
}

void cli_json_hex32(struct cli_json *json, const char *key, uint32_t value)
{
    before(json, key);
    fprintf(json->out, "\"0x%08" PRIx32 "\"", value);
}
