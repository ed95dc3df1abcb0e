/* SPDX-License-Identifier: BSD-2-Clause */
#include "port.h"

#include <stddef.h>

#if defined(__ARM_ARCH_7EM__) || __ARM_ARCH >= 8
/* ARMv7-M ARM B3.2.8 (CCR) and B3.2.2.. (cache maintenance); the M55 and M85 have the
 * same registers. Cores without caches have neither bit in CCR. */
#define CCR     (*(volatile uint32_t *)0xe000ed14u)
#define CCR_DC  (1u << 16)
#define CCR_IC  (1u << 17)
#define ICIALLU (*(volatile uint32_t *)0xe000ef50u)
#define DCCMVAC (*(volatile uint32_t *)0xe000ef68u)
#define LINE    32u

/** Clean the D-cache over [address, address + size). */
static void clean(uint32_t address, uint32_t size)
{
    uint32_t line = address & ~(LINE - 1u);
    uint32_t lines = size == 0 ? 0 : (address + size - 1u) / LINE - address / LINE + 1u;

    for (; lines != 0; lines--, line += LINE)
        DCCMVAC = line;
}

static void sync_caches(const struct modload_image *module)
{
    __asm volatile("dsb" ::: "memory");
    if ((CCR & CCR_DC) != 0) {
        /* Data as well: there may be code in it. Text in flash was not written. */
        if (module->placement < MODLOAD_IN_PLACE)
            clean(module->segment[0].address, module->segment[0].size);
        clean(module->segment[1].address, module->segment[1].size);
        __asm volatile("dsb" ::: "memory");
    }
    if ((CCR & CCR_IC) != 0)
        ICIALLU = 0;
}
#else
/* ARMv6-M and the M3 have no caches of their own. */
static void sync_caches(const struct modload_image *module)
{
    (void)module;
}
#endif

void modload_cortex_m_sync(const struct modload_port *port,
                           const struct modload_image *module)
{
    (void)port;
    sync_caches(module);
    /* The stores must be done before the fetches, on every core. */
    __asm volatile("dsb\n\tisb" ::: "memory");
}
