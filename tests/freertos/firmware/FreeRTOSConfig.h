/* SPDX-License-Identifier: BSD-2-Clause */
/* The kernel's configuration for the tests: as little as the loader's port needs, and
 * what finds mistakes. STATIC_ONLY: no heap of the kernel's. */
#ifndef FREERTOS_CONFIG_H
#define FREERTOS_CONFIG_H

/* What QEMU's MPS2 boards have. */
#define configCPU_CLOCK_HZ 25000000u
#define configTICK_RATE_HZ 1000u

#define configUSE_PREEMPTION                1
#define configUSE_IDLE_HOOK                 1
#define configUSE_TICK_HOOK                 0
#define configUSE_16_BIT_TICKS              0
#define configMAX_PRIORITIES                5
#define configMINIMAL_STACK_SIZE            128
#define configMAX_TASK_NAME_LEN             8
#define configUSE_MUTEXES                   1
#define configQUEUE_REGISTRY_SIZE           0
#define configCHECK_FOR_STACK_OVERFLOW      2
#define configENABLE_BACKWARD_COMPATIBILITY 0
#define configTOTAL_HEAP_SIZE               (64u * 1024u)

/* Above all others, so that timers' functions interrupt modules anywhere. */
#define configUSE_TIMERS             1
#define configTIMER_TASK_PRIORITY    4
#define configTIMER_QUEUE_LENGTH     4
#define configTIMER_TASK_STACK_DEPTH 256

#ifdef STATIC_ONLY
#define configSUPPORT_STATIC_ALLOCATION     1
#define configSUPPORT_DYNAMIC_ALLOCATION    0
#define configKERNEL_PROVIDED_STATIC_MEMORY 1
#else
#define configSUPPORT_STATIC_ALLOCATION  0
#define configSUPPORT_DYNAMIC_ALLOCATION 1
#endif

#define INCLUDE_vTaskDelete                 1
#define INCLUDE_vTaskDelay                  1
#define INCLUDE_vTaskSuspend                1
#define INCLUDE_xTaskGetSchedulerState      1
#define INCLUDE_uxTaskGetStackHighWaterMark 1

/* Of eight bits, as QEMU has them, and the three highest are in use. */
#define configKERNEL_INTERRUPT_PRIORITY      0xe0u
#define configMAX_SYSCALL_INTERRUPT_PRIORITY 0x40u

#define vPortSVCHandler     svc_handler
#define xPortPendSVHandler  pendsv_handler
#define xPortSysTickHandler systick_handler

void failed(const char *file, int line, const char *what);
#define configASSERT(x)                                                                  \
    do {                                                                                 \
        if (!(x))                                                                        \
            failed(__FILE__, __LINE__, #x);                                              \
    } while (0)

#endif
