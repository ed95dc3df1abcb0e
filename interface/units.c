/* SPDX-License-Identifier: BSD-2-Clause */
/* Units whose first entry is damaged are passed over: others may be good. */
#include "units.h"

#include <stdint.h>

struct units units_of_elf(const void *bytes, size_t size)
{
    struct units units = {NULL, 0};
    elf_version(EV_CURRENT);
    Elf *elf = elf_memory((char *)(uintptr_t)bytes, size);
    units.dwarf = elf != NULL ? dwarf_begin_elf(elf, DWARF_C_READ, NULL) : NULL;
    return units;
}

bool units_next(struct units *units, Dwarf_Die *ret_unit)
{
    Dwarf_Off at = units->next;
    size_t header = 0;
    while (units->dwarf != NULL &&
           dwarf_nextcu(units->dwarf, at, &units->next, &header, NULL, NULL, NULL) == 0) {
        Dwarf_Die *unit = dwarf_offdie(units->dwarf, at + header, ret_unit);
        if (units->next <= at) {
            units->dwarf = NULL; /* it would never end */
        }
        if (unit != NULL) {
            return true;
        }
        at = units->next;
    }
    units->dwarf = NULL;
    return false;
}
