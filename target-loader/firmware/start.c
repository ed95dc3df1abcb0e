/* SPDX-License-Identifier: BSD-2-Clause */
/* Vectors and start-up for any Cortex-M. */
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "clock.h"
#include "descriptor.h"
#include "faults.h"
#include "modfmt_layout.h"

int main(void);
_Noreturn void reset_handler(void);

/* Given by the linker script; only their addresses mean something. */
extern uint32_t _stack_top;
extern uint8_t _data_begin[], _data_end[], _bss_begin[], _bss_end[];
extern const uint8_t _data_load[];

#ifdef __ARM_FP
/** Full access to CP10 and CP11 (ARMv7-M ARM B3.2.20), before any code might use them. */
static void fpu_on(void)
{
    *(volatile uint32_t *)0xe000ed88u |= 0xfu << 20;
    __asm volatile("dsb\n\tisb" ::: "memory");
}
#else
static void fpu_on(void)
{
}
#endif

_Noreturn void reset_handler(void)
{
    fpu_on();
    memcpy(_data_begin, _data_load, (size_t)(_data_end - _data_begin));
    memset(_bss_begin, 0, (size_t)(_bss_end - _bss_begin));
    main();
    for (;;)
        continue;
}

/* A firmware may be without one, as tests are: then tools find 0. */
extern const struct firmware_descriptor firmware_descriptor __attribute__((weak));

typedef void handler(void);

/** Exceptions 0 to 15. There is no peripheral interrupt. BusFault and the like are not
 *  enabled, so that all of them come as HardFault. */
__attribute__((section(".vectors"), used)) static const struct {
    uint32_t *stack;
    handler *handlers[9];
    const struct firmware_descriptor *descriptor; /* of what the core reserves */
    handler *more[5];
} vectors = {
    &_stack_top,
    {
        reset_handler,
        fault_handler,
        fault_handler,
        fault_handler,
        fault_handler,
        fault_handler,
        fault_handler,
        0,
        0,
    },
    &firmware_descriptor,
    {
        fault_handler,
        fault_handler,
        0,
        fault_handler,
        clock_tick,
    },
};

_Static_assert(offsetof(__typeof__(vectors), descriptor) == 4u * MODFMT_HOST_VECTOR,
               "where tools look");
