/* SPDX-License-Identifier: BSD-2-Clause */
/* modapi stubs: something for a linker to resolve the symbols of an interface to, so that
 * it reports those that nobody has. mkmod makes imports of what lies in the stubs'
 * section, which takes no room. They hold no addresses: to those ld would make veneers of
 * its own. */
#include <stdlib.h>

#include "interface.h"
#include "verbs.h"

enum { OPT_OUTPUT = 1 };

static const struct cli_option options[] = {
    {OPT_OUTPUT, 'o', "output", "FILE.S", "write there (default: standard output)"},
    {0, 0, NULL, NULL, NULL},
};

static const struct cli_tool tool = {
    .name = "modapi",
    .usage = "modapi stubs [-o FILE.S] FILE.api",
    .purpose = "Write stubs of an interface's symbols, in assembler. A module that is "
               "linked with\n"
               "them, and without --unresolved-symbols=ignore-all, has its typing errors "
               "reported "
               "by\nthe linker.",
    .details = "Exit status: 0 good, 1 refused, 2 usage, 3 input, output or memory.",
    .options = options,
};

static const char head[] = "/* Made by modapi stubs; do not edit. */\n"
                           "    .syntax unified\n"
                           "    .thumb\n"
                           "    .section .modapi.stubs, \"ax\", %nobits\n";

/* Weak, so that what a module defines itself is its own. */
static void put_name(FILE *out, const struct interface_symbol *s, const char *name)
{
    bool function = s->kind == INTERFACE_FUNCTION;
    (void)fprintf(out, "    .weak \"%s\"\n    .type \"%s\", %%%s\n%s\"%s\":\n", name,
                  name, function ? "function" : "object",
                  function ? "    .thumb_func\n" : "", name);
}

static void put_symbol(FILE *out, const struct interface_symbol *s)
{
    if (s->condition != NULL) {
        (void)fprintf(out, "#if %s\n", s->condition);
    }
    put_name(out, s, s->name);
    if (s->tag != 0) {
        char *label = cli_format("%s$%08x", s->name, (unsigned)s->tag);
        put_name(out, s, label);
        free(label);
    }
    (void)fputs("    .space 4\n", out);
    if (s->condition != NULL) {
        (void)fputs("#endif\n", out);
    }
}

static int write_stubs(const struct interface *in, const char *path)
{
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);
    if (out == NULL) {
        cli_die(CLI_IO, NULL, "out of memory");
    }
    (void)fputs(head, out);
    for (size_t i = 0; i < in->count; i++) {
        put_symbol(out, &in->symbols[i]);
    }
    if (fclose(out) != 0) {
        cli_die(CLI_IO, NULL, "out of memory");
    }
    int status = cli_write_file(path, text, size);
    free(text);
    return status;
}

int verb_stubs(int argc, char **argv)
{
    struct cli_args args;
    struct interface *in = NULL;
    const char *value;
    const char *path = NULL;
    const char *output = "-";
    int id;
    cli_begin(&args, &tool, argc, argv);
    while ((id = cli_next(&args, &value)) != CLI_END) {
        if (id == OPT_OUTPUT) {
            output = value;
        } else if (path != NULL) {
            cli_usage(&tool, "one file at a time: \"%s\" is the second", value);
        } else {
            path = value;
        }
    }
    if (path == NULL) {
        cli_usage(&tool, "no file was given");
    }
    if (interface_read(path, &in) != CLI_OK) {
        return CLI_REFUSED;
    }
    int status = write_stubs(in, output);
    interface_free(in);
    return status;
}
