/* SPDX-License-Identifier: BSD-2-Clause */
/* A MOVT at every distance from its MOVW that has a form of its own: 2 to 12 half-words,
   250 to 258, before and behind; a MOVW is the first instruction of text and a MOVT the last;
   two MOVWs for one MOVT. */
/* oracle: cores=m4,m33,m23 run=no loads=6 */
    .syntax unified
    .thumb
    .section .text.movw, "ax"
    .global module_entry
    .thumb_func
    .type module_entry, %function
module_entry:
    movw r0, #:lower16:object+12
    .macro behind between
    movw r2, #:lower16:object+\between
    .rept \between
    nop
    .endr
    movt r2, #:upper16:object+\between
    .endm
    .macro ahead between
    movt r3, #:upper16:function+\between
    .rept \between
    nop
    .endr
    movw r3, #:lower16:function+\between
    .endm
    .irp n, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10
    behind \n
    ahead \n
    .endr
    .irp n, 248, 249, 250, 251, 252, 253, 254, 255, 256
    behind \n
    ahead \n
    .endr
    cbz r1, 1f
    movw r4, #:lower16:zeroed           /* two MOVWs, one MOVT */
    b 2f
1:  movw r4, #:lower16:zeroed
2:  movt r4, #:upper16:zeroed
    movw r5, #:lower16:object           /* crossed */
    movw r6, #:lower16:zeroed
    movt r5, #:upper16:object
    movt r6, #:upper16:zeroed
    movw r5, #:lower16:zeroed           /* the same two registers, exchanged */
    movw r6, #:lower16:object
    movt r6, #:upper16:object
    movt r5, #:upper16:zeroed
    movs r0, #0
    bx lr
    .data
    .balign 4
object:
    .space 0x200
    .bss
    .balign 4
zeroed:
    .space 16
    .section .text.zz, "ax"
    .thumb_func
    .type function, %function
function:
    movw r0, #:lower16:function
    .rept 128
    nop
    .endr
    movt r0, #:upper16:function
