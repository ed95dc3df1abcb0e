/* SPDX-License-Identifier: BSD-2-Clause */
#include "faults.h"

#include <stddef.h>
#include <stdint.h>

#include "console.h"
#include "emulation.h"
#include "firmware.h"
#include "modules.h"
#include "read.h"

/* Given by the linker script. */
extern uint32_t _stack_limit[], _stack_top[];

/** What is left of the stack when it counts as used up. */
#define STACK_LEAST 1024

void fault_report(struct modload_cortex_m_frame *frame);

/** Hand over the frame. If little stack is left, go on at its top: the fault may have
 * been that a module used all of it. Everything runs on the main stack. */
__attribute__((naked)) void fault_handler(void)
{
    __asm volatile("mrs r0, msp\n\t"
                   "ldr r1, =_stack_limit + 1024\n\t" /* STACK_LEAST */
                   "cmp r0, r1\n\t"
                   "bhs 1f\n\t"
                   "ldr r1, =_stack_top\n\t"
                   "mov sp, r1\n"
                   "1:\n\t"
                   "ldr r1, =fault_report\n\t"
                   "bx r1\n\t"
                   ".ltorg");
}

#if __ARM_ARCH >= 7
/** Of the System Control Space. */
static unsigned status_register(uint32_t address)
{
    return *(volatile uint32_t *)(uintptr_t)address;
}

static void print_status(void)
{
    fw_printf(", CFSR 0x%08x, HFSR 0x%08x, BFAR 0x%08x", status_register(0xe000ed28u),
              status_register(0xe000ed2cu), status_register(0xe000ed38u));
}
#else
/* ARMv6-M does not tell causes. */
static void print_status(void)
{
}
#endif

__attribute__((used)) void fault_report(struct modload_cortex_m_frame *frame)
{
    uintptr_t at = (uintptr_t)frame;

    /* Only if the handler still runs where the fault was. */
    if (at >= (uintptr_t)_stack_limit + STACK_LEAST && modload_cortex_m_read_fault(frame))
        return;
    console_fresh_line();
    modules_print_current();
    if (at < (uintptr_t)_stack_limit ||
        at > (uintptr_t)_stack_top - sizeof(struct modload_cortex_m_frame)) {
        fw_print(": faulted: the stack is used up");
    } else {
        fw_print(": faulted: pc ");
        modules_print_address(frame->pc);
        fw_print(", lr ");
        modules_print_address(frame->lr);
    }
    print_status();
    fw_print("\n");
    emulation_end(1);
}
