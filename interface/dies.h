/* SPDX-License-Identifier: BSD-2-Clause */
/** The DWARF of an ELF, turned into an interface. Runs in the child only. Private. */
#ifndef INTERFACE_DIES_H
#define INTERFACE_DIES_H

#include <dwarf.h>
#include <elfutils/libdw.h>

#include "probe.h"
#include "types.h"

#define DIE_DEPTH_MAX 32u

struct dwarf_entry {
    const void *die;
    uint32_t type;
};

struct dwarf_reader {
    struct interface *interface;
    size_t symbol_capacity;
    const struct interface_probes *probes; /**< NULL: all symbols */
    bool c;                    /**< this source file is C: f() has no prototype */
    bool cxx;                  /**< has scopes */
    bool lost;                 /**< some DIE names a type that is not in this file */
    struct dwarf_entry *known; /**< hash table: DIE to type */
    size_t known_size;
    size_t known_count;
    Dwarf_Die *unfilled; /**< structs whose members are still to be read */
    uint32_t *unfilled_type;
    size_t unfilled_count;
    size_t unfilled_capacity[2];
};

/* dwarf.c */
/** Everything that there is in `dwarf`. */
void dwarf_read(struct dwarf_reader *r, Dwarf *dwarf);

/* dietypes.c */
/** The type that a DIE's DW_AT_type names; void if it has none. Sets r->lost if that
 * cannot be found. */
uint32_t dietypes_of(struct dwarf_reader *r, Dwarf_Die *die);
/** The type that a DIE is; a subprogram's, too. */
uint32_t dietypes_convert(struct dwarf_reader *r, Dwarf_Die *die);
/** Read the members of all structs that were met. */
void dietypes_fill(struct dwarf_reader *r);
/** A name without characters that a description gives a meaning. To be freed. */
char *dietypes_clean(const char *name);

/* prototype.c */
/** "int fw_add(int a, int b)": the declaration of `name` with the type that a DIE is, as
 *  C has it. Parameters have the names given, or those of the DIE. To be freed. */
char *prototype_of(Dwarf_Die *type, const char *name, const char *const *parameters,
                   size_t count);

#endif
