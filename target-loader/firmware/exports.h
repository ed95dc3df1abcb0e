/* SPDX-License-Identifier: BSD-2-Clause */
/** What the firmware offers, and the functions behind those names of exports.list that
 *  firmware.h does not declare. */
#ifndef EXPORTS_H
#define EXPORTS_H

#include <stddef.h>
#include <stdint.h>

#include "modload.h"

/** One line of exports.list, as specs/firmware.md lets tools read it. */
struct firmware_export {
    uint32_t hash;
    uint32_t type; /**< 0: not known, which all are */
    uint32_t address;
};

/** Made by exports.py: the table, and a symbol whose address is the number of entries. */
extern const struct firmware_export firmware_exports[];
extern const uint8_t firmware_export_count[];

/** For modload_port.find: binary search by hash. Any type matches, for none is known. */
int exports_find(const struct modload_port *port, uint32_t hash, uint32_t type,
                 uint32_t *ret_address);

void *fw_calloc(size_t count, size_t size);
void *fw_realloc(void *memory, size_t size);
int fw_aeabi_atexit(void *object, void (*destructor)(void *), void *handle);
_Noreturn void fw_pure_virtual(void);

#endif
