/* SPDX-License-Identifier: BSD-2-Clause */
/* What C and C++ modules call by these very names: to be in a firmware's export table.
 * The firmware itself may call them as well, then nothing is taken back. A firmware with
 * a malloc of its own leaves this file out. */
#include "runtime.h"

#include <stdint.h>
#include <string.h>

#include "modload_freertos.h"

#define FROM MODLOAD_FREERTOS_FROM

void *malloc(size_t size)
{
    return modload_freertos_alloc(size, FROM);
}

void *calloc(size_t count, size_t size)
{
    const void *from = FROM;
    void *memory = NULL;

    if (size == 0 || count <= SIZE_MAX / size)
        memory = modload_freertos_alloc(count * size, from);
    if (memory)
        memset(memory, 0, count * size);
    return memory;
}

void *realloc(void *memory, size_t size)
{
    return modload_freertos_realloc(memory, size, FROM);
}

void free(void *memory)
{
    modload_freertos_free(memory);
}

void *_Znwj(size_t size)
{
    return modload_freertos_alloc(size, FROM);
}

void *_Znaj(size_t size)
{
    return modload_freertos_alloc(size, FROM);
}

void _ZdlPv(void *memory)
{
    modload_freertos_free(memory);
}

void _ZdaPv(void *memory)
{
    modload_freertos_free(memory);
}

void _ZdlPvj(void *memory, size_t size)
{
    (void)size;
    modload_freertos_free(memory);
}

void _ZdaPvj(void *memory, size_t size)
{
    (void)size;
    modload_freertos_free(memory);
}

int __aeabi_atexit(void *object, void (*destructor)(void *), void *handle)
{
    /* Instances that share a text share its __dso_handle. */
    const void *from = modload_freertos_from(handle, modload_freertos_r9());

    return modload_freertos_atexit(object, destructor, (void *)(uintptr_t)from);
}

int __cxa_guard_acquire(uint32_t *guard)
{
    enum modload_guard met;

    for (;;) {
        vTaskSuspendAll();
        met = modload_guard_acquire(guard);
        (void)xTaskResumeAll();
        if (met != MODLOAD_GUARD_ANOTHER)
            return met == MODLOAD_GUARD_YOURS;
        vTaskDelay(1);
    }
}

void __cxa_guard_release(uint32_t *guard)
{
    modload_guard_release(guard);
}

void __cxa_guard_abort(uint32_t *guard)
{
    modload_guard_abort(guard);
}

void __cxa_pure_virtual(void)
{
    static const int called_a_pure_virtual_function = 0;

    configASSERT(called_a_pure_virtual_function);
    for (;;)
        vTaskDelay(portMAX_DELAY);
}
