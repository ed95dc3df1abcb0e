/* SPDX-License-Identifier: BSD-2-Clause */
/* Branches are never stored as fix-ups, so each must survive the move by itself: its
 * target moves with it, or goes through a veneer of the linker's whose target does not
 * move. Arm ARM (ARMv7-M) A7.7.12 and A7.7.18 for the encodings. */
#include "cli.h"
#include "instruction.h"
#include "module.h"

static enum branch_kind decode_wide(uint32_t first, uint32_t second, uint32_t address,
                                    uint32_t *ret_target)
{
    uint32_t sign = first >> 10 & 1;
    uint32_t j1 = second >> 13 & 1;
    uint32_t j2 = second >> 11 & 1;
    uint32_t low = (first & 0x3ff) << 12 | (second & 0x7ff) << 1;
    uint32_t i1 = j1 ^ sign ^ 1;
    uint32_t i2 = j2 ^ sign ^ 1;
    uint32_t far = address + 4 + sign_extend(sign << 24 | i1 << 23 | i2 << 22 | low, 25);
    if (first == 0xf3af && second == 0x8000) {
        return BRANCH_NOP;
    }
    if ((first & 0xf800) != 0xf000 || (second & 0x8000) == 0) {
        return BRANCH_NONE;
    }
    switch (second & 0x5000) {
    case 0x5000:
        *ret_target = far;
        return BRANCH_BL;
    case 0x4000:
        *ret_target = far & ~3u;
        return BRANCH_BLX;
    case 0x1000:
        *ret_target = far;
        return BRANCH_B;
    default:
        if ((first >> 6 & 0xf) >= 0xe) {
            return BRANCH_NONE;
        }
        *ret_target = address + 4 +
                      sign_extend(sign << 20 | j2 << 19 | j1 << 18 |
                                      (first & 0x3f) << 12 | (second & 0x7ff) << 1,
                                  21);
        return BRANCH_B;
    }
}

enum branch_kind branch_decode(const uint8_t *bytes, uint32_t available, uint32_t address,
                               uint32_t *ret_target)
{
    uint32_t first = available >= 2 ? modfmt_get16(bytes) : 0;
    if ((first & 0xf800) == 0xe000) {
        *ret_target = address + 4 + sign_extend((first & 0x7ff) << 1, 12);
        return BRANCH_B;
    }
    if ((first & 0xf000) == 0xd000 && (first & 0xe00) != 0xe00) {
        *ret_target = address + 4 + sign_extend((first & 0xff) << 1, 9);
        return BRANCH_B;
    }
    if ((first & 0xf500) == 0xb100) {
        *ret_target = address + 4 + ((first >> 9 & 1) << 6 | (first >> 3 & 0x1f) << 1);
        return BRANCH_B;
    }
    return available >= 4
               ? decode_wide(first, modfmt_get16(bytes + 2), address, ret_target)
               : BRANCH_NONE;
}

/* What an instruction sequence at a branch's target is. */
enum veneer { VENEER_NONE, VENEER_ABSOLUTE, VENEER_RELATIVE, VENEER_ARM };

struct found_veneer {
    uint32_t place; /* of the address or distance in it */
    uint32_t target;
    uint8_t length;
};

/* MOVW ip, MOVT ip, then bx ip, or add ip, pc first. */
static enum veneer movw_veneer(const struct module *m, uint32_t address,
                               struct found_veneer *ret)
{
    const uint8_t *at = segments_bytes(m, address, 10);
    const uint8_t *longer = segments_bytes(m, address, 12);
    if (at == NULL) {
        return VENEER_NONE;
    }
    uint32_t low = modfmt_get32(at);
    uint32_t high = modfmt_get32(at + 4);
    if (!thumb_is_movw(low) || !thumb_is_movt(high) || thumb_mov_rd(low) != 12 ||
        thumb_mov_rd(high) != 12) {
        return VENEER_NONE;
    }
    ret->target = thumb_mov_imm(low) | thumb_mov_imm(high) << 16;
    ret->place = address;
    ret->length = 8;
    if (modfmt_get16(at + 8) == 0x4760) {
        return VENEER_ABSOLUTE;
    }
    if (longer != NULL && modfmt_get32(longer + 8) == 0x476044fc) {
        ret->target += address + 12;
        return VENEER_RELATIVE;
    }
    return VENEER_NONE;
}

/* The veneers of GNU ld 2.40 (elf32_arm_stub_*) and LLD 14 (Thunks.cpp) for M cores that
 * keep an address or a distance in a word. */
static const struct veneer_form {
    uint16_t code[6];
    uint8_t halves; /* of code that must match */
    uint8_t word;   /* offset of the address or distance */
    uint8_t base;   /* relative: what the distance counts from */
    uint8_t veneer;
} veneer_forms[] = {
    {{0xf85f, 0xf000}, 2, 4, 0, VENEER_ABSOLUTE},
    {{0xf8df, 0xf000}, 2, 4, 0, VENEER_ABSOLUTE},
    {{0xb401, 0x4802, 0x4684, 0xbc01, 0x4760}, 5, 12, 0, VENEER_ABSOLUTE},
    {{0xb403, 0x4801, 0x9001, 0xbd01}, 4, 8, 0, VENEER_ABSOLUTE},
    {{0xb401, 0x4802, 0x46fc, 0x4484, 0xbc01, 0x4760}, 6, 12, 8, VENEER_RELATIVE},
    {{0xb401, 0x4802, 0x4684, 0xbc01, 0x44e7}, 5, 12, 12, VENEER_RELATIVE},
    {{0x4778}, 1, 0, 0, VENEER_ARM},
};

static bool matches(const struct module *m, const struct veneer_form *form,
                    uint32_t address)
{
    const uint8_t *at = segments_bytes(m, address, form->word + 4u);
    for (uint32_t i = 0; at != NULL && i < form->halves; i++) {
        if (modfmt_get16(at + 2 * i) != form->code[i]) {
            return false;
        }
    }
    return at != NULL && address % 4 == 0;
}

static enum veneer find_veneer(const struct module *m, uint32_t address,
                               struct found_veneer *ret)
{
    enum veneer veneer = movw_veneer(m, address, ret);
    if (veneer != VENEER_NONE) {
        return veneer;
    }
    for (size_t i = 0; i < sizeof veneer_forms / sizeof veneer_forms[0]; i++) {
        const struct veneer_form *form = &veneer_forms[i];
        if (matches(m, form, address)) {
            ret->place = address + form->word;
            ret->length = 4;
            ret->target = modfmt_get32(segments_bytes(m, ret->place, 4));
            if (form->veneer == VENEER_RELATIVE) {
                ret->target += address + form->base;
            }
            return (enum veneer)form->veneer;
        }
    }
    return VENEER_NONE;
}

static void not_apart(struct module *m, const struct record *r)
{
    const struct section *s = &m->elf.sections[r->section];
    if (m->not_apart && m->reason_count >= REASONS_MAX && !m->options.xip) {
        m->reason_count++;
        return;
    }
    segments_not_apart(m, r->section, r->address,
                       "%s in %s+0x%x branches to '%s' in the other segment",
                       relocation_name(r->type), s->name,
                       (unsigned)(r->address - s->address), symbol_label(m, r->symbol));
}

/* The branch goes to code of the linker's own making. */
static void through_veneer(struct module *m, const struct record *r, enum veneer veneer,
                           const struct found_veneer *found)
{
    bool inside = segments_at(m, found->target & ~1u) != NO_SEGMENT;
    if (veneer == VENEER_ARM) {
        relocation_problem(m, r,
                           "the linker's veneer switches to ARM state, which no Cortex-M "
                           "has; mark the target as a Thumb function (.thumb_func)");
    } else if (veneer == VENEER_ABSOLUTE && inside) {
        m->veneer_words = cli_grow(m->veneer_words, &m->veneer_word_capacity,
                                   m->veneer_word_count + 1, sizeof *m->veneer_words);
        m->veneer_words[m->veneer_word_count++] =
            (struct veneer_word){r->address,    r->section,    r->symbol, found->place,
                                 found->target, found->length, r->type};
    } else if (veneer == VENEER_RELATIVE && !inside) {
        relocation_problem(
            m, r,
            "the linker's position-independent veneer holds the distance to "
            "0x%08x, which does not move with the module; link without "
            "--pic-veneer",
            (unsigned)found->target);
    } else if (inside && segments_at(m, found->target & ~1u) !=
                             m->elf.sections[r->section].segment) {
        not_apart(m, r);
    }
}

void branch_check_veneers(struct module *m)
{
    for (size_t i = 0; i < m->veneer_word_count; i++) {
        const struct veneer_word *w = &m->veneer_words[i];
        if (!segments_touched(m, w->place, w->length)) {
            struct record r = {w->branch, w->symbol, w->section, w->type};
            relocation_problem(
                m, &r,
                "the linker made a veneer at 0x%08x that holds the address "
                "0x%08x inside the module, with no relocation record; it would "
                "be wrong after the move. Link text and data closer together, "
                "or build with -mlong-calls",
                (unsigned)w->place, (unsigned)w->target);
        }
    }
}

static void check_absolute(struct module *m, const struct record *r, uint32_t target)
{
    struct found_veneer found;
    enum veneer veneer = find_veneer(m, target, &found);
    if (veneer != VENEER_NONE) {
        through_veneer(m, r, veneer, &found);
        return;
    }
    relocation_problem(
        m, r,
        "a PC-relative branch to an absolute symbol breaks when the module "
        "moves; call through a pointer or build with -mlong-calls");
}

static void check_defined(struct module *m, const struct record *r, uint32_t target)
{
    const struct symbol *symbol = &m->elf.symbols[r->symbol];
    unsigned from = m->elf.sections[r->section].segment;
    struct found_veneer found;
    if (target == (symbol->value & ~1u)) {
        if (symbol->home != from) {
            not_apart(m, r);
        }
        return;
    }
    enum veneer veneer = find_veneer(m, target, &found);
    if (veneer != VENEER_NONE) {
        through_veneer(m, r, veneer, &found);
    } else if (elffile_is_veneer(&m->elf, target)) {
        relocation_problem(
            m, r,
            "the branch goes through a veneer of the linker's at 0x%08x that "
            "mkmod does not know; build with -mlong-calls",
            (unsigned)target);
    }
    unsigned to = segments_at(m, target);
    if (to == NO_SEGMENT) {
        relocation_problem(m, r,
                           "the branch goes to 0x%08x, outside the module; the ELF is "
                           "corrupt",
                           (unsigned)target);
    } else if (to != from) {
        not_apart(m, r);
    }
}

void branch_check(struct module *m, const struct record *r)
{
    const struct symbol *symbol = &m->elf.symbols[r->symbol];
    const uint8_t *at = segments_bytes(m, r->address, 2);
    uint32_t available = segments_bytes(m, r->address, 4) != NULL ? 4 : 2;
    uint32_t target = 0;
    enum branch_kind kind =
        at != NULL ? branch_decode(at, available, r->address, &target) : BRANCH_NONE;
    if (kind == BRANCH_NONE) {
        relocation_problem(m, r, "there is no branch at the place; the ELF is corrupt");
    } else if (kind == BRANCH_BLX) {
        relocation_problem(
            m, r,
            "the branch switches to ARM state, which no Cortex-M has; mark "
            "its target as a Thumb function (.type name, %%function)");
    } else if (kind == BRANCH_NOP) {
        relocation_problem(m, r,
                           "there is a NOP where the branch should be; the ELF is "
                           "corrupt");
    } else if (symbol->home == HOME_ABSOLUTE) {
        check_absolute(m, r, target);
    } else {
        check_defined(m, r, target);
    }
}
