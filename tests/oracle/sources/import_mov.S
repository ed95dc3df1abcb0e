/* SPDX-License-Identifier: BSD-2-Clause */
/* Imports by MOVW/MOVT with addends, by relative words, by b.w and by bl, and at odd
   places. */
/* oracle: imports=yes cores=m4,m33 */
    .syntax unified
    .thumb
    .section .text.movw, "ax"
    .global module_entry
    .thumb_func
    .type module_entry, %function
module_entry:
    push {r4, lr}
    movw r0, #:lower16:fw_state_object
    movt r0, #:upper16:fw_state_object
    movt r2, #:upper16:fw_state_object+0x7ff0
    movw r2, #:lower16:fw_state_object+0x7ff0
    movw r3, #:lower16:fw_function
    movt r3, #:upper16:fw_function
    movw r1, #:lower16:fw_state_object-4
    nop
    movt r1, #:upper16:fw_state_object-4
    movw r4, #:lower16:local
    movt r4, #:upper16:local
    bl fw_function
    bl fw_function
    pop {r4, lr}
    b.w fw_other
    .balign 4
    .word fw_state_object - .
    .word fw_function - . + 8
    .word fw_function + 4
    .data
local:
    .byte 1
    .word fw_function, fw_state_object + 1
    .word fw_state_object - .
    .byte 2
    .word local - ., fw_function
