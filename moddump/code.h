/* SPDX-License-Identifier: BSD-2-Clause */
/** What is known of a segment before it is disassembled: labels, and what is no code. */
#ifndef MODDUMP_CODE_H
#define MODDUMP_CODE_H

#include "moddump.h"

/** What a byte of text is taken for. */
enum {
    CODE_INSTRUCTION = 0,
    CODE_BYTE = 1,   /**< data, shown byte by byte; also the rest of a word */
    CODE_WORD = 2,   /**< the first byte of a word of data */
    CODE_STRING = 3, /**< the first byte of a string; its end is a zero byte */
};

struct label {
    uint32_t offset;
    unsigned rank; /**< of several names for one offset, the lowest is shown */
    char *name;
};

/** A fix-up at one of its places: a pair of MOVW and MOVT has two. */
struct site {
    uint32_t offset;
    const struct modfmt_fixup *fixup;
    bool top; /**< the MOVT of a pair */
};

struct code {
    const struct module *module;
    unsigned segment;     /**< 0 text, 1 data */
    const uint8_t *bytes; /**< of the segment as stored */
    uint32_t size;        /**< of data: where what is shown of it ends */
    uint32_t start;       /**< where what is shown begins */
    uint8_t *map; /**< a CODE_* for each byte */
    struct label *labels;
    size_t label_count;
    struct site *sites; /**< of this segment alone, in order */
    size_t site_count;
};

void code_open(const struct module *module, struct code *ret_code);
/** The code in data: what mkmod put in front of it (imports' words, trampolines), or else
 *  from the first function that an export or a word leads to. @return false: there is none
 *  known, and nothing is to be closed */
bool code_open_data(const struct module *module, struct code *ret_code);
void code_close(struct code *code);
/** The last label at or before `offset`, or NULL. */
const struct label *code_label(const struct code *code, uint32_t offset);
/** If the instruction at `offset` loads a literal: true, and where that is. */
bool code_literal(const struct code *code, uint32_t offset, uint32_t *ret_at,
                  uint32_t *ret_size);
/** If the instruction at `offset` is a trampoline's branch to its tail, or to the branch of
 *  another one: true, and where the word is that holds the function's address
 *  (specs/trampolines.md). */
bool code_trampoline(const struct code *code, uint32_t offset, uint32_t tail,
                     uint32_t *ret_word);
/** Is the half-word at `offset` the first of a 32-bit instruction? */
bool code_is_wide(const struct code *code, uint32_t offset);

#endif
