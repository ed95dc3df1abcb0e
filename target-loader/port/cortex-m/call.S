/* SPDX-License-Identifier: BSD-2-Clause */
/* int modload_cortex_m_call(uint32_t function, void *param, uint32_t static_base) */
        .syntax unified
        .thumb

        .section .text.modload_cortex_m_call, "ax", %progbits
        .global modload_cortex_m_call
        .type modload_cortex_m_call, %function
        .thumb_func
modload_cortex_m_call:
        @ For debuggers, whose backtraces go through here.
        .cfi_sections .debug_frame
        .cfi_startproc
        @ ARMv6-M cannot push r9, and the callee keeps r4 for us (AAPCS).
        push    {r4, lr}
        .cfi_def_cfa_offset 8
        .cfi_offset r4, -8
        .cfi_offset lr, -4
        mov     r4, r9
        mov     r9, r2
        mov     r3, r0
        mov     r0, r1
        blx     r3
        mov     r9, r4
        pop     {r4, pc}
        .cfi_endproc
        .size modload_cortex_m_call, . - modload_cortex_m_call
