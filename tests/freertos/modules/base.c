/* SPDX-License-Identifier: BSD-2-Clause */
/* Reaches its data through r9 (-msingle-pic-base). WHO: its letter. */
#include <FreeRTOS.h>
#include <task.h>

#include "offered.h"

int module_entry(void *param);

int count;
int *const where = &count;

int module_entry(void *param)
{
    (void)param;
    while (!modload_freertos_stopping()) {
        count++;
        note(WHO, *where);
        if (*where % 2)
            vTaskDelay(1);
        else
            for (volatile unsigned wait = 3000; wait != 0; wait--)
                continue;
    }
    return *where == count ? count : -1;
}
