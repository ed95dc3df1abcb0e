/* SPDX-License-Identifier: BSD-2-Clause */
/** list and info: what is in the region. Reads; never halts the chip. */
#include "arena.h"
#include "catalog.h"
#include "check.h"
#include "journal.h"
#include "linked.h"
#include "room.h"
#include "verbs.h"

#include <stdlib.h>
#include <string.h>

/* In the order of their addresses. */
static int by_offset(const void *a, const void *b)
{
    const struct modfmt_store_image *x = a, *y = b;

    return x->offset < y->offset ? -1 : x->offset > y->offset;
}

static const char *flags_text(uint32_t flags, bool linked)
{
    return linked                               ? "linked"
           : (flags & MODFMT_STORE_PINNED) != 0 ? "pinned"
           : (flags & MODFMT_STORE_BARE) != 0   ? "bare"
                                                : "-";
}

/* Would the firmware's loader take it? Unknown firmware: nobody can tell, so yes. */
static bool is_stale(const struct session *session, const struct host *host,
                     const struct modfmt_store_image *stored,
                     const struct modfmt_linked *linked)
{
    return (host->build_id_size != 0 && !host_is(host, linked)) ||
           !linked_at_its_place(session, stored, linked);
}

static void json_linked(struct cli_json *json, const struct session *session,
                        const struct host *host, const struct modfmt_store_image *stored,
                        const struct modfmt_linked *linked)
{
    char build_id[2 * MODFMT_LINKED_BUILD_ID_MAX + 1] = "";

    if (linked == NULL) {
        cli_json_text(json, "linked", NULL);
        return;
    }
    for (uint32_t i = 0; i < linked->build_id_size; i++) {
        snprintf(build_id + 2u * i, 3, "%02x", linked->build_id[i]);
    }
    cli_json_row(json, "linked");
    cli_json_hex32(json, "text", linked->text);
    cli_json_hex32(json, "data", linked->data);
    cli_json_hex32(json, "data_end", linked->data_end);
    cli_json_hex32(json, "api", linked->api);
    cli_json_text(json, "build_id", build_id);
    cli_json_bool(json, "stale", is_stale(session, host, stored, linked));
    cli_json_close_object(json);
}

/* RAM that the firmware sets aside for linked modules, and who has it. */
static void json_arena(struct cli_json *json, const struct arena *arena)
{
    if (arena->begin == arena->end) {
        cli_json_text(json, "arena", NULL);
        return;
    }
    cli_json_row(json, "arena");
    cli_json_hex32(json, "address", arena->begin);
    cli_json_number(json, "size", arena->end - arena->begin);
    cli_json_number(json, "taken", arena_taken(arena));
    cli_json_number(json, "room", arena_room(arena));
    cli_json_close_object(json);
}

static void json_region(struct cli_json *json, const struct session *session,
                        const struct room *room)
{
    const struct region *region = &session->region;

    cli_json_object(json, "region");
    cli_json_hex32(json, "address", region->base);
    cli_json_number(json, "size", region->size);
    cli_json_number(json, "sectors", region->sector_count);
    cli_json_text(json, "origin", region->origin);
    cli_json_number(json, "live", room->live);
    cli_json_number(json, "room_now", room->now);
    cli_json_number(json, "room", room->largest);
    cli_json_number(json, "lost", session->store.lost);
    cli_json_text(json, "journal", session->pending ? session->journal : NULL);
    cli_json_close_object(json);
}

static void json_module(struct cli_json *json, struct session *session,
                        const struct host *host, const struct modfmt_store_image *image)
{
    struct modfmt_linked linked;
    struct identity identity;
    char version[24];

    catalog_identity(session, image, &identity);
    cli_json_row(json, NULL);
    cli_json_string(json, "name", identity.name, identity.name_length);
    cli_json_text(json, "version",
                  identity.has_version ? identity_version(&identity, version) : NULL);
    cli_json_hex32(json, "address", session_address(session, image->offset));
    cli_json_number(json, "size", image->size);
    cli_json_hex32(json, "crc", image->crc);
    cli_json_bool(json, "pinned", (image->flags & MODFMT_STORE_PINNED) != 0);
    cli_json_bool(json, "bare", (image->flags & MODFMT_STORE_BARE) != 0);
    json_linked(json, session, host, image,
                linked_stored(session, image, &linked) ? &linked : NULL);
    cli_json_close_object(json);
}

static void list_json(struct session *session, const struct modfmt_store_image *image,
                      uint32_t count, const struct room *room, const struct host *host,
                      const struct arena *arena)
{
    struct cli_json json;

    cli_json_begin(&json, stdout);
    cli_json_object(&json, NULL);
    cli_json_text(&json, "schema", "modflash-list-1");
    cli_json_text(&json, "chip", session->target->chip.name);
    json_region(&json, session, room);
    json_arena(&json, arena);
    cli_json_array(&json, "modules");
    for (uint32_t i = 0; i < count; i++) {
        json_module(&json, session, host, &image[i]);
    }
    cli_json_close_array(&json);
    cli_json_close_object(&json);
    cli_json_end(&json);
}

/* What a module says that it needs; nothing has been verified. */
static void print_needs(struct session *session, const struct modfmt_store_image *stored)
{
    struct modfmt_image image;
    struct check_need need;
    uint32_t offset = 0;
    uint8_t *bytes;
    bool first = true;

    if (catalog_open(session, stored, &bytes, &image) == 0) {
        for (; check_next_need(&image, &offset, &need); first = false) {
            printf("%s", first ? "  needs " : ", ");
            cli_put_text(stdout, need.name, strlen(need.name));
        }
    }
    free(bytes);
}

/* Where its data is, and whether it must be linked anew. */
static void print_linked(const struct session *session, const struct host *host,
                         const struct modfmt_store_image *stored,
                         const struct modfmt_linked *linked)
{
    if (linked->data != linked->data_end) {
        printf("  RAM 0x%08x-0x%08x", linked->data, linked->data_end);
    }
    if (is_stale(session, host, stored, linked)) {
        printf("  for another %s: modflash relink",
               linked_at_its_place(session, stored, linked) ? "firmware" : "place");
    }
}

static void print_room(const struct session *session, uint32_t count,
                       const struct room *room, const struct arena *arena)
{
    printf("%u module%s, %u bytes; room for one of up to %u bytes now", count,
           count == 1 ? "" : "s", room->live, room->now);
    if (room->largest > room->now) {
        printf(", %u after %s", room->largest,
               session->region.sector_count == 1 ? "rewriting the region"
                                                 : "erasing and compacting");
    }
    printf("\n");
    if (arena->begin != arena->end && arena->count != 0) {
        printf("RAM for linked modules: %u of 0x%08x:%u taken, %u for one more\n",
               arena_taken(arena), arena->begin, arena->end - arena->begin,
               arena_room(arena));
    }
    if (session->store.lost != 0) {
        printf("%u module%s no longer there: another tool wrote over the region\n",
               session->store.lost, session->store.lost == 1 ? " is" : "s are");
    }
}

static void list_text(struct session *session, const struct modfmt_store_image *image,
                      uint32_t count, const struct room *room, const struct host *host,
                      const struct arena *arena)
{
    if (count != 0) {
        printf("%-24s %-12s %8s  %-10s  %s\n", "NAME", "VERSION", "SIZE", "ADDRESS",
               "FLAGS");
    }
    for (uint32_t i = 0; i < count; i++) {
        struct modfmt_linked linked;
        bool is_linked = linked_stored(session, &image[i], &linked);
        struct identity identity;
        char version[24];
        int pad;

        catalog_identity(session, &image[i], &identity);
        cli_put_text(stdout, identity.name_length != 0 ? identity.name : "(no name)",
                     identity.name_length != 0 ? identity.name_length : 9);
        pad = 24 - (int)(identity.name_length != 0 ? identity.name_length : 9);
        printf("%*s %-12s %8u  0x%08x  %s", pad > 0 ? pad : 0, "",
               identity_version(&identity, version), image[i].size,
               session_address(session, image[i].offset),
               flags_text(image[i].flags, is_linked));
        if (is_linked) {
            print_linked(session, host, &image[i], &linked);
        }
        print_needs(session, &image[i]);
        printf("\n");
    }
    print_room(session, count, room, arena);
}

static void say_journal(const struct session *session)
{
    struct journal journal;

    if (!session->pending || session->request->json) {
        return;
    }
    journal_read(session, &journal);
    printf("a compaction was cut short: %u module%s kept in %s; 'modflash recover' puts "
           "%s back\n",
           journal.count, journal.count == 1 ? " is" : "s are", session->journal,
           journal.count == 1 ? "it" : "them");
    journal_free(&journal);
}

int verb_list(const struct request *request)
{
    struct session *session = session_open(request, SESSION_READ);
    uint32_t count = session->store.count;
    struct modfmt_store_image *image = cli_alloc(count + 1u, sizeof *image);
    struct arena arena;
    struct host host;
    struct room room;

    host_find(session, &host);
    arena_open(session, &host, &arena);
    memcpy(image, session->image, count * sizeof *image);
    qsort(image, count, sizeof *image, by_offset);
    room_measure(session, &room);
    if (request->json) {
        list_json(session, image, count, &room, &host, &arena);
    } else {
        list_text(session, image, count, &room, &host, &arena);
        say_journal(session);
    }
    free(image);
    arena_free(&arena);
    host_free(&host);
    if (session->target->error[0] != 0) {
        session_fail(session, 0, NULL, "reading the module region");
    }
    return session_close(session);
}

/* ---- info ------------------------------------------------------------------------ */

/* Names of imports or exports, as the tag has them; one string each. */
static void each_name(const struct modfmt_image *image, uint32_t type, uint32_t count,
                      void (*put)(struct cli_json *json, const char *name),
                      struct cli_json *json)
{
    struct modfmt_tag tag;
    const char *at, *end;

    if (modfmt_tag_find(image, type, &tag) != 1) {
        return;
    }
    at = (const char *)tag.value;
    end = at + tag.length;
    for (uint32_t i = 0; i < count && at < end; i++) { /* each ends with a zero byte */
        put(json, at);
        at += strlen(at) + 1;
    }
}

static void put_json(struct cli_json *json, const char *name)
{
    cli_json_text(json, NULL, name);
}

static void put_text(struct cli_json *json, const char *name)
{
    (void)json;
    printf("             ");
    cli_put_text(stdout, name, strlen(name));
    printf("\n");
}

static uint32_t params_size(const struct modfmt_image *image)
{
    struct modfmt_tag tag;

    return modfmt_tag_find(image, MODFMT_TAG_PARAMS, &tag) == 1
               ? modfmt_get32(tag.value + 4)
               : 0;
}

static void json_links(struct cli_json *json, const struct modfmt_image *image)
{
    struct check_need need;
    uint32_t offset = 0;

    cli_json_number(json, "params", params_size(image));
    cli_json_array(json, "needs");
    while (check_next_need(image, &offset, &need)) {
        char *range = check_range_text(need.range);

        cli_json_row(json, NULL);
        cli_json_text(json, "name", need.name);
        cli_json_text(json, "range", range);
        cli_json_close_object(json);
        free(range);
    }
    cli_json_close_array(json);
    cli_json_array(json, "import_names");
    each_name(image, MODFMT_TAG_IMPORT_NAMES, image->import_count, put_json, json);
    cli_json_close_array(json);
    cli_json_array(json, "export_names");
    each_name(image, MODFMT_TAG_EXPORT_NAMES, image->export_count, put_json, json);
    cli_json_close_array(json);
}

static void text_links(const struct modfmt_image *image)
{
    struct check_need need;
    uint32_t offset = 0;

    printf("parameters   %u bytes\n", params_size(image));
    printf("imports      %u\n", image->import_count);
    each_name(image, MODFMT_TAG_IMPORT_NAMES, image->import_count, put_text, NULL);
    printf("exports      %u\n", image->export_count);
    each_name(image, MODFMT_TAG_EXPORT_NAMES, image->export_count, put_text, NULL);
    while (check_next_need(image, &offset, &need)) {
        char *range = check_range_text(need.range);

        printf("needs        ");
        cli_put_text(stdout, need.name, strlen(need.name));
        printf(" %s\n", range);
        free(range);
    }
}

static void info_json(struct session *session, const struct modfmt_store_image *stored,
                      const struct modfmt_image *image, const struct identity *identity,
                      const struct host *host, int rc)
{
    struct modfmt_linked linked;
    struct cli_json json;
    char version[24];

    cli_json_begin(&json, stdout);
    cli_json_object(&json, NULL);
    cli_json_text(&json, "schema", "modflash-info-1");
    cli_json_string(&json, "name", identity->name, identity->name_length);
    cli_json_text(&json, "version",
                  identity->has_version ? identity_version(identity, version) : NULL);
    cli_json_hex32(&json, "address", session_address(session, stored->offset));
    cli_json_number(&json, "size", stored->size);
    cli_json_hex32(&json, "crc", stored->crc);
    cli_json_bool(&json, "pinned", (stored->flags & MODFMT_STORE_PINNED) != 0);
    cli_json_bool(&json, "bare", (stored->flags & MODFMT_STORE_BARE) != 0);
    json_linked(&json, session, host, stored,
                linked_stored(session, stored, &linked) ? &linked : NULL);
    cli_json_bool(&json, "valid", rc == 0);
    cli_json_text(&json, "error", rc != 0 ? modfmt_strerror_name(rc) : NULL);
    if (rc == 0) {
        cli_json_number(&json, "text", image->text_mem);
        cli_json_number(&json, "data", image->data_mem);
        cli_json_number(&json, "relocations", image->reloc_size);
        cli_json_number(&json, "imports", image->import_count);
        cli_json_number(&json, "exports", image->export_count);
        cli_json_number(&json, "stack", image->stack_size);
        json_links(&json, image);
    }
    cli_json_close_object(&json);
    cli_json_end(&json);
}

/* What a linked module was linked for. */
static void text_linked(const struct session *session, const struct host *host,
                        const struct modfmt_store_image *stored,
                        const struct modfmt_linked *linked)
{
    printf("linked       text 0x%08x", linked->text);
    if (linked->data != linked->data_end) {
        printf(", RAM 0x%08x-0x%08x", linked->data, linked->data_end);
    }
    printf("\nfor firmware ");
    for (uint32_t i = 0; i < linked->build_id_size; i++) {
        printf("%02x", linked->build_id[i]);
    }
    if (linked->api != 0) {
        printf(", interface %u.%u", linked->api >> 16, linked->api & 0xffffu);
    }
    printf("%s\n", is_stale(session, host, stored, linked)
                       ? " (not as it is now: modflash relink)"
                       : "");
}

static void info_text(struct session *session, const struct modfmt_store_image *stored,
                      const struct modfmt_image *image, const struct identity *identity,
                      const struct host *host, int rc)
{
    struct modfmt_linked linked;
    bool is_linked = linked_stored(session, stored, &linked);
    char version[24];

    printf("name         ");
    cli_put_text(stdout, identity->name, identity->name_length);
    printf("\nversion      %s\n", identity_version(identity, version));
    printf("address      0x%08x\n", session_address(session, stored->offset));
    printf("size         %u bytes\n", stored->size);
    printf("crc          0x%08x\n", stored->crc);
    printf("flags        %s\n", flags_text(stored->flags, is_linked));
    if (is_linked) {
        text_linked(session, host, stored, &linked);
    }
    if (rc != 0) {
        printf("contents     damaged: %s\n", modfmt_strerror(rc));
        return;
    }
    printf("contents     good\n");
    printf("text         %u bytes\n", image->text_mem);
    printf("data and bss %u bytes\n", image->data_mem);
    printf("relocations  %u bytes\n", image->reloc_size);
    text_links(image);
}

int verb_info(const struct request *request)
{
    struct session *session = session_open(request, SESSION_READ);
    const struct modfmt_store_image *stored = catalog_find(session, request->operands[0]);
    struct modfmt_diag diag = {0, 0, 0, 0};
    struct modfmt_image image;
    struct modfmt_linked linked;
    struct identity identity;
    struct host host = {0};
    uint8_t *bytes;
    int rc, status;

    catalog_identity(session, stored, &identity);
    if (linked_stored(session, stored, &linked)) {
        host_find(session, &host);
    }
    rc = catalog_check(session, stored, &bytes, &image, &diag);
    if (rc == 0) {
        rc = linked_check(bytes, stored->size, &diag);
    }
    if (session->target->error[0] != 0) {
        session_fail(session, rc, &diag, "reading the module");
    }
    if (request->json) {
        info_json(session, stored, &image, &identity, &host, rc);
    } else {
        info_text(session, stored, &image, &identity, &host, rc);
    }
    free(bytes);
    host_free(&host);
    status = session_close(session);
    return status != 0 ? status : rc != 0 ? CLI_TARGET : CLI_OK;
}
