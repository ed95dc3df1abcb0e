/* SPDX-License-Identifier: BSD-2-Clause */
/** What the core that this is compiled for (-mcpu, -mfpu) offers, as a constant. */
#ifndef MODLOAD_CORTEX_M_CORE_H
#define MODLOAD_CORTEX_M_CORE_H

#include "modfmt_layout.h"

#if __ARM_ARCH >= 7 && __ARM_ARCH_ISA_THUMB == 2
#define MODLOAD_FEATURE_V7M_ MODFMT_NEED_V7M
#else
#define MODLOAD_FEATURE_V7M_ 0u
#endif

#if __ARM_ARCH >= 8 && __ARM_ARCH_ISA_THUMB == 2
#define MODLOAD_FEATURE_V8M_ (MODFMT_NEED_V8M_BASE | MODFMT_NEED_V8M_MAIN)
#elif __ARM_ARCH >= 8
#define MODLOAD_FEATURE_V8M_ MODFMT_NEED_V8M_BASE
#else
#define MODLOAD_FEATURE_V8M_ 0u
#endif

#ifdef __ARM_ARCH_8_1M_MAIN__
#define MODLOAD_FEATURE_V81M_ MODFMT_NEED_V81M
#else
#define MODLOAD_FEATURE_V81M_ 0u
#endif

#ifdef __ARM_FEATURE_MVE
#define MODLOAD_FEATURE_MVE_ MODFMT_NEED_MVE
#else
#define MODLOAD_FEATURE_MVE_ 0u
#endif

#ifdef __ARM_FEATURE_DSP
#define MODLOAD_FEATURE_DSP_ MODFMT_NEED_DSP
#else
#define MODLOAD_FEATURE_DSP_ 0u
#endif

/* No macro of GCC's names FPv5 on M-profile. Every FPU of ARMv8-M is one; in ARMv7-M the
 * M7's is, which is told from the M4's only if it has double precision. */
#if defined(__ARM_FP) && (__ARM_FP & 8) != 0
#define MODLOAD_FEATURE_FPU_                                                             \
    (MODFMT_NEED_FPU_SP | MODFMT_NEED_FPU_DP | MODFMT_NEED_FPU_V5)
#elif defined(__ARM_FP) && __ARM_ARCH >= 8
#define MODLOAD_FEATURE_FPU_ (MODFMT_NEED_FPU_SP | MODFMT_NEED_FPU_V5)
#elif defined(__ARM_FP)
#define MODLOAD_FEATURE_FPU_ MODFMT_NEED_FPU_SP
#else
#define MODLOAD_FEATURE_FPU_ 0u
#endif

/** MODFMT_NEED_* bits; see modload_cortex_m_features(). */
#define MODLOAD_CORTEX_M_FEATURES                                                        \
    (MODFMT_NEED_V6M | MODFMT_NEED_ABI_SOFT | MODFMT_NEED_ABI_HARD |                     \
     MODLOAD_FEATURE_V7M_ | MODLOAD_FEATURE_V8M_ | MODLOAD_FEATURE_V81M_ |               \
     MODLOAD_FEATURE_MVE_ | MODLOAD_FEATURE_DSP_ | MODLOAD_FEATURE_FPU_)

#endif
