/* SPDX-License-Identifier: BSD-2-Clause */
/* Semihosting (ARM IHI 0100) stands in for a UART: QEMU prints, and so do debuggers. */
#include "console.h"

#include "interface.h"

#define SYS_WRITE0     0x04u
#define SYS_EXIT       0x18u
#define STOPPED_BY_END 0x20026u
#define STOPPED_BY_ERR 0x20023u

static void semihosting(unsigned operation, const void *parameter)
{
    register unsigned r0 __asm("r0") = operation;
    register const void *r1 __asm("r1") = parameter;

    __asm volatile("bkpt 0xab" : "+r"(r0) : "r"(r1) : "memory");
}

void console_print(const char *text)
{
    semihosting(SYS_WRITE0, text);
}

void console_number(unsigned number)
{
    char digits[11];
    char *at = digits + sizeof(digits) - 1;

    *at = '\0';
    do {
        *--at = (char)('0' + number % 10u);
        number /= 10u;
    } while (number != 0);
    console_print(at);
}

_Noreturn void console_end(int status)
{
    semihosting(SYS_EXIT, (const void *)(status == 0 ? STOPPED_BY_END : STOPPED_BY_ERR));
    for (;;)
        continue;
}
