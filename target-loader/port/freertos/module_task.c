/* SPDX-License-Identifier: BSD-2-Clause */
/* The life and the end of a module's task. */
#include "modload_freertos_task.h"

#include <string.h>

#include "port.h"

bool modload_freertos_running(const struct modload_module *module)
{
    const struct modload_freertos_task *task = module->owner;

    return task && !task->ended;
}

TaskHandle_t modload_freertos_task(const struct modload_module *module)
{
    const struct modload_freertos_task *task = module->owner;

    return task ? task->handle : NULL;
}

/** Until it is deleted. */
_Noreturn static void rest(void)
{
    for (;;)
        vTaskDelay(portMAX_DELAY);
}

static void run(void *parameter)
{
    struct modload_freertos_task *task = parameter;
    struct modload_module *m = task->module;

    task->handle = xTaskGetCurrentTaskHandle();
    m->result = modload_cortex_m_call(m->image.entry, task->param,
                                      m->image.span[MODLOAD_STATIC_BASE].address);
    task->ended = true;
    if (task->rtos->ended)
        task->rtos->ended(task->rtos, m);
    rest();
}

/* ---- creation --------------------------------------------------------------------- */

/** The stack's size in the kernel's unit. @return false: it cannot be had */
static bool depth_of(const struct modload_image *image, configSTACK_DEPTH_TYPE *ret_depth)
{
    uint32_t bytes =
        image->stack_size ? image->stack_size : MODLOAD_FREERTOS_STACK_DEFAULT;
    uint32_t words;

    if (bytes > UINT32_MAX / 2)
        return false;
    words = (bytes + MODLOAD_FREERTOS_STACK_EXTRA + sizeof(StackType_t) - 1) /
            sizeof(StackType_t);
    if (words < configMINIMAL_STACK_SIZE)
        words = configMINIMAL_STACK_SIZE;
    *ret_depth = (configSTACK_DEPTH_TYPE)words;
    return *ret_depth == words; /* it may have 16 bits */
}

#if configSUPPORT_STATIC_ALLOCATION == 1
static bool create(struct modload_freertos_task *task, configSTACK_DEPTH_TYPE depth)
{
    struct modload_freertos *rtos = task->rtos;

    task->stack = rtos->alloc((size_t)depth * sizeof(StackType_t));
    if (!task->stack)
        return false;
    task->handle = xTaskCreateStatic(run, "module", depth, task, rtos->priority,
                                     task->stack, &task->memory);
    return true;
}

static void discard(struct modload_freertos_task *task)
{
    vTaskDelete(task->handle);
    task->rtos->release(task->stack);
}
#else
static bool create(struct modload_freertos_task *task, configSTACK_DEPTH_TYPE depth)
{
    TaskHandle_t handle;

    if (xTaskCreate(run, "module", depth, task, task->rtos->priority, &handle) != pdPASS)
        return false;
    task->handle = handle;
    return true;
}

static void discard(struct modload_freertos_task *task)
{
    vTaskDelete(task->handle);
}
#endif

int modload_freertos_enter_(struct modload_registry *registry,
                            struct modload_module *module, void *param)
{
    struct modload_freertos *rtos = (struct modload_freertos *)(void *)registry;
    struct modload_freertos_task *task;
    configSTACK_DEPTH_TYPE depth;

    if ((module->image.entry & 1) == 0)
        return 0;
    if (!depth_of(&module->image, &depth))
        return -1;
    task = rtos->alloc(sizeof(*task));
    if (!task)
        return -1;
    memset(task, 0, sizeof(*task));
    task->rtos = rtos;
    task->module = module;
    task->param = param;
    /* Before the task is there, for it may run at once. */
    module->owner = task;
    if (create(task, depth))
        return 0;
    module->owner = NULL;
    rtos->release(task);
    return -1;
}

/* ---- the end ---------------------------------------------------------------------- */

/** Have the module's own function tell it, if it has one. */
static void tell(struct modload_registry *registry, struct modload_module *module)
{
    uint32_t function;

    if (modload_symbol(registry, module, "module_stop", 0, &function) == 0 &&
        (function & 1) != 0)
        (void)modload_freertos_call_(registry, module, function, NULL);
}

/** See to it that the task can be deleted, whatever it does from now on. */
static void condemn(struct modload_freertos_task *task)
{
    vTaskSuspendAll();
    task->condemned = true;
    (void)xTaskResumeAll();
    while (task->shields != 0)
        vTaskDelay(1);
}

static void end(struct modload_registry *registry, struct modload_freertos_task *task)
{
    const struct modload_freertos *rtos = task->rtos;
    TickType_t begin;

    task->stopping = true;
    if (!task->ended)
        tell(registry, task->module);
    begin = xTaskGetTickCount();
    while (!task->ended && (rtos->stop_ticks == portMAX_DELAY ||
                            xTaskGetTickCount() - begin < rtos->stop_ticks))
        vTaskDelay(1);
    condemn(task);
    discard(task);
}

void modload_freertos_leave_(struct modload_registry *registry,
                             struct modload_module *module)
{
    struct modload_freertos *rtos = (struct modload_freertos *)(void *)registry;
    struct modload_freertos_task *task = module->owner;
    struct modload_destructor *d;

    if (task) {
        end(registry, task);
        module->owner = NULL;
        rtos->release(task);
    }
    for (;;) {
        uint32_t function;
        void *object;

        vTaskSuspendAll();
        d = modload_atexit_take(&rtos->destructors, &module->image);
        (void)xTaskResumeAll();
        if (!d)
            return;
        function = d->function;
        object = d->object;
        modload_freertos_free(d);
        (void)modload_freertos_call_(registry, module, function, object);
    }
}

int modload_freertos_call_(struct modload_registry *registry,
                           struct modload_module *module, uint32_t function, void *param)
{
    struct modload_freertos *rtos = (struct modload_freertos *)(void *)registry;
    int result;

    rtos->caller = xTaskGetCurrentTaskHandle();
    rtos->calling = module;
    result = modload_cortex_m_call(function, param,
                                   module->image.span[MODLOAD_STATIC_BASE].address);
    rtos->calling = NULL;
    return result;
}

/* ---- what the task may do --------------------------------------------------------- */

/** Enter (+1) or leave (-1) a shielded part; a task that is to be deleted rests outside.
 */
static void shield(int step)
{
    struct modload_freertos_task *task;
    bool condemned = false;

    vTaskSuspendAll();
    task = modload_freertos_self_();
    if (task && (step < 0 || task->shields != 0 || !task->condemned)) {
        configASSERT(step > 0 || task->shields != 0);
        task->shields = (uint16_t)(task->shields + step);
    }
    if (task)
        condemned = task->condemned && task->shields == 0;
    (void)xTaskResumeAll();
    if (condemned)
        rest();
}

void modload_freertos_shield(void)
{
    shield(1);
}

void modload_freertos_unshield(void)
{
    shield(-1);
}

int modload_freertos_stopping(void)
{
    const void *from = MODLOAD_FREERTOS_FROM;
    const struct modload_freertos_task *task;
    const struct modload_module *module;
    int stopping = 0;

    vTaskSuspendAll();
    module = modload_freertos_caller_(from);
    task = module ? module->owner : NULL;
    if (task)
        stopping = task->stopping;
    (void)xTaskResumeAll();
    return stopping;
}
