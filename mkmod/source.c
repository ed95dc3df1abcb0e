/* SPDX-License-Identifier: BSD-2-Clause */
/* Source lines of addresses, by DWARF. libdw crashes on some files: in a child. */
#include <dwarf.h>
#include <elfutils/libdw.h>
#include <stdlib.h>
#include <string.h>

#include "cli.h"
#include "module.h"

#define TIME_LIMIT_S   2u
#define LINE_MAX_BYTES 200u

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
        const char *slash = strrchr(file, '/');
        struct answer answer;
        memset(&answer, 0, sizeof answer);
        answer.index = (uint32_t)i;
        (void)snprintf(answer.line, sizeof answer.line, "%.180s:%d",
                       slash != NULL ? slash + 1 : file, number);
        (void)fwrite(&answer, sizeof answer, 1, out);
        (void)fflush(out); /* whatever becomes of the rest */
    }
}

static int find(void *context, FILE *out)
{
    const struct question *question = context;
    Elf *elf = elf_memory((char *)question->m->elf.bytes, question->m->elf.size);
    Dwarf *dwarf = elf != NULL ? dwarf_begin_elf(elf, DWARF_C_READ, NULL) : NULL;
    Dwarf_Off offset = 0;
    Dwarf_Off next = 0;
    size_t header = 0;
    while (dwarf != NULL &&
           dwarf_nextcu(dwarf, offset, &next, &header, NULL, NULL, NULL) == 0) {
        Dwarf_Die unit;
        if (dwarf_offdie(dwarf, offset + header, &unit) != NULL) {
            find_in_unit(&unit, question, out);
        }
        if (next <= offset) {
            break;
        }
        offset = next;
    }
    return 0;
}

void source_lines(const struct module *m, struct source_query *queries, size_t count)
{
    const struct section *info = elffile_section(&m->elf, ".debug_info");
    struct question question = {m, queries, count};
    struct answer answer;
    size_t size = 0;
    int result; /* what came before a crash is good */
    if (info == NULL || info->bytes == NULL) {
        return;
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
