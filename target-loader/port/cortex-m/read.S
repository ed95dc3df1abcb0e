/* SPDX-License-Identifier: BSD-2-Clause */
/* int modload_cortex_m_read(struct modfmt_flash *flash, uint32_t offset, void *bytes,
 *                           uint32_t size) */
        .syntax unified
        .thumb

        .section .text.modload_cortex_m_read, "ax", %progbits
        .global modload_cortex_m_read
        .type modload_cortex_m_read, %function
        .thumb_func
modload_cortex_m_read:
        @ The first member is the base.
        ldr     r0, [r0]
        adds    r0, r0, r1
        b       2f
1:
        @ The one instruction that may fault: read.c knows it by its address.
        .global modload_cortex_m_read_load_
modload_cortex_m_read_load_:
        ldrb    r1, [r0]
        strb    r1, [r2]
        adds    r0, r0, #1
        adds    r2, r2, #1
        subs    r3, r3, #1
2:
        cmp     r3, #0
        bne     1b
        movs    r0, #0
        bx      lr
        .global modload_cortex_m_read_failed_
modload_cortex_m_read_failed_:
        movs    r0, #0
        subs    r0, r0, #1
        bx      lr
        .size modload_cortex_m_read, . - modload_cortex_m_read
