/* SPDX-License-Identifier: BSD-2-Clause */
/* Instructions of ARMv6-M only. */
        .syntax unified
        .thumb
        .text

/* void border_call(uint32_t function, struct crossing *crossing) */
        .global border_call
        .type border_call, %function
        .thumb_func
border_call:
        push    {r4-r7, lr}
        mov     r4, r8
        mov     r5, r9
        mov     r6, r10
        mov     r7, r11
        push    {r4-r7}
        push    {r0-r2}         @ r2: so that sp is a multiple of 8
        mov     r2, r1
        adds    r2, #32         @ words 4 to 7 of stack[], then 0 to 3
        ldmia   r2!, {r4-r7}
        push    {r4-r7}
        subs    r2, #32
        ldmia   r2!, {r4-r7}
        push    {r4-r7}
        mov     r3, sp
        str     r3, [r1, #96]
        mov     r2, r1
        adds    r2, #80
        ldmia   r2!, {r4-r7}
        mov     r8, r4
        mov     r9, r5
        mov     r10, r6
        mov     r11, r7
        subs    r2, #32
        ldmia   r2!, {r4-r7}
        mov     ip, r0
        mov     r2, r1
        ldr     r0, [r2, #0]
        ldr     r1, [r2, #4]
        ldr     r3, [r2, #12]
        ldr     r2, [r2, #8]
        blx     ip
        push    {r0-r3}
        ldr     r0, [sp, #52]   @ crossing: behind r0 to r3, eight words, function
        mov     r1, sp
        adds    r1, #16
        str     r1, [r0, #100]
        mov     r1, r0
        adds    r1, #64
        stmia   r1!, {r4-r7}
        mov     r4, r8
        mov     r5, r9
        mov     r6, r10
        mov     r7, r11
        stmia   r1!, {r4-r7}
        subs    r1, #48
        pop     {r4-r7}
        stmia   r1!, {r4-r7}
        add     sp, #44
        pop     {r4-r7}
        mov     r8, r4
        mov     r9, r5
        mov     r10, r6
        mov     r11, r7
        pop     {r4-r7, pc}
        .size border_call, . - border_call

/* void border_repeat(uint32_t function, uint32_t count, uint32_t base) */
        .global border_repeat
        .type border_repeat, %function
        .thumb_func
border_repeat:
        push    {r4-r6, lr}
        mov     r6, r9
        mov     r9, r2
        sub     sp, #32         @ as many arguments as a trampoline may look for
        movs    r4, r0
        movs    r5, r1
1:      blx     r4
        subs    r5, #1
        bne     1b
        add     sp, #32
        mov     r9, r6
        pop     {r4-r6, pc}
        .size border_repeat, . - border_repeat

/* void border_idle(uint32_t count) */
        .global border_idle
        .type border_idle, %function
        .thumb_func
border_idle:
1:      subs    r0, #1
        bne     1b
        bx      lr
        .size border_idle, . - border_idle
