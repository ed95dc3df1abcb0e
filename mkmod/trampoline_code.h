/* SPDX-License-Identifier: BSD-2-Clause */
/**
 * The code of trampolines: what stands between callers that know nothing of r9 and
 * functions that count on it. Why it is so, and what it costs: specs/trampolines.md.
 *
 * A trampoline is a head, 4 bytes: `mov ip, pc; b.n tail`, and a word with the function's
 * address a fixed distance behind it. The head's address | 1 is what pointers to the
 * function hold. Heads lie side by side, and so do their words; the tail finds the word
 * by ip, and the static base by a literal:
 *
 *     head…   word…   tail8  tail0  (2 bytes)  literal
 *     4 each  4 each  32     18     2          4          56 bytes that all share
 *
 * A head's branch may also lead to the branch of another head: ip is set by then. Where
 * they all are: trampoline_layout.h.
 */
#ifndef MKMOD_TRAMPOLINE_CODE_H
#define MKMOD_TRAMPOLINE_CODE_H

#include <stdbool.h>
#include <stdint.h>

#define TRAMPOLINE_HEAD_SIZE    4u
#define TRAMPOLINE_WORD_SIZE    4u
#define TRAMPOLINE_LITERAL_SIZE 4u

/** A tail: what a head branches to. Its place is a multiple of 2. */
struct trampoline_tail {
    const uint16_t *code; /**< half-words, offsets of loads still 0 */
    uint32_t size;        /**< bytes */
    uint32_t load;        /**< offset of the LDR that loads the literal */
    uint32_t fetch;       /**< offset of the LDR that loads the function's address */
    uint32_t distance;    /**< most bytes from a head to its word */
    uint32_t arguments;   /**< most bytes of arguments on the stack that it passes on */
    uint32_t stack;       /**< bytes of stack that a call through it takes */
};

/** The tail for functions that take so many bytes of arguments on the stack; NULL: none
 *  takes that many. @param needs  the module's, as in the image's header */
const struct trampoline_tail *trampoline_tail(uint32_t needs, uint32_t arguments);

/** Does the branch of a head reach `to`? Both are offsets from the same. */
bool trampoline_reaches(uint32_t head, uint32_t to);

/** Write a head that branches to `to`, a tail or another head's branch. Both are offsets
 *  from a multiple of 4; `head` is itself one. False: that is out of reach. */
bool trampoline_put_head(uint8_t *at, uint32_t head, uint32_t to);

/** Write a tail. @param place, literal  offsets from a multiple of 4; `literal` is itself
 *  one, and within 1,020 bytes behind the tail  @param distance  bytes from each head to
 *  its word, a multiple of 4  @return false: one of them is out of reach */
bool trampoline_put_tail(uint8_t *at, const struct trampoline_tail *tail, uint32_t place,
                         uint32_t literal, uint32_t distance);

#endif
