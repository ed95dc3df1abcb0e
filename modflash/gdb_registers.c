/* SPDX-License-Identifier: BSD-2-Clause */
/** Reading <reg name="…" regnum="…"/> out of a target description: GDB manual, G.2.7. */
#include "gdb_registers.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define DEFAULT_XPSR 25

void gdb_registers_default(struct gdb_registers *registers)
{
    for (uint32_t i = 0; i <= PROBE_PC; i++) {
        registers->number[i] = i;
    }
    registers->number[PROBE_XPSR] = DEFAULT_XPSR;
    registers->number[PROBE_PRIMASK] = GDB_NO_REGISTER;
}

/* The value of an attribute within an element, "" if there is none. */
static void attribute(const char *element, const char *end, const char *name,
                      char value[16])
{
    char key[16];
    int length = snprintf(key, sizeof key, " %s=", name);
    const char *at = strstr(element, key);
    value[0] = 0;
    if (at == NULL || at >= end || (at[length] != '"' && at[length] != '\'')) {
        return;
    }
    at += length;
    const char *close = strchr(at + 1, at[0]);
    if (close != NULL && close < end && close - at - 1 < 16) {
        snprintf(value, 16, "%.*s", (int)(close - at - 1), at + 1);
    }
}

/* OpenOCD writes xPSR, others xpsr. */
static int index_of(const char *name)
{
    static const char *const names[PROBE_REGISTERS] = {
        "r0", "r1",  "r2",  "r3",  "r4", "r5", "r6", "r7",   "r8",
        "r9", "r10", "r11", "r12", "sp", "lr", "pc", "xpsr", "primask"};
    for (int i = 0; i < PROBE_REGISTERS; i++) {
        if (strcasecmp(names[i], name) == 0) {
            return i;
        }
    }
    return -1;
}

void gdb_registers_parse(struct gdb_registers *registers, const char *xml)
{
    uint32_t number = 0;
    for (const char *at = strstr(xml, "<reg "); at != NULL;
         at = strstr(at + 1, "<reg ")) {
        const char *end = strchr(at, '>');
        char name[16];
        char value[16];
        if (end == NULL) {
            return;
        }
        attribute(at, end, "name", name);
        attribute(at, end, "regnum", value);
        if (value[0] != 0) {
            number = (uint32_t)strtoul(value, NULL, 10);
        }
        int index = index_of(name);
        if (index >= 0) {
            registers->number[index] = number;
        }
        number++;
    }
}
