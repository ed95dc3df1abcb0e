/* SPDX-License-Identifier: BSD-2-Clause */
/* arguments_list ELF: for each function of the ELF, how much of its arguments mkmod takes
 * to be on the stack. */
#include <elf.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "arguments.h"
#include "cli.h"
#include "module.h"

/* For problems.c, whose messages have no lines here. */
void source_lines(struct module *m, struct source_query *queries, size_t count)
{
    (void)m, (void)queries, (void)count;
}

static void show(const char *name, uint32_t stack)
{
    if (stack == ARGUMENTS_UNKNOWN) {
        printf("%s unknown\n", name);
    } else if (stack == ARGUMENTS_VARIADIC) {
        printf("%s variadic\n", name);
    } else if (stack == ARGUMENTS_NESTED) {
        printf("%s nested\n", name);
    } else {
        printf("%s %" PRIu32 "\n", name, stack);
    }
}

int main(int argc, char **argv)
{
    static struct module m;
    size_t count = 0;
    if (argc != 2) {
        fprintf(stderr, "usage: arguments_list ELF\n");
        return 2;
    }
    elffile_read(&m, argv[1]);
    attributes_read(&m);
    struct arguments_query *queries = cli_alloc(m.elf.symbol_count + 1, sizeof *queries);
    for (uint32_t i = 0; i < m.elf.symbol_count; i++) {
        if (m.elf.symbols[i].type == STT_FUNC &&
            m.elf.symbols[i].section != SECTION_NONE) {
            queries[count++].symbol = i;
        }
    }
    arguments_find(&m, queries, count);
    for (size_t i = 0; i < count; i++) {
        show(m.elf.symbols[queries[i].symbol].name, queries[i].stack);
    }
    free(queries);
    return 0;
}
