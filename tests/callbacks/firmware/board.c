/* SPDX-License-Identifier: BSD-2-Clause */
#include "board.h"

#include <string.h>

#define SYST_CSR (*(volatile uint32_t *)0xe000e010u)
#define SYST_RVR (*(volatile uint32_t *)0xe000e014u)
#define SYST_CVR (*(volatile uint32_t *)0xe000e018u)
#define VTOR     (*(volatile uint32_t *)0xe000ed08u)
#define CPACR    (*(volatile uint32_t *)0xe000ed88u)

#define SYSTICK 15u

typedef void handler(void);

extern uint32_t _stack_top;
extern uint8_t _data_begin[], _data_end[], _bss_begin[], _bss_end[];
extern const uint8_t _data_load[];

int main(void);
void board_reset(void);
void board_tick_stub(void);
void _exit(int status);
extern uint32_t board_tick_target;

uint32_t board_tick_target;

static void semihosting(uint32_t operation, const void *argument)
{
    register uint32_t r0 __asm__("r0") = operation;
    register const void *r1 __asm__("r1") = argument;

    __asm__ volatile("bkpt 0xab" : "+r"(r0) : "r"(r1) : "memory");
}

void board_say(const char *text)
{
    semihosting(0x04, text);
}

void board_number(uint32_t value)
{
    char text[12];
    uint32_t at = sizeof(text) - 1;

    text[at] = '\0';
    do {
        text[--at] = (char)('0' + value % 10);
        value /= 10;
    } while (value != 0);
    board_say(text + at);
}

void board_end(int status)
{
    for (;;) /* SYS_EXIT: all is well, or a run-time error */
        semihosting(0x18, (const void *)(status == 0 ? 0x20026u : 0x20023u));
}

static void fault(void)
{
    board_say("FAILED: fault\n");
    board_end(1);
}

/* What a vector table in flash has instead of the address: lr and all else are left as
 * they are. */
__asm__(".syntax unified\n.thumb\n"
        ".global board_tick_stub\n.type board_tick_stub, %function\n.thumb_func\n"
        "board_tick_stub:\n"
        "ldr r0, 1f\n"
        "ldr r0, [r0]\n"
        "bx r0\n"
        ".p2align 2\n"
        "1: .word board_tick_target\n");

struct vectors {
    uint32_t *stack;
    handler *handlers[15];
};

__attribute__((section(".vectors"), used)) static const struct vectors vectors = {
    &_stack_top,
    {board_reset, fault, fault, fault, fault, fault, 0, 0, 0, 0, fault, fault, 0, fault,
     board_tick_stub},
};

#if __ARM_ARCH >= 7
static struct vectors in_ram __attribute__((aligned(128)));
#endif

void board_tick_handler(uint32_t address)
{
#if __ARM_ARCH >= 7 && __ARM_ARCH_PROFILE == 'M'
    if (VTOR != (uint32_t)(uintptr_t)&in_ram) {
        in_ram = vectors;
        VTOR = (uint32_t)(uintptr_t)&in_ram;
    }
    in_ram.handlers[SYSTICK - 1] = (handler *)(uintptr_t)address;
    __asm__ volatile("dsb\n\tisb" ::: "memory");
#else
    board_tick_target = address;
#endif
}

void board_tick_begin(uint32_t reload, int interrupts)
{
    SYST_RVR = reload;
    SYST_CVR = 0;
    SYST_CSR = interrupts ? 7u : 5u;
}

void board_tick_end(void)
{
    SYST_CSR = 0;
}

uint32_t board_tick_now(void)
{
    return SYST_CVR;
}

void board_reset(void)
{
#ifdef __ARM_FP
    CPACR |= 0xfu << 20;
    __asm__ volatile("dsb\n\tisb" ::: "memory");
#endif
    memcpy(_data_begin, _data_load, (size_t)(_data_end - _data_begin));
    memset(_bss_begin, 0, (size_t)(_bss_end - _bss_begin));
    board_end(main());
}

/* newlib's abort() and the like end up here. */
void _exit(int status)
{
    board_end(status | 1);
}
