/* SPDX-License-Identifier: BSD-2-Clause */
/* Veneers of code that counts on r9: mkmod --xip puts one in front of text for each
 * import that is called. Where the import's address is in data follows from the
 * instructions (ARMv7-M ARM, A7.7.3, A7.7.42, A7.7.174). */
#include "moddump.h"

/* A veneer: its size, and the distance of the import's word from what r9 holds. */
struct veneer {
    uint32_t size;
    uint32_t distance;
};

static uint32_t half(const struct module *m, uint32_t offset)
{
    return (uint32_t)module_byte(m, 0, offset) | (uint32_t)module_byte(m, 0, offset + 1)
                                                     << 8;
}

/* The constant of ADD.W and SUB.W, which is a multiple of 4,096 here. */
static uint32_t constant(uint32_t first, uint32_t second)
{
    uint32_t imm12 = (first >> 10 & 1) << 11 | (second >> 12 & 7) << 8 | (second & 0xff);
    uint32_t turn = imm12 >> 7;
    uint32_t byte = 0x80 | (imm12 & 0x7f);
    return turn < 8 ? 0 : byte << (32 - turn);
}

/* ldr.w pc, [r9, #n]; or of ip, which a weak import's veneer looks at first. Farther off,
 * add.w or sub.w ip, r9, #k in front. */
static bool decode_v7m(const struct module *m, uint32_t at, struct veneer *ret)
{
    uint32_t first = half(m, at), second = half(m, at + 2);
    uint32_t far = 0;
    ret->distance = 0;
    if (((first & 0xfbff) == 0xf109 || (first & 0xfbff) == 0xf1a9) &&
        (second & 0x8f00) == 0x0c00) {
        ret->distance = constant(first, second);
        ret->distance = (first & 0x20) != 0 ? 0u - ret->distance : ret->distance;
        far = 4;
        first = half(m, at + 4);
        second = half(m, at + 6);
    }
    uint32_t to = second >> 12;
    if (far == 0 && first == 0xf859 && (second & 0xf00) == 0xc00) {
        ret->distance = 0u - (second & 0xff);
    } else if (first == (far == 0 ? 0xf8d9 : 0xf8dc)) {
        ret->distance += second & 0xfff;
    } else {
        return false;
    }
    ret->size = far + (to == 12 ? 16 : 4);
    return to == 12 || to == 15;
}

/* push {r0, r1}; ldr r0, [pc, #n]; add r0, r9; …; .word distance */
static bool decode_v6m(const struct module *m, uint32_t at, struct veneer *ret)
{
    uint32_t load = half(m, at + 2);
    if (half(m, at) != 0xb403 || (load & 0xff00) != 0x4800 || half(m, at + 4) != 0x4448) {
        return false;
    }
    uint32_t word = ((at + 6) & ~3u) + 4 * (load & 0xff);
    ret->distance = half(m, word) | half(m, word + 2) << 16;
    ret->size = word + 4 - at;
    return true;
}

bool veneer_import(const struct module *m, uint32_t offset, uint32_t *ret_index)
{
    const struct modfmt_tag *base = module_tag(m, MODFMT_TAG_STATIC_BASE);
    uint32_t place = base != NULL ? modfmt_get32(base->value) : 0;
    struct veneer veneer = {0, 0};
    if ((place & MODFMT_PLACE_DATA) == 0) {
        return false;
    }
    for (uint32_t at = 0; at <= offset && at < m->prefix; at += veneer.size) {
        if (!decode_v7m(m, at, &veneer) && !decode_v6m(m, at, &veneer)) {
            return false;
        }
        if (offset - at >= veneer.size) {
            continue;
        }
        uint32_t word = (place & ~MODFMT_PLACE_DATA) + veneer.distance;
        for (size_t i = 0; i < m->fixup_count; i++) {
            const struct modfmt_fixup *f = &m->fixups[i];
            if (f->segment == 1 && f->place == word && f->relative == 0 &&
                f->target == MODFMT_TARGET_IMPORT) {
                *ret_index = f->import_index;
                return true;
            }
        }
    }
    return false;
}
