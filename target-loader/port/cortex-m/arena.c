/* SPDX-License-Identifier: BSD-2-Clause */
#include "arena.h"

#include <stdbool.h>

/** In front of every block. 16 bytes on a host as well: no pointer in it, so that what a
 *  host test sees is what the target does. */
struct block {
    uint32_t size;  /**< bytes behind the header, a multiple of GRAIN */
    uint32_t asked; /**< bytes that the caller wanted */
    uint16_t owner; /**< 0: free */
    uint16_t skip;  /**< bytes behind the header that are in front of his, under GRAIN */
    uint32_t check; /**< a module that writes past its memory must not send us astray */
};

#define GRAIN  8u
#define HEADER ((uint32_t)sizeof(struct block))
#define CHECK  0x4152454eu

static struct block *first(const struct modload_arena *arena)
{
    return (struct block *)(void *)arena->begin;
}

static uint8_t *payload(struct block *block)
{
    return (uint8_t *)block + HEADER;
}

static struct block *next(const struct modload_arena *arena, struct block *block)
{
    uint32_t left = (uint32_t)(arena->end - payload(block));
    struct block *after;

    if (block->size >= left)
        return NULL;
    after = (struct block *)(void *)(payload(block) + block->size);
    return after->check == CHECK ? after : NULL;
}

static void set(struct block *block, uint32_t size, uint32_t asked, uint32_t owner)
{
    block->size = size;
    block->asked = asked;
    block->owner = (uint16_t)owner;
    block->skip = 0;
    block->check = CHECK;
}

void modload_arena_begin(struct modload_arena *arena, void *begin, uint32_t size)
{
    size &= ~(GRAIN - 1u);
    arena->begin = begin;
    arena->end = size > HEADER ? arena->begin + size : arena->begin;
    if (size > HEADER)
        set(first(arena), size - HEADER, 0, 0);
}

/** Bytes to leave free in front so that the block's payload, less `offset`, is aligned.
 * What is left must hold a header, or be nothing. */
static uint32_t lead_of(struct block *block, uint32_t align, uint32_t offset)
{
    uintptr_t at = (uintptr_t)payload(block);
    uint32_t lead = (offset - (uint32_t)at) & (align - 1u);

    while (lead != 0 && lead < HEADER)
        lead += align;
    return lead;
}

/** Cut the block behind its first `size` bytes, if a block fits there. */
static void split(struct block *block, uint32_t size)
{
    uint32_t rest = block->size - size;

    if (rest < HEADER + GRAIN)
        return;
    block->size = size;
    set((struct block *)(void *)(payload(block) + size), rest - HEADER, 0, 0);
}

void *modload_arena_alloc(struct modload_arena *arena, uint32_t size, uint32_t align,
                          uint32_t owner)
{
    return modload_arena_alloc_at(arena, size, align, 0, owner);
}

void *modload_arena_alloc_at(struct modload_arena *arena, uint32_t size, uint32_t align,
                             uint32_t offset, uint32_t owner)
{
    uint32_t skip, want;
    struct block *block;

    if (align < GRAIN) {
        offset &= align - 1u; /* no more of it counts, and skipping costs memory */
        align = GRAIN;
    }
    skip = offset % GRAIN;
    want = (size + skip + GRAIN - 1u) & ~(GRAIN - 1u);
    if (want < size || owner == 0 || owner > UINT16_MAX || arena->begin == arena->end)
        return NULL;
    if (want == 0)
        want = GRAIN;
    for (block = first(arena); block; block = next(arena, block)) {
        uint32_t lead;

        if (block->owner != 0)
            continue;
        lead = lead_of(block, align, offset - skip);
        if (block->size < lead || block->size - lead < want)
            continue;
        if (lead != 0) {
            uint32_t whole = block->size;

            block->size = lead - HEADER;
            block = (struct block *)(void *)(payload(block) + block->size);
            set(block, whole - lead, 0, 0);
        }
        split(block, want);
        set(block, block->size, size, owner);
        block->skip = (uint16_t)skip;
        return payload(block) + skip;
    }
    return NULL;
}

/** Join neighbours that are free. One pass over the few blocks there are is cheaper than
 *  a link back in each. */
static void join(struct modload_arena *arena)
{
    struct block *block = first(arena);

    while (block) {
        struct block *after = next(arena, block);

        if (after && block->owner == 0 && after->owner == 0) {
            after->check = 0;
            block->size += HEADER + after->size;
        } else {
            block = after;
        }
    }
}

static struct block *block_of(const struct modload_arena *arena, const void *memory)
{
    struct block *block = arena->begin == arena->end ? NULL : first(arena);

    while (block && payload(block) + block->skip != memory)
        block = next(arena, block);
    return block && block->owner != 0 ? block : NULL;
}

void modload_arena_release(struct modload_arena *arena, void *memory)
{
    struct block *block = block_of(arena, memory);

    if (!block)
        return;
    set(block, block->size, 0, 0);
    join(arena);
}

uint32_t modload_arena_release_owner(struct modload_arena *arena, uint32_t owner)
{
    struct block *block = arena->begin == arena->end ? NULL : first(arena);
    uint32_t bytes = 0;
    bool any = false;

    for (; block; block = next(arena, block)) {
        if (owner == 0 || block->owner != owner)
            continue;
        bytes += block->asked;
        any = true;
        set(block, block->size, 0, 0);
    }
    if (any)
        join(arena);
    return bytes;
}

uint32_t modload_arena_free_bytes(const struct modload_arena *arena)
{
    struct block *block = arena->begin == arena->end ? NULL : first(arena);
    uint32_t bytes = 0;

    for (; block; block = next(arena, block)) {
        if (block->owner == 0)
            bytes += block->size;
    }
    return bytes;
}

uint32_t modload_arena_size_of(const struct modload_arena *arena, const void *memory)
{
    struct block *block = block_of(arena, memory);

    return block ? block->asked : 0;
}
