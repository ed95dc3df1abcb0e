/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A module that other modules use: it has no entry, but a function and an object that it
 * exports. counter.h is for those who use it, and --write-api says what its types are, so
 * that a user that was built against another counter.h is refused and not called.
 *
 *     arm-none-eabi-gcc -mcpu=cortex-m4 -mthumb -Os -g -I../include -c counter.c
 *     arm-none-eabi-gcc -mcpu=cortex-m4 -mthumb -nostdlib -T ../module.ld \
 *         -Wl,--emit-relocs,--unresolved-symbols=ignore-all,--entry=0 \
 *         counter.o -o counter.elf -lgcc
 *     mkmod --version 1.0.0 --write-api counter.api counter.elf -o counter.bin
 */
#include "counter.h"

#include "modfmt_module.h"

#define KINDS 4u

unsigned counter_total;
MODULE_EXPORT(counter_total);

unsigned counter_add(unsigned kind, unsigned more)
{
    static unsigned counts[KINDS];

    counter_total += more;
    return counts[kind % KINDS] += more;
}
MODULE_EXPORT(counter_add);
