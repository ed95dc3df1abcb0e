/* SPDX-License-Identifier: BSD-2-Clause */
/* Imports lie out of reach of a BL, so each call goes through a few instructions in front
 * of text, and a word there or, with --xip, in front of data. The branch is encoded anew
 * from its record: what the linker left in the field (bl 0, bl .+4, blx) means nothing.
 */
#include "module.h"

#define BRANCH_REACH   0x1000000u /* 16 MB each way: BL T1, B.W T4 */
#define RELOC_THM_CALL 10u

/* The most half-words that a veneer has, its word not counted. */
#define HALVES_MAX 12u

struct veneer {
    uint8_t halves; /* of code; a word may follow */
    uint16_t code[HALVES_MAX];
};

/* ---- with a word in text that the loader fixes --------------------------------------
 */

/* ARMv6-M and ARMv8-M Baseline have no wide LDR to pc. All registers are kept:
 *   push {r0, r1}; ldr r0, [pc, #4]; str r0, [sp, #4]; pop {r0, pc}; .word address */
static const struct veneer veneer_v6m = {4, {0xb403, 0x4801, 0x9001, 0xbd01}};
/*   ldr.w pc, [pc, #0]; .word address */
static const struct veneer veneer_v7m = {2, {0xf8df, 0xf000}};

/* To a weak import, for which the word may stay 0: then the call does nothing, as the NOP
 * does that GNU ld makes of it.
 *   push {r0, r1}; ldr r0, [pc, #12]; cmp r0, #0; beq 1f; str r0, [sp, #4]; pop {r0, pc}
 *   1: pop {r0, r1}; bx lr; .word address */
static const struct veneer weak_v6m = {
    8, {0xb403, 0x4803, 0x2800, 0xd001, 0x9001, 0xbd01, 0xbc03, 0x4770}};
/* A callee may change ip and the flags (AAPCS32, 6.1.1).
 *   ldr.w ip, [pc, #12]; cmp.w ip, #0; it eq; moveq ip, lr; bx ip; nop; .word address */
static const struct veneer weak_v7m = {
    8, {0xf8df, 0xc00c, 0xf1bc, 0x0f00, 0xbf08, 0x46f4, 0x4760, 0xbf00}};

static const struct veneer *veneer_of(const struct module *m, const struct import *import)
{
    if ((m->needs & MODFMT_NEED_V7M) != 0) {
        return import->weak ? &weak_v7m : &veneer_v7m;
    }
    return import->weak ? &weak_v6m : &veneer_v6m;
}

/* ---- --xip: the word is in data, at a distance from r9 -------------------------------
 */

/* The distance from r9 follows as a word, which nobody need fix. As above, but for
 *   ldr r0, [pc, #n]; add r0, r9; ldr r0, [r0] */
static const struct veneer base_v6m = {6,
                                       {0xb403, 0x4802, 0x4448, 0x6800, 0x9001, 0xbd01}};
static const struct veneer base_weak_v6m = {
    10, {0xb403, 0x4804, 0x4448, 0x6800, 0x2800, 0xd001, 0x9001, 0xbd01, 0xbc03, 0x4770}};
/* What follows `ldr.w ip, …` for a weak import. */
static const uint16_t weak_jump[] = {0xf1bc, 0x0f00, 0xbf08, 0x46f4, 0x4760, 0xbf00};

/* Where the import's word is, from r9. */
static uint32_t distance_of(const struct module *m, const struct import *import,
                            uint32_t base)
{
    const struct segment *data = &m->segment[HOME_DATA];
    if (import->slot != NO_SLOT) {
        return import->slot;
    }
    return data->first - (data->first % 4) - 4 * (m->words - import->word) - base;
}

/* One LDR reaches 255 bytes back and 4,095 ahead of its register. */
static bool is_near(uint32_t distance)
{
    return distance + 255 <= 255 + 4095;
}

/* An immediate of ADD and SUB, `pages` times 4,096, split as both half-words have it. */
static void put_pages(uint16_t *code, uint32_t pages)
{
    uint32_t shift = 0;
    while ((pages << shift & 0x80) == 0) {
        shift++;
    }
    uint32_t imm12 = (20 + shift) << 7 | (pages << shift & 0x7f);
    code[0] |= (uint16_t)(imm12 >> 11 << 10);
    code[1] |= (uint16_t)((imm12 >> 8 & 7) << 12 | (imm12 & 0xff));
}

/* LDR to pc, or to ip if the import is weak. False: out of reach of two instructions. */
static bool load_by_r9(struct veneer *v, uint32_t distance, bool far, bool weak)
{
    uint32_t to = weak ? 0xc000 : 0xf000;
    uint32_t back = 0u - distance;
    v->halves = 2;
    if (!far && distance <= 4095) {
        v->code[0] = 0xf8d9;
        v->code[1] = (uint16_t)(to | distance);
        return true;
    }
    if (!far) {
        v->code[0] = 0xf859;
        v->code[1] = (uint16_t)(to | 0xc00 | (back & 0xff));
        return is_near(distance);
    }
    bool ahead = distance < 0x80000000u;
    uint32_t pages = ahead ? distance >> 12 : (back + 4095) >> 12;
    v->halves = 4;
    v->code[0] = ahead ? 0xf109 : 0xf1a9; /* add.w ip, r9, …; sub.w ip, r9, … */
    v->code[1] = 0x0c00;
    v->code[2] = 0xf8dc; /* ldr.w …, [ip, …] */
    v->code[3] = (uint16_t)(to | (distance & 0xfff));
    if (pages == 0 || pages > 255) {
        return false;
    }
    put_pages(v->code, pages);
    return true;
}

/* The veneer of an import whose word is `distance` from r9. */
static bool by_r9(const struct module *m, const struct import *import, uint32_t distance,
                  struct veneer *ret)
{
    if ((m->needs & MODFMT_NEED_V7M) == 0) {
        *ret = import->weak ? base_weak_v6m : base_v6m;
        return true;
    }
    bool reached = load_by_r9(ret, distance, import->far, import->weak);
    for (uint32_t i = 0; import->weak && i < sizeof weak_jump / sizeof *weak_jump; i++) {
        ret->code[ret->halves++] = weak_jump[i];
    }
    return reached;
}

static uint32_t bytes_of(const struct module *m, const struct veneer *veneer)
{
    bool word = !m->options.xip || (m->needs & MODFMT_NEED_V7M) == 0;
    return 2u * veneer->halves + (word ? 4 : 0);
}

/* ---- where they are ------------------------------------------------------------------
 */

void veneers_plan(struct module *m)
{
    for (uint32_t i = 0; i < m->import_count; i++) {
        struct import *import = &m->imports[i];
        struct veneer veneer = {0, {0}};
        if (!import->branched) {
            continue;
        }
        if (m->options.xip) {
            uint32_t distance = distance_of(m, import, m->planned_base);
            import->far = !is_near(distance);
            (void)by_r9(m, import, distance, &veneer);
        } else {
            veneer = *veneer_of(m, import);
        }
        import->veneer = m->veneer_bytes;
        m->veneer_bytes += bytes_of(m, &veneer);
        m->veneer_count++;
    }
}

static void put_code(struct module *m, const struct import *import,
                     const struct veneer *veneer)
{
    uint8_t *at = m->segment[HOME_TEXT].bytes + import->veneer;
    for (uint32_t half = 0; half < veneer->halves; half++) {
        modfmt_put16(at + 2 * half, veneer->code[half]);
    }
}

static void add_word(struct module *m, uint32_t index, uint8_t segment, uint32_t place)
{
    struct modfmt_fixup fixup = {
        .place = place,
        .import_index = (uint16_t)index,
        .segment = segment,
        .target = MODFMT_TARGET_IMPORT,
        .kind = MODFMT_KIND_WORD,
    };
    fixups_add(m, &fixup);
}

static void write_by_r9(struct module *m, uint32_t index)
{
    const struct import *import = &m->imports[index];
    const struct segment *data = &m->segment[HOME_DATA];
    struct veneer veneer = {0, {0}};
    uint32_t distance = distance_of(m, import, m->static_base);
    if (!by_r9(m, import, distance, &veneer)) {
        problem_error(m, import->section, import->address,
                      "the word of the import '%s' would be out of reach, 0x%x from what "
                      "r9 holds; in the linker script, put .got first in data",
                      import->name, (unsigned)distance);
        return;
    }
    put_code(m, import, &veneer);
    if ((m->needs & MODFMT_NEED_V7M) == 0) {
        modfmt_put32(m->segment[HOME_TEXT].bytes + import->veneer + 2u * veneer.halves,
                     distance);
    }
    if (import->slot == NO_SLOT) {
        add_word(m, index, HOME_DATA, distance + m->static_base - data->link);
    }
}

void veneers_write(struct module *m)
{
    for (uint32_t i = 0; i < m->import_count; i++) {
        const struct import *import = &m->imports[i];
        const struct veneer *veneer = veneer_of(m, import);
        if (import->branched && m->options.xip) {
            write_by_r9(m, i);
        } else if (import->branched) {
            put_code(m, import, veneer);
            add_word(m, i, HOME_TEXT, import->veneer + 2u * veneer->halves);
        }
    }
}

/* Encode BL (link) or B.W with an offset that is in reach. */
static void encode(uint8_t *at, uint32_t offset, bool link)
{
    uint32_t sign = offset >> 24 & 1;
    uint32_t j1 = ((offset >> 23 & 1) ^ sign) ^ 1;
    uint32_t j2 = ((offset >> 22 & 1) ^ sign) ^ 1;
    modfmt_put16(at, 0xf000u | sign << 10 | (offset >> 12 & 0x3ff));
    modfmt_put16(at + 2, (link ? 0xd000u : 0x9000u) | j1 << 13 | j2 << 11 |
                             (offset >> 1 & 0x7ff));
}

/* Is what the linker left at the place a branch of four bytes, or, where the symbol is
 * weak, the NOP that GNU ld made of it (on ARMv6-M `b .+4; nop`)? Sets whether it is a
 * call. */
static bool is_branch(const struct import *import, const uint8_t *at, uint32_t address,
                      uint32_t type, bool *ret_link)
{
    uint32_t target = 0;
    enum branch_kind kind = branch_decode(at, 4, address, &target);
    bool narrow = modfmt_get16(at) < 0xe800;
    if (kind == BRANCH_NOP || narrow) {
        *ret_link = type == RELOC_THM_CALL;
        return import->weak && (!narrow || modfmt_get32(at) == 0xbf00e000);
    }
    *ret_link = kind != BRANCH_B;
    return kind == BRANCH_BL || kind == BRANCH_BLX || kind == BRANCH_B;
}

void veneers_branch(struct module *m, uint32_t section, uint32_t address, uint32_t type,
                    const struct symbol *symbol)
{
    const struct section *s = &m->elf.sections[section];
    struct segment *segment = &m->segment[s->segment];
    uint32_t offset = address - segment->link;
    uint8_t *at = segment->bytes + offset;
    struct record record = {address, (uint32_t)(symbol - m->elf.symbols), section,
                            (uint8_t)type};
    const struct import *import = &m->imports[symbol->import];
    bool link = false;
    if (!is_branch(import, at, address, type, &link)) {
        relocation_problem(m, &record,
                           "there is no BL, BLX or B.W at the place; the ELF is "
                           "corrupt");
        return;
    }
    if (s->segment == HOME_DATA) {
        segments_not_apart(m, section, address,
                           "%s in %s+0x%x branches to the import '%s' through text",
                           relocation_name(type), s->name,
                           (unsigned)(address - s->address), symbol->name);
        offset += m->segment[0].mem;
    }
    uint32_t distance = import->veneer - (offset + 4);
    if (distance + BRANCH_REACH >= 2 * BRANCH_REACH) {
        relocation_problem(m, &record,
                           "the branch cannot reach its veneer at the start of the "
                           "module, 16 MB or more away; use -mlong-calls");
        return;
    }
    if (fixups_touch(m, section, address, 4)) {
        encode(at, distance, link);
    }
}
