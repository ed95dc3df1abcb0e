/* SPDX-License-Identifier: BSD-2-Clause */
/* Run the case that the test has named, between two looks at the heap. */
#include "test.h"

#include <stdlib.h>
#include <string.h>

#include "board.h"
#ifdef STATIC_ONLY
#include "arena.h"
#endif

extern const char case_name[];
extern const uint8_t modules_begin[], modules_end[];
/* Made by modapi. */
extern const struct modload_export firmware_exports[], kernel_exports[];
extern const uint8_t firmware_export_count[], kernel_export_count[];
void vApplicationIdleHook(void);
void vApplicationStackOverflowHook(TaskHandle_t task, char *name);

static struct modload_table tables[] = {
    {firmware_exports, (uintptr_t)firmware_export_count},
    {kernel_exports, (uintptr_t)kernel_export_count},
};
struct modload_freertos rtos;
SemaphoreHandle_t work_lock;
static const struct test_case *current;

/* ---- words ------------------------------------------------------------------------ */

static void say(const char *text)
{
    while (*text)
        board_put(*text++);
}

void failed(const char *file, int line, const char *what)
{
    char digits[12];
    char *at = digits + sizeof(digits) - 1;

    *at = 0;
    for (; line != 0; line /= 10)
        *--at = (char)('0' + line % 10);
    if (strrchr(file, '/'))
        file = strrchr(file, '/') + 1;
    say("FAILED: ");
    say(file);
    say(":");
    say(at);
    say(": ");
    say(what);
    say("\n");
    board_end(1);
}

void vApplicationIdleHook(void)
{
    __asm volatile("wfi");
}

void vApplicationStackOverflowHook(TaskHandle_t task, char *name)
{
    (void)task;
    failed(name, 0, "stack overflow");
}

/* ---- memory ----------------------------------------------------------------------- */

static unsigned fail_at;

void heap_fail(unsigned n)
{
    fail_at = n;
}

bool heap_failed(void)
{
    return fail_at == 0;
}

static bool fails(void)
{
    return fail_at != 0 && --fail_at == 0;
}

#ifdef STATIC_ONLY
static uint8_t arena_memory[64 * 1024] __attribute__((aligned(8)));
static struct modload_arena arena;

static void *arena_alloc(size_t size)
{
    void *memory = NULL;

    vTaskSuspendAll();
    if (!fails())
        memory = modload_arena_alloc(&arena, size, 8, 1);
    (void)xTaskResumeAll();
    return memory;
}

static void arena_release(void *memory)
{
    vTaskSuspendAll();
    modload_arena_release(&arena, memory);
    (void)xTaskResumeAll();
}

size_t heap_free(void)
{
    return modload_arena_free_bytes(&arena);
}

static void heap_begin(void)
{
    modload_arena_begin(&arena, arena_memory, sizeof(arena_memory));
    rtos.alloc = arena_alloc;
    rtos.release = arena_release;
}
#else
void *__real_pvPortMalloc(size_t size);
void *__wrap_pvPortMalloc(size_t size);

/** The linker puts it in the place of the kernel's, in its own calls too. */
void *__wrap_pvPortMalloc(size_t size)
{
    return fails() ? NULL : __real_pvPortMalloc(size);
}

size_t heap_free(void)
{
    return xPortGetFreeHeapSize();
}

static void heap_begin(void)
{
    /* heap_4 counts its bytes from its first allocation on. */
    vPortFree(pvPortMalloc(8));
}
#endif

/* ---- notes ------------------------------------------------------------------------ */

static struct {
    int who, what;
} notes[1024];
static unsigned note_count;

void note(int who, int what)
{
    vTaskSuspendAll();
    CHECK(note_count < sizeof(notes) / sizeof(notes[0]));
    notes[note_count].who = who;
    notes[note_count++].what = what;
    (void)xTaskResumeAll();
}

unsigned notes_of(int who)
{
    unsigned count = 0;

    for (unsigned i = 0; i < note_count; i++)
        count += notes[i].who == who;
    return count;
}

int last_note(int who)
{
    int what = 0;

    for (unsigned i = 0; i < note_count; i++)
        if (notes[i].who == who)
            what = notes[i].what;
    return what;
}

bool notes_are(int who, unsigned count, const int *what)
{
    unsigned at = 0;

    for (unsigned i = 0; i < note_count; i++) {
        if (notes[i].who != who)
            continue;
        if (at == count || notes[i].what != what[at])
            return false;
        at++;
    }
    return at == count;
}

void forget_notes(void)
{
    note_count = 0;
}

/* ---- modules ---------------------------------------------------------------------- */

struct modload_source image_named(const char *name)
{
    const uint8_t *at = modules_begin;
    struct modload_source source = {NULL, 0, NULL, 0};
    struct modfmt_image image;
    struct modfmt_tag tag;

    while (!source.mapped) {
        CHECK(modfmt_open(at, (uint32_t)(modules_end - at), &image, NULL) == 0);
        if (modfmt_tag_find(&image, MODFMT_TAG_NAME, &tag) == 1 &&
            tag.length == strlen(name) && memcmp(tag.value, name, tag.length) == 0) {
            source.mapped = at;
            source.available = (uint32_t)(modules_end - at);
        }
        at += modfmt_get32(at + MODFMT_OFF_TOTAL_SIZE);
    }
    return source;
}

void begin_module(struct modload_module *module, const char *name, void *param)
{
    struct modload_source source = image_named(name);
    struct modfmt_diag diag;

    CHECK(modload_freertos_load(&rtos, &source, module, &diag) == 0);
    CHECK(modload_freertos_start(&rtos, module, param) == 0);
}

void begin_instance(struct modload_module *module, const char *name, const char *instance,
                    void *param)
{
    struct modload_source source = image_named(name);
    struct modfmt_diag diag;

    source.address = (uint32_t)(uintptr_t)source.mapped;
    CHECK(modload_freertos_load_as(&rtos, &source, module, instance, &diag) == 0);
    CHECK(module->image.placement == MODLOAD_IN_PLACE);
    CHECK(modload_freertos_start(&rtos, module, param) == 0);
}

void end_module(struct modload_module *module)
{
    CHECK(modload_freertos_unload(&rtos, module) == 0);
    CHECK(module->state == MODLOAD_EMPTY);
}

void work_locked(unsigned ticks)
{
    modload_freertos_shield();
    CHECK(xSemaphoreTake(work_lock, portMAX_DELAY) == pdTRUE);
    vTaskDelay(ticks);
    CHECK(xSemaphoreGive(work_lock) == pdTRUE);
    modload_freertos_unshield();
}

int unload_named(const char *name)
{
    struct modload_module *module;

    modload_freertos_lock(&rtos);
    module = modload_find(&rtos.registry, name);
    modload_freertos_unlock(&rtos);
    CHECK(module != NULL);
    return modload_freertos_unload(&rtos, module);
}

/* ---- the test --------------------------------------------------------------------- */

/** What the case took before the scheduler ran. */
static size_t early_bytes;

static void test_task(void *parameter)
{
    const size_t before = heap_free() + early_bytes;

    (void)parameter;
    current->run();
    modload_freertos_lock(&rtos);
    CHECK(rtos.registry.modules == NULL);
    modload_freertos_unlock(&rtos);
    CHECK(rtos.blocks == NULL && rtos.destructors.newest == NULL);
    CHECK(heap_free() == before);
    say("case ");
    say(current->name);
    say(": the heap is as before\n");
    board_end(0);
}

/** The test's task and its lock. */
static void begin_test(void)
{
#ifdef STATIC_ONLY
    static StackType_t stack[512];
    static StaticTask_t task;
    static StaticSemaphore_t semaphore;

    work_lock = xSemaphoreCreateMutexStatic(&semaphore);
    xTaskCreateStatic(test_task, "test", 512, NULL, PRIORITY_TEST, stack, &task);
#else
    work_lock = xSemaphoreCreateMutex();
    CHECK(xTaskCreate(test_task, "test", 512, NULL, PRIORITY_TEST, NULL) == pdPASS);
#endif
}

int main(void)
{
    board_begin();
    for (unsigned i = 0; i < case_count; i++)
        if (strcmp(cases[i].name, case_name) == 0)
            current = &cases[i];
    CHECK(current != NULL);
    heap_begin();
    rtos.registry.port.options = MODLOAD_OPT_CRC | MODLOAD_OPT_IN_PLACE;
    rtos.registry.tables = tables;
    rtos.registry.table_count = 2;
    rtos.priority = PRIORITY_MODULE;
    rtos.stop_ticks = 20;
    CHECK(modload_freertos_begin(&rtos) == 0);
    begin_test();
    early_bytes = heap_free();
    if (current->early)
        current->early();
    early_bytes -= heap_free();
    vTaskStartScheduler();
    failed("main", 0, "the scheduler came back");
    return 1;
}
