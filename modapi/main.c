/* SPDX-License-Identifier: BSD-2-Clause */
/** modapi: a firmware's interface as data. */
#include <string.h>

#include "verbs.h"

static const struct cli_option options[] = {{0, 0, NULL, NULL, NULL}};

static const struct cli_tool tool = {
    .name = "modapi",
    .usage = "modapi VERB [options] [operands]",
    .purpose =
        "Make a firmware's export table and the description of its interface out of "
        "its C\n"
        "headers; compare descriptions.",
    .details = "Verbs (each has a --help):\n"
               "  build    make the export table, the description, labels for modules\n"
               "  check    would a firmware link these modules?\n"
               "  diff     what changed between two descriptions, and what that breaks\n"
               "  show     the description in a file, or what an ELF's debug information "
               "says\n"
               "  stubs    something to link modules with, so that the linker reports "
               "typos\n\n"
               "Exit status: 0 good, 1 refused or breaking, 2 usage, 3 input, output or "
               "memory.",
    .options = options,
};

struct verb {
    const char *name;
    int (*run)(int argc, char **argv);
};

static const struct verb verbs[] = {
    {"build", verb_build}, {"check", verb_check}, {"diff", verb_diff},
    {"show", verb_show},   {"stubs", verb_stubs},
};

int main(int argc, char **argv)
{
    struct cli_args args;
    const char *value;
    for (size_t i = 0; argc > 1 && i < sizeof verbs / sizeof verbs[0]; i++) {
        if (strcmp(argv[1], verbs[i].name) == 0) {
            return verbs[i].run(argc - 1, argv + 1);
        }
    }
    cli_begin(&args, &tool, argc, argv);
    if (cli_next(&args, &value) == CLI_END) {
        cli_usage(&tool, "no verb was given");
    }
    cli_usage(&tool, "\"%s\" is no verb: there are build, check, diff, show and stubs",
              value);
}
