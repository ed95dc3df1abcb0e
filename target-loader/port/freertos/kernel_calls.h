/* SPDX-License-Identifier: BSD-2-Clause */
/**
 * The kernel's functions that a firmware may well offer to modules, for modapi:
 *
 *     modapi build kernel_calls.h -o kernel_table.c --api kernel.api --name kernel --
 * FLAGS
 *
 * The kernel's own headers would offer all, and have macros that no module can call.
 * Types are taken from them, so that each kernel version has its own, and a module that
 * was built for another one is refused where it matters.
 *
 * Not here: what ends tasks or makes some that outlive the module (xTaskCreate), what
 * stops the scheduler or interrupts, mutexes (a task that is deleted never gives them
 * back; binary semaphores are here), and what takes an enum of the kernel's, whose size
 * compilers do not agree on (xTaskNotify). Queues have to be deleted by the module that
 * made them.
 */
#ifndef KERNEL_CALLS_H
#define KERNEL_CALLS_H

#include <FreeRTOS.h>
#include <queue.h>
#include <task.h>

/** As the kernel declares it. */
#define KERNEL_CALL(name) extern __typeof__(name) name

#if INCLUDE_vTaskDelay == 1
KERNEL_CALL(vTaskDelay);
#endif
KERNEL_CALL(xTaskGetTickCount);
KERNEL_CALL(xTaskGetCurrentTaskHandle);

#if configUSE_TASK_NOTIFICATIONS == 1
#if tskKERNEL_VERSION_MAJOR > 10 ||                                                      \
    (tskKERNEL_VERSION_MAJOR == 10 && tskKERNEL_VERSION_MINOR >= 4)
KERNEL_CALL(xTaskGenericNotifyWait);
KERNEL_CALL(ulTaskGenericNotifyTake);
#else
KERNEL_CALL(xTaskNotifyWait);
KERNEL_CALL(ulTaskNotifyTake);
#endif
#endif

/* xQueueSend() and its like, and semaphores, are macros over these. */
#if configSUPPORT_DYNAMIC_ALLOCATION == 1
KERNEL_CALL(xQueueGenericCreate);
#if configUSE_COUNTING_SEMAPHORES == 1
KERNEL_CALL(xQueueCreateCountingSemaphore);
#endif
#endif
#if configSUPPORT_STATIC_ALLOCATION == 1
KERNEL_CALL(xQueueGenericCreateStatic);
#endif
KERNEL_CALL(xQueueGenericSend);
KERNEL_CALL(xQueueReceive);
KERNEL_CALL(xQueuePeek);
KERNEL_CALL(xQueueSemaphoreTake);
KERNEL_CALL(uxQueueMessagesWaiting);
KERNEL_CALL(uxQueueSpacesAvailable);
KERNEL_CALL(vQueueDelete);

#endif
