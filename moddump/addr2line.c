/* SPDX-License-Identifier: BSD-2-Clause */
/* From an offset in text, as a fault handler prints it, to function, file and line: by
 * the DWARF of the ELF that the module was made of. libdw reads that, in a child, since
 * bad DWARF makes it crash. */
#include <dwarf.h>
#include <elfutils/libdw.h>
#include <elfutils/libdwelf.h>
#include <gelf.h>
#include <stdlib.h>
#include <string.h>

#include "moddump.h"

#define TIME_LIMIT_S 10u
#define CHAIN_MAX    64u
#define ID_MAX       64u

/* What the child writes first. */
struct identity {
    uint32_t size; /* of the build id; 0: none */
    uint8_t id[ID_MAX];
};

struct question {
    uint8_t *bytes;
    size_t size;
    const uint32_t *addresses; /* in the ELF */
    size_t count;
};

/* Functions around an address, the outermost first. */
struct chain {
    Dwarf_Die die[CHAIN_MAX];
    unsigned count;
};

/* ---- in the child ----------------------------------------------------------------- */

/* May it have functions inside? The addresses that blocks give are not to be trusted:
 * GCC's are empty lists at times, and those of inlined functions have none. */
static bool holds_functions(int tag)
{
    return tag == DW_TAG_namespace || tag == DW_TAG_module ||
           tag == DW_TAG_structure_type || tag == DW_TAG_class_type ||
           tag == DW_TAG_lexical_block || tag == DW_TAG_try_block ||
           tag == DW_TAG_catch_block;
}

/* Bounded by `depth`, and by the child's limit on time. */
static bool find_functions(Dwarf_Die *parent, Dwarf_Addr address, struct chain *chain,
                           unsigned depth)
{
    Dwarf_Die child;
    if (depth >= CHAIN_MAX || dwarf_child(parent, &child) != 0) {
        return false;
    }
    do {
        int tag = dwarf_tag(&child);
        if (holds_functions(tag) && find_functions(&child, address, chain, depth + 1)) {
            return true;
        }
        if ((tag == DW_TAG_subprogram || tag == DW_TAG_inlined_subroutine) &&
            dwarf_haspc(&child, address) > 0) {
            chain->die[chain->count++] = child;
            (void)find_functions(&child, address, chain, depth + 1);
            return true;
        }
    } while (dwarf_siblingof(&child, &child) == 0);
    return false;
}

/* As compilers and addr2line name it: C++ mangled. */
static const char *name_of(Dwarf_Die *function)
{
    static const unsigned names[] = {DW_AT_linkage_name, DW_AT_MIPS_linkage_name,
                                     DW_AT_name};
    Dwarf_Attribute attribute;
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        const char *name =
            dwarf_formstring(dwarf_attr_integrate(function, names[i], &attribute));
        if (name != NULL) {
            return name;
        }
    }
    return "??";
}

static void put_line(FILE *out, Dwarf_Die *unit, const char *file, Dwarf_Word line)
{
    Dwarf_Attribute attribute;
    const char *folder = dwarf_formstring(dwarf_attr(unit, DW_AT_comp_dir, &attribute));
    if (file == NULL) {
        (void)fprintf(out, " at ??:0\n");
        return;
    }
    bool relative = file[0] != '/' && folder != NULL;
    (void)fprintf(out, " at %s%s%s:", relative ? folder : "", relative ? "/" : "", file);
    if (line == 0) {
        (void)fprintf(out, "?\n");
    } else {
        (void)fprintf(out, "%llu\n", (unsigned long long)line);
    }
}

/* Where the innermost function of the chain was inlined. */
static void take_call(Dwarf_Die *unit, Dwarf_Die *inlined, const char **file,
                      Dwarf_Word *line)
{
    Dwarf_Attribute attribute;
    Dwarf_Files *files = NULL;
    Dwarf_Word number = 0;
    size_t count = 0;
    *file = NULL;
    *line = 0;
    (void)dwarf_formudata(dwarf_attr(inlined, DW_AT_call_line, &attribute), line);
    if (dwarf_formudata(dwarf_attr(inlined, DW_AT_call_file, &attribute), &number) == 0 &&
        dwarf_getsrcfiles(unit, &files, &count) == 0 && number < count) {
        *file = dwarf_filesrc(files, (size_t)number, NULL, NULL);
    }
}

static bool answer_by_unit(Dwarf_Die *unit, Dwarf_Addr address, FILE *out)
{
    struct chain chain = {.count = 0};
    Dwarf_Line *line = dwarf_getsrc_die(unit, address);
    const char *file = line != NULL ? dwarf_linesrc(line, NULL, NULL) : NULL;
    int number = 0;
    if (dwarf_haspc(unit, address) <= 0 ||
        (!find_functions(unit, address, &chain, 0) && file == NULL)) {
        return false;
    }
    if (line != NULL) {
        (void)dwarf_lineno(line, &number);
    }
    Dwarf_Word at = (Dwarf_Word)(number > 0 ? number : 0);
    (void)fprintf(out, "%s",
                  chain.count != 0 ? name_of(&chain.die[chain.count - 1]) : "??");
    put_line(out, unit, file, at);
    while (chain.count > 1) {
        take_call(unit, &chain.die[--chain.count], &file, &at);
        (void)fprintf(out, " (inlined by) %s", name_of(&chain.die[chain.count - 1]));
        put_line(out, unit, file, at);
    }
    return true;
}

/* What is not described by DWARF still has a symbol, mostly. */
static const char *symbol_at(Elf *elf, Dwarf_Addr address)
{
    const char *best = NULL;
    GElf_Addr best_value = 0;
    for (Elf_Scn *section = elf_nextscn(elf, NULL); section != NULL;
         section = elf_nextscn(elf, section)) {
        GElf_Shdr header;
        GElf_Sym symbol;
        Elf_Data *data = elf_getdata(section, NULL);
        if (gelf_getshdr(section, &header) == NULL || header.sh_type != SHT_SYMTAB) {
            continue;
        }
        for (int i = 0; data != NULL && gelf_getsym(data, i, &symbol) != NULL; i++) {
            GElf_Addr value = symbol.st_value & ~(GElf_Addr)1;
            bool code = GELF_ST_TYPE(symbol.st_info) == STT_FUNC && symbol.st_shndx != 0;
            bool inside = symbol.st_size == 0 || address - value < symbol.st_size;
            if (code && value <= address && inside &&
                (best == NULL || value > best_value)) {
                best = elf_strptr(elf, header.sh_link, symbol.st_name);
                best_value = value;
            }
        }
    }
    return best;
}

static void answer_one(Elf *elf, Dwarf *dwarf, Dwarf_Addr address, FILE *out)
{
    Dwarf_Off offset = 0;
    Dwarf_Off next = 0;
    size_t header = 0;
    while (dwarf != NULL &&
           dwarf_nextcu(dwarf, offset, &next, &header, NULL, NULL, NULL) == 0) {
        Dwarf_Die unit;
        if (dwarf_offdie(dwarf, offset + header, &unit) != NULL &&
            answer_by_unit(&unit, address, out)) {
            return;
        }
        if (next <= offset) {
            break;
        }
        offset = next;
    }
    const char *name = symbol_at(elf, address);
    (void)fprintf(out, "%s at ??:%s\n", name != NULL ? name : "??",
                  name != NULL ? "?" : "0");
}

/* The identity, then for each address its lines and an empty byte. */
static int answer(void *context, FILE *out)
{
    const struct question *question = context;
    struct identity identity = {0, {0}};
    const void *id = NULL;
    (void)elf_version(EV_CURRENT);
    Elf *elf = elf_memory((char *)question->bytes, question->size);
    if (elf == NULL || elf_kind(elf) != ELF_K_ELF) {
        return 1;
    }
    ssize_t size = dwelf_elf_gnu_build_id(elf, &id);
    if (size > 0 && size <= (ssize_t)ID_MAX) {
        identity.size = (uint32_t)size;
        memcpy(identity.id, id, (size_t)size);
    }
    (void)fwrite(&identity, sizeof identity, 1, out);
    (void)fflush(out); /* whatever becomes of the rest */
    Dwarf *dwarf = dwarf_begin_elf(elf, DWARF_C_READ, NULL);
    for (size_t i = 0; i < question->count; i++) {
        answer_one(elf, dwarf, question->addresses[i], out);
        (void)fputc('\0', out);
        (void)fflush(out);
    }
    return 0;
}

/* ---- in moddump ------------------------------------------------------------------- */

const char *addr2line_add(struct addr2line_request *request, const char *text)
{
    uint32_t offset = 0;
    if (!cli_parse_u32(text[0] == '+' ? text + 1 : text, &offset)) {
        return "is not an offset in text, as 0x1c or +0x1c";
    }
    request->offsets = cli_grow(request->offsets, &request->capacity, request->count + 1,
                                sizeof *request->offsets);
    request->offsets[request->count++] = offset;
    return NULL;
}

static char *hex(const uint8_t *bytes, uint32_t size)
{
    char *text = cli_alloc(2 * (size_t)size + 1, 1);
    for (uint32_t i = 0; i < size; i++) {
        (void)snprintf(text + 2 * i, 3, "%02x", bytes[i]);
    }
    return text;
}

static bool same_build(const struct module *module, const char *path,
                       const struct identity *identity)
{
    const struct modfmt_tag *tag = module_tag(module, MODFMT_TAG_BUILD_ID);
    if (identity->size == 0) {
        cli_error(path,
                  "has no build id, so nobody knows whether %s was made of it; link "
                  "it with -Wl,--build-id",
                  module->path);
        return false;
    }
    if (tag->length == identity->size &&
        memcmp(tag->value, identity->id, identity->size) == 0) {
        return true;
    }
    char *theirs = hex(identity->id, identity->size);
    char *ours = hex(tag->value, tag->length);
    cli_error(path, "is not what %s was made of: its build id is %s, the module's is %s",
              module->path, theirs, ours);
    free(theirs);
    free(ours);
    return false;
}

/* The import whose veneer holds an offset of the prefix: the next place that an import's
 * address goes to. */
static bool put_veneer(const struct module *module, uint32_t offset)
{
    const struct modfmt_fixup *best = NULL;
    uint32_t index = 0;
    bool by_r9 = veneer_import(module, offset, &index);
    for (size_t i = 0; !by_r9 && offset < module->prefix && i < module->fixup_count;
         i++) {
        const struct modfmt_fixup *f = &module->fixups[i];
        if (f->target == MODFMT_TARGET_IMPORT && f->segment == 0 &&
            f->place + 4 > offset && f->place < module->prefix &&
            (best == NULL || f->place < best->place)) {
            best = f;
        }
    }
    if (!by_r9 && best == NULL) {
        return false;
    }
    (void)printf("the call of import ");
    put_import(stdout, module, by_r9 ? index : best->import_index);
    (void)printf("\n");
    return true;
}

/* Print the answers beside the offsets; they are text of unknown origin. */
static int put_answers(const struct module *module,
                       const struct addr2line_request *request, const uint8_t *text,
                       size_t size)
{
    int status = CLI_OK;
    for (size_t i = 0; i < request->count; i++) {
        const uint8_t *end = size != 0 ? memchr(text, '\0', size) : NULL;
        (void)printf("text+0x%x: ", (unsigned)request->offsets[i]);
        if (end == NULL) {
            (void)printf("??\n");
            cli_error(request->elf, "is corrupt: its DWARF cannot be read");
            return CLI_REFUSED;
        }
        if (request->offsets[i] >= module->prefix ||
            !put_veneer(module, request->offsets[i])) {
            for (const uint8_t *at = text; at < end;) {
                const uint8_t *line = memchr(at, '\n', (size_t)(end - at));
                size_t length = line != NULL ? (size_t)(line - at) : (size_t)(end - at);
                cli_put_text(stdout, (const char *)at, length);
                (void)printf("\n");
                at += length + 1;
            }
        }
        size -= (size_t)(end + 1 - text);
        text = end + 1;
    }
    return status;
}

/* Addresses in the ELF (tag origin). False, and a message, if one is not in text. */
static bool find_addresses(const struct module *module,
                           const struct addr2line_request *request, uint32_t *addresses)
{
    const struct modfmt_tag *origin = module_tag(module, MODFMT_TAG_ORIGIN);
    if (origin == NULL || module_tag(module, MODFMT_TAG_BUILD_ID) == NULL) {
        cli_error(module->path, "has no %s, so nobody knows which ELF it was made of; %s",
                  origin == NULL ? "tag origin" : "build id",
                  origin == NULL ? "pack it with mkmod" : "link it with -Wl,--build-id");
        return false;
    }
    for (size_t i = 0; i < request->count; i++) {
        if (request->offsets[i] >= module->image.text_mem) {
            cli_error(module->path, "text has 0x%x bytes; there is none at offset 0x%x",
                      (unsigned)module->image.text_mem, (unsigned)request->offsets[i]);
            return false;
        }
        addresses[i] = modfmt_get32(origin->value + 4) + (request->offsets[i] & ~1u) -
                       module->prefix;
    }
    return true;
}

int print_source(const struct module *module, const struct addr2line_request *request)
{
    struct question question = {.count = request->count};
    struct identity identity;
    size_t size = 0;
    int status = CLI_REFUSED;
    uint32_t *addresses = cli_alloc(request->count, sizeof *addresses);
    question.addresses = addresses;
    question.bytes = cli_read_file(request->elf, &question.size);
    if (find_addresses(module, request, addresses)) {
        int result; /* what came before a crash is good */
        uint8_t *text = cli_child(answer, &question, TIME_LIMIT_S, &size, &result);
        if (text == NULL || size < sizeof identity) {
            cli_error(request->elf, "is not an ELF file, or a corrupt one");
        } else {
            memcpy(&identity, text, sizeof identity);
            if (same_build(module, request->elf, &identity)) {
                status = put_answers(module, request, text + sizeof identity,
                                     size - sizeof identity);
            }
        }
        free(text);
    }
    free(question.bytes);
    free(addresses);
    return status;
}
