/* SPDX-License-Identifier: BSD-2-Clause */
/** How a GDB server numbers the core's registers. */
#ifndef MODFLASH_GDB_REGISTERS_H
#define MODFLASH_GDB_REGISTERS_H

#include "probe.h"

#define GDB_NO_REGISTER UINT32_MAX

struct gdb_registers {
    uint32_t number[PROBE_REGISTERS]; /**< or GDB_NO_REGISTER */
};

/** What servers without a description use: xPSR is 25, PRIMASK cannot be had. */
void gdb_registers_default(struct gdb_registers *registers);
/** Take numbers from a target description (XML), as far as it has them. */
void gdb_registers_parse(struct gdb_registers *registers, const char *xml);

#endif
