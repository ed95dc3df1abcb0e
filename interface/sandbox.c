/* SPDX-License-Identifier: BSD-2-Clause */
/* libdw crashes on some files, and takes for ever on others. So DWARF is read in a child
 * with limits, which writes a description. */
#include <stdlib.h>
#include <string.h>

#include "cli.h"
#include "dies.h"

#define CPU_LIMIT_S 10u

/** How reading ends. */
enum ending { READ = 0, NO_DWARF = 2, ELSEWHERE = 4 };

struct job {
    const uint8_t *bytes;
    size_t size;
    const struct interface_probes *probes;
};

static int read_dwarf(void *context, FILE *out)
{
    const struct job *job = context;
    struct interface *in = cli_alloc(1, sizeof *in);
    in->types = types_new();
    in->provider = "";
    struct dwarf_reader reader = {.interface = in, .probes = job->probes};
    elf_version(EV_CURRENT);
    Elf *elf = elf_memory((char *)(uintptr_t)job->bytes, job->size);
    Dwarf *dwarf = elf != NULL ? dwarf_begin_elf(elf, DWARF_C_READ, NULL) : NULL;
    if (dwarf == NULL) {
        return NO_DWARF;
    }
    dwarf_read(&reader, dwarf);
    if (reader.lost) {
        return ELSEWHERE;
    }
    size_t size;
    char *text = interface_text_dwarf(in, &size);
    return fwrite(text, 1, size, out) == size ? READ : CLI_CHILD_LOST;
}

static struct interface *empty(const char *path)
{
    static const char text[] = "modfmt interface 1\n";
    struct interface *in = NULL;
    if (interface_parse_text(path, text, sizeof text - 1, PARSE_DWARF, &in) != CLI_OK) {
        cli_die(CLI_IO, path, "out of memory");
    }
    return in;
}

static struct interface *read_elf(const char *path, struct job *job, const char **ret_why)
{
    struct interface *in = NULL;
    enum parse_origin origin = job->probes != NULL ? PARSE_PROBE : PARSE_DWARF;
    size_t size = 0;
    int result;
    char *text = (char *)cli_child(read_dwarf, job, CPU_LIMIT_S, &size, &result);
    *ret_why = NULL;
    if (result == CLI_CHILD_LOST) {
        *ret_why =
            "has debug information that cannot be read: it is damaged, or more than "
            "this tool takes";
    } else if (result == NO_DWARF) {
        *ret_why = "has no debug information (compile with -g)";
    } else if (result == ELSEWHERE) {
        *ret_why = "has debug information that is not all in this file (compile without "
                   "-gsplit-dwarf and -fdebug-types-section)";
    } else if (result != READ ||
               interface_parse_text(path, text, size, origin, &in) != CLI_OK) {
        *ret_why = "has debug information that cannot be read: it is damaged";
    }
    free(text);
    return in != NULL ? in : empty(path);
}

struct interface *interface_of_elf(const char *path, const uint8_t *bytes, size_t size,
                                   const char **ret_why)
{
    struct job job = {bytes, size, NULL};
    return read_elf(path, &job, ret_why);
}

struct interface *interface_of_probe(const char *path, const uint8_t *bytes, size_t size,
                                     const struct interface_probes *probes,
                                     const char **ret_why)
{
    struct job job = {bytes, size, probes};
    return read_elf(path, &job, ret_why);
}
