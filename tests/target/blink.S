/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Firmware for the tests: counts, and watches the RAM that modflash's stub lies in.
 *
 *   0x20000000  16 words that are 0xA5A50000 + n, set at reset
 *   0x20000040  counts up for ever
 *   0x20000044  how often a word above was found changed
 *   0x2001F000  resets; where no stub comes
 */
    .syntax unified
    .thumb
    .text
    .word   0x20020000
    .word   reset + 1
    .rept   14
    .word   fault + 1
    .endr
    .thumb_func
reset:
    ldr     r0, =0x2001F000
    ldr     r1, [r0]
    adds    r1, #1
    str     r1, [r0]
    movs    r4, #0              /* counter */
    movs    r5, #0              /* words found changed */
    ldr     r0, =0x20000000
    ldr     r1, =0xA5A50000
    movs    r2, #16
fill:
    str     r1, [r0], #4
    adds    r1, #1
    subs    r2, #1
    bne     fill
again:
    ldr     r0, =0x20000000
    ldr     r1, =0xA5A50000
    movs    r2, #16
check:
    ldr     r3, [r0], #4
    cmp     r3, r1
    it      ne
    addne   r5, #1
    adds    r1, #1
    subs    r2, #1
    bne     check
    adds    r4, #1
    str     r4, [r0]
    str     r5, [r0, #4]
    b       again
    .thumb_func
fault:
    b       fault
    .ltorg
