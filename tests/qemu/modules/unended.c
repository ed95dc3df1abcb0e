/* SPDX-License-Identifier: BSD-2-Clause */
/* Prints with all kinds of conversions, and a last line that it does not end. */
#include "firmware.h"

int module_entry(void *param);

int module_entry(void *param)
{
    int length;

    (void)param;
    fw_printf("[%d|%5d|%-5d|%05d|%x|%08X|%c|%s|%-4s|%4s|%%|%u]\n", -7, -7, -7, -7,
              0xbeefu, 0xbeefu, 'c', "text", "ab", "cd", 4000000000u);
    length = fw_printf("%d%s", 12, "345");
    return length != 5;
}
