/* SPDX-License-Identifier: BSD-2-Clause */
/** read, probe and bundle. */
#include "chip.h"
#include "install.h"
#include "linking.h"
#include "region.h"
#include "verbs.h"
#include "xip.h"

#include <stdlib.h>
#include <string.h>

int verb_read(const struct request *request)
{
    struct session *session = session_open_region(request, SESSION_READ);
    const struct region *region = &session->region;
    struct device *device = &session->device;
    uint8_t *bytes = cli_alloc(region->size, 1);
    int status;

    if (device->flash.read(&device->flash, 0, bytes, region->size) != 0) {
        session_fail(session, MODFMT_E_STORE_READ, NULL, "reading the module region");
    }
    status = cli_write_file(request->operands[0], bytes, region->size);
    if (status == 0 && !request->quiet && strcmp(request->operands[0], "-") != 0) {
        printf("%u bytes from 0x%08x on: %s\n", region->size, region->base,
               request->operands[0]);
    }
    free(bytes);
    if (status != 0) {
        session_close(session);
        return status;
    }
    return session_close(session);
}

/* ---- probe --------------------------------------------------------------------------
 */

static void probe_json(const struct session *session)
{
    const struct target_chip *chip = &session->target->chip;
    struct cli_json json;

    cli_json_begin(&json, stdout);
    cli_json_object(&json, NULL);
    cli_json_text(&json, "schema", "modflash-probe-1");
    cli_json_text(&json, "probe", session->target->spec);
    cli_json_text(&json, "chip", chip->name);
    cli_json_hex32(&json, "device_id", chip->device_id);
    cli_json_text(&json, "uid", chip->uid);
    cli_json_hex32(&json, "flash", chip->flash_base);
    cli_json_number(&json, "flash_size", chip->flash_size);
    cli_json_number(&json, "unit", chip->unit);
    cli_json_object(&json, "region");
    cli_json_hex32(&json, "address", session->region.base);
    cli_json_number(&json, "size", session->region.size);
    cli_json_text(&json, "origin", session->region.origin);
    cli_json_close_object(&json);
    cli_json_array(&json, "sectors");
    for (uint32_t i = 0, at = chip->flash_base; i < chip->sector_count; i++) {
        cli_json_row(&json, NULL);
        cli_json_hex32(&json, "address", at);
        cli_json_number(&json, "size", chip->sector_size[i]);
        cli_json_close_object(&json);
        at += chip->sector_size[i];
    }
    cli_json_close_array(&json);
    cli_json_close_object(&json);
    cli_json_end(&json);
}

int verb_probe(const struct request *request)
{
    struct session *session = session_open_region(request, SESSION_READ);
    const struct target_chip *chip = &session->target->chip;
    const struct region *region = &session->region;

    if (request->json) {
        probe_json(session);
        return session_close(session);
    }
    printf("probe        %s\n", session->target->spec);
    printf("chip         %s (id 0x%03x), unique id %s\n", chip->name, chip->device_id,
           chip->uid);
    printf("flash        %u KiB at 0x%08x, %u sectors, programmed %u bytes at a time\n",
           chip->flash_size / 1024, chip->flash_base, chip->sector_count, chip->unit);
    printf("region       0x%08x:%uK, %u sector%s (%s)\n", region->base,
           region->size / 1024, region->sector_count,
           region->sector_count == 1 ? "" : "s", region->origin);
    return session_close(session);
}

/* ---- bundle ---------------------------------------------------------------------------
 */

/* A region in memory, erased. */
struct memory {
    struct modfmt_flash flash;
    uint8_t *bytes;
};

static int memory_read(struct modfmt_flash *flash, uint32_t offset, void *bytes,
                       uint32_t size)
{
    memcpy(bytes, ((struct memory *)flash)->bytes + offset, size);
    return 0;
}

static int memory_program(struct modfmt_flash *flash, uint32_t offset, const void *bytes,
                          uint32_t size)
{
    memcpy(((struct memory *)flash)->bytes + offset, bytes, size);
    return 0;
}

static int memory_erase(struct modfmt_flash *flash, uint32_t sector)
{
    memset(((struct memory *)flash)->bytes + modfmt_store_sector_offset(flash, sector),
           0xff, flash->sector_size[sector]);
    return 0;
}

/* Find out where things will be put, until linked images are linked for that. @return
 * what the store says */
static int plan_memory(const struct session *session, struct package *package,
                       uint32_t count, const struct memory *memory,
                       struct modfmt_store_image *image)
{
    struct memory paper = *memory;
    int rc = 0, moved = 1;

    paper.flash.program = NULL;
    for (uint32_t round = 0; rc == 0 && moved > 0 && round < XIP_ROUNDS; round++) {
        struct modfmt_store_source *source = install_sources(package, count);
        struct modfmt_diag diag = {0, 0, 0, 0};
        uint8_t scratch[64];
        struct modfmt_store store;

        rc = modfmt_store_open(&store, &paper.flash, image, SESSION_IMAGES_MAX, &diag);
        if (rc == 0) {
            rc = modfmt_store_install(&store, source, count, scratch, sizeof scratch,
                                      &diag);
        }
        moved = rc == 0 ? xip_follow(session, package, source, count) : 0;
        free(source);
    }
    return moved < 0 ? moved : moved > 0 ? MODFMT_E_STORE_FORGED : rc;
}

static int fill_memory(const struct session *session, struct package *package,
                       uint32_t count, struct memory *memory)
{
    struct modfmt_store_image *image = cli_alloc(SESSION_IMAGES_MAX, sizeof *image);
    int rc = plan_memory(session, package, count, memory, image);
    struct modfmt_store_source *source = install_sources(package, count);
    struct modfmt_diag diag = {0, 0, 0, 0};
    uint8_t *scratch = cli_alloc(VERB_SCRATCH, 1);
    struct modfmt_store store;

    if (rc == 0) {
        rc = modfmt_store_open(&store, &memory->flash, image, SESSION_IMAGES_MAX, &diag);
    }
    if (rc == 0) {
        rc = modfmt_store_install(&store, source, count, scratch, VERB_SCRATCH, &diag);
    }
    if (rc != 0) {
        cli_error(NULL, "the images do not fit into the region 0x%08x:%uK: %s",
                  session->region.base, session->region.size / 1024, modfmt_strerror(rc));
    } else if (strcmp(session->request->output, "-") != 0) {
        install_report(session, package, source, count);
    }
    free(image);
    free(source);
    free(scratch);
    return rc == 0 ? CLI_OK : CLI_REFUSED;
}

static int read_nothing(struct target *target, uint32_t address, void *bytes,
                        uint32_t length)
{
    (void)target;
    (void)address;
    (void)bytes;
    (void)length;
    return -1;
}

/* A chip on paper: for the factory there is none yet. @return 0 or an exit status */
static int begin_paper(const struct request *request, struct target *target,
                       struct session *session)
{
    static const struct target_ops nothing = {.read = read_nothing};
    const char *name = request->chip != NULL ? request->chip : "stm32f405";
    struct chip_model model;
    int status;

    if (!chip_find_name(name, &model) ||
        !chip_describe(&model, model.row->flash_size, &target->chip)) {
        char *names = chip_name_list();

        cli_error(NULL, "--chip: '%s' is not known; there are %s", name, names);
        free(names);
        return CLI_USAGE;
    }
    target->ops = &nothing;
    target->spec = "file:";
    session->paper = true;
    session->request = request;
    session->target = target;
    status = region_find(target, request->region, request->firmware, &session->region,
                         &session->descriptor);
    if (status == 0) {
        device_begin(&session->device, target, &session->region);
        session_say_region(session);
    }
    return status;
}

/* Install into memory, and write that. */
static int bundle(struct session *session, struct package *package, uint32_t count)
{
    const char *output = session->request->output;
    struct memory memory = {.flash = session->device.flash};
    int status = CLI_OK;

    for (uint32_t i = 0; i < count; i++) {
        if (!package_suits(&package[i], &session->target->chip)) {
            status = CLI_REFUSED;
        }
    }
    if (status == CLI_OK && (!linking_check(session, package, count) ||
                             !xip_link(session, package, count, NULL))) {
        status = CLI_REFUSED;
    }
    memory.flash.read = memory_read;
    memory.flash.program = memory_program;
    memory.flash.erase = memory_erase;
    memory.bytes = cli_alloc(session->region.size, 1);
    memset(memory.bytes, 0xff, session->region.size);
    if (status == CLI_OK) {
        status = fill_memory(session, package, count, &memory);
    }
    if (status == CLI_OK) {
        status = cli_write_file(output, memory.bytes, session->region.size);
    }
    free(memory.bytes);
    return status;
}

int verb_bundle(const struct request *request)
{
    uint32_t count;
    struct package *package = install_read(request, &count);
    struct session *session = cli_alloc(1, sizeof *session);
    struct target target = {0};
    int status = begin_paper(request, &target, session);

    if (status == CLI_OK) {
        status = bundle(session, package, count);
        device_end(&session->device);
    }
    for (uint32_t i = 0; i < count; i++) {
        package_free(&package[i]);
    }
    free(package);
    free(session);
    return status;
}
