/* SPDX-License-Identifier: BSD-2-Clause */
/* Words relative to themselves: inside a segment, into the other one and back, to absolute
   symbols (which do not move while the word does). */
/* oracle: ldflags=--defsym=FAR_AWAY=0x40001000 */
    .syntax unified
    .thumb
    .section .text.rel32, "ax"
    .global module_entry
    .thumb_func
    .type module_entry, %function
module_entry:
    push {r4, lr}
    adr r4, table
    ldr r0, [r4]            /* code to code */
    adds r0, r0, r4
    ldr r1, =inside
    cmp r0, r1
    bne fail1
    ldr r0, [r4, #4]        /* text to data */
    adds r0, r0, r4
    adds r0, r0, #4
    ldr r1, =object
    cmp r0, r1
    bne fail2
    ldr r0, [r0]            /* 77 */
    cmp r0, #77
    bne fail2
    ldr r1, =object         /* data to text: object + 4 */
    ldr r0, [r1, #4]
    adds r1, r1, #4
    adds r0, r0, r1
    ldr r1, =inside
    cmp r0, r1
    bne fail3
    ldr r0, [r4, #8]        /* text to absolute */
    adds r0, r0, r4
    adds r0, r0, #8
    ldr r1, =0x40001010
    cmp r0, r1
    bne fail4
    movs r0, #0
    pop {r4, pc}
fail1:
    movs r0, #1
    pop {r4, pc}
fail2:
    movs r0, #2
    pop {r4, pc}
fail3:
    movs r0, #3
    pop {r4, pc}
fail4:
    movs r0, #4
    pop {r4, pc}
    .balign 4
table:
    .word inside - .
    .word object - .
    .word FAR_AWAY + 0x10 - .
    .word zeroed + 8 - .
    .word . - table
    .ltorg
    .section .text.other, "ax"
    .global inside
inside:
    .word 0x11223344
    .data
    .balign 4
    .global object
object:
    .word 77
    .word inside - .
    .word object - .
    .word zeroed - . + 4
    .word FAR_AWAY - .
    .byte 1
    .word inside + 3 - .    /* at an odd place */
    .bss
    .balign 4
zeroed:
    .space 16
