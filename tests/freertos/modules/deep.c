/* SPDX-License-Identifier: BSD-2-Clause */
/* Uses most of the stack that it states, with the FPU's registers in use where there is
 * one, while others run. */
#include <FreeRTOS.h>
#include <task.h>

int module_entry(void *param);

#define BYTES 2800

volatile float factor = 1.5f;

int module_entry(void *param)
{
    volatile unsigned char room[BYTES];
    float sum = factor;

    (void)param;
    for (unsigned i = 0; i < BYTES; i++)
        room[i] = (unsigned char)i;
    for (unsigned i = 0; i < 4; i++) {
        sum *= factor;
        /* Given away by interrupts, too. */
        for (unsigned j = 0; j < 20000; j++)
            sum += factor * (float)(j & 1);
        vTaskDelay(1);
    }
    for (unsigned i = 0; i < BYTES; i++)
        if (room[i] != (unsigned char)i)
            return 1;
    return sum < 1.0f;
}
