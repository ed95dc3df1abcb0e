/* SPDX-License-Identifier: BSD-2-Clause */
/* Conditional branches of 32 bits across sections (R_ARM_THM_JUMP19). */
/* oracle: cores=m4,m33 */
    .syntax unified
    .thumb
    .section .text.one, "ax"
    .global module_entry
    .thumb_func
    .type module_entry, %function
module_entry:
    movs r0, #1
    cmp r0, #1
    beq.w distant
    bx lr
    .section .text.two, "ax"
    .thumb_func
    .type distant, %function
distant:
    cmp r0, #1
    bne.w module_entry
    movs r0, #0
    b.w finish
    .section .text.three, "ax"
    .thumb_func
    .type finish, %function
finish:
    bx lr
    .word finish, distant, module_entry + 4
