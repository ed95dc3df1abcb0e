/* SPDX-License-Identifier: BSD-2-Clause */
/* mkmod: make a loadable module of a linked ELF. Options to steps. */
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "cli.h"
#include "module.h"

enum option {
    OPTION_OUTPUT = 1,
    OPTION_NAME,
    OPTION_VERSION,
    OPTION_DESCRIPTION,
    OPTION_STACK_SIZE, /* and the four behind it: enum stack_option */
    OPTION_STACK_ALLOW,
    OPTION_STACK_IMPORTS,
    OPTION_STACK_INDIRECT,
    OPTION_STACK_USAGE,
    OPTION_ENTRY,
    OPTION_EXPORT,
    OPTION_NEEDS,
    OPTION_PARAMS,
    OPTION_PARAMS_SYMBOL,
    OPTION_API,
    OPTION_WRITE_API,
    OPTION_UNTYPED,
    OPTION_STRIP_NAMES,
    OPTION_XIP,
    OPTION_CALLBACK,
    OPTION_VERBOSE,
};

static const struct cli_option options[] = {
    {OPTION_OUTPUT, 'o', "output", "FILE", "write the image to FILE (\"-\": stdout)"},
    {OPTION_NAME, 0, "name", "NAME",
     "the module's name (default: the input's base name)"},
    {OPTION_VERSION, 0, "version", "X.Y.Z", "the module's version (default: 0.0.0)"},
    {OPTION_DESCRIPTION, 0, "description", "TEXT",
     "one line about the module, for people"},
    {OPTION_STACK_SIZE, 0, "stack-size", "BYTES",
     "stack that the entry function needs; \"auto\": find it out"},
    {OPTION_STACK_ALLOW, 0, "stack-allow", "NAME=BYTES",
     "auto: what a function or import needs in all (may be given again)"},
    {OPTION_STACK_IMPORTS, 0, "stack-imports", "BYTES",
     "auto: what any import needs at most"},
    {OPTION_STACK_INDIRECT, 0, "stack-indirect", "BYTES",
     "auto: what is called through a pointer needs at most"},
    {OPTION_STACK_USAGE, 0, "stack-usage", "PATH",
     "auto: a .su file, or a folder of them (may be given again)"},
    {OPTION_ENTRY, 0, "entry", "SYMBOL",
     "the entry function (default: module_entry, or the ELF's entry)"},
    {OPTION_API, 0, "api", "FILE",
     "check imports against a description, or a firmware's ELF (may be given again)"},
    {OPTION_WRITE_API, 0, "write-api", "FILE",
     "write the description of the module's exports"},
    {OPTION_EXPORT, 0, "export", "SYMBOL",
     "let other modules use SYMBOL (may be given again)"},
    {OPTION_NEEDS, 0, "needs", "NAME[:LOWEST[:TOOHIGH]]",
     "need another module, in these versions (may be given again)"},
    {OPTION_PARAMS, 0, "params", "FILE", "fill the parameter block from FILE"},
    {OPTION_PARAMS_SYMBOL, 0, "params-symbol", "SYMBOL",
     "the parameter block (default: module_params)"},
    {OPTION_UNTYPED, 0, "untyped", NULL, "allow imports whose type is not known"},
    {OPTION_STRIP_NAMES, 0, "strip-names", NULL,
     "leave out the names of imports and exports"},
    {OPTION_XIP, 0, "xip", NULL,
     "text shall run where the image lies; needs code that finds its data by r9"},
    {OPTION_CALLBACK, 0, "callback", "NAME=BYTES",
     "what callers of NAME by pointer pass on the stack (may be given again)"},
    {OPTION_VERBOSE, 'v', "verbose", NULL, "print a map of the module"},
    {0, 0, NULL, NULL, NULL},
};

static const struct cli_tool tool = {
    .name = "mkmod",
    .usage = "mkmod [options] module.elf -o module.bin",
    .purpose = "Make a loadable module of an ELF that was linked with --emit-relocs.",
    .details =
        "The ELF is an executable for a Cortex-M, linked at any address:\n"
        "  arm-none-eabi-gcc -g ... -Wl,--emit-relocs \\\n"
        "      -Wl,--unresolved-symbols=ignore-all -o module.elf\n"
        "Exit status: 0 good, 1 the ELF is refused, 2 wrong usage, 3 I/O or memory.",
    .options = options,
    .version_takes_arg = true,
};

/* Bytes other than 0x00 to 0x20 and 0x7F; a description may have spaces. */
static bool good_text(const char *text, size_t most, bool spaces)
{
    size_t length = strlen(text);
    for (const char *c = text; *c != '\0'; c++) {
        if ((unsigned char)*c < 0x20 || *c == 0x7f || (*c == ' ' && !spaces)) {
            return false;
        }
    }
    return length >= 1 && length <= most;
}

static void again(struct arguments *arguments, const char *value)
{
    arguments->list = cli_grow(arguments->list, &arguments->capacity,
                               arguments->count + 1, sizeof *arguments->list);
    arguments->list[arguments->count++] = value;
}

/* Options about what the module shares with others. @return whether it is one */
static bool take_shared(struct options *o, int id, const char *value)
{
    const char *wrong = NULL;
    switch (id) {
    case OPTION_EXPORT:
        again(&o->exports, value);
        return true;
    case OPTION_NEEDS:
        wrong = needs_parse(&o->needs, value);
        if (wrong != NULL) {
            cli_usage(&tool, "--needs %s: %s", value, wrong);
        }
        return true;
    case OPTION_PARAMS:
        o->params = value;
        return true;
    case OPTION_PARAMS_SYMBOL:
        o->params_symbol = value;
        return true;
    case OPTION_API:
        again(&o->apis, value);
        return true;
    case OPTION_WRITE_API:
        o->write_api = value;
        return true;
    case OPTION_UNTYPED:
        o->untyped = true;
        return true;
    default:
        return false;
    }
}

static void take_callback(struct options *o, const char *value)
{
    const char *wrong = callback_option(&o->callbacks, value);
    if (wrong != NULL) {
        cli_usage(&tool, "%s, not '%s'", wrong, value);
    }
}

static void take_stack(struct options *o, int id, const char *value)
{
    const char *wrong =
        stack_option(o, (enum stack_option)(id - OPTION_STACK_SIZE), value);
    if (wrong != NULL) {
        cli_usage(&tool, "%s, not '%s'", wrong, value);
    }
}

static void take_option(struct options *o, int id, const char *value)
{
    if (take_shared(o, id, value)) {
        return;
    }
    switch (id) {
    case OPTION_OUTPUT:
        o->output = value;
        break;
    case OPTION_NAME:
        o->name = value;
        break;
    case OPTION_VERSION:
        o->has_version = true;
        if (!interface_parse_version(value, o->version)) {
            cli_usage(&tool, "--version wants X.Y.Z, three numbers up to 65535, not '%s'",
                      value);
        }
        break;
    case OPTION_DESCRIPTION:
        o->description = value;
        if (!good_text(value, 255, true)) {
            cli_usage(&tool, "--description wants one line of 1 to 255 bytes");
        }
        break;
    case OPTION_STACK_SIZE:
    case OPTION_STACK_ALLOW:
    case OPTION_STACK_IMPORTS:
    case OPTION_STACK_INDIRECT:
    case OPTION_STACK_USAGE:
        take_stack(o, id, value);
        break;
    case OPTION_ENTRY:
        o->entry = value;
        break;
    case OPTION_STRIP_NAMES:
        o->strip_names = true;
        break;
    case OPTION_XIP:
        o->xip = true;
        break;
    case OPTION_CALLBACK:
        take_callback(o, value);
        break;
    case OPTION_VERBOSE:
        o->verbose = true;
        break;
    default: /* CLI_OPERAND */
        if (o->input != NULL) {
            cli_usage(&tool, "there are two inputs, '%s' and '%s'; one module at a time",
                      o->input, value);
        }
        o->input = value;
        break;
    }
}

static const char *default_name(const char *path)
{
    const char *slash = strrchr(path, '/');
    char *name = cli_format("%s", slash != NULL ? slash + 1 : path);
    char *dot = strrchr(name, '.');
    if (dot != NULL && dot != name) {
        *dot = '\0';
    }
    return name;
}

static void check_options(struct options *o)
{
    struct stat in;
    struct stat out;
    if (o->input == NULL) {
        cli_usage(&tool, "there is no input file");
    }
    if (o->output == NULL) {
        cli_usage(&tool, "there is no output file; give one with -o");
    }
    if (stat(o->input, &in) == 0 && stat(o->output, &out) == 0 &&
        in.st_dev == out.st_dev && in.st_ino == out.st_ino) {
        cli_usage(&tool, "'%s' is input and output at once", o->input);
    }
    if (stack_options_wrong(o) != NULL) {
        cli_usage(&tool, "%s", stack_options_wrong(o));
    }
    bool given = o->name != NULL;
    if (!given) {
        o->name = default_name(o->input);
    }
    if (!good_text(o->name, MODFMT_NAME_MAX, false)) {
        cli_usage(&tool, "the module's name '%s' is not 1 to 63 bytes without spaces%s",
                  o->name, given ? "" : "; give one with --name");
    }
}

/* Stop with every problem so far, if one is an error. Warnings alone wait: they are
 * printed with what comes later. */
static void stop_if_refused(struct module *m)
{
    if (m->problems.errors != 0) {
        (void)problems_print(m);
        exit(CLI_REFUSED);
    }
}

static int write_files(struct module *m)
{
    const char *path = m->options.write_api;
    char *text = NULL;
    size_t size = 0;
    int status = path != NULL ? types_describe(m, &text, &size) : CLI_OK;
    if (status == CLI_OK) {
        status = image_write(m);
    }
    if (status == CLI_OK && path != NULL) {
        status = cli_write_file(path, text, size);
    }
    free(text);
    return status;
}

/* What goes in front of text and data. */
static void lay_out(struct module *m)
{
    prescan(m);
    trampolines_plan(m);
    segments_front(m);
    veneers_plan(m);
}

static void write_front(struct module *m)
{
    if (m->problems.errors == 0) {
        veneers_write(m);
        trampolines_write(m);
    }
    picregister_check(m);
    xip_check(m);
}

static int make(struct module *m)
{
    elffile_read(m, m->options.input);
    attributes_read(m);
    bool planned = segments_plan(m);
    segments_home_symbols(m);
    if (!planned) {
        stop_if_refused(m);
    }
    evidence_check(m);
    places_arrays(m);
    imports_collect(m);
    exports_collect(m);
    types_resolve(m);
    params_plan(m);
    needs_check(m);
    lay_out(m);
    stop_if_refused(m);
    segments_fill(m);
    relocations_read(m);
    movpair_resolve(m);
    got_resolve(m);
    staticbase_resolve(m);
    write_front(m);
    branch_check_veneers(m);
    places_find(m);
    params_fill(m);
    if (m->far && m->not_apart) {
        problem_error(
            m, 0, 0,
            "text and data were linked far apart, yet they must stay together: %s; link "
            "them one behind the other",
            m->reasons[0]);
    }
    stop_if_refused(m);
    stack_find(m);
    stop_if_refused(m);
    (void)problems_print(m);
    fixups_sort(m);
    return write_files(m);
}

int main(int argc, char **argv)
{
    static struct module module;
    struct cli_args args;
    const char *value = NULL;
    cli_begin(&args, &tool, argc, argv);
    for (int id = cli_next(&args, &value); id != CLI_END; id = cli_next(&args, &value)) {
        take_option(&module.options, id, value);
    }
    check_options(&module.options);
    int status = make(&module);
    int closed = cli_close_stdout();
    return status != CLI_OK ? status : closed;
}
