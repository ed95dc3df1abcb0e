/* SPDX-License-Identifier: BSD-2-Clause */
/* Does not listen. */
#include <FreeRTOS.h>
#include <task.h>

#include "offered.h"

int module_entry(void *param);

int module_entry(void *param)
{
    (void)param;
    for (int i = 0;; i++) {
        vTaskDelay(1);
        note('s', i);
    }
}
