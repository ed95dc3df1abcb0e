/* SPDX-License-Identifier: BSD-2-Clause */
/* Source lines of addresses, by DWARF. libdw crashes on some files: in a child. */
#include <dwarf.h>
#include <elf.h>
#include <elfutils/libdw.h>
#include <stdlib.h>
#include <string.h>

#include "cli.h"
#include "module.h"
#include "units.h"

#define TIME_LIMIT_S   2u
#define LINE_MAX_BYTES 200u
#define DEPTH_MAX      16u

/* One record for each query: the line's text, zero-padded. */
struct answer {
    uint32_t index;
    char line[LINE_MAX_BYTES];
};

struct question {
    const struct module *m;
    const struct source_query *queries;
    size_t count;
};

static void answer(FILE *out, size_t index, const char *file, int number)
{
    struct answer answer;
    const char *slash = strrchr(file, '/');
    memset(&answer, 0, sizeof answer);
    answer.index = (uint32_t)index;
    (void)snprintf(answer.line, sizeof answer.line, "%.180s:%d",
                   slash != NULL ? slash + 1 : file, number);
    (void)fwrite(&answer, sizeof answer, 1, out);
    (void)fflush(out); /* whatever becomes of the rest */
}

static void find_in_unit(Dwarf_Die *unit, const struct question *question, FILE *out)
{
    const struct source_query *queries = question->queries;
    for (size_t i = 0; i < question->count; i++) {
        Dwarf_Line *line = dwarf_getsrc_die(unit, queries[i].address & ~1u);
        Dwarf_Addr from = 0;
        int number = 0;
        if (line == NULL || dwarf_lineno(line, &number) != 0 || number <= 0 ||
            dwarf_lineaddr(line, &from) != 0 ||
            dwarf_haspc(unit, queries[i].address) <= 0) {
            continue;
        }
        const char *file = dwarf_linesrc(line, NULL, NULL);
        if (file == NULL) {
            continue;
        }
        answer(out, i, file, number);
    }
}

static bool variable_address(Dwarf_Die *die, Dwarf_Addr *ret_address)
{
    Dwarf_Attribute location;
    Dwarf_Attribute indexed;
    Dwarf_Op *ops = NULL;
    size_t count = 0;
    if (dwarf_attr(die, DW_AT_location, &location) == NULL ||
        dwarf_getlocation(&location, &ops, &count) != 0 || count != 1) {
        return false;
    }
    if (ops[0].atom == DW_OP_addr) {
        *ret_address = ops[0].number;
        return true;
    }
    return (ops[0].atom == DW_OP_addrx || ops[0].atom == DW_OP_GNU_addr_index) &&
           dwarf_getlocation_attr(&location, ops, &indexed) == 0 &&
           dwarf_formaddr(&indexed, ret_address) == 0;
}

/* Where a variable was declared, if an address asked for lies in it. */
static void find_variable(Dwarf_Die *unit, Dwarf_Die *die,
                          const struct question *question, FILE *out)
{
    Dwarf_Addr address = 0;
    int number = 0;
    if (!variable_address(die, &address) || dwarf_decl_line(die, &number) != 0) {
        return;
    }
    /* The unit's own file is number 0 in DWARF 5, which libdw takes for none. */
    const char *file = dwarf_decl_file(die);
    file = file != NULL ? file : dwarf_diename(unit);
    for (size_t i = 0; file != NULL && i < question->count; i++) {
        if (question->queries[i].object == address) {
            answer(out, i, file, number);
        }
    }
}

/* Variables stand in units and in functions, in namespaces and in blocks. */
static void find_variables(Dwarf_Die *unit, const struct question *question, FILE *out)
{
    Dwarf_Die die[DEPTH_MAX];
    size_t depth = 1;
    if (dwarf_child(unit, &die[1]) != 0) {
        return;
    }
    while (depth != 0) {
        Dwarf_Die *here = &die[depth];
        if (dwarf_tag(here) == DW_TAG_variable) {
            find_variable(unit, here, question, out);
        }
        if (depth + 1 < DEPTH_MAX && dwarf_child(here, &die[depth + 1]) == 0) {
            depth++;
            continue;
        }
        while (depth != 0 && dwarf_siblingof(&die[depth], &die[depth]) != 0) {
            depth--;
        }
    }
}

static int find(void *context, FILE *out)
{
    const struct question *question = context;
    const struct elffile *file = &question->m->elf;
    struct units units = units_of_elf(file->bytes, file->size);
    Dwarf_Die unit;
    while (units_next(&units, &unit)) {
        find_in_unit(&unit, question, out);
        find_variables(&unit, question, out);
    }
    return 0;
}

/* Of a word beside the code of a function, people want the line that uses it. */
static uint32_t code_of(const struct module *m, uint32_t address,
                        const struct symbol *holder)
{
    bool literal = holder != NULL && holder->type == STT_FUNC &&
                   elffile_state(&m->elf, address) == 'd';
    return literal ? literal_user(m, holder->value & ~1u, address) : address;
}

void source_lines(struct module *m, struct source_query *queries, size_t count)
{
    const struct section *info = elffile_section(&m->elf, ".debug_info");
    struct question question = {m, queries, count};
    struct answer answer;
    size_t size = 0;
    int result; /* what came before a crash is good */
    if (info == NULL || info->bytes == NULL) {
        return;
    }
    for (size_t i = 0; i < count; i++) {
        const struct symbol *holder = holder_of(m, queries[i].address);
        bool object = holder != NULL && holder->type == STT_OBJECT;
        queries[i].object = object ? holder->value : UINT32_MAX;
        queries[i].address = code_of(m, queries[i].address, holder);
    }
    uint8_t *bytes = cli_child(find, &question, TIME_LIMIT_S, &size, &result);
    for (size_t at = 0; at + sizeof answer <= size; at += sizeof answer) {
        memcpy(&answer, bytes + at, sizeof answer);
        answer.line[sizeof answer.line - 1] = '\0';
        if (answer.index < count && queries[answer.index].line == NULL) {
            queries[answer.index].line = strdup(answer.line);
        }
    }
    free(bytes);
}
