/* SPDX-License-Identifier: BSD-2-Clause */
/**
 * Where a debugger learns which modules there are (packaging/gdb/modload.py). A firmware
 * that nobody debugs pays for a call of an empty function with each load and unload.
 */
#ifndef MODLOAD_DEBUG_H
#define MODLOAD_DEBUG_H

#include <stdint.h>

struct modload_module;

/** What has become of a module. Debuggers know the numbers. */
enum modload_debug_event_number {
    MODLOAD_DEBUG_LOADED = 1,    /**< in memory; no code of it has run yet */
    MODLOAD_DEBUG_UNLOADING = 2, /**< no code of it will run; memory is still its own */
};

/**
 * Does nothing. A debugger's breakpoint at its first instruction finds `module` in r0 and
 * `event` in r1; so it shall be called, never inlined or cloned. It finds modules that
 * were loaded before it came by walking every struct modload_registry that is a variable.
 */
void modload_debug_event(const struct modload_module *module, uint32_t event);

#endif
