/* SPDX-License-Identifier: BSD-2-Clause */
#include "emulation.h"

#include "board.h"

/* Given by the linker script. The values are not known to the compiler. */
extern const volatile struct emulation_config _config;

bool emulation_there(void)
{
    return _config.magic == EMULATION_MAGIC;
}

uint32_t emulation_options(void)
{
    return emulation_there() ? _config.options : 0;
}

uint32_t emulation_clock_hz(void)
{
    return emulation_there() ? _config.clock_hz : board_clock_hz;
}

/** Semihosting's SYS_EXIT_EXTENDED with ADP_Stopped_ApplicationExit. */
static void semihosting_exit(int status)
{
    const uint32_t block[2] = {0x20026u, (uint32_t)status};
    register uint32_t operation __asm("r0") = 0x20u;
    register const uint32_t *parameter __asm("r1") = block;

    __asm volatile("bkpt 0xab" : "+r"(operation) : "r"(parameter) : "memory");
}

_Noreturn void emulation_end(int status)
{
    if (emulation_there())
        semihosting_exit(status);
    __asm volatile("cpsid i" ::: "memory");
    for (;;)
        __asm volatile("wfi");
}
