/* SPDX-License-Identifier: BSD-2-Clause */
/* The registry's lock, and memory for images. */
#include "modload_freertos_task.h"

#include "port.h"

struct modload_freertos *modload_freertos_the_;

/* ---- memory ----------------------------------------------------------------------- */

/** What alloc() aligns to. */
#define HEAP_ALIGN 8u

/** In front of a piece of memory that place() gave: what the heap knows it by. */
struct lead {
    void *memory;
    uint32_t unused; /* a multiple of HEAP_ALIGN */
};

/** Below the multiple of HEAP_ALIGN that the memory begins at or behind. */
static struct lead *lead_of(uintptr_t at)
{
    return (struct lead *)(at - at % HEAP_ALIGN) - 1;
}

/** Memory of a linked image, where it says. */
static int place_fixed(struct modload_freertos *rtos, uint32_t align, uint32_t offset,
                       struct modfmt_segment *segment)
{
    segment->bytes = (uint8_t *)(uintptr_t)segment->address;
    return modload_fixed_check(&rtos->registry, align, offset, segment, rtos->arena_begin,
                               rtos->arena_end);
}

/* The kernel's heap is memory like any other: what executes there is the firmware's to
 * see to (README.md). */
static int place(const struct modload_port *port, enum modload_purpose purpose,
                 uint32_t align, uint32_t offset, struct modfmt_segment *segment)
{
    struct modload_freertos *rtos = port->ctx;
    /* The most that aligning can take: alloc() has aligned already. */
    size_t more = sizeof(struct lead) + (align > HEAP_ALIGN
                                             ? align - HEAP_ALIGN + offset % HEAP_ALIGN
                                             : offset & (align - 1u));
    uint8_t *memory = NULL;
    uintptr_t at;

    if (purpose >= MODLOAD_FIXED)
        return place_fixed(rtos, align, offset, segment);
    if (segment->size <= SIZE_MAX / 2 - more)
        memory = rtos->alloc(segment->size + more);
    if (!memory)
        return MODLOAD_E_MEMORY;
    at = (uintptr_t)memory + sizeof(struct lead);
    at += (offset - at) & (align - 1u);
    lead_of(at)->memory = memory;
    segment->bytes = (uint8_t *)at;
    segment->address = (uint32_t)at;
    return 0;
}

static void release(const struct modload_port *port, enum modload_purpose purpose,
                    const struct modfmt_segment *segment)
{
    struct modload_freertos *rtos = port->ctx;

    if (purpose < MODLOAD_FIXED)
        rtos->release(lead_of((uintptr_t)segment->bytes)->memory);
}

/** What it has not freed goes with it. */
static void dismiss(struct modload_registry *registry, struct modload_module *module)
{
    struct modload_freertos *rtos = (struct modload_freertos *)(void *)registry;

    modload_freertos_reclaim_(rtos, module);
    if (rtos->dismiss)
        rtos->dismiss(registry, module);
}

/* ---- who calls -------------------------------------------------------------------- */

struct modload_freertos_task *modload_freertos_self_(void)
{
    TaskHandle_t self = xTaskGetCurrentTaskHandle();
    struct modload_module *m =
        modload_freertos_the_ ? modload_freertos_the_->registry.modules : NULL;

    for (; m; m = m->next) {
        struct modload_freertos_task *task = m->owner;

        if (task && task->handle == self)
            return task;
    }
    return NULL;
}

static bool has(const struct modload_module *m, const void *address)
{
    uint32_t at = (uint32_t)(uintptr_t)address;

    for (unsigned i = 0; i < 2; i++)
        if (at - m->image.segment[i].address < m->image.segment[i].size)
            return true;
    return false;
}

/* Where several instances have the address, the one whose task calls is meant. */
struct modload_module *modload_freertos_caller_(const void *from)
{
    struct modload_freertos *rtos = modload_freertos_the_;
    struct modload_freertos_task *task;
    struct modload_module *running;
    struct modload_module *module;

    if (!rtos)
        return NULL;
    task = modload_freertos_self_();
    running = task ? task->module
              : rtos->calling && rtos->caller == xTaskGetCurrentTaskHandle()
                  ? rtos->calling
                  : NULL;
    if (running && has(running, from))
        return running;
    module = modload_at(&rtos->registry, (uint32_t)(uintptr_t)from);
    return module ? module : running;
}

const void *modload_freertos_from(const void *code, uint32_t r9)
{
    const struct modload_freertos *rtos = modload_freertos_the_;
    const struct modload_module *m;
    const void *from = code;

    vTaskSuspendAll();
    for (m = rtos ? rtos->registry.modules : NULL; m; m = m->next)
        if (r9 != 0 && m->image.span[MODLOAD_STATIC_BASE].address == r9 && has(m, code) &&
            m->image.segment[1].size != 0)
            from = (const void *)(uintptr_t)m->image.segment[1].address;
    (void)xTaskResumeAll();
    return from;
}

/** May the calling task end modules? A module's own must not: it cannot wait for itself,
 *  and one that needs it may go with it. */
static bool may_end(void)
{
    bool module_task;

    if (xTaskGetSchedulerState() != taskSCHEDULER_RUNNING)
        return false;
    vTaskSuspendAll();
    module_task = modload_freertos_self_() != NULL;
    (void)xTaskResumeAll();
    return !module_task;
}

/* ---- the registry ----------------------------------------------------------------- */

static bool lock_made(struct modload_freertos *rtos)
{
#if configSUPPORT_STATIC_ALLOCATION == 1
    rtos->lock = xSemaphoreCreateMutexStatic(&rtos->lock_memory);
#else
    rtos->lock = xSemaphoreCreateMutex();
#endif
    return rtos->lock != NULL;
}

int modload_freertos_begin(struct modload_freertos *rtos)
{
    struct modload_registry *r = &rtos->registry;

#if configSUPPORT_DYNAMIC_ALLOCATION == 1
    if (!rtos->alloc) {
        rtos->alloc = pvPortMalloc;
        rtos->release = vPortFree;
    }
#endif
    if (!rtos->alloc || !lock_made(rtos))
        return MODLOAD_E_MEMORY;
    if (!r->port.place) {
        r->port.ctx = rtos;
        r->port.place = place;
        r->port.release = release;
    }
    if (!r->port.sync)
        r->port.sync = modload_cortex_m_sync;
    if (!r->port.read)
        r->port.read = modload_read_mapped;
    if (r->port.features == 0)
        r->port.features = modload_cortex_m_features();
    r->call = modload_freertos_call_;
    r->enter = modload_freertos_enter_;
    r->leave = modload_freertos_leave_;
    rtos->dismiss = r->dismiss;
    r->dismiss = dismiss;
    modload_freertos_the_ = rtos;
    modload_begin(r);
    return 0;
}

/* Before the scheduler runs there is but one thread, and no task that could hold it. */
void modload_freertos_lock(struct modload_freertos *rtos)
{
    if (xTaskGetSchedulerState() == taskSCHEDULER_NOT_STARTED)
        return;
    configASSERT(rtos->holder != xTaskGetCurrentTaskHandle());
    /* With INCLUDE_vTaskSuspend off, even portMAX_DELAY comes to an end. */
    while (xSemaphoreTake(rtos->lock, portMAX_DELAY) != pdTRUE)
        continue;
    rtos->holder = xTaskGetCurrentTaskHandle();
}

void modload_freertos_unlock(struct modload_freertos *rtos)
{
    if (xTaskGetSchedulerState() == taskSCHEDULER_NOT_STARTED)
        return;
    rtos->holder = NULL;
    (void)xSemaphoreGive(rtos->lock);
}

int modload_freertos_load(struct modload_freertos *rtos,
                          const struct modload_source *source,
                          struct modload_module *module, struct modfmt_diag *diag)
{
    return modload_freertos_load_as(rtos, source, module, NULL, diag);
}

int modload_freertos_load_as(struct modload_freertos *rtos,
                             const struct modload_source *source,
                             struct modload_module *module, const char *name,
                             struct modfmt_diag *diag)
{
    int rc;

    modload_freertos_lock(rtos);
    rc = modload_load_as(&rtos->registry, source, module, name, diag);
    modload_freertos_unlock(rtos);
    return rc;
}

int modload_freertos_start(struct modload_freertos *rtos, struct modload_module *module,
                           void *param)
{
    int rc;

    modload_freertos_lock(rtos);
    rc = modload_start(&rtos->registry, module, param);
    modload_freertos_unlock(rtos);
    return rc;
}

int modload_freertos_stop(struct modload_freertos *rtos, struct modload_module *module)
{
    int rc;

    if (!may_end())
        return MODLOAD_E_STATE;
    modload_freertos_lock(rtos);
    rc = modload_stop(&rtos->registry, module);
    modload_freertos_unlock(rtos);
    return rc;
}

int modload_freertos_unload(struct modload_freertos *rtos, struct modload_module *module)
{
    int rc;

    if (!may_end())
        return MODLOAD_E_STATE;
    modload_freertos_lock(rtos);
    rc = modload_unload(&rtos->registry, module);
    modload_freertos_unlock(rtos);
    return rc;
}
