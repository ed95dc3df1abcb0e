/* SPDX-License-Identifier: BSD-2-Clause */
#include <gelf.h>
#include <libelf.h>
#include <stdlib.h>
#include <string.h>

#include "cli.h"
#include "module.h"

#define MACHINE_X86     3u
#define MACHINE_X86_64  62u
#define MACHINE_AARCH64 183u
#define MACHINE_RISCV   243u

static const char *machine_name(uint32_t machine)
{
    switch (machine) {
    case MACHINE_X86:
        return "x86";
    case MACHINE_X86_64:
        return "x86-64";
    case MACHINE_AARCH64:
        return "AArch64";
    case MACHINE_RISCV:
        return "RISC-V";
    default:
        return "another machine";
    }
}

/* The first 20 bytes decide whether this is the right kind of file at all. */
static void check_ident(const struct elffile *elf)
{
    const uint8_t *b = elf->bytes;
    if (elf->size == 0) {
        cli_die(CLI_REFUSED, elf->path, "the file is empty");
    }
    if (elf->size >= 8 && memcmp(b, "!<arch>\n", 8) == 0) {
        cli_die(CLI_REFUSED, elf->path,
                "is a library of objects, not a linked executable");
    }
    if (elf->size >= 4 && memcmp(b, "MODF", 4) == 0) {
        cli_die(CLI_REFUSED, elf->path,
                "is a module image already; mkmod wants the linked ELF");
    }
    if (memcmp(b, ELFMAG, elf->size < SELFMAG ? elf->size : SELFMAG) != 0) {
        cli_die(CLI_REFUSED, elf->path, "is not an ELF file");
    }
    if (elf->size < sizeof(Elf32_Ehdr)) {
        cli_die(CLI_REFUSED, elf->path,
                "is cut short: %zu bytes do not hold an ELF header", elf->size);
    }
    bool little = b[EI_DATA] == ELFDATA2LSB;
    uint32_t machine = little ? modfmt_get16(b + 18) : (uint32_t)b[18] << 8 | b[19];
    const char *bits = b[EI_CLASS] == ELFCLASS64 ? "64-bit " : "";
    if (machine != EM_ARM) {
        cli_die(CLI_REFUSED, elf->path,
                "is for %s%s (ELF machine %u), not for ARM; build it with "
                "arm-none-eabi-gcc or clang --target=thumbv7em-none-eabi",
                bits, machine_name(machine), (unsigned)machine);
    }
    if (b[EI_CLASS] != ELFCLASS32) {
        cli_die(CLI_REFUSED, elf->path, "is a 64-bit ELF; Cortex-M code is 32-bit");
    }
    if (!little || (modfmt_get32(b + 36) & EF_ARM_BE8) != 0) {
        cli_die(CLI_REFUSED, elf->path,
                "is big-endian; modules are little-endian, build with -mlittle-endian");
    }
}

static void check_type(const struct elffile *elf)
{
    uint32_t type = modfmt_get16(elf->bytes + 16);
    if (type == ET_REL) {
        cli_die(CLI_REFUSED, elf->path,
                "is a relocatable object (.o), not linked; link it first, with "
                "-Wl,--emit-relocs");
    }
    if (type == ET_DYN) {
        cli_die(CLI_REFUSED, elf->path,
                "is a shared object or position-independent executable; link a plain "
                "one: without -shared and -pie, with -Wl,--emit-relocs");
    }
    if (type != ET_EXEC) {
        cli_die(CLI_REFUSED, elf->path, "is not an executable (ELF type %u)",
                (unsigned)type);
    }
}

static void read_section(struct module *m, Elf *handle, size_t names, uint32_t index)
{
    struct elffile *elf = &m->elf;
    struct section *s = &elf->sections[index];
    GElf_Shdr header; /* a copy: in a corrupt file libelf's own may be misaligned */
    GElf_Shdr *h = gelf_getshdr(elf_getscn(handle, index), &header);
    if (h == NULL) {
        cli_die(CLI_REFUSED, elf->path, "is corrupt: section header %u cannot be read",
                (unsigned)index);
    }
    const char *name = elf_strptr(handle, names, h->sh_name);
    s->name = name != NULL && name[0] != '\0' ? name : "(unnamed)";
    s->type = h->sh_type;
    s->flags = (uint32_t)h->sh_flags;
    s->address = (uint32_t)h->sh_addr;
    s->size = (uint32_t)h->sh_size;
    s->align = (uint32_t)h->sh_addralign;
    s->link = h->sh_link;
    s->info = h->sh_info;
    s->segment = NO_SEGMENT;
    if (s->type == SHT_NOBITS || s->type == SHT_NULL || s->size == 0) {
        return;
    }
    if (h->sh_offset > elf->size || s->size > elf->size - h->sh_offset) {
        problem_error(
            m, 0, 0,
            "section %s: its contents reach past the end of the file; the ELF is "
            "cut short or corrupt",
            s->name);
        return;
    }
    s->bytes = elf->bytes + h->sh_offset;
}

static void read_sections(struct module *m, Elf *handle)
{
    struct elffile *elf = &m->elf;
    size_t count = 0;
    size_t names = 0;
    uint64_t table = modfmt_get32(elf->bytes + 32);
    if (elf_getshdrnum(handle, &count) != 0 || elf_getshdrstrndx(handle, &names) != 0 ||
        (table != 0 && table >= elf->size)) {
        cli_die(CLI_REFUSED, elf->path,
                "is cut short or corrupt: its section headers cannot be read");
    }
    if (count <= 1) {
        cli_die(CLI_REFUSED, elf->path,
                "has no section headers; mkmod needs them, so do not strip the ELF");
    }
    if (table + (uint64_t)count * sizeof(Elf32_Shdr) > elf->size) {
        cli_die(CLI_REFUSED, elf->path,
                "is cut short or corrupt: its section headers reach past its end");
    }
    elf->section_count = (uint32_t)count;
    elf->sections = cli_alloc(count, sizeof *elf->sections);
    elf->sections[0].name = "(none)";
    elf->sections[0].segment = NO_SEGMENT;
    for (uint32_t i = 1; i < elf->section_count; i++) {
        read_section(m, handle, names, i);
    }
}

static void read_loads(struct elffile *elf, Elf *handle)
{
    size_t count = 0;
    if (elf_getphdrnum(handle, &count) != 0 || count == 0) {
        return;
    }
    elf->loads = cli_alloc(count, sizeof *elf->loads);
    for (size_t i = 0; i < count; i++) {
        GElf_Phdr header;
        if (gelf_getphdr(handle, (int)i, &header) == NULL) {
            cli_die(CLI_REFUSED, elf->path,
                    "is cut short or corrupt: its program headers cannot be read");
        }
        if (header.p_type == PT_DYNAMIC || header.p_type == PT_INTERP) {
            cli_die(CLI_REFUSED, elf->path,
                    "is linked dynamically; link it with -static, without -pie");
        }
        if (header.p_type == PT_LOAD) {
            elf->loads[elf->load_count].address = (uint32_t)header.p_vaddr;
            elf->loads[elf->load_count].size = (uint32_t)header.p_memsz;
            elf->loads[elf->load_count].writable = (header.p_flags & PF_W) != 0;
            elf->load_count++;
        }
    }
}

static uint32_t symbol_section(const struct elffile *elf, const struct section *extended,
                               uint32_t index, uint32_t shndx)
{
    if (shndx == SHN_XINDEX && extended != NULL && index < extended->size / 4) {
        shndx = modfmt_get32(extended->bytes + 4 * (size_t)index);
        return shndx < elf->section_count ? shndx : SECTION_OTHER;
    }
    if (shndx == SHN_ABS) {
        return SECTION_ABSOLUTE;
    }
    return shndx < elf->section_count && shndx < SHN_LORESERVE ? shndx : SECTION_OTHER;
}

/* A name is inside the string table and ends there, or it is "". */
static const char *string_at(const struct section *strings, uint32_t offset)
{
    if (strings == NULL || offset >= strings->size || strings->bytes == NULL ||
        strings->bytes[strings->size - 1] != '\0') {
        return "";
    }
    return (const char *)strings->bytes + offset;
}

static void read_symbols(struct module *m)
{
    struct elffile *elf = &m->elf;
    const struct section *extended = NULL;
    for (uint32_t i = 1; i < elf->section_count && elf->symtab == 0; i++) {
        if (elf->sections[i].type == SHT_SYMTAB && elf->sections[i].bytes != NULL) {
            elf->symtab = i;
        }
    }
    if (elf->symtab == 0) {
        return;
    }
    for (uint32_t i = 1; i < elf->section_count; i++) {
        if (elf->sections[i].type == SHT_SYMTAB_SHNDX &&
            elf->sections[i].link == elf->symtab && elf->sections[i].bytes != NULL) {
            extended = &elf->sections[i];
        }
    }
    const struct section *table = &elf->sections[elf->symtab];
    const struct section *strings =
        table->link < elf->section_count ? &elf->sections[table->link] : NULL;
    elf->symbol_count = table->size / (uint32_t)sizeof(Elf32_Sym);
    elf->symbols = cli_alloc(elf->symbol_count, sizeof *elf->symbols);
    for (uint32_t i = 0; i < elf->symbol_count; i++) {
        const uint8_t *raw = table->bytes + (size_t)i * sizeof(Elf32_Sym);
        struct symbol *s = &elf->symbols[i];
        s->name = string_at(strings, modfmt_get32(raw));
        s->value = modfmt_get32(raw + 4);
        s->size = modfmt_get32(raw + 8);
        s->type = raw[12] & 0xf;
        s->bind = raw[12] >> 4;
        s->hidden = ELF32_ST_VISIBILITY(raw[13]) == STV_HIDDEN;
        s->section = symbol_section(elf, extended, i, modfmt_get16(raw + 14));
        s->value = s->section == SECTION_NONE ? 0 : s->value;
        s->import = SYMBOL_NO_IMPORT;
    }
}

static int by_place(const void *a, const void *b)
{
    const struct mapping *x = a;
    const struct mapping *y = b;
    if (x->address != y->address) {
        return x->address < y->address ? -1 : 1;
    }
    return (x->state > y->state) - (x->state < y->state);
}

static void read_mappings(struct elffile *elf)
{
    elf->mappings = cli_alloc(elf->symbol_count + 1u, sizeof *elf->mappings);
    for (uint32_t i = 1; i < elf->symbol_count; i++) {
        const struct symbol *s = &elf->symbols[i];
        const char *name = s->name;
        if (name[0] == '$' && (name[1] == 't' || name[1] == 'a' || name[1] == 'd') &&
            (name[2] == '\0' || name[2] == '.') && s->section < elf->section_count) {
            elf->mappings[elf->mapping_count].address = s->value;
            elf->mappings[elf->mapping_count++].state = name[1];
        }
    }
    qsort(elf->mappings, elf->mapping_count, sizeof *elf->mappings, by_place);
}

static int by_number(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a;
    uint32_t y = *(const uint32_t *)b;
    return x < y ? -1 : x > y;
}

/* GNU ld: __NAME_veneer and the like; LLD: __Thumbv7ABSLongThunk_NAME and the like. */
static void read_veneers(struct elffile *elf)
{
    size_t capacity = 0;
    for (uint32_t i = 1; i < elf->symbol_count; i++) {
        const struct symbol *s = &elf->symbols[i];
        if (s->name[0] == '_' && s->name[1] == '_' &&
            (strstr(s->name, "veneer") != NULL || strstr(s->name, "Thunk_") != NULL)) {
            elf->veneers = cli_grow(elf->veneers, &capacity, elf->veneer_count + 1u,
                                    sizeof *elf->veneers);
            elf->veneers[elf->veneer_count++] = s->value & ~1u;
        }
    }
    if (elf->veneer_count != 0) {
        qsort(elf->veneers, elf->veneer_count, sizeof *elf->veneers, by_number);
    }
}

bool elffile_is_veneer(const struct elffile *elf, uint32_t address)
{
    return elf->veneer_count != 0 && bsearch(&address, elf->veneers, elf->veneer_count,
                                             sizeof *elf->veneers, by_number) != NULL;
}

char elffile_state(const struct elffile *elf, uint32_t address)
{
    uint32_t from = 0;
    uint32_t to = elf->mapping_count;
    while (from < to) {
        uint32_t middle = from + (to - from) / 2;
        if (elf->mappings[middle].address <= address) {
            from = middle + 1;
        } else {
            to = middle;
        }
    }
    return from == 0 ? '?' : elf->mappings[from - 1].state;
}

static bool made_by_lld(const struct elffile *elf)
{
    static const char mark[] = "LLD ";
    const struct section *s = elffile_section(elf, ".comment");
    for (uint32_t i = 0; s != NULL && s->bytes != NULL && i + 4 <= s->size; i++) {
        if (memcmp(s->bytes + i, mark, 4) == 0) {
            return true;
        }
    }
    return false;
}

void elffile_read(struct module *m, const char *path)
{
    struct elffile *elf = &m->elf;
    elf->path = path;
    elf->bytes = cli_read_file(path, &elf->size);
    check_ident(elf);
    check_type(elf);
    elf_version(EV_CURRENT);
    Elf *handle = elf_memory((char *)elf->bytes, elf->size);
    if (handle == NULL || elf_kind(handle) != ELF_K_ELF ||
        elf32_getehdr(handle) == NULL) {
        cli_die(CLI_REFUSED, path, "is corrupt: %s", elf_errmsg(-1));
    }
    elf->entry = elf32_getehdr(handle)->e_entry;
    read_sections(m, handle);
    read_loads(elf, handle);
    read_symbols(m);
    read_mappings(elf);
    read_veneers(elf);
    m->by_lld = made_by_lld(elf);
    elf->handle = handle;
}

struct section *elffile_section(const struct elffile *elf, const char *name)
{
    for (uint32_t i = 1; i < elf->section_count; i++) {
        if (strcmp(elf->sections[i].name, name) == 0) {
            return &elf->sections[i];
        }
    }
    return NULL;
}

struct symbol *elffile_symbol(const struct elffile *elf, const char *name)
{
    struct symbol *found = NULL;
    for (uint32_t i = 1; i < elf->symbol_count; i++) {
        struct symbol *s = &elf->symbols[i];
        if (s->name[0] == name[0] && strcmp(s->name, name) == 0 &&
            (found == NULL || (found->bind == STB_LOCAL && s->bind != STB_LOCAL))) {
            found = s;
        }
    }
    return found;
}

uint32_t elffile_covered(const struct elffile *elf, const struct section *relocs)
{
    bool records = relocs->type == SHT_REL || relocs->type == SHT_RELA;
    if (!records || (relocs->flags & SHF_ALLOC) != 0 ||
        relocs->info >= elf->section_count ||
        elf->sections[relocs->info].segment == NO_SEGMENT) {
        return 0;
    }
    return relocs->info;
}

const struct section *elffile_section_at(const struct elffile *elf, uint32_t address)
{
    for (uint32_t i = 1; i < elf->section_count; i++) {
        const struct section *s = &elf->sections[i];
        if (s->segment != NO_SEGMENT && address - s->address < s->size) {
            return s;
        }
    }
    return NULL;
}
