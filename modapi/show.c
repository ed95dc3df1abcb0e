/* SPDX-License-Identifier: BSD-2-Clause */
/* modapi show: an interface as text, wherever it is. */
#include <stdlib.h>
#include <string.h>

#include "interface.h"
#include "verbs.h"

enum { OPT_DWARF = 1, OPT_TYPES };

static const struct cli_option options[] = {
    {OPT_DWARF, 0, "dwarf", NULL, "an ELF: what its debug information says"},
    {OPT_TYPES, 0, "types", NULL,
     "each symbol's tag and the text that it is the hash of"},
    {0, 0, NULL, NULL, NULL},
};

static const struct cli_tool tool = {
    .name = "modapi",
    .usage = "modapi show [--dwarf] [--types] FILE",
    .purpose =
        "Print the description that a file is, or that a firmware's ELF carries; or "
        "what an\nELF's debug information says of functions and data.",
    .details = "Exit status: 0 good, 1 refused, 2 usage, 3 input, output or memory.",
    .options = options,
};

static void print_types(const struct interface *in)
{
    for (size_t i = 0; i < in->count; i++) {
        const struct interface_symbol *s = &in->symbols[i];
        char *text = interface_canonical(in, s);
        printf("%08x %s %s\n", (unsigned)s->tag, s->name, text != NULL ? text : "-");
        free(text);
    }
}

static struct interface *read_dwarf(const char *path)
{
    const char *why;
    size_t size;
    uint8_t *bytes = cli_read_file(path, &size);
    struct interface *in = interface_of_elf(path, bytes, size, &why);
    free(bytes);
    if (why != NULL) {
        cli_error(path, "%s", why);
        interface_free(in);
        return NULL;
    }
    return in;
}

int verb_show(int argc, char **argv)
{
    struct cli_args args;
    const char *value;
    const char *path = NULL;
    bool dwarf = false;
    bool types = false;
    int id;
    cli_begin(&args, &tool, argc, argv);
    while ((id = cli_next(&args, &value)) != CLI_END) {
        if (id == OPT_DWARF) {
            dwarf = true;
        } else if (id == OPT_TYPES) {
            types = true;
        } else if (path != NULL) {
            cli_usage(&tool, "one file at a time: \"%s\" is the second", value);
        } else {
            path = value;
        }
    }
    if (path == NULL) {
        cli_usage(&tool, "no file was given");
    }
    struct interface *in = NULL;
    if (dwarf) {
        in = read_dwarf(path);
    } else if (interface_read(path, &in) != CLI_OK) {
        in = NULL;
    }
    if (in == NULL) {
        return CLI_REFUSED;
    }
    if (types) {
        print_types(in);
    } else {
        size_t size;
        char *text = interface_text(in, NULL, &size);
        (void)fwrite(text, 1, size, stdout);
        free(text);
    }
    interface_free(in);
    return cli_close_stdout();
}
