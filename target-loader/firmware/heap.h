/* SPDX-License-Identifier: BSD-2-Clause */
/** What modules have from the firmware: memory, and destructors to be called. */
#ifndef HEAP_H
#define HEAP_H

#include <stdint.h>

#include "arena.h"
#include "modload_life.h"

/** Module RAM: modules themselves and what they allocate. */
extern struct modload_arena heap_arena;

/** Call what a module registered with __aeabi_atexit, the last one first. */
void heap_run_destructors(const struct modload_module *module);
/** Take back all that a module did not free. @return how many bytes */
uint32_t heap_reclaim(const struct modload_module *module);

#endif
