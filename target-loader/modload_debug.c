/* SPDX-License-Identifier: BSD-2-Clause */
#include "modload_debug.h"

/* For GCC with -flto: it would drop, clone or inline what does nothing. */
#if defined(__GNUC__) && !defined(__clang__)
#define KEPT __attribute__((noipa, used))
#else
#define KEPT __attribute__((noinline, used))
#endif

KEPT void modload_debug_event(const struct modload_module *module, uint32_t event)
{
    /* Makes both arguments needed, so that every caller sets them. */
    __asm__ volatile("" : : "r"(module), "r"(event) : "memory");
}
