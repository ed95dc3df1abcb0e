/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A string, and a call of the firmware.
 *
 *     FIRMWARE=../../target-loader/firmware
 *     arm-none-eabi-gcc -mcpu=cortex-m4 -mthumb -Os -g -I$FIRMWARE/include -c hello.c
 *     arm-none-eabi-gcc -mcpu=cortex-m4 -mthumb -nostdlib -T ../module.ld \
 *         -Wl,--emit-relocs,--unresolved-symbols=ignore-all hello.o -o hello.elf -lgcc
 *     mkmod --version 1.0.0 --description "Says hello" \
 *         --api $FIRMWARE/firmware.api hello.elf -o hello.bin
 */
#include "firmware.h"

int module_entry(void *param);

int module_entry(void *param)
{
    (void)param;
    fw_puts("Hello from a module");
    return 0;
}
