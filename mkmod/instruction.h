/* SPDX-License-Identifier: BSD-2-Clause */
/** The Thumb instructions that mkmod looks into (Arm ARM, ARMv7-M: A7.7). An instruction
 *  of two half-words is handled as first | second << 16, as it lies in memory. */
#ifndef MKMOD_INSTRUCTION_H
#define MKMOD_INSTRUCTION_H

#include <stdbool.h>
#include <stdint.h>

static inline bool thumb_is_movw(uint32_t insn)
{
    return (insn & 0x8000fbf0u) == 0x0000f240u;
}

static inline bool thumb_is_movt(uint32_t insn)
{
    return (insn & 0x8000fbf0u) == 0x0000f2c0u;
}

/** imm4:i:imm3:imm8 of MOVW and MOVT. */
static inline uint32_t thumb_mov_imm(uint32_t insn)
{
    return (insn & 0xfu) << 12 | (insn >> 10 & 1u) << 11 | (insn >> 28 & 7u) << 8 |
           (insn >> 16 & 0xffu);
}

static inline uint32_t thumb_mov_with(uint32_t insn, uint32_t imm)
{
    return (insn & 0x8f00fbf0u) | (imm >> 12 & 0xfu) | (imm >> 11 & 1u) << 10 |
           (imm >> 8 & 7u) << 28 | (imm & 0xffu) << 16;
}

static inline uint8_t thumb_mov_rd(uint32_t insn)
{
    return (uint8_t)(insn >> 24 & 0xfu);
}

/** Is this half-word the first of two? */
static inline bool thumb_is_wide(uint32_t first)
{
    return first >= 0xe800;
}

/** ADD Rdn, PC (encoding T2 of ADD register): how PC-relative code adds its own place. */
static inline bool thumb_is_add_pc(uint32_t half)
{
    return (half & 0xff78u) == 0x4478u;
}

static inline uint32_t sign_extend(uint32_t value, unsigned bits)
{
    uint32_t sign = 1u << (bits - 1);
    value &= (sign << 1) - 1u;
    return (value ^ sign) - sign;
}

#endif
