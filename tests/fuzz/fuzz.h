/* SPDX-License-Identifier: BSD-2-Clause */
/* What target.c takes from elsewhere: the fuzz entry, and MOVW/MOVT written anew, bit by bit
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

#endif
