/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A module that uses another one, counter, as it uses the firmware: it includes a header
 * and calls. Since its interface comes from a module, mkmod notes in the image that
 * counter is needed, and of which versions; the loader loads it first and keeps it.
 *
 *     FIRMWARE=../../target-loader/firmware
 *     arm-none-eabi-gcc -mcpu=cortex-m4 -mthumb -Os -g -I$FIRMWARE/include -c sheep.c
 *     arm-none-eabi-gcc -mcpu=cortex-m4 -mthumb -nostdlib -T ../module.ld \
 *         -Wl,--emit-relocs,--unresolved-symbols=ignore-all sheep.o -o sheep.elf -lgcc
 *     mkmod --version 1.0.0 --api $FIRMWARE/firmware.api --api counter.api \
 *         sheep.elf -o sheep.bin
 */
#include "counter.h"
#include "firmware.h"

int module_entry(void *param);

int module_entry(void *param)
{
    enum { BLACK, WHITE };

    (void)param;
    for (unsigned i = 1; i <= 3; i++) {
        unsigned black = counter_add(BLACK, 1);
        unsigned white = counter_add(WHITE, i);

        fw_printf("%u black sheep, %u white ones\n", black, white);
    }
    fw_printf("%u in all\n", counter_total);
    return counter_total != 9;
}
