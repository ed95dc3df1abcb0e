/* SPDX-License-Identifier: BSD-2-Clause */
/** The firmware's RAM for modules with fixed addresses: who has what of it. */
#ifndef MODFLASH_ARENA_H
#define MODFLASH_ARENA_H

#include "host.h"
#include "session.h"

/** RAM that a linked module has. */
struct arena_range {
    uint32_t begin, end;
    uint32_t hash; /**< of the module's name */
    bool former;   /**< its module is going to be replaced: free, but better left alone */
    char name[MODFMT_NAME_MAX + 1];
};

struct arena {
    uint32_t begin, end;       /**< 0 and 0: there is none */
    struct arena_range *range; /**< in ascending order */
    size_t count;
    size_t capacity;
};

/** RAM that a module needs: its address is `remainder` modulo `align`. */
struct arena_need {
    uint32_t size;
    uint32_t align; /**< a power of two */
    uint32_t remainder;
};

/** All that linked modules of the store have, in the host's arena or elsewhere. */
void arena_open(struct session *session, const struct host *host,
                struct arena *ret_arena);
/** What that module had, before it is replaced. NULL: nothing */
struct arena_range *arena_of(struct arena *arena, uint32_t hash);
/** Its RAM is free for others. */
void arena_give_up(struct arena *arena, uint32_t hash);
/**
 * Take RAM for a module.
 * @param address  where the module would like it to be; 0: anywhere
 * @param exactly  there or nowhere
 * @return false: there is no room
 */
bool arena_take(struct arena *arena, const char *name, const struct arena_need *need,
                uint32_t address, bool exactly, uint32_t *ret_address);
/** The most that one module could be given at an alignment of 8, and all that is taken.
 */
uint32_t arena_room(const struct arena *arena);
uint32_t arena_taken(const struct arena *arena);
/** "a has 64 bytes at 0x20000000, b …": at most a few. To be freed. */
char *arena_text(const struct arena *arena);
void arena_free(struct arena *arena);

#endif
