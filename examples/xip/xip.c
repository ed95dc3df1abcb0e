/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A module that runs where it lies in flash: RAM holds its data and nothing else, and if
 * it is loaded twice each instance has data of its own. The firmware calls `by_points`
 * back, and need not know which instance it belongs to: the pointer leads to a
 * trampoline in that instance's data.
 *
 *     FIRMWARE=../../target-loader/firmware
 *     arm-none-eabi-gcc -mcpu=cortex-m4 -mthumb -Os -g -fpic -msingle-pic-base \
 *         -mpic-register=r9 -mno-pic-data-is-text-relative -I$FIRMWARE/include -c xip.c
 *     arm-none-eabi-gcc -mcpu=cortex-m4 -mthumb -nostdlib -T ../module.ld \
 *         -Wl,--emit-relocs,--unresolved-symbols=ignore-all xip.o -o xip.elf -lgcc
 *     mkmod --xip --version 1.0.0 --api $FIRMWARE/firmware.api xip.elf -o xip.bin
 */
#include "firmware.h"

int module_entry(void *param);

struct player {
    const char *name;
    int points;
};

static struct player players[] = {
    {"Ann", 70}, {"Bob", 12}, {"Cid", 99}, {"Dora", 45}, {"Eve", 23}};
static unsigned compared;

static int by_points(const void *a, const void *b)
{
    compared++;
    return ((const struct player *)b)->points - ((const struct player *)a)->points;
}

int module_entry(void *param)
{
    const size_t count = sizeof players / sizeof players[0];
    (void)param;
    fw_sort(players, count, sizeof players[0], by_points);
    fw_printf("%s wins with %d points, %s is last; %u comparisons\n", players[0].name,
              players[0].points, players[count - 1].name, compared);
    return 0;
}
