/* SPDX-License-Identifier: BSD-2-Clause */
/**
 * The code of trampolines: what stands between callers that know nothing of r9 and
 * functions that count on it. Why it is so, and what it costs: specs/trampolines.md.
 *
 * A trampoline is a head, 8 bytes for each function: `mov ip, pc; b.n tail`, and a word
 * with the function's address. The head's address | 1 is what pointers to the function
 * hold. Its tail finds the word by ip, and the static base by a literal that all tails
 * near it share:
 *
 *     head…   tail8  tail0  (2 bytes)  literal   head…
 *     8 each  32     18     2          4         8 each     56 bytes, but for the heads
 */
#ifndef MKMOD_TRAMPOLINE_CODE_H
#define MKMOD_TRAMPOLINE_CODE_H

#include <stdbool.h>
#include <stdint.h>

#define TRAMPOLINE_HEAD_SIZE    8u
#define TRAMPOLINE_HEAD_WORD    4u /**< offset of the function's address */
#define TRAMPOLINE_LITERAL_SIZE 4u
/** A tail may start that far before and behind the start of a head. */
#define TRAMPOLINE_REACH_BACK  2042u
#define TRAMPOLINE_REACH_AHEAD 2052u

/** A tail: what a head branches to. Its place is a multiple of 2. */
struct trampoline_tail {
    const uint16_t *code; /**< half-words, the literal's offset still 0 */
    uint32_t size;        /**< bytes */
    uint32_t load;        /**< offset of the LDR that loads the literal */
    uint32_t arguments;   /**< most bytes of arguments on the stack that it passes on */
    uint32_t stack;       /**< bytes of stack that a call through it takes */
};

/** The tail for functions that take so many bytes of arguments on the stack; NULL: none
 *  takes that many. @param needs  the module's, as in the image's header */
const struct trampoline_tail *trampoline_tail(uint32_t needs, uint32_t arguments);

/** Write the four bytes of a head that stand before its word. Both are offsets from a
 *  multiple of 4; `head` is itself one. False: the tail is out of reach. */
bool trampoline_put_head(uint8_t *at, uint32_t head, uint32_t tail);

/** Write a tail. Both are offsets from a multiple of 4; `literal` is itself one, and
 *  within 1,020 bytes behind the tail. False: it is not. */
bool trampoline_put_tail(uint8_t *at, const struct trampoline_tail *tail, uint32_t place,
                         uint32_t literal);

#endif
