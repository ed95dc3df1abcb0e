/* SPDX-License-Identifier: BSD-2-Clause */
/* A kernel without a heap asks the firmware for memory of its idle task and its timer
 * task; from V11 on it has some of its own (configKERNEL_PROVIDED_STATIC_MEMORY). */
#include <FreeRTOS.h>
#include <task.h>

#if tskKERNEL_VERSION_MAJOR < 11
void vApplicationGetIdleTaskMemory(StaticTask_t **task, StackType_t **stack,
                                   uint32_t *depth);

void vApplicationGetIdleTaskMemory(StaticTask_t **task, StackType_t **stack,
                                   uint32_t *depth)
{
    static StaticTask_t idle;
    static StackType_t idle_stack[configMINIMAL_STACK_SIZE];

    *task = &idle;
    *stack = idle_stack;
    *depth = configMINIMAL_STACK_SIZE;
}

void vApplicationGetTimerTaskMemory(StaticTask_t **task, StackType_t **stack,
                                    uint32_t *depth);

void vApplicationGetTimerTaskMemory(StaticTask_t **task, StackType_t **stack,
                                    uint32_t *depth)
{
    static StaticTask_t timer;
    static StackType_t timer_stack[configTIMER_TASK_STACK_DEPTH];

    *task = &timer;
    *stack = timer_stack;
    *depth = configTIMER_TASK_STACK_DEPTH;
}
#endif
