/* SPDX-License-Identifier: BSD-2-Clause */
/* Imports lie out of reach of a BL, so each call goes through a few instructions and a
 * word in front of text. The branch is encoded anew from its record: what the linker left
 * in the field (bl 0, bl .+4, blx) means nothing. */
#include "module.h"

#define BRANCH_REACH   0x1000000u /* 16 MB each way: BL T1, B.W T4 */
#define RELOC_THM_CALL 10u

struct veneer {
    uint8_t halves; /* of code; the import's word follows */
    uint16_t code[10];
};

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

void veneers_plan(struct module *m)
{
    for (uint32_t i = 0; i < m->import_count; i++) {
        struct import *import = &m->imports[i];
        if (import->branched) {
            import->veneer = m->veneer_bytes;
            m->veneer_bytes += 2u * veneer_of(m, import)->halves + 4;
            m->veneer_count++;
        }
    }
}

void veneers_write(struct module *m)
{
    for (uint32_t i = 0; i < m->import_count; i++) {
        const struct import *import = &m->imports[i];
        const struct veneer *veneer = veneer_of(m, import);
        if (!import->branched) {
            continue;
        }
        for (uint32_t half = 0; half < veneer->halves; half++) {
            modfmt_put16(m->segment[0].bytes + import->veneer + 2 * half,
                         veneer->code[half]);
        }
        struct modfmt_fixup fixup = {
            .place = import->veneer + 2u * veneer->halves,
            .import_index = (uint16_t)i,
            .target = MODFMT_TARGET_IMPORT,
            .kind = MODFMT_KIND_WORD,
        };
        fixups_add(m, &fixup);
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
        segments_not_apart(m, "%s in %s+0x%x branches to the import '%s' through text",
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
