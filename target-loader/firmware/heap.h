/* SPDX-License-Identifier: BSD-2-Clause */
/** What a running module has from the firmware: memory, and destructors to be called. */
#ifndef HEAP_H
#define HEAP_H

#include <stdint.h>

#include "arena.h"

/** Module RAM: modules themselves and what they allocate. */
extern struct modload_arena heap_arena;

/** Call what __aeabi_atexit registered, the last one first. */
void heap_run_destructors(uint32_t static_base);
/** Take back all that the module did not free. @return how many bytes */
uint32_t heap_reclaim(void);

#endif
