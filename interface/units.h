/* SPDX-License-Identifier: BSD-2-Clause */
/** The compilation units of an ELF's DWARF, one after another. libdw crashes on some
 * files: only in a child (cli_child(), interface_of_elf()). */
#ifndef INTERFACE_UNITS_H
#define INTERFACE_UNITS_H

#include <elfutils/libdw.h>
#include <stdbool.h>
#include <stddef.h>

struct units {
    Dwarf *dwarf; /**< NULL: there are none */
    Dwarf_Off next;
};

/** Those of an ELF file in memory, which must outlive them. */
struct units units_of_elf(const void *bytes, size_t size);
/** The next one. False: there is no more, or what follows is damaged. */
bool units_next(struct units *units, Dwarf_Die *ret_unit);

#endif
