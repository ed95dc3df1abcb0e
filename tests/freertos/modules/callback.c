/* SPDX-License-Identifier: BSD-2-Clause */
/* Gives the kernel a timer's function and a task's entry, and has an export: all of them
 * are called by tasks that are not this module's. Runs as two instances of one text. */
#include <FreeRTOS.h>
#include <task.h>

#include "offered.h"

int module_entry(void *param);
int count_of(int a, int b, int c, int d, int e, int f);

static int id;
static volatile int ticks, turns;
static volatile int *kept;

static void on_timer(void *timer)
{
    (void)timer;
    ticks++;
    note(id + 1, ticks);
    if (ticks == 3) { /* is this instance's, though no task of its own asks for it */
        kept = malloc(64);
        *kept = id;
    }
    free(malloc(8));
}

static void worker(void *param)
{
    volatile int *mine = param;

    for (int i = 0; i < 5; i++) {
        ++*mine;
        note(id + 2, turns);
        vTaskDelay(2);
    }
    task_end();
}

/* Two of its arguments are on the stack. */
int count_of(int a, int b, int c, int d, int e, int f)
{
    return kept && *kept == id ? id + a + b + c + d + e + f + turns : -1;
}

int module_entry(void *param)
{
    const int given = (int)(intptr_t)param;
    unsigned which = given % 2 ? 1 : 0;

    id = given;
    timer_begin(which, 3 + which, on_timer);
    task_begin(which, worker, (void *)(uintptr_t)&turns);
    while (!modload_freertos_stopping())
        continue;
    timer_end(which);
    vTaskDelay(1);
    note(id, -1);
    if (which == 0) /* the other instance has it taken back */
        free((void *)(uintptr_t)kept);
    return id + ticks;
}
