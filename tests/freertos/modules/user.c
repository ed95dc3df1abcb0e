/* SPDX-License-Identifier: BSD-2-Clause */
/* Needs another module. */
#include <FreeRTOS.h>
#include <task.h>

#include "offered.h"

int library_add(int a, int b);
int module_entry(void *param);

int module_entry(void *param)
{
    int sum = library_add(4, 6);

    (void)param;
    while (!modload_freertos_stopping())
        vTaskDelay(1);
    return library_add(sum, 2);
}
