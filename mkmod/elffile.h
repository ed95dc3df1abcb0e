/* SPDX-License-Identifier: BSD-2-Clause */
/** An ELF executable for ARM, read and bounded. Everything handed out here lies inside
 *  the file, whatever the file says. */
#ifndef MKMOD_ELFFILE_H
#define MKMOD_ELFFILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/** What a symbol's value moves with. TEXT and DATA are segment numbers as well. */
enum home {
    HOME_TEXT = 0,
    HOME_DATA = 1,
    HOME_ABSOLUTE, /**< moves with nothing */
    HOME_IMPORT,   /**< undefined, or in a stub: the firmware or another module has it */
    HOME_TLS,
    HOME_UNLOADED, /**< defined in a section that is not loaded */
};

#define NO_SEGMENT 2u

struct section {
    const char *name;
    uint32_t type;
    uint32_t flags;
    uint32_t address;
    uint32_t size;
    uint32_t align;
    uint32_t link;
    uint32_t info;
    const uint8_t *bytes; /**< in the file; NULL if it has no contents there */
    uint8_t segment;      /**< 0 text, 1 data, NO_SEGMENT not loaded */
    bool has_relocs;      /**< a relocation section covers it */
};

#define SECTION_NONE     0u
#define SECTION_ABSOLUTE 0xffffffffu
#define SECTION_OTHER    0xfffffffeu /**< common, or reserved */
#define SYMBOL_NO_IMPORT 0xffffffffu

struct symbol {
    const char *name;
    uint32_t value;
    uint32_t size;
    uint32_t section; /**< index, or SECTION_* */
    uint32_t import;  /**< index in the import table once that is made */
    uint8_t type;
    uint8_t bind;
    uint8_t home;
    bool hidden; /**< by its visibility; LLD makes such symbols local */
    bool warned;
    bool loads_got; /**< function: finds the global offset table itself */
};

struct load_segment {
    uint32_t address;
    uint32_t size;
    bool writable;
};

/** A mapping symbol: what starts at `address` (ARM IHI 0044, 4.5.5). */
struct mapping {
    uint32_t address;
    char state; /**< 't' Thumb, 'a' ARM, 'd' data */
};

struct elffile {
    const char *path;
    uint8_t *bytes;
    size_t size;
    void *handle; /**< libelf's; stays open, since section names live in it */
    uint32_t entry;
    struct section *sections;
    uint32_t section_count;
    struct symbol *symbols;
    uint32_t symbol_count;
    uint32_t symtab; /**< index of the symbol table's section; 0: none */
    struct load_segment *loads;
    uint32_t load_count;
    struct mapping *mappings; /**< sorted */
    uint32_t mapping_count;
    uint32_t *veneers; /**< addresses, sorted */
    uint32_t veneer_count;
};

struct module;

/** Read and check a file. What is no ARM executable at all ends the program with one
 *  message; what is wrong inside it is added to the module's problems. */
void elffile_read(struct module *m, const char *path);

/** The first section of that name, or NULL. */
struct section *elffile_section(const struct elffile *elf, const char *name);
/** The defined or undefined symbol of that name, global ones first; NULL if none. */
struct symbol *elffile_symbol(const struct elffile *elf, const char *name);
/** The loaded section that a section of relocation records is for; 0 if it is no such
 *  section. Names starting with .rel make any section's type that: one that is itself
 *  loaded holds data. */
uint32_t elffile_covered(const struct elffile *elf, const struct section *relocs);
/** The loaded section that holds `address`, or NULL. Linear in the number of sections. */
const struct section *elffile_section_at(const struct elffile *elf, uint32_t address);
/** Does a symbol at that address have the name of a linker's veneer or thunk? */
bool elffile_is_veneer(const struct elffile *elf, uint32_t address);
/** What is at an address of a code section by the mapping symbols: 't', 'a' or 'd'; '?'
 *  where there are none. */
char elffile_state(const struct elffile *elf, uint32_t address);

#endif
