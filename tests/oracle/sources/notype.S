/* SPDX-License-Identifier: BSD-2-Clause */
/* Labels without a type: pointers to them carry no thumb bit, `+ 1` by hand does; branches
   of every width, inside and across sections. */
/* oracle: */
    .syntax unified
    .thumb
    .section .text.notype, "ax"
    .global module_entry
    .thumb_func
    .type module_entry, %function
module_entry:
    push {r4, lr}
    ldr r4, =table
    ldr r0, [r4]
    ldr r1, [r4, #4]
    adds r0, r0, #1
    cmp r0, r1
    bne fail
    blx r1
    cmp r0, #9
    bne fail
    ldr r1, [r4, #8]
    ldrh r1, [r1]
    ldr r2, =0x2107
    cmp r1, r2
    bne fail
    bl near_label
    b out
fail:
    movs r0, #1
out:
    pop {r4, pc}
near_label:
    movs r0, #0
    beq back
    movs r0, #2
back:
    bx lr
    .balign 4
    .ltorg
    .section .text.far, "ax"
label:
    movs r0, #9
    bx lr
    movs r1, #7
inner:
    nop
    .section .rodata.table, "a"
    .balign 4
table:
    .word label
    .word label + 1
    .word inner - 2
    .word inner + 2
    .byte 0
    .word label + 1
