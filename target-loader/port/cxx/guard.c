/* SPDX-License-Identifier: BSD-2-Clause */
#include "atexit.h"

/** Compilers look at this bit, and leave the others to us. */
#define DONE 1u
#define BUSY 0x100u

enum modload_guard modload_guard_acquire(uint32_t *guard)
{
    if ((*guard & DONE) != 0)
        return MODLOAD_GUARD_DONE;
    if ((*guard & BUSY) != 0)
        return MODLOAD_GUARD_ANOTHER;
    *guard |= BUSY;
    return MODLOAD_GUARD_YOURS;
}

void modload_guard_release(uint32_t *guard)
{
    *guard = DONE;
}

void modload_guard_abort(uint32_t *guard)
{
    *guard = 0;
}
