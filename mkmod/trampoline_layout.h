/* SPDX-License-Identifier: BSD-2-Clause */
/**
 * Where a module's trampolines are: heads, words, tails and the static base
 * (specs/trampolines.md). All places are offsets from the first byte, a multiple of 4.
 *
 *     heads words … heads words   heads [tails base] words   heads words … heads words
 *     full runs                   the rest, if any           full runs
 *
 * Heads are numbered from the left, and those that lead to the same tail have numbers
 * side by side. One that does not reach its tail branches to the branch of a head of its
 * kind that is nearer.
 */
#ifndef MKMOD_TRAMPOLINE_LAYOUT_H
#define MKMOD_TRAMPOLINE_LAYOUT_H

#include <stdbool.h>
#include <stdint.h>

#include "trampoline_code.h"

/** Bytes that a module's trampolines may take beside 8 for each. */
#define TRAMPOLINE_SHARED_MAX 64u

/** Index of tail[] and at[]. */
enum { TRAMPOLINE_DEEP, TRAMPOLINE_SHALLOW, TRAMPOLINE_KINDS };

struct trampoline_layout {
    uint32_t count;  /**< heads */
    uint32_t deep;   /**< of these, the first, which lead to tail[TRAMPOLINE_DEEP] */
    uint32_t run;    /**< heads side by side, of a full run */
    uint32_t before; /**< heads left of the tails */
    const struct trampoline_tail *tail[TRAMPOLINE_KINDS]; /**< NULL: no head needs it */
    uint32_t at[TRAMPOLINE_KINDS];                        /**< of the tails */
    uint32_t literal;                                     /**< of the static base */
    uint32_t right; /**< of the first head right of the tails */
    uint32_t end;   /**< bytes in all */
};

struct trampoline_head {
    uint32_t at;
    uint32_t to;   /**< what its branch leads to: the tail, or another head's branch */
    uint32_t hops; /**< branches of other heads on the way to the tail */
};

/** Choose the layout.
 *  @param tails  the tails for functions with arguments on the stack and without; used if
 *      some head needs it
 *  @param count  heads, not 0
 *  @param deep   of these, for functions with arguments on the stack
 *  @param room   bytes that may be taken beside 8 for each head, at least 56: tails and
 *      base take that. What they leave may stay empty for the sake of long runs.
 *  Time: `count` steps at most. */
void trampoline_lay_out(struct trampoline_layout *l,
                        const struct trampoline_tail *const tails[TRAMPOLINE_KINDS],
                        uint32_t count, uint32_t deep, uint32_t room);

/** Bytes from each head to its word. */
uint32_t trampoline_distance(const struct trampoline_layout *l);

/** Say where each head is and leads to. @param heads  count of them
 *  @return false: one does not reach its tail, which no layout has */
bool trampoline_lead(const struct trampoline_layout *l, struct trampoline_head *heads);

#endif
