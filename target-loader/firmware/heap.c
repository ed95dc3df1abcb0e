/* SPDX-License-Identifier: BSD-2-Clause */
#include "heap.h"

#include <string.h>

#include "atexit.h"
#include "console.h"
#include "emulation.h"
#include "exports.h"
#include "firmware.h"
#include "modules.h"

struct modload_arena heap_arena;

/* Whose a piece of memory is: 1 is the port's, then each module has a number. */
#define OWNER_FIRMWARE 2u
#define OWNER_ALLOC    3u

/* Their memory is the firmware's, as the list is: it goes when they are taken out, so
 * that nothing in the list is ever freed, whoever is unloaded. */
static struct modload_atexit destructors;

static uint32_t owner_of(const struct modload_module *module)
{
    return module ? OWNER_ALLOC + module->index : OWNER_FIRMWARE;
}

/** Memory for whoever goes on at `caller`: a module, whatever the firmware has called; or
 *  the one that was called, if it had the allocation as its last deed and `caller` is
 *  somewhere else. */
static void *alloc_for(size_t size, const void *caller)
{
    return modload_arena_alloc(&heap_arena, (uint32_t)size, 8,
                               owner_of(modules_owner(caller)));
}

void *fw_alloc(size_t size)
{
    return alloc_for(size, __builtin_return_address(0));
}

void fw_free(void *memory)
{
    modload_arena_release(&heap_arena, memory);
}

uint32_t fw_free_bytes(void)
{
    return modload_arena_free_bytes(&heap_arena);
}

void *fw_calloc(size_t count, size_t size)
{
    void *memory = NULL;

    if (size == 0 || count <= SIZE_MAX / size)
        memory = alloc_for(count * size, __builtin_return_address(0));
    if (memory)
        memset(memory, 0, count * size);
    return memory;
}

void *fw_realloc(void *memory, size_t size)
{
    size_t old = modload_arena_size_of(&heap_arena, memory);
    void *moved = alloc_for(size, __builtin_return_address(0));

    if (!moved)
        return NULL;
    if (memory)
        memcpy(moved, memory, old < size ? old : size);
    fw_free(memory);
    return moved;
}

int fw_aeabi_atexit(void *object, void (*destructor)(void *), void *handle)
{
    struct modload_destructor *d =
        modload_arena_alloc(&heap_arena, sizeof(*d), 8, OWNER_FIRMWARE);

    if (!d)
        return -1;
    modload_atexit_add(&destructors, d, object, destructor, handle);
    return 0;
}

/* Modules run in one thread here, so nobody waits for anybody. */
int fw_guard_acquire(uint32_t *guard)
{
    return modload_guard_acquire(guard) == MODLOAD_GUARD_YOURS;
}

_Noreturn void fw_pure_virtual(void)
{
    console_fresh_line();
    modules_print_current();
    fw_print(": called a pure virtual function\n");
    emulation_end(1);
}

void heap_run_destructors(const struct modload_module *module)
{
    modload_atexit_run(&destructors, &module->image, fw_free);
}

uint32_t heap_reclaim(const struct modload_module *module)
{
    struct modload_destructor *d;

    /* Those that were not run: its start had failed. */
    while ((d = modload_atexit_take(&destructors, &module->image)) != NULL)
        fw_free(d);
    return modload_arena_release_owner(&heap_arena, owner_of(module));
}
