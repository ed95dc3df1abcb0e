/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Parameters: a struct of the module's own, with defaults, which can be set without
 * compiling anything: when the image is made (mkmod --params FILE), in an image on a
 * board (modflash params NAME --set FILE), or by the firmware before it starts the
 * module. FILE has the struct's bytes as they lie in memory, from the first one on, as
 * many as one wants to set; greetings.bin here is what printf '\3\0\0\0Good morning\0'
 * writes.
 *
 *     FIRMWARE=../../target-loader/firmware
 *     arm-none-eabi-gcc -mcpu=cortex-m4 -mthumb -Os -g -I../include \
 *         -I$FIRMWARE/include -c greeting.c
 *     arm-none-eabi-gcc -mcpu=cortex-m4 -mthumb -nostdlib -T ../module.ld \
 *         -Wl,--emit-relocs,--unresolved-symbols=ignore-all \
 *         greeting.o -o greeting.elf -lgcc
 *     mkmod --version 1.0.0 --api $FIRMWARE/firmware.api greeting.elf -o greeting.bin
 *     mkmod --version 1.0.0 --params greetings.bin --name morning \
 *         --api $FIRMWARE/firmware.api greeting.elf -o morning.bin
 */
#include "firmware.h"
#include "modfmt_module.h"

int module_entry(void *param);

struct greeting {
    uint32_t times;
    char text[28];
};
struct greeting greeting = {1, "Hello"};
MODULE_PARAMS(greeting);

int module_entry(void *param)
{
    (void)param;
    for (uint32_t i = 0; i < greeting.times; i++)
        fw_puts(greeting.text);
    return 0;
}
