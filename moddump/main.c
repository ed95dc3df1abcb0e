/* SPDX-License-Identifier: BSD-2-Clause */
/** moddump: show a module, check it, or load it on the host. */
#include "moddump.h"

#include <stdlib.h>

enum {
    OPT_HEADERS = 1,
    OPT_SEGMENTS,
    OPT_RELOCS,
    OPT_IMPORTS,
    OPT_EXPORTS,
    OPT_TAGS,
    OPT_HEX,
    OPT_CODE,
    OPT_JSON,
    OPT_CHECK,
    OPT_LOAD_AT,
    OPT_OUTPUT,
    OPT_DATA_AT,
    OPT_DATA_OUT,
    OPT_PREFIX_OUT,
    OPT_IMPORT,
    OPT_ADDR2LINE,
    OPT_ELF,
    OPT_UNLINK,
};

static const struct cli_option options[] = {
    {OPT_HEADERS, 0, "headers", NULL, "show every field of the header"},
    {OPT_SEGMENTS, 0, "segments", NULL, "show segments and the image's areas"},
    {OPT_RELOCS, 0, "relocs", NULL, "show every fix-up"},
    {OPT_IMPORTS, 0, "imports", NULL, "show what the module wants of the firmware"},
    {OPT_EXPORTS, 0, "exports", NULL, "show what the module offers to others"},
    {OPT_TAGS, 0, "tags", NULL, "show the tags, decoded"},
    {OPT_HEX, 0, "hex", NULL, "show all bytes, area by area"},
    {OPT_CODE, 'd', "disassemble", NULL, "disassemble text, with symbols and fix-ups"},
    {OPT_JSON, 0, "json", NULL, "show everything as JSON"},
    {OPT_CHECK, 0, "check", NULL, "print nothing; the exit status tells"},
    {OPT_LOAD_AT, 0, "load-at", "ADDR", "load so that the ELF's first byte is at ADDR"},
    {OPT_OUTPUT, 'o', "output", "FILE",
     "where --load-at writes memory from ADDR on, and --unlink"},
    {OPT_DATA_AT, 0, "data-at", "ADDR", "load data and bss apart from text, at ADDR"},
    {OPT_DATA_OUT, 0, "data-out", "FILE", "where --data-at writes data and bss"},
    {OPT_PREFIX_OUT, 0, "prefix-out", "FILE",
     "where --load-at writes what lies below ADDR"},
    {OPT_IMPORT, 0, "import", "NAME=ADDR",
     "bind an import (or 0xHASH=ADDR) for --load-at"},
    {OPT_ADDR2LINE, 0, "addr2line", "OFFSET",
     "name function, file and line of the code at OFFSET in text"},
    {OPT_ELF, 0, "elf", "FILE", "the ELF that the module was made of, for --addr2line"},
    {OPT_UNLINK, 0, "unlink", NULL, "write what a linked image was before, with -o FILE"},
    {0, 0, NULL, NULL, NULL},
};

static const struct cli_tool tool = {
    .name = "moddump",
    .usage = "moddump [options] module.bin",
    .purpose = "Show what is in a loadable module, check it, or tell what memory would "
               "hold once\n"
               "it is loaded. Without options: an overview.",
    .details = "Exit status: 0 good, 1 the module is refused, 2 usage, 3 input, output "
               "or memory.",
    .options = options,
};

struct command {
    const char *path;
    unsigned parts; /* enum part */
    bool json;
    bool check;
    bool load;
    bool unlink;
    struct load_request request;
    struct addr2line_request source;
};

static uint32_t parse_address(const char *option, const char *text)
{
    uint32_t address;
    if (!cli_parse_u32(text, &address)) {
        cli_usage(&tool,
                  "%s: \"%s\" is not an address: give a number below 2^32, as 0x20001300",
                  option, text);
    }
    return address;
}

static void take_load_option(struct command *c, int id, const char *value)
{
    const char *wrong;
    switch (id) {
    case OPT_LOAD_AT:
        c->load = true;
        c->request.address = parse_address("--load-at", value);
        break;
    case OPT_OUTPUT:
        c->request.output = value;
        break;
    case OPT_DATA_AT:
        c->request.apart = true;
        c->request.data_address = parse_address("--data-at", value);
        break;
    case OPT_DATA_OUT:
        c->request.data_output = value;
        break;
    case OPT_PREFIX_OUT:
        c->request.prefix_output = value;
        break;
    default:
        wrong = load_bind(&c->request, value);
        if (wrong != NULL) {
            cli_usage(&tool, "--import: \"%s\" %s", value, wrong);
        }
        break;
    }
}

static void take_source_option(struct command *c, int id, const char *value)
{
    if (id == OPT_ELF) {
        c->source.elf = value;
        return;
    }
    const char *wrong = addr2line_add(&c->source, value);
    if (wrong != NULL) {
        cli_usage(&tool, "--addr2line: \"%s\" %s", value, wrong);
    }
}

static void take_option(struct command *c, int id, const char *value)
{
    if (id >= OPT_HEADERS && id <= OPT_CODE) {
        c->parts |= 1u << (id - OPT_HEADERS);
    } else if (id == OPT_JSON) {
        c->json = true;
    } else if (id == OPT_CHECK) {
        c->check = true;
    } else if (id == OPT_UNLINK) {
        c->unlink = true;
    } else if (id == OPT_ADDR2LINE || id == OPT_ELF) {
        take_source_option(c, id, value);
    } else {
        take_load_option(c, id, value);
    }
}

/* What makes no sense together is a mistake that must not pass in silence. */
static void check_command(const struct command *c)
{
    const struct load_request *r = &c->request;
    if (c->path == NULL) {
        cli_usage(&tool, "no module was given");
    }
    bool source = c->source.count != 0;
    if (c->json + c->check + c->load + c->unlink + source + (c->parts != 0) > 1) {
        cli_usage(
            &tool,
            "--json, --check, --load-at, --unlink, --addr2line and the options that "
            "show parts exclude each other");
    }
    if (source != (c->source.elf != NULL)) {
        cli_usage(&tool, "--addr2line OFFSET and --elf FILE go together");
    }
    if (!c->load &&
        ((r->output != NULL && !c->unlink) || r->apart || r->data_output != NULL ||
         r->prefix_output != NULL || r->binding_count != 0)) {
        cli_usage(&tool, "-o, --data-at, --data-out, --prefix-out and --import need "
                         "--load-at (-o also goes with --unlink)");
    }
    if (c->unlink && r->output == NULL) {
        cli_usage(&tool, "--unlink needs -o FILE to write to");
    }
    if (c->load && r->output == NULL) {
        cli_usage(&tool, "--load-at needs -o FILE to write to");
    }
    if (c->load && r->data_output != NULL && !r->apart) {
        cli_usage(&tool,
                  "--data-out needs --data-at: without it data is in the same block");
    }
}

static struct command parse(int argc, char **argv)
{
    struct command command = {0};
    struct cli_args args;
    const char *value;
    int id;
    cli_begin(&args, &tool, argc, argv);
    while ((id = cli_next(&args, &value)) != CLI_END) {
        if (id != CLI_OPERAND) {
            take_option(&command, id, value);
        } else if (command.path != NULL) {
            cli_usage(&tool, "one module at a time: \"%s\" is the second", value);
        } else {
            command.path = value;
        }
    }
    check_command(&command);
    return command;
}

static int print_parts(const struct module *module, unsigned parts)
{
    static void (*const printers[])(const struct module *) = {
        print_headers, print_segments, print_relocs, print_imports,
        print_exports, print_tags,     print_hex,
    };
    for (size_t i = 0; i < sizeof printers / sizeof printers[0]; i++) {
        if ((parts >> i & 1) != 0) {
            printers[i](module);
        }
    }
    return (parts & PART_CODE) != 0 ? print_code(module) : CLI_OK;
}

static int run(const struct module *module, const struct command *command)
{
    if (command->check) {
        return CLI_OK;
    }
    if (command->load) {
        return load_module(module, &command->request);
    }
    if (command->unlink) {
        return unlink_module(module, command->request.output);
    }
    if (command->source.count != 0) {
        return print_source(module, &command->source);
    }
    if (command->json) {
        print_json(module);
        return CLI_OK;
    }
    if (command->parts != 0) {
        return print_parts(module, command->parts);
    }
    print_overview(module);
    return CLI_OK;
}

int main(int argc, char **argv)
{
    struct command command = parse(argc, argv);
    struct modfmt_diag diag = {0};
    struct module module;
    size_t size;
    int status;
    uint8_t *bytes = cli_read_file(command.path, &size);

    if (module_open(command.path, bytes, size, &module, &diag) != 0) {
        if (!command.check) {
            print_refusal(command.path, bytes, size, &diag);
        }
        status = CLI_REFUSED;
    } else {
        status = run(&module, &command);
        module_close(&module);
    }
    free(bytes);
    free(command.request.bindings);
    free(command.source.offsets);
    int closed = cli_close_stdout();
    return status != CLI_OK ? status : closed;
}
