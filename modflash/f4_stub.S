/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Programs STM32F4 flash from RAM: runs at any address, on any ARMv7-M, with interrupts
 * off and no stack. The flash is unlocked, PG and PSIZE are set, SR is clear.
 *
 * f4_stub.h has it as bytes: after a change run tests/target/stub.py --write.
 *
 * Arguments, 16 bytes behind the code; then the data:
 *   0  destination       4  bytes left       8  bytes at once, 4 or 1, as PSIZE says
 *  12  out: SR after the last one
 * It stops at the first error; "bytes left" then counts from the one that failed.
 */
    .syntax unified
    .thumb
    .text
    .equ FLASH_SR, 0x0C
    .equ FLASH_SR_BSY, 0x10000
    .equ FLASH_SR_ERRORS, 0x1F2 /* RDERR PGSERR PGPERR PGAERR WRPERR OPERR */
    .equ IWDG_KR_RELOAD, 0xAAAA
    .global _start
_start:
    adr     r0, arguments
    ldmia   r0, {r1, r2, r6}
    add     r3, r0, #16
    ldr     r4, flash
    ldr     r7, watchdog
    movw    r8, #IWDG_KR_RELOAD
    movw    r9, #FLASH_SR_ERRORS
    movs    r5, #0
next:
    cmp     r2, #0
    beq     done
    cmp     r6, #4
    ite     eq
    ldreq   r5, [r3]
    ldrbne  r5, [r3]
    ite     eq
    streq   r5, [r1]
    strbne  r5, [r1]
    dsb
    str     r8, [r7]            /* does nothing where the watchdog was not started */
busy:
    ldr     r5, [r4, #FLASH_SR]
    tst     r5, #FLASH_SR_BSY
    bne     busy
    tst     r5, r9
    bne     done
    add     r1, r1, r6
    add     r3, r3, r6
    subs    r2, r2, r6
    b       next
done:
    str     r2, [r0, #4]
    str     r5, [r0, #12]
    bkpt    #0
    .align  2
flash:
    .word   0x40023C00          /* FLASH_ACR, the controller's first register */
watchdog:
    .word   0x40003000          /* IWDG_KR */
arguments:
