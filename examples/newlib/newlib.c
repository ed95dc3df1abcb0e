/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A C library of the module's own: newlib's printf with floating point, qsort, malloc and
 * libm, linked into the module as into any program. syscalls.c has the few functions that
 * newlib wants of a system. The price is the image's size, 28 KB. Where the
 * firmware offers these functions, they are imports, and the image of this very source
 * has 2.5 KB: see ../firmware.
 *
 *     FIRMWARE=../../target-loader/firmware
 *     arm-none-eabi-gcc -mcpu=cortex-m4 -mthumb -Os -g -I$FIRMWARE/include \
 *         -c newlib.c syscalls.c
 *     arm-none-eabi-gcc -mcpu=cortex-m4 -mthumb -nostartfiles -specs=nano.specs \
 *         -u _printf_float -T ../module.ld \
 *         -Wl,--emit-relocs,--unresolved-symbols=ignore-all,--gc-sections \
 *         newlib.o syscalls.o -o newlib.elf -lm
 *     mkmod --version 1.0.0 --api $FIRMWARE/firmware.api newlib.elf -o newlib.bin
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#define COUNT 6u

int module_entry(void *param);

static int by_value(const void *a, const void *b)
{
    double left = *(const double *)a;
    double right = *(const double *)b;

    return (left > right) - (left < right);
}

int module_entry(void *param)
{
    double *values = malloc(COUNT * sizeof(*values));
    double sum = 0;

    (void)param;
    if (!values)
        return 1;
    for (unsigned i = 0; i < COUNT; i++)
        values[i] = sin((double)i);
    qsort(values, COUNT, sizeof(*values), by_value);
    for (unsigned i = 0; i < COUNT; i++) {
        printf("%u: %+.4f\n", i, values[i]);
        sum += values[i] * values[i];
    }
    printf("root of the sum of squares: %.6f\n", sqrt(sum));
    free(values);
    return 0;
}
