/* SPDX-License-Identifier: BSD-2-Clause */
/* Imports lie out of reach of a BL, so each call goes through a few instructions and a
 * word in front of text. The branch is encoded anew from its record: what the linker left
 * in the field (bl 0, bl .+4, blx) means nothing. */
#include "module.h"

#define BRANCH_REACH 0x1000000u /* 16 MB each way: BL T1, B.W T4 */

/* ARMv6-M and ARMv8-M Baseline have no wide LDR to pc. All registers are kept:
 *   push {r0, r1}; ldr r0, [pc, #4]; str r0, [sp, #4]; pop {r0, pc}; .word address */
static const uint16_t veneer_v6m[] = {0xb403, 0x4801, 0x9001, 0xbd01};
/*   ldr.w pc, [pc, #0]; .word address */
static const uint16_t veneer_v7m[] = {0xf8df, 0xf000};

void veneers_write(struct module *m)
{
    struct segment *text = &m->segment[0];
    bool v7m = (m->needs & MODFMT_NEED_V7M) != 0;
    const uint16_t *code = v7m ? veneer_v7m : veneer_v6m;
    uint32_t word = m->veneer_size - 4;
    for (uint32_t i = 0; i < m->import_count; i++) {
        if (!m->imports[i].branched) {
            continue;
        }
        for (uint32_t half = 0; half < word / 2; half++) {
            modfmt_put16(text->bytes + m->imports[i].veneer + 2 * half, code[half]);
        }
        struct modfmt_fixup fixup = {
            .place = m->imports[i].veneer + word,
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

void veneers_branch(struct module *m, uint32_t section, uint32_t address, uint32_t type,
                    const struct symbol *symbol)
{
    const struct section *s = &m->elf.sections[section];
    struct segment *segment = &m->segment[s->segment];
    uint32_t offset = address - segment->link;
    uint8_t *at = segment->bytes + offset;
    struct record record = {address, (uint32_t)(symbol - m->elf.symbols), section,
                            (uint8_t)type};
    uint32_t target = 0;
    enum branch_kind kind = branch_decode(at, 4, address, &target);
    if (kind != BRANCH_BL && kind != BRANCH_BLX && kind != BRANCH_B) {
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
    uint32_t distance = m->imports[symbol->import].veneer - (offset + 4);
    if (distance + BRANCH_REACH >= 2 * BRANCH_REACH) {
        relocation_problem(m, &record,
                           "the branch cannot reach its veneer at the start of the "
                           "module, 16 MB or more away; use -mlong-calls");
        return;
    }
    if (fixups_touch(m, section, address, 4)) {
        encode(at, distance, kind != BRANCH_B);
    }
}
