/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The smallest module there is.
 *
 *     arm-none-eabi-gcc -mcpu=cortex-m4 -mthumb -Os -c trivial.c
 *     arm-none-eabi-gcc -mcpu=cortex-m4 -mthumb -nostdlib -T ../module.ld \
 *         -Wl,--emit-relocs,--unresolved-symbols=ignore-all \
 *         trivial.o -o trivial.elf -lgcc
 *     mkmod --version 1.0.0 trivial.elf -o trivial.bin
 */
int module_entry(void *param);

int module_entry(void *param)
{
    (void)param;
    return 0;
}
