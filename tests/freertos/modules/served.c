/* SPDX-License-Identifier: BSD-2-Clause */
/* Waits in a queue of its own, and knows how to wake itself. */
#include <FreeRTOS.h>
#include <queue.h>

#include "offered.h"

int module_entry(void *param);
void module_stop(void);

static QueueHandle_t queue;

/* In the task of the one that stops this module. */
void module_stop(void)
{
    int end = -1;

    xQueueSend(queue, &end, 0);
}

int module_entry(void *param)
{
    int word = 0;

    (void)param;
    queue = xQueueCreate(2, sizeof(int));
    while (word >= 0 && xQueueReceive(queue, &word, portMAX_DELAY) == pdTRUE)
        note('m', word);
    vQueueDelete(queue);
    return 7;
}
