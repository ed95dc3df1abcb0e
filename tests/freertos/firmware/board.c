/* SPDX-License-Identifier: BSD-2-Clause */
#include "board.h"

#include <string.h>

int main(void);
void reset_handler(void);
void svc_handler(void);
void pendsv_handler(void);
void systick_handler(void);

extern uint32_t _stack_top;
extern uint8_t _data_begin[], _data_end[], _bss_begin[], _bss_end[];
extern const uint8_t _data_load[];

/* UART0, a CMSDK APB UART (Arm DDI 0479, 4.3). */
#define UART(offset) (*(volatile uint32_t *)(0x40004000u + (offset)))

void board_begin(void)
{
    UART(0x10) = 25000000u / 115200u;
    UART(0x08) = 1;
}

void board_put(char c)
{
    while ((UART(0x04) & 1u) != 0)
        continue;
    UART(0x00) = (uint8_t)c;
}

void board_end(int status)
{
    /* Semihosting's SYS_EXIT_EXTENDED with ADP_Stopped_ApplicationExit. */
    const uint32_t block[2] = {0x20026u, (uint32_t)status};
    register uint32_t operation __asm("r0") = 0x20u;
    register const uint32_t *parameter __asm("r1") = block;

    for (;;)
        __asm volatile("bkpt 0xab" : "+r"(operation) : "r"(parameter) : "memory");
}

static void fault_handler(void)
{
    for (const char *s = "FAILED: fault\n"; *s; s++)
        board_put(*s);
    board_end(1);
}

void reset_handler(void)
{
#ifdef __ARM_FP
    *(volatile uint32_t *)0xe000ed88u |= 0xfu << 20;
    __asm volatile("dsb\n\tisb" ::: "memory");
#endif
    memcpy(_data_begin, _data_load, (size_t)(_data_end - _data_begin));
    memset(_bss_begin, 0, (size_t)(_bss_end - _bss_begin));
    main();
    board_end(1);
}

typedef void handler(void);

__attribute__((section(".vectors"), used)) static const struct {
    uint32_t *stack;
    handler *handlers[15];
} vectors = {
    &_stack_top,
    {
        reset_handler,
        fault_handler,
        fault_handler,
        fault_handler,
        fault_handler,
        fault_handler,
        0,
        0,
        0,
        0,
        svc_handler,
        fault_handler,
        0,
        pendsv_handler,
        systick_handler,
    },
};
