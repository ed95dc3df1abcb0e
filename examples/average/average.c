/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What needs relocation: a table of pointers to constants and functions, initialized
 * data, bss; and a piece of the firmware's memory, and its clock.
 *
 *     FIRMWARE=../../target-loader/firmware
 *     arm-none-eabi-gcc -mcpu=cortex-m4 -mthumb -Os -g -I$FIRMWARE/include -c average.c
 *     arm-none-eabi-gcc -mcpu=cortex-m4 -mthumb -nostdlib -T ../module.ld \
 *         -Wl,--emit-relocs,--unresolved-symbols=ignore-all \
 *         average.o -o average.elf -lgcc
 *     mkmod --version 1.0.0 --stack-size 512 \
 *         --api $FIRMWARE/firmware.api average.elf -o average.bin
 */
#include "firmware.h"

#define SAMPLES 16u

int module_entry(void *param);

static int smallest(const int *samples, unsigned count)
{
    int value = samples[0];

    for (unsigned i = 1; i < count; i++)
        value = samples[i] < value ? samples[i] : value;
    return value;
}

static int average(const int *samples, unsigned count)
{
    int sum = 0;

    for (unsigned i = 0; i < count; i++)
        sum += samples[i];
    return sum / (int)count;
}

/** One line of the report. */
struct line {
    const char *name;
    int (*function)(const int *samples, unsigned count);
    int expected;
};

/* Const, and yet every pointer in it is fixed when the module is loaded. These three are
 * not static, or the compiler would know all of it beforehand. */
extern const struct line lines[2];
const struct line lines[2] = {
    {"smallest", smallest, -7},
    {"average", average, 38},
};

extern int offset;
int offset = -7;
extern unsigned runs;
unsigned runs;

int module_entry(void *param)
{
    uint32_t start = fw_time_us();
    int *samples = fw_alloc(SAMPLES * sizeof(*samples));
    int wrong = 0;

    (void)param;
    if (!samples)
        return 1;
    runs++;
    for (unsigned i = 0; i < SAMPLES; i++)
        samples[i] = (int)(i * 6u) + offset;
    for (unsigned i = 0; i < 2; i++) {
        int value = lines[i].function(samples, SAMPLES);

        fw_printf("%-9s %3d\n", lines[i].name, value);
        wrong += value != lines[i].expected;
    }
    fw_free(samples);
    /* Sane times only; how long it takes is not the same twice. */
    if (fw_time_us() - start > 1000000u)
        wrong++;
    return wrong + (runs != 1);
}
