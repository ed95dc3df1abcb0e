/* SPDX-License-Identifier: BSD-2-Clause */
#include "port.h"

/** What modules get from the arena belongs to this owner. */
#define OWNER 1u

uint32_t modload_cortex_m_features(void)
{
    uint32_t features = MODFMT_NEED_V6M | MODFMT_NEED_ABI_SOFT | MODFMT_NEED_ABI_HARD;

#if __ARM_ARCH >= 7 && __ARM_ARCH_ISA_THUMB == 2
    features |= MODFMT_NEED_V7M;
#endif
#if __ARM_ARCH >= 8
    features |= MODFMT_NEED_V8M_BASE;
#if __ARM_ARCH_ISA_THUMB == 2
    features |= MODFMT_NEED_V8M_MAIN;
#endif
#endif
#ifdef __ARM_ARCH_8_1M_MAIN__
    features |= MODFMT_NEED_V81M;
#endif
#ifdef __ARM_FEATURE_MVE
    features |= MODFMT_NEED_MVE;
#endif
#ifdef __ARM_FEATURE_DSP
    features |= MODFMT_NEED_DSP;
#endif
#ifdef __ARM_FP
    features |= MODFMT_NEED_FPU_SP;
#if (__ARM_FP & 8) != 0
    features |= MODFMT_NEED_FPU_DP;
#endif
    /* No macro of GCC's names FPv5 on M-profile. Every FPU of ARMv8-M is one; in ARMv7-M
     * the M7's is, which is told from the M4's only if it has double precision. */
#if __ARM_ARCH >= 8 || (__ARM_FP & 8) != 0
    features |= MODFMT_NEED_FPU_V5;
#endif
#endif
    return features;
}

int modload_cortex_m_place(const struct modload_port *port, enum modload_purpose purpose,
                           uint32_t align, struct modfmt_segment *segment)
{
    void *memory = modload_arena_alloc(port->ctx, segment->size, align, OWNER);

    (void)purpose;
    if (!memory)
        return -1;
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
