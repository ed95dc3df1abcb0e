/* SPDX-License-Identifier: BSD-2-Clause */
/* Waits for ever in the queue it was given. */
#include <FreeRTOS.h>
#include <queue.h>

#include "offered.h"

int module_entry(void *param);

int module_entry(void *param)
{
    int word;

    while (xQueueReceive((QueueHandle_t)param, &word, portMAX_DELAY) == pdTRUE)
        note('q', word);
    note('q', -1);
    return 1;
}
