/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Programs STM32F4 flash from RAM: runs at any address, on any ARMv7-M, with interrupts
 * off and no stack. The flash is unlocked, PG and PSIZE are set, SR is clear.
 *
 * f4_stub.h has it as bytes: after a change run tests/target/stub.py --write.
 *
 * Before the code lie its arguments, before those the data. They are written in this
 * order, so when `go` is there, everything is:
 *   -24  destination
 *   -20  bytes, a multiple of 4
 *   -16  bytes at once, 4 or 1, as PSIZE says
 *   -12  stay: when done, 0: BKPT; else wait for the next `go`
 *    -8  out: result, bytes that are left, and SR's error bits shifted by 16. It stops at
 *        the first error; the bytes left then count from the one that failed
 *    -4  go, which is taken back
 */
    .syntax unified
    .thumb
    .text
    .equ FLASH_SR, 0x0C
    .equ FLASH_SR_BSY, 0x10000
    .equ FLASH_SR_ERRORS, 0x1F2 /* RDERR PGSERR PGPERR PGAERR WRPERR OPERR */
    .equ IWDG_KR_RELOAD, 0xAAAA
    .equ STAY, 12
    .equ RESULT, 16
    .equ GO, 20
    .global _start
_start:
    adr     r0, _start
    subs    r0, #24
    ldr     r4, flash
    ldr     r7, watchdog
    movw    r8, #IWDG_KR_RELOAD
    movw    r9, #FLASH_SR_ERRORS
wait:
    str     r8, [r7]            /* does nothing where the watchdog was not started */
    ldr     r5, [r0, #GO]
    cmp     r5, #0
    beq     wait
    movs    r5, #0
    str     r5, [r0, #GO]
    ldmia   r0, {r1, r2, r6}
    subs    r3, r0, r2
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
    str     r8, [r7]
busy:
    ldr     r5, [r4, #FLASH_SR]
    tst     r5, #FLASH_SR_BSY
    bne     busy
    ands    r5, r5, r9
    bne     done
    add     r1, r1, r6
    add     r3, r3, r6
    subs    r2, r2, r6
    b       next
done:
    orr     r5, r2, r5, lsl #16
    str     r5, [r0, #RESULT]
    ldr     r5, [r0, #STAY]
    cmp     r5, #0
    bne     wait
    bkpt    #0
    .align  2
flash:
    .word   0x40023C00          /* FLASH_ACR, the controller's first register */
watchdog:
    .word   0x40003000          /* IWDG_KR */
