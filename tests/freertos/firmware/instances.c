/* SPDX-License-Identifier: BSD-2-Clause */
/* Modules that share a text and count on r9, called by code that knows nothing of it: the
 * kernel's timer task, a task of the kernel's, the test's own. */
#include "test.h"

#include <timers.h>

static struct modload_module one, two;

/* ---- what they ask for ------------------------------------------------------------ */

static TimerHandle_t timers[2];

void timer_begin(unsigned which, unsigned ticks, void (*function)(void *timer))
{
    /* The kernel's own type of it: `void (TimerHandle_t)`, which is a pointer. */
    TimerCallbackFunction_t callback = (TimerCallbackFunction_t)(uintptr_t)function;
#ifdef STATIC_ONLY
    static StaticTimer_t memory[2];

    timers[which] =
        xTimerCreateStatic("timer", ticks, pdTRUE, NULL, callback, &memory[which]);
#else
    timers[which] = xTimerCreate("timer", ticks, pdTRUE, NULL, callback);
#endif
    CHECK(timers[which] && xTimerStart(timers[which], portMAX_DELAY) == pdPASS);
}

void timer_end(unsigned which)
{
    CHECK(xTimerDelete(timers[which], portMAX_DELAY) == pdPASS);
}

void task_begin(unsigned which, void (*entry)(void *), void *param)
{
#ifdef STATIC_ONLY
    static StaticTask_t memory[2];
    static StackType_t stack[2][256];

    CHECK(xTaskCreateStatic(entry, "other", 256, param, PRIORITY_OTHER, stack[which],
                            &memory[which]));
#else
    (void)which;
    CHECK(xTaskCreate(entry, "other", 256, param, PRIORITY_OTHER, NULL) == pdPASS);
#endif
}

void task_end(void)
{
    vTaskDelete(NULL);
    for (;;)
        continue;
}

/* ---- cases ------------------------------------------------------------------------ */

static int exported(struct modload_module *module, int a)
{
    uint32_t address = 0;

    modload_freertos_lock(&rtos);
    CHECK(modload_symbol(&rtos.registry, module, "count_of", 0, &address) == 0);
    modload_freertos_unlock(&rtos);
    return ((int (*)(int, int, int, int, int, int))(uintptr_t)address)(a, 0, 0, 0, 0, 1);
}

/** Of the module's notes: its own task's, its timer's, the other task's. */
#define BY_ENTRY(id) (id)
#define BY_TIMER(id) ((id) + 1)
#define BY_TASK(id)  ((id) + 2)

void instances_callbacks(void)
{
    begin_instance(&one, "callback", "one", (void *)100);
    begin_instance(&two, "callback", "two", (void *)201);
    CHECK(one.image.segment[0].address == two.image.segment[0].address);
    CHECK(one.image.segment[1].address != two.image.segment[1].address);
    vTaskDelay(60);
    /* Every third and every fourth tick. */
    CHECK(notes_of(BY_TIMER(100)) >= 15 && notes_of(BY_TIMER(201)) >= 10);
    CHECK(notes_of(BY_TIMER(100)) > notes_of(BY_TIMER(201)));
    CHECK(notes_of(BY_TASK(100)) == 5 && notes_of(BY_TASK(201)) == 5);
    CHECK(exported(&one, 7) == 100 + 7 + 5 + 1);
    CHECK(exported(&two, 7) == 201 + 7 + 5 + 1);
    /* The newer one goes, and takes with it what it got itself, and nothing else. */
    end_module(&two);
    CHECK(two.result == 201 + (int)notes_of(BY_TIMER(201)));
    forget_notes();
    vTaskDelay(20);
    CHECK(notes_of(BY_TIMER(201)) == 0 && notes_of(BY_TIMER(100)) >= 5);
    CHECK(exported(&one, 1) == 100 + 1 + 5 + 1);
    end_module(&one);
    CHECK(notes_of(BY_ENTRY(100)) == 1 && last_note(BY_ENTRY(100)) == -1);
    vTaskDelay(5); /* the idle task gives back what tasks had */
}

void instances_cxx(void)
{
    static const int first[] = {1, 2, 10, 20, 30, 1, 2, 10, 20, 30};
    static const int all[] = {1,  2,  10,  20, 30, 1,  2,   10, 20,
                              30, 40, -30, -2, -1, 40, -30, -2, -1};

    begin_instance(&one, "cxx_base", "one", NULL);
    vTaskDelay(5);
    begin_instance(&two, "cxx_base", "two", NULL);
    vTaskDelay(5);
    CHECK(notes_are('z', 10, first));
    end_module(&one);
    CHECK(notes_are('z', 14, all) && rtos.destructors.newest != NULL);
    end_module(&two);
    CHECK(notes_are('z', 18, all));
    CHECK(one.result == 7 && two.result == 7);
}
