/* SPDX-License-Identifier: BSD-2-Clause */
#include "read.h"

/* Two places in read.S. */
extern const uint8_t modload_cortex_m_read_load_[], modload_cortex_m_read_failed_[];

#if __ARM_ARCH >= 7
#define CFSR        (*(volatile uint32_t *)0xe000ed28u)
#define HFSR        (*(volatile uint32_t *)0xe000ed2cu)
#define CFSR_BUS    0xff00u
#define HFSR_FORCED (1u << 30)

/** What the core noted would be taken for part of a later fault. */
static void forget(void)
{
    CFSR = CFSR_BUS;
    HFSR = HFSR_FORCED;
}
#else
/* ARMv6-M notes nothing. */
static void forget(void)
{
}
#endif

_Static_assert(offsetof(struct modfmt_flash, base) == 0, "read.S counts on it");

bool modload_cortex_m_read_fault(struct modload_cortex_m_frame *frame)
{
    if (frame->pc != (uint32_t)(uintptr_t)modload_cortex_m_read_load_)
        return false;
    frame->pc = (uint32_t)(uintptr_t)modload_cortex_m_read_failed_;
    forget();
    return true;
}
