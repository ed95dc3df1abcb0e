/* SPDX-License-Identifier: BSD-2-Clause */
/* Memory that modules ask for while they run. It is accounted for with the scheduler
 * suspended, so that no task can be deleted between having and noting it. */
#include "modload_freertos_task.h"

#include <string.h>

/** In front of every piece: a multiple of 8. */
struct modload_freertos_block {
    struct modload_freertos_block *next;
    struct modload_freertos_block **link; /**< what points to this one */
    const struct modload_module *owner;   /**< NULL: the firmware */
    uint32_t size;                        /**< as it was asked for */
};

static void unlink_block(struct modload_freertos_block *b)
{
    *b->link = b->next;
    if (b->next)
        b->next->link = b->link;
    b->link = NULL;
}

static struct modload_freertos_block *block_of(void *memory)
{
    return (struct modload_freertos_block *)memory - 1;
}

void *modload_freertos_alloc(size_t size, const void *from)
{
    struct modload_freertos *rtos = modload_freertos_the_;
    struct modload_freertos_block *b = NULL;

    vTaskSuspendAll();
    if (rtos && size <= SIZE_MAX / 2)
        b = rtos->alloc(sizeof(*b) + size);
    if (b) {
        b->owner = modload_freertos_caller_(from);
        b->size = (uint32_t)size;
        b->link = &rtos->blocks;
        b->next = rtos->blocks;
        rtos->blocks = b;
        if (b->next)
            b->next->link = &b->next;
    }
    (void)xTaskResumeAll();
    return b ? b + 1 : NULL;
}

void modload_freertos_free(void *memory)
{
    struct modload_freertos_block *b;

    if (!memory)
        return;
    b = block_of(memory);
    vTaskSuspendAll();
    configASSERT(b->link != NULL && *b->link == b);
    unlink_block(b);
    modload_freertos_the_->release(b);
    (void)xTaskResumeAll();
}

void *modload_freertos_realloc(void *memory, size_t size, const void *from)
{
    void *moved = modload_freertos_alloc(size, from);
    size_t old;

    if (!moved || !memory)
        return moved;
    old = block_of(memory)->size;
    memcpy(moved, memory, old < size ? old : size);
    modload_freertos_free(memory);
    return moved;
}

int modload_freertos_atexit(void *object, void (*destructor)(void *), void *handle)
{
    struct modload_freertos *rtos = modload_freertos_the_;
    void *from = handle;
    struct modload_destructor *d = NULL;
    bool known = false;

    vTaskSuspendAll();
    if (rtos && !modload_at(&rtos->registry, (uint32_t)(uintptr_t)from))
        from = (void *)(uintptr_t)destructor;
    known = rtos && modload_at(&rtos->registry, (uint32_t)(uintptr_t)from);
    if (known)
        d = modload_freertos_alloc(sizeof(*d), from);
    if (d)
        modload_atexit_add(&rtos->destructors, d, object, destructor, from);
    (void)xTaskResumeAll();
    return d || !known ? 0 : -1;
}

/** Forget what a module has registered and never will run: in fini arrays, say. */
static void forget_destructors(struct modload_freertos *rtos,
                               const struct modload_module *owner)
{
    struct modload_destructor **link = &rtos->destructors.newest;

    while (*link) {
        if (block_of(*link)->owner == owner)
            *link = (*link)->next;
        else
            link = &(*link)->next;
    }
}

void modload_freertos_reclaim_(struct modload_freertos *rtos,
                               const struct modload_module *module)
{
    struct modload_freertos_block *b, *next;

    vTaskSuspendAll();
    forget_destructors(rtos, module);
    for (b = rtos->blocks; b; b = next) {
        next = b->next;
        if (b->owner != module)
            continue;
        unlink_block(b);
        rtos->release(b);
    }
    (void)xTaskResumeAll();
}
