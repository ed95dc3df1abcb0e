/* SPDX-License-Identifier: BSD-2-Clause */
/** Debug registers that every Cortex-M has: ARM DDI 0403E (ARMv7-M), C1 and B3. */
#ifndef MODFLASH_PROBE_CORTEX_H
#define MODFLASH_PROBE_CORTEX_H

#define CORTEX_CPUID         0xE000ED00u
#define CORTEX_CPUID_ARM     0x41u /* implementer, bits 31 to 24 */
#define CORTEX_CPUID_PART(v) ((v) >> 4 & 0xFFFu)
#define CORTEX_PART_M4       0xC24u

#define CORTEX_AIRCR       0xE000ED0Cu
#define CORTEX_AIRCR_KEY   0x05FA0000u
#define CORTEX_AIRCR_RESET (CORTEX_AIRCR_KEY | 1u << 2) /* SYSRESETREQ */

#define CORTEX_MPU_CTRL 0xE000ED94u

#define CORTEX_DHCSR      0xE000EDF0u
#define CORTEX_DHCSR_KEY  0xA05F0000u
#define CORTEX_C_DEBUGEN  (1u << 0)
#define CORTEX_C_HALT     (1u << 1)
#define CORTEX_S_HALT     (1u << 17)
#define CORTEX_S_RESET_ST (1u << 25) /* a reset since the last read */

#define CORTEX_DEMCR  0xE000EDFCu
#define CORTEX_VC_ALL 0x7F1u /* vector catches */

#define CORTEX_XPSR_THUMB (1u << 24)
#define CORTEX_XPSR_IPSR  0x1FFu

/* CONTROL, FAULTMASK, BASEPRI and PRIMASK, a byte each from the top, as DCRSR has them.
 */
#define CORTEX_REGISTER_SPECIAL 20

#endif
