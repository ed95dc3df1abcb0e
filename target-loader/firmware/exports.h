/* SPDX-License-Identifier: BSD-2-Clause */
/** What the firmware offers, and the functions behind those names of exports.csv that
 *  firmware.h does not declare. */
#ifndef EXPORTS_H
#define EXPORTS_H

#include <stddef.h>
#include <stdint.h>

#include "modload_tables.h"

/** Made by modapi: the table, and symbols whose addresses are the number of entries and
 * the interface's version. */
extern const struct modload_export firmware_exports[];
extern const uint8_t firmware_export_count[];
extern const uint8_t firmware_api_version[];

void *fw_calloc(size_t count, size_t size);
void *fw_realloc(void *memory, size_t size);
int fw_aeabi_atexit(void *object, void (*destructor)(void *), void *handle);
int fw_guard_acquire(uint32_t *guard);
_Noreturn void fw_pure_virtual(void);

#endif
