/* SPDX-License-Identifier: BSD-2-Clause */
#include "port.h"

#include "core.h"

/** What modules get from the arena belongs to this owner. */
#define OWNER 1u

uint32_t modload_cortex_m_features(void)
{
    return MODLOAD_CORTEX_M_FEATURES;
}

int modload_cortex_m_place(const struct modload_port *port, enum modload_purpose purpose,
                           uint32_t align, uint32_t offset,
                           struct modfmt_segment *segment)
{
    void *memory;

    if (purpose >= MODLOAD_FIXED) /* where, the arena does not let anybody choose */
        return MODLOAD_E_MEMORY;
    memory = modload_arena_alloc_at(port->ctx, segment->size, align, offset, OWNER);
    if (!memory)
        return MODLOAD_E_MEMORY;
    segment->bytes = memory;
    segment->address = (uint32_t)(uintptr_t)memory;
    return 0;
}

void modload_cortex_m_release(const struct modload_port *port,
                              enum modload_purpose purpose,
                              const struct modfmt_segment *segment)
{
    (void)purpose;
    modload_arena_release(port->ctx, segment->bytes);
}
