/* SPDX-License-Identifier: BSD-2-Clause */
/* What is to be proved. Each runs on a fresh machine; main.c looks at the heap, the
 * registry and the lists afterwards. The module's sources are in ../modules. */
#include "test.h"

#include <queue.h>
#include <string.h>

static struct modload_module plug, other;

/** Two modules' tasks run; one is unloaded, the other goes on. */
static void two_tasks(void)
{
    unsigned seen;

    begin_module(&plug, "ticker_a", NULL);
    begin_module(&other, "ticker_b", NULL);
    CHECK(plug.image.segment[0].address != other.image.segment[0].address);
    vTaskDelay(40);
    CHECK(notes_of('a') >= 15 && notes_of('b') >= 15);
    CHECK(modload_freertos_running(&plug) && modload_freertos_running(&other));
    end_module(&plug);
    seen = notes_of('a');
    CHECK(last_note('a') == -1); /* it saw that it was to end, and returned */
    CHECK(plug.result == 'a');
    forget_notes();
    vTaskDelay(40);
    CHECK(seen != 0 && notes_of('a') == 0 && notes_of('b') >= 15);
    CHECK(modload_freertos_running(&other));
    end_module(&other);
    vTaskDelay(10);
    CHECK(last_note('b') == -1);
}

/** ended() tells it, and what the entry returned is kept. */
static struct modload_module *ended_module;

static void on_ended(struct modload_freertos *r, struct modload_module *module)
{
    CHECK(r == &rtos);
    CHECK(xTaskGetCurrentTaskHandle() == modload_freertos_task(module));
    ended_module = module;
}

/** A module whose task has ended by itself is unloaded. */
static void ended(void)
{
    rtos.ended = on_ended;
    begin_module(&plug, "once", (void *)41);
    CHECK(modload_freertos_running(&plug) && ended_module == NULL);
    vTaskDelay(5);
    CHECK(!modload_freertos_running(&plug));
    CHECK(ended_module == &plug && plug.result == 42 && plug.state == MODLOAD_STARTED);
    end_module(&plug);
}

/** One that does not listen is deleted when its time is over: not before, not much later.
 */
static void stubborn(void)
{
    TickType_t begin;

    begin_module(&plug, "stubborn", NULL);
    vTaskDelay(10);
    CHECK(notes_of('s') >= 5);
    begin = xTaskGetTickCount();
    end_module(&plug);
    begin = xTaskGetTickCount() - begin;
    CHECK(begin >= rtos.stop_ticks && begin <= rtos.stop_ticks + 3);
    forget_notes();
    vTaskDelay(10);
    CHECK(notes_of('s') == 0);
}

/** One that never gives the processor away is deleted, too. */
static void spinning(void)
{
    rtos.stop_ticks = 0;
    begin_module(&plug, "spinner", NULL);
    vTaskDelay(5);
    CHECK(modload_freertos_running(&plug));
    end_module(&plug);
}

static QueueHandle_t make_queue(void)
{
#ifdef STATIC_ONLY
    static uint8_t storage[4 * sizeof(int)];
    static StaticQueue_t queue;

    return xQueueCreateStatic(4, sizeof(int), storage, &queue);
#else
    return xQueueCreate(4, sizeof(int));
#endif
}

/** One that blocks for ever in a queue is unloaded; the queue goes on working. */
static void blocked(void)
{
    QueueHandle_t queue = make_queue();
    int word = 5;

    begin_module(&plug, "blocked", queue);
    CHECK(xQueueSend(queue, &word, 0) == pdTRUE);
    vTaskDelay(5);
    CHECK(notes_of('q') == 1 && last_note('q') == 5);
    end_module(&plug);
    word = 6;
    CHECK(xQueueSend(queue, &word, 0) == pdTRUE);
    word = 0;
    vTaskDelay(5);
    CHECK(xQueueReceive(queue, &word, 0) == pdTRUE && word == 6);
    CHECK(notes_of('q') == 1);
    vQueueDelete(queue);
}

/** Static objects of C++ in a task: constructed before, destructed after, in order. */
static void cxx(void)
{
    static const int begun[] = {1, 2, 10, 20, 30};
    static const int all[] = {1, 2, 10, 20, 30, 40, -30, -2, -1};

    begin_module(&plug, "cxx", NULL);
    CHECK(notes_are('c', 2, begun)); /* the task has not run yet */
    vTaskDelay(5);
    CHECK(notes_are('c', 5, begun));
    CHECK(rtos.destructors.newest != NULL);
    end_module(&plug);
    CHECK(notes_are('c', 9, all));
    CHECK(plug.result == 7);
}

/** Each module has its own: those of the other one stay. */
static void cxx_two(void)
{
    static const int begun[] = {1, 2, 10, 20, 30};
    static const int all[] = {1, 2, 10, 20, 30, 40, -30, -2, -1};

    begin_module(&plug, "cxx", NULL);
    begin_module(&other, "cxx_b", NULL);
    vTaskDelay(5);
    end_module(&plug);
    CHECK(notes_are('c', 9, all) && notes_are('d', 5, begun));
    CHECK(rtos.destructors.newest != NULL);
    begin_module(&plug, "cxx", NULL);
    end_module(&other);
    CHECK(notes_are('d', 9, all));
    CHECK(rtos.destructors.newest != NULL);
    end_module(&plug);
}

/** What is registered while fini arrays run is forgotten with the module. */
static void late(void)
{
    static const int wanted[] = {-1, 0};

    begin_module(&plug, "late", NULL);
    vTaskDelay(5);
    CHECK(plug.result == 0 && rtos.destructors.newest != NULL);
    CHECK(modload_freertos_stop(&rtos, &plug) == 0);
    CHECK(notes_are('n', 2, wanted) && rtos.destructors.newest != NULL);
    end_module(&plug);
    CHECK(notes_are('n', 2, wanted) && rtos.destructors.newest == NULL);
}

/** What a module has not freed is given back with it, whoever else runs. */
static void leaks(void)
{
    size_t before = heap_free(), between;

    begin_module(&other, "ticker_b", NULL);
    between = before - heap_free();
    begin_module(&plug, "leaky", NULL);
    vTaskDelay(5);
    CHECK(plug.result == 0 && !modload_freertos_running(&plug));
    CHECK(before - heap_free() > between + 3000);
    CHECK(modload_freertos_stop(&rtos, &plug) == 0);
    end_module(&plug);
    CHECK(before - heap_free() == between);
    vTaskDelay(10);
    CHECK(modload_freertos_running(&other));
    end_module(&other);
}

/** Memory is the module's even if the call comes from no address of its: by the task, or
 *  by whose constructor runs. */
static void leaks_by_tail_calls(void)
{
    size_t before = heap_free(), loaded;
    struct modload_source source = image_named("tail");
    struct modfmt_diag diag;
    void *firmware = malloc(24);

    CHECK(firmware != NULL);
    CHECK(modload_freertos_load(&rtos, &source, &plug, &diag) == 0);
    loaded = heap_free();
    CHECK(modload_freertos_start(&rtos, &plug, NULL) == 0);
    CHECK(loaded - heap_free() > 400 + 1000);
    vTaskDelay(5);
    CHECK(loaded - heap_free() > 400 + 1000 + 300);
    CHECK(modload_freertos_stop(&rtos, &plug) == 0);
    /* The stack is gone, the rest is there until it is unloaded. */
    CHECK(loaded - heap_free() > 400 + 1000 + 300);
    CHECK(loaded - heap_free() < 400 + 1000 + 300 + 200);
    end_module(&plug);
    /* What the firmware itself has got stays. */
    CHECK(before - heap_free() >= 24);
    free(firmware);
}

static int give_library(struct modload_registry *registry, uint32_t name,
                        struct modload_source *ret_source,
                        struct modload_module **ret_module)
{
    static struct modload_module storage;

    CHECK(registry == &rtos.registry);
    if (name != modfmt_hash("library", 7))
        return -1;
    *ret_source = image_named("library");
    *ret_module = &storage;
    return 0;
}

/** A module that needs another: that is loaded and started first, stays as long as it is
 *  needed, and what it allocates for others is its own. */
static void needs(void)
{
    static const int wanted[] = {1, 10, 12, -1};
    struct modload_module *library;

    rtos.registry.supply = give_library;
    begin_module(&plug, "user", NULL);
    modload_freertos_lock(&rtos);
    library = modload_find(&rtos.registry, "library");
    modload_freertos_unlock(&rtos);
    CHECK(library != NULL && library->users == 1 && library->state == MODLOAD_STARTED);
    CHECK(modload_freertos_task(library) == NULL && modload_freertos_task(&plug) != NULL);
    vTaskDelay(5);
    CHECK(modload_freertos_running(&plug));
    CHECK(modload_freertos_stop(&rtos, library) == MODLOAD_E_IN_USE);
    CHECK(modload_freertos_unload(&rtos, library) == MODLOAD_E_IN_USE);
    end_module(&plug);
    CHECK(plug.result == 12 && notes_are('l', 4, wanted));
}

/** The task has the stack that the image states, and what the kernel adds; no more. */
static void stack(void)
{
    UBaseType_t words;

    begin_module(&plug, "deep", NULL);
    CHECK(plug.image.stack_size == 3000);
    /* Without an FPU it takes a while. */
    for (unsigned i = 0; i < 1000 && modload_freertos_running(&plug); i++)
        vTaskDelay(1);
    CHECK(plug.result == 0 && !modload_freertos_running(&plug));
    words = uxTaskGetStackHighWaterMark(modload_freertos_task(&plug));
    /* deep uses 2,800 of its 3,000 bytes at least. */
    CHECK(words > 0);
    CHECK(words * sizeof(StackType_t) < 3000 - 2800 + MODLOAD_FREERTOS_STACK_EXTRA);
    end_module(&plug);
}

/** The heap pays for the stack as it is stated. */
static void stack_allocation(void)
{
    size_t before, small, big;

    before = heap_free();
    begin_module(&plug, "small_stack", NULL);
    small = before - heap_free();
    end_module(&plug);
    CHECK(heap_free() == before);
    begin_module(&plug, "big_stack", NULL);
    big = before - heap_free();
    end_module(&plug);
    CHECK(big - small == 8000 - 1000);
}

/** A stack that cannot be had is refused, and all is as before. */
static void stack_refused(void)
{
    static const char *const names[] = {"huge_stack", "absurd_stack"};
    struct modload_source source;
    struct modfmt_diag diag;
    size_t before = heap_free();

    for (unsigned i = 0; i < 2; i++) {
        source = image_named(names[i]);
        CHECK(modload_freertos_load(&rtos, &source, &plug, &diag) == 0);
        CHECK(modload_freertos_start(&rtos, &plug, NULL) == MODLOAD_E_START);
        CHECK(plug.state == MODLOAD_STOPPED && plug.owner == NULL);
        end_module(&plug);
        CHECK(heap_free() == before);
    }
}

/** Every allocation fails once: nothing stays behind, and the next try is good. */
static void failures(void)
{
    struct modload_source source = image_named("cxx");
    struct modfmt_diag diag;
    size_t before = heap_free();
    unsigned n, refused = 0;

    for (n = 1;; n++) {
        int loaded, started = 0;

        forget_notes();
        heap_fail(n);
        loaded = modload_freertos_load(&rtos, &source, &plug, &diag);
        if (loaded == 0)
            started = modload_freertos_start(&rtos, &plug, NULL);
        if (loaded == 0 && started == 0)
            vTaskDelay(5);
        CHECK(loaded == 0 || loaded == MODLOAD_E_MEMORY);
        CHECK(started == 0 || started == MODLOAD_E_START);
        refused += loaded != 0 || started != 0;
        /* What was constructed is destructed, as far as it could be noted. */
        CHECK(started == 0 || notes_of('c') == 4);
        if (loaded == 0)
            end_module(&plug);
        CHECK(heap_free() == before && rtos.registry.modules == NULL);
        CHECK(rtos.blocks == NULL && rtos.destructors.newest == NULL);
        if (!heap_failed())
            break;
    }
    heap_fail(0);
    /* The image, the task, its stack, and in heaps its block. */
    CHECK(refused == 3 + configSUPPORT_DYNAMIC_ALLOCATION && n > 6);
}

/** Two modules that find their data by r9, each with its own, side by side. */
static void static_base(void)
{
    begin_module(&plug, "base_a", NULL);
    begin_module(&other, "base_b", NULL);
    CHECK(plug.image.span[MODLOAD_STATIC_BASE].address != 0);
    vTaskDelay(40);
    end_module(&plug);
    vTaskDelay(10);
    end_module(&other);
    CHECK(plug.result > 10 && plug.result == (int)notes_of('x'));
    CHECK(other.result > 10 && other.result == (int)notes_of('y'));
}

/** A task is not deleted while it has the firmware's lock. */
static void shielded(void)
{
    TickType_t begin;

    rtos.stop_ticks = 0;
    begin_module(&plug, "worker", (void *)30);
    vTaskDelay(5);
    CHECK(xSemaphoreTake(work_lock, 0) == pdFALSE);
    begin = xTaskGetTickCount();
    end_module(&plug);
    CHECK(xTaskGetTickCount() - begin >= 20);
    CHECK(notes_of('w') == 0); /* it did not come out of the call */
    CHECK(xSemaphoreTake(work_lock, 0) == pdTRUE);
    CHECK(xSemaphoreGive(work_lock) == pdTRUE);
}

/** A module's task that stops itself or another is refused; both go on. */
static void own_end(void)
{
    begin_module(&other, "ticker_b", NULL);
    begin_module(&plug, "suicidal", NULL);
    vTaskDelay(10);
    CHECK(plug.result == 0 && !modload_freertos_running(&plug));
    CHECK(notes_of('u') == 2 && last_note('u') == MODLOAD_E_STATE);
    CHECK(modload_freertos_running(&other));
    end_module(&plug);
    end_module(&other);
}

static struct modload_module early_module;

static void start_early(void)
{
    begin_module(&early_module, "ticker_a", NULL);
    begin_module(&other, "cxx", NULL);
    CHECK(notes_of('a') == 0 && notes_of('c') == 2);
    /* Nobody could wait for a task. */
    CHECK(modload_freertos_unload(&rtos, &early_module) == MODLOAD_E_STATE);
}

/** What main() starts runs when the scheduler does. */
static void early(void)
{
    vTaskDelay(20);
    CHECK(notes_of('a') >= 5 && notes_of('c') == 5);
    end_module(&early_module);
    end_module(&other);
}

/** Text and data apart, and strict alignment. */
static void aligned(void)
{
    rtos.registry.port.options |= MODLOAD_OPT_APART;
    begin_module(&plug, "aligned", NULL);
    rtos.registry.port.options &= ~MODLOAD_OPT_APART;
    begin_module(&other, "ticker_b", NULL);
    CHECK(plug.image.placement == MODLOAD_APART &&
          plug.image.segment[1].address % 256 == 0);
    vTaskDelay(10);
    CHECK(plug.result == 0 && !modload_freertos_running(&plug));
    end_module(&plug);
    begin_module(&plug, "aligned", NULL);
    CHECK(plug.image.placement == MODLOAD_AS_BLOCK &&
          plug.image.segment[0].address % 256 == 0);
    vTaskDelay(10);
    CHECK(plug.result == 0 && !modload_freertos_running(&plug));
    end_module(&plug);
    end_module(&other);
}

/** Over and over, ended at any point of what they do. */
static void again(void)
{
    static const char *const names[] = {"leaky", "cxx", "churn", "once", "churn"};

    rtos.stop_ticks = 0;
    begin_module(&other, "ticker_b", NULL);
    for (unsigned i = 0; i < 200; i++) {
        begin_module(&plug, names[i % 5], NULL);
        if (i % 3 != 0)
            vTaskDelay(i % 3);
        /* Somewhere between two ticks. */
        for (volatile unsigned wait = i * 37 % 1000; wait != 0; wait--)
            continue;
        end_module(&plug);
        forget_notes();
    }
    vTaskDelay(5);
    CHECK(notes_of('b') != 0);
    rtos.stop_ticks = 20;
    end_module(&other);
}

#ifndef STATIC_ONLY
/** One with a queue of its own, waiting in it: module_stop() wakes it, and it deletes the
 *  queue. */
static void told(void)
{
    rtos.stop_ticks = portMAX_DELAY;
    begin_module(&plug, "served", NULL);
    vTaskDelay(5);
    CHECK(modload_freertos_running(&plug));
    end_module(&plug);
    CHECK(plug.result == 7 && last_note('m') == -1);
}
#endif

#define CASE(name)                                                                       \
    {                                                                                    \
#name, name, NULL                                                                \
    }
#define EARLY(name, run)                                                                 \
    {                                                                                    \
#name, name, run                                                                 \
    }
const struct test_case cases[] = {
    CASE(cxx_two),
    CASE(late),
    CASE(needs),
    CASE(leaks_by_tail_calls),
    CASE(two_tasks),
    CASE(ended),
    CASE(stubborn),
    CASE(spinning),
    CASE(blocked),
    CASE(cxx),
    CASE(leaks),
    CASE(stack),
    CASE(failures),
    CASE(shielded),
    CASE(stack_allocation),
    CASE(stack_refused),
    CASE(aligned),
    CASE(own_end),
    CASE(static_base),
    {"callbacks", instances_callbacks, NULL},
    {"cxx_instances", instances_cxx, NULL},
    {"placing", placing_any, NULL},
    CASE(again),
    EARLY(early, start_early),
#ifndef STATIC_ONLY
    CASE(told),
#endif
};
const unsigned case_count = sizeof(cases) / sizeof(cases[0]);
