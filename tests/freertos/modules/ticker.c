/* SPDX-License-Identifier: BSD-2-Clause */
/* Notes the time every other tick until it is asked to end. WHO: its letter. */
#include <FreeRTOS.h>
#include <task.h>

#include "offered.h"

int module_entry(void *param);

int module_entry(void *param)
{
    (void)param;
    while (!modload_freertos_stopping()) {
        note(WHO, (int)xTaskGetTickCount());
        vTaskDelay(2);
    }
    note(WHO, -1);
    return WHO;
}
