/* SPDX-License-Identifier: BSD-2-Clause */
/**
 * A first-fit allocator over one piece of RAM: memory for modules, and for what they ask
 * for while they run. Every byte is accounted for: after what was allocated is released,
 * in whatever order, the arena is as it was.
 */
#ifndef MODLOAD_ARENA_H
#define MODLOAD_ARENA_H

#include <stddef.h>
#include <stdint.h>

/** Opaque: the blocks lie one behind the other from begin to end. */
struct modload_arena {
    uint8_t *begin;
    uint8_t *end;
};

/** Make one free block of [begin, begin + size). `begin` is a multiple of 8, as all that
 *  the arena hands out; `size` is rounded down to one. */
void modload_arena_begin(struct modload_arena *arena, void *begin, uint32_t size);

/**
 * Allocate.
 *
 * @param size   bytes; 0 gives a block that can be released like any other
 * @param align  a power of two; what is less than 8 counts as 8
 * @param owner  1 to 0xffff: who shall be able to give it back with the rest of his
 * @return the memory, or NULL. Time: linear in the number of blocks.
 */
void *modload_arena_alloc(struct modload_arena *arena, uint32_t size, uint32_t align,
                          uint32_t owner);

/** The same, at an address that is a multiple of `align` when `offset`, any number, is
 * taken off. Of what is less than 8, no more than the remainder is kept: at 4, an offset
 * of 20 is one of 0, and the address a multiple of 8. */
void *modload_arena_alloc_at(struct modload_arena *arena, uint32_t size, uint32_t align,
                             uint32_t offset, uint32_t owner);

/** Give one piece back; NULL is ignored, and so is what alloc() did not return. */
void modload_arena_release(struct modload_arena *arena, void *memory);

/** Give back all that `owner` still has. @return how many bytes he had asked for */
uint32_t modload_arena_release_owner(struct modload_arena *arena, uint32_t owner);

/** Bytes of all free blocks, their headers not counted. */
uint32_t modload_arena_free_bytes(const struct modload_arena *arena);

/** Bytes of the used piece at `memory` as they were asked for, or 0. */
uint32_t modload_arena_size_of(const struct modload_arena *arena, const void *memory);

#endif
