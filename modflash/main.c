/* SPDX-License-Identifier: BSD-2-Clause */
/** modflash: put modules on a board, and keep its module region. */
#include "verbs.h"

#include <stdlib.h>
#include <string.h>

enum {
    OPT_PROBE = 1,
    OPT_CHIP,
    OPT_REGION,
    OPT_FIRMWARE,
    OPT_API,
    OPT_ARENA,
    OPT_SET,
    OPT_GET,
    OPT_OUTPUT,
    OPT_JSON,
    OPT_DRY_RUN,
    OPT_NO_RESET,
    OPT_ALLOW_DOWNGRADE,
    OPT_FORCE,
    OPT_PIN,
    OPT_JOURNAL,
    OPT_DISCARD,
    OPT_NO_CHECK,
    OPT_XIP_LINK,
    OPT_NO_XIP_LINK,
    OPT_QUIET,
};

static const struct cli_option options[] = {
    {OPT_PROBE, 'p', "probe", "PROBE",
     "stlink[:SERIAL] (default), gdb:HOST:PORT or file:FLASH.IMG"},
    {OPT_CHIP, 0, "chip", "NAME", "the chip of a file: target (default stm32f405)"},
    {OPT_REGION, 0, "region", "BASE:SIZE", "the module region, as 0x08060000:128K"},
    {OPT_FIRMWARE, 0, "firmware", "ELF",
     "the firmware: where the region is, and what it offers to modules"},
    {OPT_API, 0, "api", "FILE", "what firmware or other modules offer, as a description"},
    {OPT_XIP_LINK, 0, "xip-link", NULL,
     "link the modules for their place in flash, where they then run"},
    {OPT_NO_XIP_LINK, 0, "no-xip-link", NULL,
     "install plain copies, also of modules that are linked"},
    {OPT_ARENA, 0, "arena", "BASE:SIZE",
     "RAM for linked modules, if it is not what the firmware tells"},
    {OPT_SET, 0, "set", "FILE", "params: write these bytes into the module's parameters"},
    {OPT_GET, 0, "get", "FILE", "params: save the module's parameters"},
    {OPT_OUTPUT, 'o', "output", "FILE", "where bundle writes the region's image"},
    {OPT_JSON, 0, "json", NULL, "list, info and probe as JSON"},
    {OPT_DRY_RUN, 'n', "dry-run", NULL, "say what would be done, and do nothing"},
    {OPT_NO_RESET, 0, "no-reset", NULL, "let the firmware go on instead of resetting it"},
    {OPT_ALLOW_DOWNGRADE, 0, "allow-downgrade", NULL,
     "replace a newer version by an older"},
    {OPT_FORCE, 'f', "force", NULL, "write a module even if the very same is there"},
    {OPT_PIN, 0, "pin", NULL, "compaction must not move these modules"},
    {OPT_JOURNAL, 0, "journal", NULL,
     "rewrite the region from a copy kept on this machine, if nothing else makes room"},
    {OPT_DISCARD, 0, "discard-journal", NULL, "recover: forget the modules kept here"},
    {OPT_NO_CHECK, 0, "no-check", NULL,
     "do not ask whether the firmware can link the modules"},
    {OPT_QUIET, 'q', "quiet", NULL, "print errors only"},
    {0, 0, NULL, NULL, NULL},
};

static const struct cli_tool tool = {
    .name = "modflash",
    .usage = "modflash [options] module.bin... | VERB [options] [operands]",
    .purpose = "Put loadable modules on a board, and keep its module region.",
    .details =
        "Verbs:\n"
        "  install FILE...       put modules in, or replace those of the same name; all "
        "or "
        "none\n"
        "  update FILE...        the same, but they must be there\n"
        "  list                  what is there, and how much room\n"
        "  info NAME             one module, its contents checked\n"
        "  verify [NAME|FILE...]  check contents; of a FILE, that just this module is there\n"
        "  remove NAME...        remove modules; all or none\n"
        "  relink [NAME...]      link modules anew, after an update of the firmware\n"
        "  params NAME           show a module's parameters; --set and --get take files\n"
        "  compact               move live modules together\n"
        "  recover               finish what a power failure cut short\n"
        "  read FILE             save the region's bytes\n"
        "  erase                 erase the region\n"
        "  probe                 what is connected, and where its region is\n"
        "  bundle -o FILE FILE...  make a region's image for factory programming\n\n"
        "Exit status: 0 good, 1 refused, 2 usage, 3 input, output or memory, 4 probe or "
        "target.",
    .options = options,
};

struct verb {
    const char *name;
    int (*run)(const struct request *request);
    unsigned least, most; /* operands */
};

#define ANY 10000u

static const struct verb verbs[] = {
    {"install", verb_install, 1, ANY}, {"update", verb_update, 1, ANY},
    {"list", verb_list, 0, 0},         {"info", verb_info, 1, 1},
    {"verify", verb_verify, 0, ANY},   {"remove", verb_remove, 1, ANY},
    {"relink", verb_relink, 0, ANY},   {"params", verb_params, 1, 1},
    {"compact", verb_compact, 0, 0},   {"recover", verb_recover, 0, 0},
    {"read", verb_read, 1, 1},         {"erase", verb_erase, 0, 0},
    {"probe", verb_probe, 0, 0},       {"bundle", verb_bundle, 1, ANY},
};

static void take_text(struct request *request, int id, const char *value)
{
    switch (id) {
    case OPT_PROBE:
        request->probe = value;
        break;
    case OPT_CHIP:
        request->chip = value;
        break;
    case OPT_REGION:
        request->region = value;
        break;
    case OPT_FIRMWARE:
        request->firmware = value;
        break;
    case OPT_API:
        request->apis[request->api_count++] = value;
        break;
    case OPT_ARENA:
        request->arena = value;
        break;
    case OPT_SET:
        request->set = value;
        break;
    case OPT_GET:
        request->get = value;
        break;
    default:
        request->output = value;
        break;
    }
}

static void take_switch(struct request *request, int id)
{
    bool *const places[] = {
        [OPT_JSON] = &request->json,
        [OPT_DRY_RUN] = &request->dry_run,
        [OPT_NO_RESET] = &request->no_reset,
        [OPT_ALLOW_DOWNGRADE] = &request->allow_downgrade,
        [OPT_FORCE] = &request->force,
        [OPT_PIN] = &request->pin,
        [OPT_JOURNAL] = &request->journal,
        [OPT_DISCARD] = &request->discard_journal,
        [OPT_NO_CHECK] = &request->no_check,
        [OPT_XIP_LINK] = &request->xip_link,
        [OPT_NO_XIP_LINK] = &request->no_xip_link,
        [OPT_QUIET] = &request->quiet,
    };

    *places[id] = true;
}

/* The first operand is a verb or, for short, a module to install. */
static const struct verb *find_verb(struct request *request)
{
    for (size_t i = 0; i < sizeof verbs / sizeof verbs[0]; i++) {
        if (strcmp(request->operands[0], verbs[i].name) == 0) {
            request->operands++;
            request->operand_count--;
            return &verbs[i];
        }
    }
    return &verbs[0];
}

/* No verb's name is part of another's, so the text is a table, too. */
static void check_switches(const struct verb *verb, const struct request *request)
{
    const struct {
        bool given;
        const char *name, *verbs;
    } rules[] = {
        {request->json, "--json", "list, info and probe"},
        {request->dry_run, "--dry-run",
         "install, update, remove, relink, params --set, compact, recover and erase"},
        {request->allow_downgrade, "--allow-downgrade", "install and update"},
        {request->no_check, "--no-check", "install, update, remove, relink and bundle"},
        {request->api_count != 0, "--api", "install, update, relink and bundle"},
        {request->set != NULL, "--set", "params"},
        {request->get != NULL, "--get", "params"},
        {request->force, "--force", "install and update"},
        {request->pin, "--pin", "install, update and bundle"},
        {request->journal, "--journal", "install, update, relink, params and compact"},
        {request->xip_link, "--xip-link", "install, update and bundle"},
        {request->no_xip_link, "--no-xip-link", "install and update"},
        {request->arena != NULL, "--arena", "install, update, relink, bundle and list"},
        {request->discard_journal, "--discard-journal", "recover"},
        {request->output != NULL, "-o", "bundle"},
    };

    for (size_t i = 0; i < sizeof rules / sizeof rules[0]; i++) {
        if (rules[i].given && strstr(rules[i].verbs, verb->name) == NULL) {
            cli_usage(&tool, "%s is for %s", rules[i].name, rules[i].verbs);
        }
    }
}

static void check_linking(const struct verb *verb, const struct request *request)
{
    uint32_t base, size;

    /* The firmware's symbols as well as its region: for those who link, or tell for whom.
     */
    if (request->region != NULL && request->firmware != NULL &&
        strstr("install update relink bundle list info", verb->name) == NULL) {
        cli_usage(&tool, "--region and --firmware exclude each other with %s",
                  verb->name);
    }
    if (request->xip_link && request->no_xip_link) {
        cli_usage(&tool, "--xip-link and --no-xip-link exclude each other");
    }
    if (request->arena != NULL && (!region_parse(request->arena, &base, &size) ||
                                   base == 0 || size > UINT32_MAX - base)) {
        cli_usage(&tool, "--arena: '%s' is no BASE:SIZE, such as 0x20010000:16K",
                  request->arena);
    }
}

/* What makes no sense together is a mistake that must not pass in silence. */
static void check_request(const struct verb *verb, const struct request *request)
{
    if (request->operand_count < verb->least) {
        cli_usage(&tool, "%s: %s", verb->name,
                  strstr("info remove params", verb->name) != NULL ? "which module?"
                                                                   : "no file was given");
    }
    if (request->operand_count > verb->most) {
        cli_usage(&tool, "%s: '%s' is one too many", verb->name,
                  request->operands[verb->most]);
    }
    check_switches(verb, request);
    if (request->set != NULL && request->get != NULL) {
        cli_usage(&tool, "--set and --get exclude each other");
    }
    if (verb->run == verb_params && request->dry_run && request->set == NULL) {
        cli_usage(&tool, "--dry-run is for params --set: without it nothing is written");
    }
    if (verb->run == verb_bundle && request->output == NULL) {
        cli_usage(&tool, "bundle needs -o FILE");
    }
    if (request->chip != NULL && strncmp(request->probe, "file:", 5) != 0 &&
        verb->run != verb_bundle) {
        cli_usage(&tool, "--chip is for --probe file:; a real chip is asked what it is");
    }
    check_linking(verb, request);
}

int main(int argc, char **argv)
{
    struct request request = {.probe = "stlink"};
    const struct verb *verb;
    struct cli_args args;
    char **operands = cli_alloc((size_t)argc + 1, sizeof *operands);
    const char **apis = cli_alloc((size_t)argc + 1, sizeof *apis);
    const char *value;
    int id, status, closed;

    request.operands = operands;
    request.apis = apis;
    cli_begin(&args, &tool, argc, argv);
    while ((id = cli_next(&args, &value)) != CLI_END) {
        if (id == CLI_OPERAND) {
            request.operands[request.operand_count++] = (char *)(uintptr_t)value;
        } else if (id <= OPT_OUTPUT) {
            take_text(&request, id, value);
        } else {
            take_switch(&request, id);
        }
    }
    if (request.operand_count == 0) {
        cli_usage(&tool, "no module and no verb was given");
    }
    verb = find_verb(&request);
    check_request(verb, &request);
    status = verb->run(&request);
    free(operands);
    free(apis);
    closed = cli_close_stdout();
    return status != CLI_OK ? status : closed;
}
