/* SPDX-License-Identifier: BSD-2-Clause */
/** The immediate of MOVW and MOVT: what the loader and the linker share. Private. */
#ifndef MODFMT_MOV_H
#define MODFMT_MOV_H

#include "modfmt.h"

/** Add x to the imm16 of the MOVW or MOVT at `p`. @return the carry: what to add to the
 * half above it
 *
 * The two half-words are taken as one little-endian word: imm16's bits 15-12 are its bits
 * 3-0, bit 11 its bit 10, bits 10-8 its bits 30-28, and bits 7-0 its bits 23-16.
 */
static uint32_t modfmt_mov_add_(uint8_t *p, uint32_t x)
{
    uint32_t w = modfmt_get32(p);
    uint32_t imm =
        (w & 0xf) << 12 | (w & 0x400) << 1 | (w >> 20 & 0x700) | (w >> 16 & 0xff);

    x += imm;
    imm ^= (uint16_t)x; /* the bits that change */
    w ^= imm >> 12 | (imm >> 1 & 0x400) | (imm & 0x700) << 20 | (imm & 0xff) << 16;
    modfmt_put32(p, w);
    return x >> 16;
}

#endif
