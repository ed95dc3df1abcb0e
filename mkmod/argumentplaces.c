/* SPDX-License-Identifier: BSD-2-Clause */
/* The allocation of arguments to registers and stack: Procedure Call Standard for the Arm
 * Architecture, sections 6.4 and 6.5 (base), 7.1 (VFP). */
#include "argumentparts.h"

#define CORE_REGISTERS 4u
#define FLOATS         0xffffu

/* Is it a float, a double, or a homogeneous aggregate of up to four of them? */
static bool is_vfp(const struct argument_shape *s)
{
    return !s->by_reference && (s->element == 4 || s->element == 8) && s->count >= 1 &&
           s->count <= 4;
}

struct argument_places argument_places(bool vfp, const struct argument_shape *result)
{
    struct argument_places places = {.vfp = vfp, .free = FLOATS};
    bool memory = result != NULL &&
                  (result->by_reference ||
                   (result->composite && result->size > 4 && !(vfp && is_vfp(result))));
    places.core = memory ? 1 : 0;
    return places;
}

/* The first run of registers that is free; gaps that doubles left are filled. */
static bool take_floats(struct argument_places *places, const struct argument_shape *s)
{
    uint32_t step = s->element / 4;
    uint32_t run = (1u << (step * s->count)) - 1;
    for (uint32_t first = 0; first + step * s->count <= 16; first += step) {
        if ((places->free & run << first) == run << first) {
            places->free &= ~(run << first);
            return true;
        }
    }
    places->free = 0;
    return false;
}

static void take_stack(struct argument_places *places, uint32_t size, bool doubleword)
{
    if (doubleword) {
        places->stack = (places->stack + 7) & ~7u;
    }
    if (places->stack < ARGUMENT_STACK_MAX) {
        places->stack += (size + 3) & ~3u;
    }
}

void argument_place(struct argument_places *places, const struct argument_shape *s)
{
    uint32_t size = s->size < ARGUMENT_STACK_MAX ? s->size : ARGUMENT_STACK_MAX;
    bool doubleword = s->doubleword;
    if (s->by_reference) {
        size = 4;
        doubleword = false;
    }
    if (places->vfp && is_vfp(s)) {
        if (!take_floats(places, s)) {
            take_stack(places, size, doubleword);
        }
        return;
    }
    if (doubleword && places->core < CORE_REGISTERS) {
        places->core = (places->core + 1) & ~1u;
    }
    uint32_t words = (size + 3) / 4;
    uint32_t room = CORE_REGISTERS - places->core;
    if (words <= room) {
        places->core += words;
        return;
    }
    places->core = CORE_REGISTERS;
    if (places->stack == 0) { /* the rest of what does not fit into the last registers */
        size -= 4 * room;
        doubleword &= room == 0;
    }
    take_stack(places, size, doubleword);
}
