/* SPDX-License-Identifier: BSD-2-Clause */
#include "interface.h"

#include <stdlib.h>
#include <string.h>

#include "cli.h"
#include "modfmt.h"
#include "types.h"

#define ELF_MAGIC      "\177ELF"
#define ELF_HEADER     52u
#define SECTION_HEADER 40u
#define CLASS_32       1
#define LITTLE_ENDIAN_ 1

void interface_free(struct interface *interface)
{
    if (interface == NULL) {
        return;
    }
    for (size_t i = 0; i < interface->count; i++) {
        struct interface_symbol *s = &interface->symbols[i];
        free((char *)(uintptr_t)s->name);
        free((char *)(uintptr_t)s->prototype);
        free((char *)(uintptr_t)s->condition);
        free((char *)(uintptr_t)s->where);
    }
    free(interface->symbols);
    free((char *)(uintptr_t)interface->path);
    free((char *)(uintptr_t)interface->provider);
    types_free(interface->types);
    free(interface);
}

/* ---- reading ---------------------------------------------------------------------- */

/* Header `index` of the section table, whole inside the file; NULL otherwise. */
static const uint8_t *section_header(const uint8_t *bytes, size_t size, uint32_t index)
{
    uint64_t at = modfmt_get32(bytes + 32) + (uint64_t)index * SECTION_HEADER;
    return at <= size && size - at >= SECTION_HEADER ? bytes + at : NULL;
}

static const uint8_t *contents(const uint8_t *bytes, size_t size, const uint8_t *header,
                               uint32_t *ret_size)
{
    uint32_t offset = modfmt_get32(header + 16);
    *ret_size = modfmt_get32(header + 20);
    return offset <= size && size - offset >= *ret_size ? bytes + offset : NULL;
}

/* The section .modapi of a 32-bit little-endian ELF, NULL if there is none. */
static const uint8_t *find_section(const uint8_t *bytes, size_t size, uint32_t *ret_size)
{
    uint32_t names_size = 0;
    if (size < ELF_HEADER || bytes[4] != CLASS_32 || bytes[5] != LITTLE_ENDIAN_ ||
        modfmt_get16(bytes + 46) != SECTION_HEADER) {
        return NULL;
    }
    const uint8_t *header = section_header(bytes, size, modfmt_get16(bytes + 50));
    const uint8_t *names =
        header != NULL ? contents(bytes, size, header, &names_size) : NULL;
    for (uint32_t i = 1; names != NULL && i < modfmt_get16(bytes + 48); i++) {
        header = section_header(bytes, size, i);
        uint32_t name = header != NULL ? modfmt_get32(header) : names_size;
        if (name < names_size && names_size - name >= sizeof INTERFACE_SECTION &&
            memcmp(names + name, INTERFACE_SECTION, sizeof INTERFACE_SECTION) == 0) {
            return contents(bytes, size, header, ret_size);
        }
    }
    return NULL;
}

/* Where the next description of a section begins, behind the first line of the one at
 * hand: at the size, if there is none. */
static size_t next_head(const char *text, size_t size)
{
    static const char head[] = "modfmt interface ";
    size_t length = sizeof head - 1;
    for (size_t i = 1; i + length <= size; i++) {
        if ((text[i - 1] == '\n' || text[i - 1] == '\0') &&
            memcmp(text + i, head, length) == 0) {
            return i;
        }
    }
    return size;
}

/* All descriptions of an ELF's section: one for each table. */
static int parse_section(const char *path, const char *text, size_t size,
                         struct interface **ret_interface)
{
    struct interface *all = NULL;
    int status = CLI_OK;
    do {
        struct interface *one;
        size_t length = next_head(text, size);
        status = interface_parse_text(path, text, length, PARSE_FILE, &one);
        if (status == CLI_OK && all != NULL) {
            status = interface_join(all, one);
            interface_free(one);
        } else if (status == CLI_OK) {
            all = one;
        }
        text += length;
        size -= length;
    } while (status == CLI_OK && size != 0);
    if (status != CLI_OK || all == NULL) {
        interface_free(all);
        return CLI_REFUSED;
    }
    *ret_interface = all;
    return CLI_OK;
}

int interface_parse(const char *path, const uint8_t *bytes, size_t size,
                    struct interface **ret_interface)
{
    const char *text = (const char *)bytes;
    if (size >= 4 && memcmp(bytes, ELF_MAGIC, 4) == 0) {
        uint32_t length = 0;
        text = (const char *)find_section(bytes, size, &length);
        if (text == NULL) {
            cli_error(path,
                      "has no section " INTERFACE_SECTION
                      ": link the table that modapi build writes into the firmware");
            return CLI_REFUSED;
        }
        return parse_section(path, text, length, ret_interface);
    }
    return interface_parse_text(path, text, size, PARSE_FILE, ret_interface);
}

int interface_read(const char *path, struct interface **ret_interface)
{
    size_t size;
    uint8_t *bytes = cli_read_file(path, &size);
    int status = interface_parse(path, bytes, size, ret_interface);
    free(bytes);
    return status;
}

/* ---- asking ------------------------------------------------------------------------ */

const struct interface_symbol *interface_find(const struct interface *interface,
                                              const char *name)
{
    size_t from = 0;
    size_t to = interface->count;
    while (from < to) {
        size_t middle = from + (to - from) / 2;
        if (strcmp(interface->symbols[middle].name, name) < 0) {
            from = middle + 1;
        } else {
            to = middle;
        }
    }
    return from < interface->count && strcmp(interface->symbols[from].name, name) == 0
               ? &interface->symbols[from]
               : NULL;
}

const struct interface_symbol *interface_next(const struct interface *interface,
                                              const struct interface_symbol *symbol)
{
    size_t next = (size_t)(symbol - interface->symbols) + 1;
    return next < interface->count &&
                   strcmp(interface->symbols[next].name, symbol->name) == 0
               ? &interface->symbols[next]
               : NULL;
}

const struct interface_symbol *interface_find_hash(const struct interface *interface,
                                                   uint32_t hash)
{
    for (size_t i = 0; i < interface->count; i++) {
        if (interface->symbols[i].hash == hash) {
            return &interface->symbols[i];
        }
    }
    return NULL;
}

char *interface_canonical(const struct interface *interface,
                          const struct interface_symbol *symbol)
{
    return symbol->type == TYPE_NONE ? NULL
                                     : types_canonical(interface->types, symbol->type);
}
