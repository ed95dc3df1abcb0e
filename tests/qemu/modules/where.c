/* SPDX-License-Identifier: BSD-2-Clause */
/* Says where its code and its data lie. */
#include "firmware.h"

int module_entry(void *param);

static volatile uint32_t count = 41;
static uint32_t *volatile pointer = (uint32_t *)&count;

int module_entry(void *param)
{
    (void)param;
    ++*pointer;
    fw_printf("text at %x, data at %x, %u\n", (unsigned)(uintptr_t)module_entry >> 24,
              (unsigned)(uintptr_t)&count >> 24, (unsigned)count);
    return 0;
}
