/* SPDX-License-Identifier: BSD-2-Clause */
/* MOVW and MOVT in every distribution: adjacent, apart, MOVT first, two MOVTs for one MOVW,
   one half alone, addends that carry into the upper half or out of it. */
/* oracle: cores=m4,m33 loads=6 */
    .syntax unified
    .thumb
    .macro test number, register, symbol
    ldr r1, =\symbol
    movs r0, #\number
    cmp \register, r1
    it ne
    bxne lr
    .endm
    .section .text.movw, "ax"
    .global module_entry
    .thumb_func
    .type module_entry, %function
module_entry:
    movw r2, #:lower16:object           /* adjacent */
    movt r2, #:upper16:object
    test 1, r2, object
    movt r3, #:upper16:function         /* MOVT first; the thumb bit is in MOVW alone */
    movw r12, #:lower16:function
    bfi r12, r12, #0, #16
    lsrs r3, r3, #16
    uxth r12, r12
    orr r3, r12, r3, lsl #16
    test 2, r3, function
    movw r2, #:lower16:object+4         /* far apart, others between them */
    movw r3, #:lower16:zeroed
    ldr r0, =object
    ldr r0, [r0]
    movt r3, #:upper16:zeroed
    movt r2, #:upper16:object+4
    test 3, r2, object+4
    test 4, r3, zeroed
    movw r2, #:lower16:object+8         /* one MOVW, two MOVTs */
    cbz r0, 1f
    movt r2, #:upper16:object+8
    b 2f
1:  movt r2, #:upper16:object+8
2:  test 5, r2, object+8
    movw r2, #:lower16:object+0x7ffc    /* addends near the limits of a REL field */
    movt r2, #:upper16:object+0x7ffc
    test 6, r2, object+0x7ffc
    movw r2, #:lower16:zeroed-0x8000
    movt r2, #:upper16:zeroed-0x8000
    test 7, r2, zeroed-0x8000
    movw r2, #:lower16:object-4
    movt r2, #:upper16:object-4
    test 8, r2, object-4
    movw r2, #:lower16:function         /* same register, nothing between */
    movt r2, #:upper16:function
    movw r3, #:lower16:other
    movt r3, #:upper16:other
    test 9, r2, function
    test 10, r3, other
    movw r2, #:lower16:object           /* a MOVW alone */
    ldr r1, =object
    uxth r1, r1
    cmp r2, r1
    mov r0, #11
    it ne
    bxne lr
    b 3f
    .ltorg
    .balign 4
3:  movw r2, #:lower16:zeroed           /* 32 half-words from its MOVT: between the forms */
    .rept 6
    nop.w
    .endr
    movt r2, #:upper16:zeroed
    test 12, r2, zeroed
    movw r2, #:lower16:zeroed+4         /* farther apart than a distance byte can say */
    b 4f
    .space 600
4:  movt r2, #:upper16:zeroed+4
    test 13, r2, zeroed+4
    movt r2, #:upper16:function         /* the halves in two registers, of two functions */
    movw r3, #:lower16:function
    lsrs r2, r2, #16
    orr r3, r3, r2, lsl #16
    test 14, r3, function
    movs r0, #0
    bx lr
    .ltorg
    .section .text.function, "ax"
    .thumb_func
    .type function, %function
function:
    bx lr
    .thumb_func
    .type other, %function
other:
    nop
    bx lr
    .data
    .balign 4
object:
    .word 77, 78, 79
    .bss
    .balign 4
zeroed:
    .space 0x9000
