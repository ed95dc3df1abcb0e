/* SPDX-License-Identifier: BSD-2-Clause */
/* Objects so spread that some MOVW/MOVT value carries at every load address. */
/* oracle: cores=m4,m33 run=no loads=6 */
    .syntax unified
    .thumb
    .section .text.movw, "ax"
    .global module_entry
    .thumb_func
    .type module_entry, %function
module_entry:
    .macro pair symbol
    movw r2, #:lower16:\symbol
    movt r2, #:upper16:\symbol
    .endm
    .macro apart symbol
    movt r3, #:upper16:\symbol
    movw r3, #:lower16:\symbol
    .endm
    .irp n, 0, 4, 16, 0x7ff0, 0x7ffc
    pair first+\n
    pair third+\n
    pair third-\n
    apart second+\n
    apart second-\n
    apart module_entry+\n
    .endr
    pair second-0x8000
    apart third-0x8000
    pair module_entry
    pair end_of_all
    pair end_of_all-2
    movs r0, #0
    bx lr
    .section .rodata.first, "a"
    .balign 4
first:
    .word first, second, third, end_of_all
    .space 0x5ff0
    .data
    .balign 4
second:
    .word first, second, third, end_of_all
    .space 0x8ff0
    .word second+0x8000
    .bss
    .balign 4
third:
    .space 0x13000
end_of_all:
