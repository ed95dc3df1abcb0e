/* SPDX-License-Identifier: BSD-2-Clause */
#include "port.h"

#include <stddef.h>

#if defined(__ARM_ARCH_7EM__) || __ARM_ARCH >= 8
/* ARMv7-M ARM B3.2.8 (CCR) and B3.2.2.. (cache maintenance); the M55 and M85 have the
 * same registers. Cores without caches have neither bit in CCR. */
#define CCR      (*(volatile uint32_t *)0xe000ed14u)
#define CCR_DC   (1u << 16)
#define CCR_IC   (1u << 17)
#define ICIALLU  (*(volatile uint32_t *)0xe000ef50u)
#define DCCMVAC  (*(volatile uint32_t *)0xe000ef68u)
#define LINE     32u

static void sync_caches(uint32_t address, uint32_t size)
{
    if ((CCR & CCR_DC) != 0 && size != 0) {
        uint32_t last = address + size - 1u;
        uint32_t lines = last / LINE - address / LINE + 1u;
        uint32_t line = address & ~(LINE - 1u);

        __asm volatile("dsb" ::: "memory");
        for (; lines != 0; lines--, line += LINE)
            DCCMVAC = line;
        __asm volatile("dsb" ::: "memory");
    }
    if ((CCR & CCR_IC) != 0) {
        ICIALLU = 0;
    }
}
#else
/* ARMv6-M and the M3 have no caches of their own. */
static void sync_caches(uint32_t address, uint32_t size)
{
    (void)address;
    (void)size;
}
#endif

void modload_cortex_m_sync(const struct modload_port *port, uint32_t address, uint32_t size)
{
    (void)port;
    sync_caches(address, size);
    /* The stores must be done before the fetches, on every core. */
    __asm volatile("dsb\n\tisb" ::: "memory");
}
