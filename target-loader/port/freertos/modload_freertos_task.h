/* SPDX-License-Identifier: BSD-2-Clause */
/** What the port's files know of each other. */
#ifndef MODLOAD_FREERTOS_TASK_H
#define MODLOAD_FREERTOS_TASK_H

#include "modload_freertos.h"

#if defined(configNUMBER_OF_CORES) && configNUMBER_OF_CORES > 1
#error                                                                                   \
    "modules are for single-core kernels: a suspended scheduler keeps no other core out"
#endif
#if INCLUDE_vTaskDelete != 1 || INCLUDE_vTaskDelay != 1
#error "FreeRTOSConfig.h: modules need INCLUDE_vTaskDelete and INCLUDE_vTaskDelay"
#endif
#if INCLUDE_xTaskGetSchedulerState != 1 && configUSE_TIMERS != 1
#error "FreeRTOSConfig.h: modules need INCLUDE_xTaskGetSchedulerState"
#endif
#if configUSE_MUTEXES != 1
#error "FreeRTOSConfig.h: modules need configUSE_MUTEXES"
#endif

/** The task of a module: module->owner points to it. */
struct modload_freertos_task {
    struct modload_freertos *rtos;
    struct modload_module *module;
    void *param;
    volatile TaskHandle_t handle;
    volatile bool ended;     /**< the entry has returned */
    volatile bool stopping;  /**< it is asked to */
    volatile bool condemned; /**< it shall rest when it is in no shielded part */
    volatile uint16_t shields;
#if configSUPPORT_STATIC_ALLOCATION == 1
    StackType_t *stack;
    StaticTask_t memory;
#endif
};

/** The one of this firmware, or NULL: for functions that modules call. */
extern struct modload_freertos *modload_freertos_the_;

/** The task structure that the calling task belongs to, or NULL. The scheduler is
 *  suspended. */
struct modload_freertos_task *modload_freertos_self_(void);

/** Whose memory `from` is in, or whose code the calling task runs; or NULL. The scheduler
 *  is suspended. */
struct modload_module *modload_freertos_caller_(const void *from);

/** Give back what a module that has left the registry did not free, and forget what it
 *  registered. */
void modload_freertos_reclaim_(struct modload_freertos *rtos,
                               const struct modload_module *module);

/** For the registry. */
int modload_freertos_enter_(struct modload_registry *registry,
                            struct modload_module *module, void *param);
void modload_freertos_leave_(struct modload_registry *registry,
                             struct modload_module *module);
int modload_freertos_call_(struct modload_registry *registry,
                           struct modload_module *module, uint32_t function, void *param);

#endif
