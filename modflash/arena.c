/* SPDX-License-Identifier: BSD-2-Clause */
#include "arena.h"

#include "catalog.h"
#include "cli.h"
#include "linked.h"

#include <stdlib.h>
#include <string.h>

#define NAMED_MAX 8u

static int by_begin(const void *a, const void *b)
{
    const struct arena_range *x = a, *y = b;

    return x->begin < y->begin ? -1 : x->begin > y->begin;
}

static void enter(struct arena *arena, const struct arena_range *range)
{
    arena->range =
        cli_grow(arena->range, &arena->capacity, arena->count + 1u, sizeof *arena->range);
    arena->range[arena->count++] = *range;
    qsort(arena->range, arena->count, sizeof *arena->range, by_begin);
}

void arena_open(struct session *session, const struct host *host, struct arena *ret_arena)
{
    memset(ret_arena, 0, sizeof *ret_arena);
    ret_arena->begin = host->arena_begin;
    ret_arena->end = host->arena_end;
    for (uint32_t i = 0; i < session->store.count; i++) {
        const struct modfmt_store_image *stored = &session->image[i];
        struct arena_range range = {.hash = stored->hash};
        struct modfmt_linked linked;
        struct identity identity;

        if (linked_stored(session, stored, &linked) && linked.data < linked.data_end) {
            catalog_identity(session, stored, &identity);
            memcpy(range.name, identity.name, sizeof range.name);
            range.begin = linked.data;
            range.end = linked.data_end;
            enter(ret_arena, &range);
        }
    }
}

struct arena_range *arena_of(struct arena *arena, uint32_t hash)
{
    for (size_t i = 0; i < arena->count; i++) {
        if (arena->range[i].hash == hash && !arena->range[i].former) {
            return &arena->range[i];
        }
    }
    return NULL;
}

void arena_give_up(struct arena *arena, uint32_t hash)
{
    struct arena_range *range = arena_of(arena, hash);

    if (range != NULL) {
        range->former = true;
    }
}

/* The first range that somebody has of these bytes. */
static const struct arena_range *first_within(const struct arena *arena, uint64_t begin,
                                              uint64_t end, bool spare_former)
{
    for (size_t i = 0; i < arena->count; i++) {
        const struct arena_range *range = &arena->range[i];

        if ((spare_former || !range->former) && range->begin < end &&
            range->end > begin) {
            return range;
        }
    }
    return NULL;
}

static bool find_first(const struct arena *arena, const struct arena_need *need,
                       bool spare_former, uint32_t *ret_address)
{
    uint64_t at = arena->begin, size = need->size;
    const struct arena_range *range;

    for (;;) {
        at += (need->remainder - at) & (need->align - 1u);
        if (at + size > arena->end) {
            return false;
        }
        range = first_within(arena, at, at + size, spare_former);
        if (range == NULL) {
            *ret_address = (uint32_t)at;
            return true;
        }
        at = range->end;
    }
}

bool arena_take(struct arena *arena, const char *name, const struct arena_need *need,
                uint32_t address, bool exactly, uint32_t *ret_address)
{
    struct arena_range range = {.hash = modfmt_hash(name, (uint32_t)strlen(name))};
    uint64_t end = (uint64_t)address + need->size;
    bool there = address >= arena->begin && end <= arena->end &&
                 address % need->align == need->remainder && address != 0 &&
                 first_within(arena, address, end, false) == NULL;

    if (!there && (exactly || (!find_first(arena, need, true, &address) &&
                               !find_first(arena, need, false, &address)))) {
        return false;
    }
    range.begin = address;
    range.end = address + need->size;
    snprintf(range.name, sizeof range.name, "%s", name);
    enter(arena, &range);
    *ret_address = address;
    return true;
}

uint32_t arena_room(const struct arena *arena)
{
    uint64_t at = arena->begin;
    uint32_t best = 0;

    while (at < arena->end) {
        const struct arena_range *next = first_within(arena, at, arena->end, false);
        uint64_t end = next == NULL ? arena->end : next->begin;

        if (end > at && end - at > best) {
            best = (uint32_t)(end - at);
        }
        if (next == NULL) {
            break;
        }
        at = ((uint64_t)next->end + 7u) & ~(uint64_t)7u;
    }
    return best;
}

uint32_t arena_taken(const struct arena *arena)
{
    uint32_t taken = 0;

    for (size_t i = 0; i < arena->count; i++) {
        const struct arena_range *range = &arena->range[i];

        if (!range->former && range->begin < arena->end && range->end > arena->begin) {
            taken += range->end - range->begin;
        }
    }
    return taken;
}

char *arena_text(const struct arena *arena)
{
    char *text = cli_format("%s", "");
    size_t named = 0, left = 0;

    for (size_t i = 0; i < arena->count; i++) {
        const struct arena_range *range = &arena->range[i];
        char *longer;

        if (range->former) {
            continue;
        }
        if (named == NAMED_MAX) {
            left++;
            continue;
        }
        longer =
            cli_format("%s%s%s has %u bytes at 0x%08x", text, named++ != 0 ? ", " : "",
                       range->name[0] != 0 ? range->name : "'' (no name)",
                       range->end - range->begin, range->begin);
        free(text);
        text = longer;
    }
    if (named == 0 || left != 0) {
        char *longer = named == 0 ? cli_format("%s", "nobody has any of it")
                                  : cli_format("%s, and %zu more", text, left);

        free(text);
        text = longer;
    }
    return text;
}

void arena_free(struct arena *arena)
{
    free(arena->range);
    memset(arena, 0, sizeof *arena);
}
