/* SPDX-License-Identifier: BSD-2-Clause */
/** The module region as a firmware's ELF file tells it. */
#include "region.h"

#include "cli.h"

#include <fcntl.h>
#include <gelf.h>
#include <libelf.h>
#include <string.h>
#include <unistd.h>

struct found {
    uint32_t begin, end;
    bool has_begin, has_end;
};

static void look_at_symbols(Elf *elf, Elf_Scn *section, const GElf_Shdr *header,
                            struct found *found)
{
    Elf_Data *data = elf_getdata(section, NULL);
    size_t count = data != NULL && header->sh_entsize != 0
                       ? (size_t)(header->sh_size / header->sh_entsize)
                       : 0;

    for (size_t i = 0; i < count; i++) {
        GElf_Sym symbol;
        const char *name;

        if (gelf_getsym(data, (int)i, &symbol) == NULL) {
            return;
        }
        name = elf_strptr(elf, header->sh_link, symbol.st_name);
        if (name == NULL || symbol.st_shndx == SHN_UNDEF) {
            continue;
        }
        if (strcmp(name, "_modules_begin") == 0) {
            found->begin = (uint32_t)symbol.st_value;
            found->has_begin = true;
        }
        if (strcmp(name, "_modules_end") == 0) {
            found->end = (uint32_t)symbol.st_value;
            found->has_end = true;
        }
    }
}

static int read_elf(const char *path, int file, struct found *found)
{
    Elf *elf;
    Elf_Scn *section = NULL;
    GElf_Ehdr header;

    elf_version(EV_CURRENT);
    elf = elf_begin(file, ELF_C_READ, NULL);
    if (elf == NULL || elf_kind(elf) != ELF_K_ELF || gelf_getehdr(elf, &header) == NULL ||
        header.e_machine != EM_ARM) {
        cli_error(path, "is no ELF file for ARM: --firmware wants the firmware as it was "
                        "linked");
        elf_end(elf);
        return CLI_REFUSED;
    }
    while ((section = elf_nextscn(elf, section)) != NULL) {
        GElf_Shdr sh;

        if (gelf_getshdr(section, &sh) != NULL && sh.sh_type == SHT_SYMTAB) {
            look_at_symbols(elf, section, &sh, found);
        }
    }
    elf_end(elf);
    return 0;
}

int region_from_elf(const char *path, uint32_t *ret_base, uint32_t *ret_size)
{
    struct found found = {0, 0, false, false};
    int file = open(path, O_RDONLY | O_CLOEXEC), status;

    if (file < 0) {
        cli_error(path, "cannot be opened: %m");
        return CLI_IO;
    }
    status = read_elf(path, file, &found);
    close(file);
    if (status != 0) {
        return status;
    }
    if (!found.has_begin || !found.has_end || found.begin >= found.end) {
        cli_error(path, "has no symbols _modules_begin and _modules_end (stripped?): say "
                        "--region BASE:SIZE");
        return CLI_REFUSED;
    }
    *ret_base = found.begin;
    *ret_size = found.end - found.begin;
    return 0;
}
