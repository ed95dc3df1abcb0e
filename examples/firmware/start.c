/* SPDX-License-Identifier: BSD-2-Clause */
/* Vectors and start-up. A firmware of your own has them already. */
#include <stdint.h>
#include <string.h>

#include "console.h"

int main(void);
_Noreturn void reset_handler(void);

/* Given by firmware.ld. */
extern uint32_t _stack_top;
extern uint8_t _data_begin[], _data_end[], _bss_begin[], _bss_end[];
extern const uint8_t _data_load[];

_Noreturn void reset_handler(void)
{
    memcpy(_data_begin, _data_load, (size_t)(_data_end - _data_begin));
    memset(_bss_begin, 0, (size_t)(_bss_end - _bss_begin));
    console_end(main());
}

static void fault_handler(void)
{
    console_end(1);
}

__attribute__((section(".vectors"), used)) static const struct {
    uint32_t *stack;
    void (*handlers[3])(void);
} vectors = {&_stack_top, {reset_handler, fault_handler, fault_handler}};
