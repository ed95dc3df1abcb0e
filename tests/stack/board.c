/* SPDX-License-Identifier: BSD-2-Clause */
/* Runs functions on a painted stack, on a bare Cortex-M of QEMU, and prints how much of it
 * each has written to: "name bytes" a line. */
#include <stdint.h>

#define STACK_WORDS 2500u
#define PAINT       0xa5c3e187u

struct entry {
    const char *name;
    int (*run)(void *);
};
extern const struct entry entries[]; /* made by the test; ends with a null */
extern uint32_t _stack_top[];

static uint32_t stack[STACK_WORDS] __attribute__((aligned(32)));

void reset(void);
int on_stack(int (*run)(void *), uint32_t *top);
void fw_nothing(void *);
__attribute__((noreturn)) void abort(void);

__attribute__((section(".vectors"), used)) static const void *const vectors[16] = {
    _stack_top, (const void *)reset, (const void *)abort, (const void *)abort,
    (const void *)abort, (const void *)abort, (const void *)abort};

__asm__(".syntax unified\n.thumb\n"
        ".global on_stack\n.type on_stack, %function\n.thumb_func\non_stack:\n"
        "push {r4-r7, lr}\n"
        "mov r4, sp\n"
        "mov sp, r1\n"
        "mov r1, r0\n"
        "movs r0, #2\n"
        "blx r1\n"
        "mov sp, r4\n"
        "pop {r4-r7, pc}\n"
        ".global fw_nothing\n.type fw_nothing, %function\n.thumb_func\nfw_nothing:\n"
        "bx lr\n");

static void semihosting(uint32_t operation, const void *argument)
{
    register uint32_t r0 __asm__("r0") = operation;
    register const void *r1 __asm__("r1") = argument;
    __asm__ volatile("bkpt 0xab" : "+r"(r0) : "r"(r1) : "memory");
}

__attribute__((noreturn)) void abort(void)
{
    semihosting(0x18, (const void *)0x20023); /* SYS_EXIT, a run-time error */
    for (;;)
        continue;
}

static void put_number(uint32_t value)
{
    char text[12];
    uint32_t at = sizeof text;
    text[--at] = '\0';
    text[--at] = '\n';
    do {
        text[--at] = (char)('0' + value % 10);
        value /= 10;
    } while (value != 0);
    text[--at] = ' ';
    semihosting(0x04, text + at);
}

static void measure(const struct entry *entry)
{
    uint32_t lowest = 0;
    for (uint32_t i = 0; i < STACK_WORDS; i++)
        stack[i] = PAINT;
    (void)on_stack(entry->run, stack + STACK_WORDS);
    while (lowest < STACK_WORDS && stack[lowest] == PAINT)
        lowest++;
    if (lowest == 0)
        abort();
    semihosting(0x04, entry->name);
    put_number(4 * (STACK_WORDS - lowest));
}

void reset(void)
{
#if __ARM_ARCH >= 7
    *(volatile uint32_t *)0xe000ed88u |= 0xfu << 20; /* CPACR: the FPU, if there is one */
    __asm__ volatile("dsb\n\tisb");
#endif
    for (const struct entry *entry = entries; entry->name; entry++)
        measure(entry);
    semihosting(0x18, (const void *)0x20026); /* SYS_EXIT, all is well */
    for (;;)
        continue;
}
