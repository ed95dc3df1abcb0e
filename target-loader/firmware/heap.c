/* SPDX-License-Identifier: BSD-2-Clause */
#include "heap.h"

#include <string.h>

#include "console.h"
#include "emulation.h"
#include "exports.h"
#include "firmware.h"
#include "modules.h"
#include "port.h"

struct modload_arena heap_arena;

/* Owner 1 is the port's. */
#define OWNER_ALLOC  2u
#define OWNER_ATEXIT 3u

/** A destructor of a static object. */
struct destructor {
    struct destructor *next;
    uint32_t function;
    void *object;
};

static struct destructor *destructors;

void *fw_alloc(size_t size)
{
    return modload_arena_alloc(&heap_arena, size, 8, OWNER_ALLOC);
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
        memory = fw_alloc(count * size);
    if (memory)
        memset(memory, 0, count * size);
    return memory;
}

void *fw_realloc(void *memory, size_t size)
{
    size_t old = modload_arena_size_of(&heap_arena, memory);
    void *moved = fw_alloc(size);

    if (!moved)
        return NULL;
    if (memory)
        memcpy(moved, memory, old < size ? old : size);
    fw_free(memory);
    return moved;
}

int fw_aeabi_atexit(void *object, void (*destructor)(void *), void *handle)
{
    struct destructor *d = modload_arena_alloc(&heap_arena, sizeof(*d), 8, OWNER_ATEXIT);

    /* Every module has a handle of its own; but here one module runs at a time. */
    (void)handle;
    if (!d)
        return -1;
    d->next = destructors;
    d->function = (uint32_t)(uintptr_t)destructor;
    d->object = object;
    destructors = d;
    return 0;
}

_Noreturn void fw_pure_virtual(void)
{
    console_fresh_line();
    modules_print_current();
    fw_print(": called a pure virtual function\n");
    emulation_end(1);
}

void heap_run_destructors(uint32_t static_base)
{
    while (destructors) {
        struct destructor *d = destructors;

        destructors = d->next;
        modload_cortex_m_call(d->function, d->object, static_base);
    }
}

uint32_t heap_reclaim(void)
{
    destructors = NULL;
    modload_arena_release_owner(&heap_arena, OWNER_ATEXIT);
    return modload_arena_release_owner(&heap_arena, OWNER_ALLOC);
}
