/* SPDX-License-Identifier: BSD-2-Clause */
/** modapi check: would this firmware link these modules? */
#include <stdlib.h>
#include <string.h>

#include "check.h"
#include "firmware.h"
#include "verbs.h"

enum { OPT_JSON = 1, OPT_WAS, OPT_QUIET };

static const struct cli_option options[] = {
    {OPT_WAS, 0, "was", "FILE",
     "what modules were built against, as a description: tells why a type differs"},
    {OPT_JSON, 0, "json", NULL, "print JSON, and nothing on standard error"},
    {OPT_QUIET, 'q', "quiet", NULL, "print errors and warnings only"},
    {0, 0, NULL, NULL, NULL},
};

static const struct cli_tool tool = {
    .name = "modapi check",
    .usage = "modapi check [options] firmware.elf|FILE.api... module.bin...",
    .purpose = "Would a firmware link these modules? All that is wrong is told at once.",
    .details = "What a file is, its contents say. Modules may need each other; the "
               "description of\n"
               "another module counts as that module.",
    .options = options,
};

/** A module's file. */
struct module {
    const char *path;
    uint8_t *bytes;
    struct modfmt_image image;
    size_t number; /**< in the check */
};

struct job {
    struct check *check;
    struct module *modules;
    size_t module_count;
    struct firmware *firmwares;
    size_t firmware_count;
    struct interface **apis;
    size_t api_count;
    const char **against; /**< paths, for JSON */
    size_t against_count;
    bool json;
    bool quiet;
};

/* ---- files ------------------------------------------------------------------------ */

static void read_module(struct job *job, const char *path, uint8_t *bytes, size_t size)
{
    struct module *m = &job->modules[job->module_count];
    struct modfmt_diag diag = {0, 0, 0, 0};
    int rc = size > MODFMT_SIZE_MAX
                 ? modfmt_fail(&diag, MODFMT_E_TOTAL_SIZE, 0, 0, 0)
                 : modfmt_open(bytes, (uint32_t)size, &m->image, &diag);
    rc = rc == 0 ? modfmt_check(&m->image, &diag) : rc;
    rc = rc == 0 ? modfmt_check_trailing(&m->image, (uint32_t)size, &diag) : rc;
    if (rc != 0) {
        cli_die(
            CLI_REFUSED, path,
            "is no module that can be loaded: offset 0x%x: %s; 'moddump %s' tells more",
            diag.offset, modfmt_strerror(rc), path);
    }
    m->path = path;
    m->bytes = bytes;
    job->module_count++;
}

static void read_firmware(struct job *job, const char *path)
{
    struct firmware *f = &job->firmwares[job->firmware_count];
    if (firmware_read(path, f) != CLI_OK) {
        exit(CLI_REFUSED);
    }
    if (f->api == NULL && f->table == NULL) {
        cli_die(CLI_REFUSED, path,
                "does not tell what it offers to modules: it has neither a section "
                "%s nor a descriptor with a table of exports; link the table that "
                "modapi build writes into the firmware",
                INTERFACE_SECTION);
    }
    uint32_t count = f->table != NULL ? f->descriptor.export_count : 0;
    if (!check_offer(job->check, path, f->api, true, f->table, count)) {
        cli_die(CLI_REFUSED, path,
                "its table of exports is not sorted by hash, so loaders find nothing in "
                "it; make it with modapi build");
    }
    if (f->described && f->descriptor.features != 0) {
        check_features(job->check, f->descriptor.features);
    }
    job->against[job->against_count++] = path;
    job->firmware_count++;
}

static void read_api(struct job *job, const char *path, const uint8_t *bytes, size_t size)
{
    struct interface *api;
    if (interface_parse(path, bytes, size, &api) != CLI_OK) {
        exit(CLI_REFUSED);
    }
    job->apis[job->api_count++] = api;
    job->against[job->against_count++] = path;
    if (strcmp(api->provider, INTERFACE_FIRMWARE) == 0) {
        (void)check_offer(job->check, path, api, false, NULL, 0);
    }
}

/* What a file is shows in its first bytes. */
static void read_operand(struct job *job, const char *path)
{
    size_t size;
    uint8_t *bytes = cli_read_file(path, &size);
    if (size >= 4 && memcmp(bytes, "\177ELF", 4) == 0) {
        free(bytes);
        read_firmware(job, path);
    } else if (size >= 4 && modfmt_get32(bytes) == MODFMT_MAGIC) {
        read_module(job, path, bytes, size);
    } else {
        read_api(job, path, bytes, size);
        free(bytes);
    }
}

/* ---- what comes of it ---------------------------------------------------------------
 */

static void json_problem(struct cli_json *json, const struct check_problem *p)
{
    cli_json_object(json, NULL);
    cli_json_text(json, "kind", check_kind_name(p->kind));
    cli_json_bool(json, "warning", p->warning);
    cli_json_text(json, "name", p->name);
    if (p->hash != 0) {
        cli_json_hex32(json, "hash", p->hash);
    } else {
        cli_json_text(json, "hash", NULL);
    }
    cli_json_text(json, "then", p->then[0] != '\0' ? p->then : NULL);
    cli_json_text(json, "now", p->now[0] != '\0' ? p->now : NULL);
    cli_json_text(json, "reason", p->reason);
    cli_json_text(json, "text", p->text);
    cli_json_close_object(json);
}

static void print_json(const struct job *job)
{
    struct cli_json json;
    cli_json_begin(&json, stdout);
    cli_json_object(&json, NULL);
    cli_json_text(&json, "schema", "modapi-check-1");
    cli_json_array(&json, "against");
    for (size_t i = 0; i < job->against_count; i++) {
        cli_json_text(&json, NULL, job->against[i]);
    }
    cli_json_close_array(&json);
    cli_json_array(&json, "modules");
    for (size_t i = 0; i < job->module_count; i++) {
        const struct check_report *r =
            check_report_of(job->check, job->modules[i].number);
        cli_json_object(&json, NULL);
        cli_json_text(&json, "file", r->from);
        cli_json_bool(&json, "good", r->good);
        cli_json_array(&json, "problems");
        for (size_t k = 0; k < r->count; k++) {
            json_problem(&json, &r->problems[k]);
        }
        cli_json_close_array(&json);
        cli_json_close_object(&json);
    }
    cli_json_close_array(&json);
    cli_json_close_object(&json);
    cli_json_end(&json);
}

/* @return would all of them be loaded? */
static bool print_reports(const struct job *job)
{
    bool good = true;
    for (size_t i = 0; i < job->module_count; i++) {
        const struct module *m = &job->modules[i];
        const struct check_report *r = check_report_of(job->check, m->number);
        good = good && r->good;
        if (job->json || !check_print(r, false) || job->quiet) {
            continue;
        }
        cli_put_text(stdout, m->path, strlen(m->path));
        printf(": good, %u import%s\n", m->image.import_count,
               m->image.import_count == 1 ? "" : "s");
    }
    if (job->json) {
        print_json(job);
    }
    return good;
}

static void check_names(const struct job *job)
{
    for (size_t i = 0; i < job->module_count; i++) {
        struct modfmt_tag a;
        if (modfmt_tag_find(&job->modules[i].image, MODFMT_TAG_NAME, &a) != 1) {
            continue;
        }
        for (size_t k = 0; k < i; k++) {
            struct modfmt_tag b;
            if (modfmt_tag_find(&job->modules[k].image, MODFMT_TAG_NAME, &b) == 1 &&
                a.length == b.length && memcmp(a.value, b.value, a.length) == 0) {
                cli_die(CLI_REFUSED, job->modules[i].path,
                        "is named as %s is: two modules of one name cannot be loaded",
                        job->modules[k].path);
            }
        }
    }
}

static int run(struct job *job)
{
    if (job->module_count == 0) {
        cli_usage(&tool, "no module was given");
    }
    if (job->against_count == 0) {
        cli_usage(&tool, "against what? Give a firmware's ELF or a description");
    }
    check_names(job);
    for (size_t i = 0; i < job->module_count; i++) {
        struct module *m = &job->modules[i];
        m->number = check_module(job->check, m->path, &m->image);
    }
    for (size_t i = 0; i < job->api_count;
         i++) { /* behind modules: an image knows more */
        if (strcmp(job->apis[i]->provider, INTERFACE_FIRMWARE) != 0) {
            check_offer_module(job->check, job->apis[i]);
        }
    }
    check_run(job->check);
    return print_reports(job) ? CLI_OK : CLI_REFUSED;
}

static void free_job(struct job *job)
{
    check_free(job->check);
    for (size_t i = 0; i < job->module_count; i++) {
        free(job->modules[i].bytes);
    }
    for (size_t i = 0; i < job->firmware_count; i++) {
        firmware_free(&job->firmwares[i]);
    }
    for (size_t i = 0; i < job->api_count; i++) {
        interface_free(job->apis[i]);
    }
    free(job->modules);
    free(job->firmwares);
    free(job->apis);
    free(job->against);
}

int verb_check(int argc, char **argv)
{
    size_t most = (size_t)argc;
    struct job job = {.check = check_new(),
                      .modules = cli_alloc(most, sizeof *job.modules),
                      .firmwares = cli_alloc(most, sizeof *job.firmwares),
                      .apis = cli_alloc(most, sizeof *job.apis),
                      .against = cli_alloc(most, sizeof *job.against)};
    struct interface **was = cli_alloc(most, sizeof(struct interface *));
    size_t was_count = 0;
    struct cli_args args;
    const char *value;
    int id;
    cli_begin(&args, &tool, argc, argv);
    while ((id = cli_next(&args, &value)) != CLI_END) {
        if (id == OPT_WAS) {
            if (interface_read(value, &was[was_count]) != CLI_OK) {
                exit(CLI_REFUSED);
            }
            check_was(job.check, was[was_count++]);
        } else if (id == CLI_OPERAND) {
            read_operand(&job, value);
        } else {
            *(id == OPT_JSON ? &job.json : &job.quiet) = true;
        }
    }
    int status = run(&job);
    free_job(&job);
    while (was_count != 0) {
        interface_free(was[--was_count]);
    }
    free(was);
    int closed = cli_close_stdout();
    return status != CLI_OK ? status : closed;
}
