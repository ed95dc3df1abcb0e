/* SPDX-License-Identifier: BSD-2-Clause */
/** Tags decoded, as text and as JSON. */
#include "moddump.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define DEPENDENCY_NAME 12u /* two versions of 6 bytes stand before it */
#define LINKED_BUILD_ID MODFMT_LINKED_SIZE
#define SIGNATURE_BYTES 4u

static void put_hex(FILE *out, const uint8_t *bytes, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        fprintf(out, "%02x", bytes[i]);
    }
}

static void put_version(FILE *out, const uint8_t *value)
{
    fprintf(out, "%" PRIu32 ".%" PRIu32 ".%" PRIu32, modfmt_get16(value),
            modfmt_get16(value + 2), modfmt_get16(value + 4));
}

static void put_names(const struct modfmt_tag *tag)
{
    for (uint32_t at = 0; at < tag->length; at++) {
        size_t length = strnlen((const char *)tag->value + at, tag->length - at);
        fputs(at == 0                                     ? ""
              : tag->type == MODFMT_TAG_IMPORT_PROTOTYPES ? "; "
                                                          : " ",
              stdout);
        cli_put_text(stdout, (const char *)tag->value + at, length);
        at += (uint32_t)length;
    }
}

static void put_linked(const struct modfmt_tag *tag)
{
    const uint8_t *v = tag->value;
    uint32_t api = modfmt_get32(v + MODFMT_LINKED_OFF_API);
    char flags[80];
    bits_text(flag_words, modfmt_get32(v + MODFMT_LINKED_OFF_FLAGS), flags, sizeof flags);
    printf("text at 0x%08" PRIx32 ", data 0x%08" PRIx32 " to 0x%08" PRIx32
           ", interface %" PRIu32 ".%" PRIu32 ", was %" PRIu32
           " bytes (%s) of crc 0x%08" PRIx32 ", firmware ",
           modfmt_get32(v + MODFMT_LINKED_OFF_TEXT),
           modfmt_get32(v + MODFMT_LINKED_OFF_DATA),
           modfmt_get32(v + MODFMT_LINKED_OFF_DATA_END), api >> 16, api & 0xffff,
           modfmt_get32(v + MODFMT_LINKED_OFF_TOTAL_SIZE), flags,
           modfmt_get32(v + MODFMT_LINKED_OFF_CRC));
    put_hex(stdout, v + LINKED_BUILD_ID, tag->length - LINKED_BUILD_ID);
}

/* The addresses that imports were bound to. */
static void put_bound(const struct modfmt_tag *tag)
{
    for (uint32_t at = 0; at < tag->length; at += 4) {
        printf("%s0x%08" PRIx32, at == 0 ? "" : " ", modfmt_get32(tag->value + at));
    }
}

/* The fields of tags that have several. */
static void put_fields(const struct modfmt_tag *tag)
{
    const uint8_t *v = tag->value;
    if (tag->type == MODFMT_TAG_ORIGIN) {
        printf("prefix %" PRIu32 " bytes, text linked at 0x%08" PRIx32
               ", data at 0x%08" PRIx32,
               modfmt_get32(v), modfmt_get32(v + 4), modfmt_get32(v + 8));
    } else if (tag->type == MODFMT_TAG_DEPENDENCY) {
        cli_put_text(stdout, (const char *)v + DEPENDENCY_NAME,
                     tag->length - DEPENDENCY_NAME);
        fputs(" from ", stdout);
        put_version(stdout, v);
        fputs(" up to but not ", stdout);
        put_version(stdout, v + 6);
    } else if (tag->type == MODFMT_TAG_COMPRESSION) {
        printf("method %" PRIu32 ", text %" PRIu32 " bytes, data %" PRIu32 " bytes",
               modfmt_get32(v), modfmt_get32(v + 4), modfmt_get32(v + 8));
    } else if (tag->type == MODFMT_TAG_LINKED) {
        put_linked(tag);
    } else {
        printf("algorithm %" PRIu32 ", key %" PRIu32 ", ", modfmt_get16(v),
               modfmt_get16(v + 2));
        put_hex(stdout, v + SIGNATURE_BYTES, tag->length - SIGNATURE_BYTES);
    }
}

void print_tag_value(const struct modfmt_tag *tag)
{
    switch (tag->type) {
    case MODFMT_TAG_NAME:
    case MODFMT_TAG_DESCRIPTION:
        cli_put_text(stdout, (const char *)tag->value, tag->length);
        break;
    case MODFMT_TAG_VERSION:
    case MODFMT_TAG_API_VERSION:
        put_version(stdout, tag->value);
        break;
    case MODFMT_TAG_IMPORT_NAMES:
    case MODFMT_TAG_EXPORT_NAMES:
    case MODFMT_TAG_IMPORT_PROTOTYPES:
        put_names(tag);
        break;
    case MODFMT_TAG_PARAMS:
    case MODFMT_TAG_INIT_ARRAY:
    case MODFMT_TAG_FINI_ARRAY:
        put_place(stdout, modfmt_get32(tag->value));
        printf(", %" PRIu32 " bytes", modfmt_get32(tag->value + 4));
        break;
    case MODFMT_TAG_STATIC_BASE:
        put_place(stdout, modfmt_get32(tag->value));
        break;
    case MODFMT_TAG_BOUND:
        put_bound(tag);
        break;
    case MODFMT_TAG_ORIGIN:
    case MODFMT_TAG_DEPENDENCY:
    case MODFMT_TAG_COMPRESSION:
    case MODFMT_TAG_LINKED:
    case MODFMT_TAG_SIGNATURE:
        put_fields(tag);
        break;
    default: /* build id, vendors', not known */
        put_hex(stdout, tag->value, tag->length);
        break;
    }
}

void print_tags(const struct module *module)
{
    printf("tags: %zu\n", module->tag_count);
    if (module->tag_count != 0) {
        puts("  offset    type  length  name               value");
    }
    for (size_t i = 0; i < module->tag_count; i++) {
        const struct modfmt_tag *tag = &module->tags[i];
        printf("  %08" PRIx32 "  0x%02" PRIx32 "  %6" PRIu32 "  %-17s  ", tag->offset,
               tag->type, tag->length, tag_name(tag->type));
        print_tag_value(tag);
        putchar('\n');
    }
    putchar('\n');
}

/* ---- JSON ------------------------------------------------------------------ */

static void json_version(struct cli_json *json, const char *key, const uint8_t *v)
{
    char *text = cli_format("%" PRIu32 ".%" PRIu32 ".%" PRIu32, modfmt_get16(v),
                            modfmt_get16(v + 2), modfmt_get16(v + 4));
    cli_json_text(json, key, text);
    free(text);
}

static void json_bytes(struct cli_json *json, const char *key, const uint8_t *bytes,
                       uint32_t count)
{
    char *text = cli_alloc(2 * (size_t)count + 1, 1);
    for (uint32_t i = 0; i < count; i++) {
        snprintf(text + 2 * (size_t)i, 3, "%02x", bytes[i]);
    }
    cli_json_text(json, key, text);
    free(text);
}

static void json_place(struct cli_json *json, const struct modfmt_tag *tag)
{
    uint32_t place = modfmt_get32(tag->value);
    cli_json_text(json, "segment", segment_name((place & MODFMT_PLACE_DATA) != 0));
    cli_json_number(json, "place", place & ~MODFMT_PLACE_DATA);
    if (tag->type != MODFMT_TAG_STATIC_BASE) {
        cli_json_number(json, "size", modfmt_get32(tag->value + 4));
    }
}

static void json_names(struct cli_json *json, const struct modfmt_tag *tag)
{
    cli_json_array(json,
                   tag->type == MODFMT_TAG_IMPORT_PROTOTYPES ? "prototypes" : "names");
    for (uint32_t at = 0; at < tag->length; at++) {
        size_t length = strnlen((const char *)tag->value + at, tag->length - at);
        cli_json_string(json, NULL, (const char *)tag->value + at, length);
        at += (uint32_t)length;
    }
    cli_json_close_array(json);
}

static void json_fields(struct cli_json *json, const struct modfmt_tag *tag)
{
    const uint8_t *v = tag->value;
    if (tag->type == MODFMT_TAG_ORIGIN) {
        cli_json_number(json, "prefix", modfmt_get32(v));
        cli_json_hex32(json, "text", modfmt_get32(v + 4));
        cli_json_hex32(json, "data", modfmt_get32(v + 8));
    } else if (tag->type == MODFMT_TAG_DEPENDENCY) {
        cli_json_string(json, "module", (const char *)v + DEPENDENCY_NAME,
                        tag->length - DEPENDENCY_NAME);
        json_version(json, "lowest", v);
        json_version(json, "too_high", v + 6);
    } else if (tag->type == MODFMT_TAG_COMPRESSION) {
        cli_json_number(json, "method", modfmt_get32(v));
        cli_json_number(json, "text_size", modfmt_get32(v + 4));
        cli_json_number(json, "data_size", modfmt_get32(v + 8));
    } else if (tag->type == MODFMT_TAG_LINKED) {
        cli_json_hex32(json, "text", modfmt_get32(v + MODFMT_LINKED_OFF_TEXT));
        cli_json_hex32(json, "data", modfmt_get32(v + MODFMT_LINKED_OFF_DATA));
        cli_json_hex32(json, "data_end", modfmt_get32(v + MODFMT_LINKED_OFF_DATA_END));
        cli_json_hex32(json, "api", modfmt_get32(v + MODFMT_LINKED_OFF_API));
        cli_json_hex32(json, "flags", modfmt_get32(v + MODFMT_LINKED_OFF_FLAGS));
        cli_json_number(json, "total_size",
                        modfmt_get32(v + MODFMT_LINKED_OFF_TOTAL_SIZE));
        cli_json_hex32(json, "crc", modfmt_get32(v + MODFMT_LINKED_OFF_CRC));
        json_bytes(json, "firmware", v + LINKED_BUILD_ID, tag->length - LINKED_BUILD_ID);
    } else {
        cli_json_number(json, "algorithm", modfmt_get16(v));
        cli_json_number(json, "key", modfmt_get16(v + 2));
        json_bytes(json, "signature", v + SIGNATURE_BYTES, tag->length - SIGNATURE_BYTES);
    }
}

static void json_bound(struct cli_json *json, const struct modfmt_tag *tag)
{
    cli_json_array(json, "addresses");
    for (uint32_t at = 0; at < tag->length; at += 4) {
        cli_json_hex32(json, NULL, modfmt_get32(tag->value + at));
    }
    cli_json_close_array(json);
}

static void json_value(struct cli_json *json, const struct modfmt_tag *tag)
{
    switch (tag->type) {
    case MODFMT_TAG_NAME:
    case MODFMT_TAG_DESCRIPTION:
        cli_json_string(json, "text", (const char *)tag->value, tag->length);
        break;
    case MODFMT_TAG_VERSION:
    case MODFMT_TAG_API_VERSION:
        json_version(json, "version", tag->value);
        break;
    case MODFMT_TAG_IMPORT_NAMES:
    case MODFMT_TAG_EXPORT_NAMES:
    case MODFMT_TAG_IMPORT_PROTOTYPES:
        json_names(json, tag);
        break;
    case MODFMT_TAG_PARAMS:
    case MODFMT_TAG_INIT_ARRAY:
    case MODFMT_TAG_FINI_ARRAY:
    case MODFMT_TAG_STATIC_BASE:
        json_place(json, tag);
        break;
    case MODFMT_TAG_BOUND:
        json_bound(json, tag);
        break;
    case MODFMT_TAG_ORIGIN:
    case MODFMT_TAG_DEPENDENCY:
    case MODFMT_TAG_COMPRESSION:
    case MODFMT_TAG_LINKED:
    case MODFMT_TAG_SIGNATURE:
        json_fields(json, tag);
        break;
    default:
        json_bytes(json, "bytes", tag->value, tag->length);
        break;
    }
}

void json_tags(struct cli_json *json, const struct module *module)
{
    cli_json_array(json, "tags");
    for (size_t i = 0; i < module->tag_count; i++) {
        const struct modfmt_tag *tag = &module->tags[i];
        cli_json_row(json, NULL);
        cli_json_number(json, "type", tag->type);
        cli_json_text(json, "name", tag_name(tag->type));
        cli_json_bool(json, "critical", (tag->type & MODFMT_TAG_CRITICAL) != 0);
        cli_json_number(json, "offset", tag->offset);
        cli_json_number(json, "length", tag->length);
        json_value(json, tag);
        cli_json_close_object(json);
    }
    cli_json_close_array(json);
}
