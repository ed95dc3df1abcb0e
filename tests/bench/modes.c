/* SPDX-License-Identifier: BSD-2-Clause */
/* One benchmark for all three kinds of loading: a bit of what modules do. It counts its own
 * instructions with TIM2, one each under QEMU's -icount shift=0 (netduinoplus2), and prints
 * them. What it computes is checked, so that no kind gets away with doing less. */
#include "firmware.h"

#define TIM2_CR1 (*(volatile uint32_t *)0x40000000u)
#define TIM2_CNT (*(volatile uint32_t *)0x40000024u)

#define COUNT 64u

struct shape {
    int (*area)(const struct shape *);
    int width, height;
};

static int rectangle(const struct shape *s)
{
    return s->width * s->height;
}

static int triangle(const struct shape *s)
{
    return s->width * s->height / 2;
}

/* Pointers in tables, state in .data and .bss, constants, strings. */
static const struct shape shapes[] = {
    {rectangle, 3, 4}, {triangle, 6, 5}, {rectangle, 10, 2}, {triangle, 7, 8}};
static const char *const words[] = {"loaded", "relocated", "bound", "started", "stopped"};
static uint32_t table[256];
static uint32_t numbers[COUNT];
static uint32_t seed = 12345;
static unsigned compared;

static uint32_t next(void)
{
    seed = seed * 1664525u + 1013904223u;
    return seed >> 8;
}

static void make_table(void)
{
    for (uint32_t i = 0; i < 256; i++) {
        uint32_t c = i;

        for (unsigned k = 0; k < 8; k++)
            c = c & 1 ? c >> 1 ^ 0xedb88320u : c >> 1;
        table[i] = c;
    }
}

__attribute__((noinline)) static uint32_t crc(uint32_t c, const char *text)
{
    for (c = ~c; *text; text++)
        c = table[(c ^ (uint8_t)*text) & 0xff] ^ c >> 8;
    return ~c;
}

/* The firmware calls this one. */
static int compare(const void *a, const void *b)
{
    const uint32_t *x = a, *y = b;

    compared++;
    return *x < *y ? -1 : *x > *y;
}

static uint32_t work(void)
{
    uint32_t sum = 0;

    make_table();
    for (unsigned round = 0; round < 20; round++) {
        for (unsigned i = 0; i < sizeof(words) / sizeof(words[0]); i++)
            sum = crc(sum, words[i]);
        for (unsigned i = 0; i < sizeof(shapes) / sizeof(shapes[0]); i++)
            sum += (uint32_t)shapes[i].area(&shapes[i]);
        for (unsigned i = 0; i < COUNT; i++)
            numbers[i] = next();
        fw_sort(numbers, COUNT, sizeof(numbers[0]), compare);
        for (unsigned i = 1; i < COUNT; i++)
            if (numbers[i - 1] > numbers[i])
                return 0;
        sum ^= numbers[COUNT / 2];
    }
    return sum ^ compared;
}

int module_entry(void *param)
{
    uint32_t start, sum;

    (void)param;
    TIM2_CR1 = 1;
    start = TIM2_CNT;
    sum = work();
    start = TIM2_CNT - start;
    fw_printf("sum %x instructions %u\n", (unsigned)sum, (unsigned)start);
    return sum == 0;
}
