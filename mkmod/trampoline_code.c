/* SPDX-License-Identifier: BSD-2-Clause */
/* Each tail is entered with ip holding the address of what follows the head, and with all
 * else as the caller left it. All state goes onto the caller's stack, so interrupts,
 * tasks and recursion need no thought. r0 to r3 carry arguments on the way in and results
 * (vectors of 16 bytes: all four) on the way out; FPU registers are left alone. SP stays
 * a multiple of 8. */
#include "trampoline_code.h"

#include <stddef.h>

#include "modfmt.h"

#define LDR_PC_REACH 1020u /* ARMv6-M's, which is also enough for the others */
/* What an LDR reaches from ip, which is 4 bytes ahead of the head. */
#define V6M_DISTANCE (124u + TRAMPOLINE_HEAD_SIZE)
#define V7M_DISTANCE (4092u + TRAMPOLINE_HEAD_SIZE)

/* ---- ARMv7-M, ARMv8-M Mainline ----------------------------------------------------- */

static const uint16_t v7m_tail0[] = {
    0xe92d, 0x4200, /*    push  {r9, lr} */
    0xf8df, 0x9000, /*    ldr.w r9, literal */
    0xf8dc, 0xc000, /*    ldr.w ip, [ip, #distance] */
    0x47e0,         /*    blx   ip */
    0xe8bd, 0x8200, /*    pop   {r9, pc}: EXC_RETURN is fine in pc */
};

/* r3 is pushed to keep SP a multiple of 8, and not popped: it may hold a result. */
static const uint16_t v7m_tail8[] = {
    0xe92d, 0x4ff8, /*    push  {r3-r11, lr} */
    0xf10d, 0x0e28, /*    add   lr, sp, #40 */
    0xe89e, 0x0ff0, /*    ldmia lr, {r4-r11}: the caller's eight words of arguments */
    0xe92d, 0x0ff0, /*    push  {r4-r11} */
    0xf8df, 0x9000, /*    ldr.w r9, literal */
    0xf8dc, 0xc000, /*    ldr.w ip, [ip, #distance] */
    0x47e0,         /*    blx   ip */
    0xb009,         /*    add   sp, #36 */
    0xe8bd, 0x8ff0, /*    pop   {r4-r11, pc} */
};

/* ---- ARMv6-M, ARMv8-M Baseline ----------------------------------------------------- */

/* r4 keeps r9 over the call; r6 is there to keep SP a multiple of 8. */
static const uint16_t v6m_tail0[] = {
    0xb570, /*    push  {r4-r6, lr} */
    0x464c, /*    mov   r4, r9 */
    0x4d00, /*    ldr   r5, literal */
    0x46a9, /*    mov   r9, r5 */
    0x4665, /*    mov   r5, ip */
    0x682d, /*    ldr   r5, [r5, #distance] */
    0x47a8, /*    blx   r5 */
    0x46a1, /*    mov   r9, r4 */
    0xbd70, /*    pop   {r4-r6, pc} */
};

/* Words 4 to 7, then words 0 to 3: the first push has moved them to the same distance. */
static const uint16_t v6m_tail8[] = {
    0xb5f8, /*    push  {r3-r7, lr} */
    0xaf0a, /*    add   r7, sp, #40 */
    0xcff0, /*    ldmia r7, {r4-r7} */
    0xb4f0, /*    push  {r4-r7} */
    0xaf0a, /*    add   r7, sp, #40 */
    0xcff0, /*    ldmia r7, {r4-r7} */
    0xb4f0, /*    push  {r4-r7} */
    0x464c, /*    mov   r4, r9 */
    0x4d00, /*    ldr   r5, literal */
    0x46a9, /*    mov   r9, r5 */
    0x4665, /*    mov   r5, ip */
    0x682d, /*    ldr   r5, [r5, #distance] */
    0x47a8, /*    blx   r5 */
    0x46a1, /*    mov   r9, r4 */
    0xb009, /*    add   sp, #36 */
    0xbdf0, /*    pop   {r4-r7, pc} */
};

/* ---- all of them ------------------------------------------------------------------- */

const struct trampoline_tail *trampoline_tail(uint32_t needs, uint32_t arguments)
{
    /* By what they take along; the cheaper first. */
    static const struct trampoline_tail tails[2][2] = {
        {{v6m_tail0, sizeof v6m_tail0, 4, 10, V6M_DISTANCE, 0, 16},
         {v6m_tail8, sizeof v6m_tail8, 16, 22, V6M_DISTANCE, 32, 56}},
        {{v7m_tail0, sizeof v7m_tail0, 4, 8, V7M_DISTANCE, 0, 8},
         {v7m_tail8, sizeof v7m_tail8, 16, 20, V7M_DISTANCE, 32, 72}},
    };
    const struct trampoline_tail *list = tails[(needs & MODFMT_NEED_V7M) != 0];
    for (unsigned i = 0; i < 2; i++) {
        if (arguments <= list[i].arguments) {
            return &list[i];
        }
    }
    return NULL;
}

/* From the PC that the branch sees, modulo 2^32. */
static uint32_t branch_distance(uint32_t head, uint32_t to)
{
    return to - (head + 6);
}

bool trampoline_reaches(uint32_t head, uint32_t to)
{
    return branch_distance(head, to) + 2048 < 4096;
}

bool trampoline_put_head(uint8_t *at, uint32_t head, uint32_t to)
{
    modfmt_put16(at, 0x46fc); /* mov ip, pc: the address behind the head */
    modfmt_put16(at + 2, 0xe000u | (branch_distance(head, to) >> 1 & 0x7ff)); /* b.n to */
    return trampoline_reaches(head, to) && head % 4 == 0 && to % 2 == 0;
}

/* A 32-bit load's offset counts bytes and is in its second half-word; a 16-bit one's
 * counts words. */
static void put_offset(uint8_t *load, uint32_t offset, unsigned shift)
{
    uint8_t *at = modfmt_get16(load) >> 11 >= 0x1d ? load + 2 : load;
    modfmt_put16(at, modfmt_get16(at) | (at == load ? offset / 4 << shift : offset));
}

bool trampoline_put_tail(uint8_t *at, const struct trampoline_tail *tail, uint32_t place,
                         uint32_t literal, uint32_t distance)
{
    uint32_t ahead = literal - ((place + tail->load + 4) & ~3u);
    for (uint32_t i = 0; i < tail->size / 2; i++) {
        modfmt_put16(at + 2 * i, tail->code[i]);
    }
    if (ahead > LDR_PC_REACH || literal % 4 != 0 || distance % 4 != 0 ||
        distance - TRAMPOLINE_HEAD_SIZE > tail->distance - TRAMPOLINE_HEAD_SIZE) {
        return false;
    }
    put_offset(at + tail->load, ahead, 0);
    put_offset(at + tail->fetch, distance - TRAMPOLINE_HEAD_SIZE, 6);
    return true;
}
