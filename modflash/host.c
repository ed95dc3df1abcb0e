/* SPDX-License-Identifier: BSD-2-Clause */
#include "host.h"

#include "cli.h"

#include <stdlib.h>
#include <string.h>

/* Is there a byte of the chip's flash in it, or none at all? */
static bool touches_flash(const struct target_chip *chip, uint32_t begin, uint32_t end)
{
    return begin - chip->flash_base < chip->flash_size || end <= begin ||
           (begin < chip->flash_base && end > chip->flash_base);
}

/* RAM on a Cortex-M is in the code region (core-coupled, not where flash is), in the SRAM
 * region or in external RAM; never among peripherals. */
static bool can_be_ram(const struct target_chip *chip, uint32_t begin, uint32_t end)
{
    bool low = end <= 0x40000000u, external = begin >= 0x60000000u && end <= 0xa0000000u;

    return begin != 0 && (low || external) && !touches_flash(chip, begin, end);
}

/* What a descriptor says of its arena, if it can be believed. */
static void take_arena(const struct session *session, struct host *host,
                       const struct firmware_descriptor *d)
{
    if (can_be_ram(&session->target->chip, d->arena_begin, d->arena_end)) {
        host->arena_begin = d->arena_begin;
        host->arena_end = d->arena_end;
    }
}

static void ask_file(struct session *session, struct host *host)
{
    const char *path = session->request->firmware;
    int status = firmware_read(path, &host->file);

    if (status != CLI_OK) {
        if (session->paper) {
            exit(status);
        }
        session_exit(session, status);
    }
    host->from = path;
    host->told = host->file.described;
    host->api = host->file.descriptor.api_version;
    host->build_id_size = host->file.build_id_size;
    memcpy(host->build_id, host->file.build_id, sizeof host->build_id);
    host->exports = host->file.table != NULL ? host->file.descriptor.exports : 0;
    host->export_count = host->file.descriptor.export_count;
    take_arena(session, host, &host->file.descriptor);
}

/* Do these bytes lie in the chip's flash? */
static bool in_flash(const struct target_chip *chip, uint32_t address, uint32_t size)
{
    return address >= chip->flash_base &&
           modfmt_range(address - chip->flash_base, size, chip->flash_size);
}

/* The build id that the board's descriptor names. @return its size; 0: none */
static uint32_t read_build_id(struct session *session,
                              const struct firmware_descriptor *d,
                              uint8_t build_id[MODFMT_LINKED_BUILD_ID_MAX])
{
    struct target *target = session->target;

    if (d->build_id == 0 || d->build_id_size == 0 ||
        d->build_id_size > MODFMT_LINKED_BUILD_ID_MAX ||
        !in_flash(&target->chip, d->build_id, d->build_id_size) ||
        target->ops->read(target, d->build_id, build_id, d->build_id_size) != 0) {
        return 0;
    }
    return d->build_id_size;
}

/* The descriptor of the board's firmware, asked once. */
static void ask_descriptor(struct session *session)
{
    if (session->descriptor.version == 0 && !session->paper &&
        (session->request->region != NULL || session->request->firmware != NULL)) {
        (void)region_describe(session->target, &session->descriptor);
    }
}

static void fail_asking(struct session *session)
{
    if (session->target->error[0] != 0) {
        session_fail(session, 0, NULL, "asking the firmware who it is");
    }
}

static void ask_board(struct session *session, struct host *host)
{
    const struct firmware_descriptor *d = &session->descriptor;

    host->from = "the firmware on the board";
    ask_descriptor(session);
    host->told = d->version == MODFMT_HOST_VERSION;
    if (host->told) {
        host->api = d->api_version;
        host->build_id_size = read_build_id(session, d, host->build_id);
        host->exports = d->exports;
        host->export_count = d->export_count;
        take_arena(session, host, d);
    }
    fail_asking(session);
}

void host_find(struct session *session, struct host *ret_host)
{
    const char *arena = session->request->arena;
    uint32_t size;

    memset(ret_host, 0, sizeof *ret_host);
    if (session->request->firmware != NULL) {
        ask_file(session, ret_host);
    } else {
        ask_board(session, ret_host);
    }
    if (arena != NULL && region_parse(arena, &ret_host->arena_begin, &size)) {
        ret_host->arena_end = ret_host->arena_begin + size;
    }
}

/* Can it be what --arena says? Of what is no flash who says it knows best. */
static bool arena_is_good(const struct session *session, const struct host *host)
{
    const char *arena = session->request->arena;

    if (arena == NULL ||
        !touches_flash(&session->target->chip, host->arena_begin, host->arena_end)) {
        return true;
    }
    cli_error(NULL,
              "--arena: '%s' is flash, at least in part, and not the firmware's RAM for "
              "modules with fixed addresses",
              arena);
    return false;
}

bool host_can_link(const struct session *session, const struct host *host)
{
    bool in_file = session->request->firmware != NULL;
    const char *spec = in_file ? host->from : session->target->spec;
    const char *who = in_file ? "the firmware" : host->from;
    const char *plainly =
        session->request->xip_link ? ", without --xip-link" : " with --no-xip-link";

    if (!in_file && session->paper) {
        cli_error(NULL, "--xip-link: for which firmware? Say --firmware ELF");
        return false;
    }
    if (!in_file && !host->told) {
        cli_error(spec, "no firmware is there that describes itself, so nothing can be "
                        "linked for it; --firmware ELF says which one it will be");
        return false;
    }
    if (host->build_id_size == 0) {
        cli_error(
            spec,
            "%s has no build id, by which it would know again what is linked for it: "
            "link it with --build-id, or install plain copies%s",
            who, plainly);
        return false;
    }
    if (host->arena_end == host->arena_begin) {
        cli_error(
            spec,
            "%s sets no RAM aside for modules with fixed addresses (arena_begin and "
            "arena_end in its descriptor); --arena BASE:SIZE says where it is, or "
            "install plain copies%s",
            who, plainly);
        return false;
    }
    return arena_is_good(session, host);
}

bool host_is_on_board(struct session *session, const struct host *host)
{
    uint8_t build_id[MODFMT_LINKED_BUILD_ID_MAX];
    uint32_t size;

    if (session->request->firmware == NULL || session->paper) {
        return true;
    }
    ask_descriptor(session);
    size = read_build_id(session, &session->descriptor, build_id);
    fail_asking(session);
    if (size == 0 ||
        (size == host->build_id_size && memcmp(build_id, host->build_id, size) == 0)) {
        return true;
    }
    if (session->request->no_check) {
        cli_warning(host->from,
                    "is not the firmware on the board, which will refuse the modules "
                    "until it is this one");
        return true;
    }
    cli_error(
        host->from,
        "is not the firmware on the board (its build id is another), which would refuse "
        "what is linked for this one; update it first, or say --no-check");
    return false;
}

void host_read_table(struct session *session, struct host *host)
{
    struct target *target = session->target;
    uint32_t size;

    if (session->request->firmware != NULL) {
        host->table = host->file.table;
        return;
    }
    if (host->exports == 0 || host->exports % 4u != 0 ||
        host->export_count > FIRMWARE_EXPORTS_MAX) {
        return;
    }
    size = host->export_count * MODFMT_EXPORT_SIZE;
    if (!in_flash(&target->chip, host->exports, size)) {
        return;
    }
    host->bytes = cli_alloc(size + 1u, 1);
    if (size != 0 && target->ops->read(target, host->exports, host->bytes, size) != 0) {
        session_fail(session, 0, NULL, "asking the firmware what it offers");
    }
    host->table = host->bytes;
}

int host_address(const struct host *host, uint32_t hash, uint32_t type,
                 uint32_t *ret_address)
{
    uint32_t low = 0, high = host->table != NULL ? host->export_count : 0;

    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        const uint8_t *entry = host->table + middle * MODFMT_EXPORT_SIZE;
        uint32_t other = modfmt_get32(entry + MODFMT_EXPORT_OFF_HASH);
        uint32_t offered = modfmt_get32(entry + MODFMT_EXPORT_OFF_TYPE);

        if (other < hash) {
            low = middle + 1u;
        } else if (other > hash) {
            high = middle;
        } else if (type != 0 && offered != 0 && type != offered) {
            return MODLOAD_E_TYPE;
        } else {
            *ret_address = modfmt_get32(entry + MODFMT_EXPORT_OFF_VALUE);
            return 0;
        }
    }
    return MODLOAD_E_IMPORT;
}

bool host_is(const struct host *host, const struct modfmt_linked *linked)
{
    return host->build_id_size != 0 && linked->api == host->api &&
           linked->build_id_size == host->build_id_size &&
           memcmp(linked->build_id, host->build_id, host->build_id_size) == 0;
}

void host_free(struct host *host)
{
    if (host->file.bytes != NULL) {
        firmware_free(&host->file);
    }
    free(host->bytes);
    memset(host, 0, sizeof *host);
}
