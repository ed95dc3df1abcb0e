/* SPDX-License-Identifier: BSD-2-Clause */
/**
 * Modules under FreeRTOS: each entry runs as a task of its own, with the stack that its
 * image asks for; memory comes from the kernel's heap; the registry has a lock. For
 * single-core kernels V10 and V11, by their public interface alone. README.md has the
 * firmware's side in ten lines, and what of FreeRTOSConfig.h this needs.
 *
 * What is promised of a module's end (modload_freertos_stop() and _unload()):
 * 1. It is asked. modload_freertos_stopping() says 1 in its task from then on, and if it
 *    exports `void module_stop(void)`, that is called, in the task that stops it: to send
 *    itself a message, say.
 * 2. It has stop_ticks to return from its entry.
 * 3. Then its task is deleted, wherever it is; not while it is between
 *    modload_freertos_shield() and _unshield(): firmware functions that take locks use
 *    these, for FreeRTOS never gives back a mutex that a deleted task holds, and may even
 *    look at that task again. Modules that take mutexes by calls of the kernel itself
 *    want stop_ticks of portMAX_DELAY. The kernel's heaps and this port's own lists need
 *    nothing: nobody is preempted in them.
 * 4. What it registered with __aeabi_atexit runs, then fini arrays, in the task that
 *    stops it.
 * 5. With its unloading, memory it got by modload_freertos_alloc() (malloc, new) and has
 *    not freed is freed.
 * What it made with calls of the kernel itself (queues, timers, tasks), it deletes
 * itself: in its entry, in module_stop(), or in a destructor.
 */
#ifndef MODLOAD_FREERTOS_H
#define MODLOAD_FREERTOS_H

#include <FreeRTOS.h>
#include <semphr.h>
#include <task.h>

#include "atexit.h"
#include "modload_life.h"

/** Stack of modules whose image does not state one, in bytes. */
#ifndef MODLOAD_FREERTOS_STACK_DEFAULT
#define MODLOAD_FREERTOS_STACK_DEFAULT 2048u
#endif
/** What a task's stack needs beside what the module does with it, in bytes: its registers
 *  while another one runs (208 with an FPU), and the way to its entry. */
#ifndef MODLOAD_FREERTOS_STACK_EXTRA
#define MODLOAD_FREERTOS_STACK_EXTRA 272u
#endif

struct modload_freertos_block;

/** One a firmware. Static, zeros but for what the firmware fills in. */
struct modload_freertos {
    /** Comes first. The firmware gives tables, and supply and dismiss if it likes; also
     *  port.options, and place and release (together) where memory is to be special. */
    struct modload_registry registry;
    /** Memory for all; NULL: pvPortMalloc and vPortFree. Multiples of 8. They are called
     *  with the scheduler suspended, too. */
    void *(*alloc)(size_t size);
    void (*release)(void *memory);
    /** RAM for the data of linked images, as the firmware's descriptor has it (with
     * port.identity). Both 0: linked images are refused. Not part of any heap. */
    uint32_t arena_begin, arena_end;
    UBaseType_t
        priority; /**< of tasks that start from now on: below the one that stops */
    TickType_t stop_ticks; /**< so long can a module take to end; 0: none;
                                portMAX_DELAY: it is never ended by force */
    /** The module's entry has returned module->result: called in its task, at the end;
     *  to have another one unload it, say. NULL: it need not be told. */
    void (*ended)(struct modload_freertos *rtos, struct modload_module *module);

    /* The port's own. */
    void (*dismiss)(struct modload_registry *registry, struct modload_module *module);
    struct modload_atexit destructors;
    struct modload_freertos_block *blocks; /**< what modload_freertos_alloc() gave */
    struct modload_module *calling;        /**< whose constructor or destructor runs */
    TaskHandle_t caller;                   /**< in this task */
    SemaphoreHandle_t lock;
    TaskHandle_t holder; /**< of the lock */
#if configSUPPORT_STATIC_ALLOCATION == 1
    StaticSemaphore_t lock_memory;
#endif
};

/**
 * Before all else, and once: fills in what the firmware has left empty, and
 * modload_begin(). Good before the scheduler runs.
 * @return 0 or MODLOAD_E_MEMORY (no lock could be made, or no heap is there)
 */
int modload_freertos_begin(struct modload_freertos *rtos);

/** modload_load(), with the lock held; so in the following. For tasks, and for main()
 *  before the scheduler runs. */
int modload_freertos_load(struct modload_freertos *rtos,
                          const struct modload_source *source,
                          struct modload_module *module, struct modfmt_diag *diag);
/** modload_load_as(): an instance of an image under a name of its own. */
int modload_freertos_load_as(struct modload_freertos *rtos,
                             const struct modload_source *source,
                             struct modload_module *module, const char *name,
                             struct modfmt_diag *diag);

/**
 * modload_start(): constructors run in the caller's task, the entry in a new one.
 * @return as modload_start(); MODLOAD_E_START: no memory for the task, or too great a
 *         stack. Its destructors have run then.
 */
int modload_freertos_start(struct modload_freertos *rtos, struct modload_module *module,
                           void *param);

/** modload_stop() and modload_unload(), as the promise above says. Takes stop_ticks, and
 *  as long as a shielded part takes.
 *  @return as they do; MODLOAD_E_STATE, too, if the caller is a module's task, or the
 *          scheduler does not run */
int modload_freertos_stop(struct modload_freertos *rtos, struct modload_module *module);
int modload_freertos_unload(struct modload_freertos *rtos, struct modload_module *module);

/** Around all else that is done with the registry: modload_find(), modload_symbol(), …
 *  Does not nest (configASSERT): constructors, destructors, module_stop() and the
 *  registry's hooks run with the lock held. Not for shielded parts. */
void modload_freertos_lock(struct modload_freertos *rtos);
void modload_freertos_unlock(struct modload_freertos *rtos);

/** Is it started, and its entry has not returned yet? */
bool modload_freertos_running(const struct modload_module *module);
/** Its task, or NULL: it is not started, or has no entry. */
TaskHandle_t modload_freertos_task(const struct modload_module *module);

/** Around parts of a firmware function in which the module's task that calls it must not
 *  be deleted: since it holds a mutex, say. They nest. Parts come to an end without the
 *  module's help. Do nothing in tasks that are no module's. */
void modload_freertos_shield(void);
void modload_freertos_unshield(void);

/* ---- for modules ------------------------------------------------------------------ */

/**
 * Who calls, for functions that modules call: to be evaluated in the function itself, and
 * before all else. Of instances that share a text, r9 tells which one it is; a firmware's
 * own code must not use r9 before it is read, so this is best in functions of one line.
 */
#define MODLOAD_FREERTOS_FROM                                                            \
    modload_freertos_from(__builtin_return_address(0), modload_freertos_r9())
__attribute__((always_inline)) static inline uint32_t modload_freertos_r9(void)
{
    uint32_t value;

    __asm__ volatile("mov %0, r9" : "=r"(value));
    return value;
}
/** An address that belongs to one instance alone, the one that has `code` and that r9
 *  value; if there is none, `code`. */
const void *modload_freertos_from(const void *code, uint32_t r9);

/** In a module's code: 1 if it is to end, otherwise 0. */
int modload_freertos_stopping(void);

/**
 * Memory that is freed with the module at last. It belongs to the module in whose memory
 * `from` is (MODLOAD_FREERTOS_FROM); otherwise to that of the calling task, if that is a
 * module's; otherwise to the firmware. runtime.c has malloc, operator new and so on that
 * use it.
 * @return NULL: there is none
 */
void *modload_freertos_alloc(size_t size, const void *from);
/** As realloc(). */
void *modload_freertos_realloc(void *memory, size_t size, const void *from);
/** NULL is ignored. What was not got by the two is an error (configASSERT). */
void modload_freertos_free(void *memory);

/** As __aeabi_atexit(), by modload_atexit_add(); of instances that share a text, `handle`
 *  is to be modload_freertos_from(handle, r9) of the call, as in runtime.c. What is no
 * module's is not kept: a firmware does not end. @return 0, or -1: no memory */
int modload_freertos_atexit(void *object, void (*destructor)(void *), void *handle);

#endif
