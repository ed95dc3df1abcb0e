/* SPDX-License-Identifier: BSD-2-Clause */
/* What the targets share: the fuzz entry, and MOVW/MOVT written anew, bit by bit
 * from the manual's encoding, so that the loader's own is not its judge. */
#ifndef FUZZ_H
#define FUZZ_H

#include "modfmt.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static inline uint32_t fuzz_mov_get(const uint8_t *p)
{
    uint32_t first = modfmt_get16(p), second = modfmt_get16(p + 2);
    uint32_t imm4 = first & 15, i = first >> 10 & 1, imm3 = second >> 12 & 7, imm8 = second & 255;

    return imm4 << 12 | i << 11 | imm3 << 8 | imm8;
}

static inline void fuzz_mov_put(uint8_t *p, uint32_t imm16)
{
    uint32_t first = modfmt_get16(p), second = modfmt_get16(p + 2);

    first = (first & 0xfbf0) | (imm16 >> 12 & 15) | (imm16 >> 11 & 1) << 10;
    second = (second & 0x8f00) | (imm16 >> 8 & 7) << 12 | (imm16 & 255);
    modfmt_put16(p, first);
    modfmt_put16(p + 2, second);
}

/** Add v to the stored word, instruction or pair at `p`, as specs/modfmt.md, 3.2, has it
 *  and no faster. */
static inline void fuzz_fix(uint8_t *p, const struct modfmt_fixup *f, uint32_t v)
{
    uint32_t x = v + f->low;

    if (f->kind == MODFMT_KIND_WORD) {
        modfmt_put32(p, modfmt_get32(p) + v);
        return;
    }
    if (f->distance == MODFMT_MOV_MOVT_ALONE) {
        fuzz_mov_put(p, (x + (fuzz_mov_get(p) << 16)) >> 16);
        return;
    }
    x += fuzz_mov_get(p);
    if (f->distance != MODFMT_MOV_MOVW_ALONE) {
        x += fuzz_mov_get(p + 2 * f->distance) << 16;
        fuzz_mov_put(p + 2 * f->distance, x >> 16);
    }
    fuzz_mov_put(p, x & 0xffff);
}

#endif
