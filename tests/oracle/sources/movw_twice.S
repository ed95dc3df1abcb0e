/* SPDX-License-Identifier: BSD-2-Clause */
/* One pair behind the other, of the same symbol in the same register with other addends: the
   MOVT in the middle belongs to the MOVW before it, not to the one right behind it. */
/* oracle: cores=m4,m33,m23 run=no loads=6 */
    .syntax unified
    .thumb
    .section .text.movw, "ax"
    .global module_entry
    .thumb_func
    .type module_entry, %function
module_entry:
    .irp n, 0, 0x7000, 0x1000, 0x6000, 0x2000, 0x5000, 0x7ffc, 4
    movw r2, #:lower16:object+\n
    movt r2, #:upper16:object+\n
    movw r3, #:lower16:module_entry-\n
    movt r3, #:upper16:module_entry-\n
    movw r3, #:lower16:object-\n
    movt r3, #:upper16:object-\n
    movw r3, #:lower16:object+\n
    movt r3, #:upper16:object+\n
    .endr
    movs r0, #0
    bx lr
    .data
    .balign 4
object:
    .space 0x8000
