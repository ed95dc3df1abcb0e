/* SPDX-License-Identifier: BSD-2-Clause */
/* Which record means what: ARM IHI 0044, 4.6. After a final link the field holds S + A
 * already and the place is an address, so what a record tells is only how the value
 * moves: with the symbol's segment, with the place, with both, or not at all. */
#include <elf.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "cli.h"
#include "module.h"

enum sort {
    SORT_UNKNOWN = 0,
    SORT_NONE,    /* says nothing about bytes */
    SORT_ABS,     /* word: S + A */
    SORT_TARGET1, /* word: S + A, or S + A - P by --target1-rel */
    SORT_TARGET2, /* word: S + A - P, S + A or GOT(S) - P, by --target2 */
    SORT_REL,     /* word: S + A - P */
    SORT_PREL31,
    SORT_CALL,    /* BL or B.W */
    SORT_BRANCH,  /* shorter ones */
    SORT_LITERAL, /* PC-relative LDR and ADR */
    SORT_MOVW,
    SORT_MOVT,
    SORT_MOVW_PC,
    SORT_MOVT_PC,
    SORT_SB_WORD,
    SORT_SB_MOVW,
    SORT_SB_MOVT,
    SORT_GOT_BREL,
    SORT_GOT_PREL,
    SORT_BASE_PREL,
    SORT_GOTOFF,
    SORT_SMALL, /* absolute values in less than a word */
    SORT_TLS,
    SORT_ARM, /* ARM state */
    SORT_DYNAMIC,
    SORT_REFUSED,
};

static const struct {
    const char *name;
    uint8_t sort;
    uint8_t width; /* bytes of the place */
} types[256] = {
    [0] = {"R_ARM_NONE", SORT_NONE, 0},
    [1] = {"R_ARM_PC24", SORT_ARM, 4},
    [2] = {"R_ARM_ABS32", SORT_ABS, 4},
    [3] = {"R_ARM_REL32", SORT_REL, 4},
    [4] = {"R_ARM_LDR_PC_G0", SORT_ARM, 4},
    [5] = {"R_ARM_ABS16", SORT_SMALL, 2},
    [6] = {"R_ARM_ABS12", SORT_SMALL, 4},
    [7] = {"R_ARM_THM_ABS5", SORT_SMALL, 2},
    [8] = {"R_ARM_ABS8", SORT_SMALL, 1},
    [9] = {"R_ARM_SBREL32", SORT_SB_WORD, 4},
    [10] = {"R_ARM_THM_CALL", SORT_CALL, 4},
    [11] = {"R_ARM_THM_PC8", SORT_LITERAL, 2},
    [12] = {"R_ARM_BREL_ADJ", SORT_REFUSED, 4},
    [13] = {"R_ARM_TLS_DESC", SORT_TLS, 4},
    [14] = {"R_ARM_THM_SWI8", SORT_REFUSED, 2},
    [15] = {"R_ARM_XPC25", SORT_ARM, 4},
    [16] = {"R_ARM_THM_XPC22", SORT_REFUSED, 4},
    [17] = {"R_ARM_TLS_DTPMOD32", SORT_TLS, 4},
    [18] = {"R_ARM_TLS_DTPOFF32", SORT_TLS, 4},
    [19] = {"R_ARM_TLS_TPOFF32", SORT_TLS, 4},
    [20] = {"R_ARM_COPY", SORT_DYNAMIC, 4},
    [21] = {"R_ARM_GLOB_DAT", SORT_DYNAMIC, 4},
    [22] = {"R_ARM_JUMP_SLOT", SORT_DYNAMIC, 4},
    [23] = {"R_ARM_RELATIVE", SORT_DYNAMIC, 4},
    [24] = {"R_ARM_GOTOFF32", SORT_GOTOFF, 4},
    [25] = {"R_ARM_BASE_PREL", SORT_BASE_PREL, 4},
    [26] = {"R_ARM_GOT_BREL", SORT_GOT_BREL, 4},
    [27] = {"R_ARM_PLT32", SORT_ARM, 4},
    [28] = {"R_ARM_CALL", SORT_ARM, 4},
    [29] = {"R_ARM_JUMP24", SORT_ARM, 4},
    [30] = {"R_ARM_THM_JUMP24", SORT_CALL, 4},
    [31] = {"R_ARM_BASE_ABS", SORT_REFUSED, 4},
    [32] = {"R_ARM_ALU_PCREL_7_0", SORT_ARM, 4},
    [33] = {"R_ARM_ALU_PCREL_15_8", SORT_ARM, 4},
    [34] = {"R_ARM_ALU_PCREL_23_15", SORT_ARM, 4},
    [35] = {"R_ARM_LDR_SBREL_11_0_NC", SORT_ARM, 4},
    [36] = {"R_ARM_ALU_SBREL_19_12_NC", SORT_ARM, 4},
    [37] = {"R_ARM_ALU_SBREL_27_20_CK", SORT_ARM, 4},
    [38] = {"R_ARM_TARGET1", SORT_TARGET1, 4},
    [39] = {"R_ARM_SBREL31", SORT_REFUSED, 4},
    [40] = {"R_ARM_V4BX", SORT_NONE, 0},
    [41] = {"R_ARM_TARGET2", SORT_TARGET2, 4},
    [42] = {"R_ARM_PREL31", SORT_PREL31, 0},
    [43] = {"R_ARM_MOVW_ABS_NC", SORT_ARM, 4},
    [44] = {"R_ARM_MOVT_ABS", SORT_ARM, 4},
    [45] = {"R_ARM_MOVW_PREL_NC", SORT_ARM, 4},
    [46] = {"R_ARM_MOVT_PREL", SORT_ARM, 4},
    [47] = {"R_ARM_THM_MOVW_ABS_NC", SORT_MOVW, 4},
    [48] = {"R_ARM_THM_MOVT_ABS", SORT_MOVT, 4},
    [49] = {"R_ARM_THM_MOVW_PREL_NC", SORT_MOVW_PC, 4},
    [50] = {"R_ARM_THM_MOVT_PREL", SORT_MOVT_PC, 4},
    [51] = {"R_ARM_THM_JUMP19", SORT_BRANCH, 4},
    [52] = {"R_ARM_THM_JUMP6", SORT_BRANCH, 2},
    [53] = {"R_ARM_THM_ALU_PREL_11_0", SORT_LITERAL, 4},
    [54] = {"R_ARM_THM_PC12", SORT_LITERAL, 4},
    [55] = {"R_ARM_ABS32_NOI", SORT_ABS, 4},
    [56] = {"R_ARM_REL32_NOI", SORT_REL, 4},
    [57] = {"R_ARM_ALU_PC_G0_NC", SORT_ARM, 4},
    [58] = {"R_ARM_ALU_PC_G0", SORT_ARM, 4},
    [59] = {"R_ARM_ALU_PC_G1_NC", SORT_ARM, 4},
    [60] = {"R_ARM_ALU_PC_G1", SORT_ARM, 4},
    [61] = {"R_ARM_ALU_PC_G2", SORT_ARM, 4},
    [62] = {"R_ARM_LDR_PC_G1", SORT_ARM, 4},
    [63] = {"R_ARM_LDR_PC_G2", SORT_ARM, 4},
    [64] = {"R_ARM_LDRS_PC_G0", SORT_ARM, 4},
    [65] = {"R_ARM_LDRS_PC_G1", SORT_ARM, 4},
    [66] = {"R_ARM_LDRS_PC_G2", SORT_ARM, 4},
    [67] = {"R_ARM_LDC_PC_G0", SORT_ARM, 4},
    [68] = {"R_ARM_LDC_PC_G1", SORT_ARM, 4},
    [69] = {"R_ARM_LDC_PC_G2", SORT_ARM, 4},
    [70] = {"R_ARM_ALU_SB_G0_NC", SORT_ARM, 4},
    [71] = {"R_ARM_ALU_SB_G0", SORT_ARM, 4},
    [72] = {"R_ARM_ALU_SB_G1_NC", SORT_ARM, 4},
    [73] = {"R_ARM_ALU_SB_G1", SORT_ARM, 4},
    [74] = {"R_ARM_ALU_SB_G2", SORT_ARM, 4},
    [75] = {"R_ARM_LDR_SB_G0", SORT_ARM, 4},
    [76] = {"R_ARM_LDR_SB_G1", SORT_ARM, 4},
    [77] = {"R_ARM_LDR_SB_G2", SORT_ARM, 4},
    [78] = {"R_ARM_LDRS_SB_G0", SORT_ARM, 4},
    [79] = {"R_ARM_LDRS_SB_G1", SORT_ARM, 4},
    [80] = {"R_ARM_LDRS_SB_G2", SORT_ARM, 4},
    [81] = {"R_ARM_LDC_SB_G0", SORT_ARM, 4},
    [82] = {"R_ARM_LDC_SB_G1", SORT_ARM, 4},
    [83] = {"R_ARM_LDC_SB_G2", SORT_ARM, 4},
    [84] = {"R_ARM_MOVW_BREL_NC", SORT_ARM, 4},
    [85] = {"R_ARM_MOVT_BREL", SORT_ARM, 4},
    [86] = {"R_ARM_MOVW_BREL", SORT_ARM, 4},
    [87] = {"R_ARM_THM_MOVW_BREL_NC", SORT_SB_MOVW, 4},
    [88] = {"R_ARM_THM_MOVT_BREL", SORT_SB_MOVT, 4},
    [89] = {"R_ARM_THM_MOVW_BREL", SORT_SB_MOVW, 4},
    [90] = {"R_ARM_TLS_GOTDESC", SORT_TLS, 4},
    [91] = {"R_ARM_TLS_CALL", SORT_TLS, 4},
    [92] = {"R_ARM_TLS_DESCSEQ", SORT_TLS, 4},
    [93] = {"R_ARM_THM_TLS_CALL", SORT_TLS, 4},
    [94] = {"R_ARM_PLT32_ABS", SORT_DYNAMIC, 4},
    [95] = {"R_ARM_GOT_ABS", SORT_REFUSED, 4},
    [96] = {"R_ARM_GOT_PREL", SORT_GOT_PREL, 4},
    [97] = {"R_ARM_GOT_BREL12", SORT_ARM, 4},
    [98] = {"R_ARM_GOTOFF12", SORT_ARM, 4},
    [99] = {"R_ARM_GOTRELAX", SORT_REFUSED, 4},
    [100] = {"R_ARM_GNU_VTENTRY", SORT_NONE, 0},
    [101] = {"R_ARM_GNU_VTINHERIT", SORT_NONE, 0},
    [102] = {"R_ARM_THM_JUMP11", SORT_BRANCH, 2},
    [103] = {"R_ARM_THM_JUMP8", SORT_BRANCH, 2},
    [104] = {"R_ARM_TLS_GD32", SORT_TLS, 4},
    [105] = {"R_ARM_TLS_LDM32", SORT_TLS, 4},
    [106] = {"R_ARM_TLS_LDO32", SORT_TLS, 4},
    [107] = {"R_ARM_TLS_IE32", SORT_TLS, 4},
    [108] = {"R_ARM_TLS_LE32", SORT_TLS, 4},
    [109] = {"R_ARM_TLS_LDO12", SORT_TLS, 4},
    [110] = {"R_ARM_TLS_LE12", SORT_TLS, 4},
    [111] = {"R_ARM_TLS_IE12GP", SORT_TLS, 4},
    [129] = {"R_ARM_THM_TLS_DESCSEQ16", SORT_TLS, 2},
    [130] = {"R_ARM_THM_TLS_DESCSEQ32", SORT_TLS, 4},
    [131] = {"R_ARM_THM_GOT_BREL12", SORT_REFUSED, 4},
    [132] = {"R_ARM_THM_ALU_ABS_G0_NC", SORT_SMALL, 2},
    [133] = {"R_ARM_THM_ALU_ABS_G1_NC", SORT_SMALL, 2},
    [134] = {"R_ARM_THM_ALU_ABS_G2_NC", SORT_SMALL, 2},
    [135] = {"R_ARM_THM_ALU_ABS_G3", SORT_SMALL, 2},
    [136] = {"R_ARM_THM_BF16", SORT_REFUSED, 4},
    [137] = {"R_ARM_THM_BF12", SORT_REFUSED, 4},
    [138] = {"R_ARM_THM_BF18", SORT_REFUSED, 4},
    [160] = {"R_ARM_IRELATIVE", SORT_DYNAMIC, 4},
};

const char *relocation_name(uint32_t type)
{
    static char unknown[32];
    if (type < 256 && types[type].name != NULL) {
        return types[type].name;
    }
    (void)snprintf(unknown, sizeof unknown, "relocation type %u", (unsigned)type);
    return unknown;
}

bool relocation_refers(uint32_t type)
{
    return types[type].sort != SORT_NONE;
}

bool relocation_branches(uint32_t type)
{
    return types[type].sort == SORT_CALL;
}

bool relocation_takes_address(uint32_t type)
{
    switch (types[type].sort) {
    case SORT_ABS:
    case SORT_TARGET1:
    case SORT_REL:
    case SORT_MOVW:
    case SORT_MOVT:
    case SORT_MOVW_PC:
    case SORT_MOVT_PC:
    case SORT_GOT_BREL:
    case SORT_GOT_PREL:
    case SORT_GOTOFF:
        return true;
    default:
        return false;
    }
}

bool relocation_from_base(uint32_t type)
{
    unsigned sort = types[type].sort;
    return sort == SORT_SB_WORD || sort == SORT_SB_MOVW || sort == SORT_SB_MOVT;
}

const char *symbol_label(const struct module *m, uint32_t symbol)
{
    const struct symbol *s = &m->elf.symbols[symbol];
    if (s->name[0] != '\0') {
        return s->name;
    }
    if (s->type == STT_SECTION && s->section < m->elf.section_count) {
        return m->elf.sections[s->section].name;
    }
    return "no symbol";
}

void relocation_problem(struct module *m, const struct record *r, const char *format, ...)
{
    char text[768];
    va_list args;
    va_start(args, format);
    (void)vsnprintf(text, sizeof text, format, args);
    va_end(args);
    problem_error(m, r->section, r->address, "%s against '%s': %s",
                  relocation_name(r->type), symbol_label(m, r->symbol), text);
}

static const struct symbol *symbol_of(const struct module *m, const struct record *r)
{
    return &m->elf.symbols[r->symbol];
}

static uint8_t segment_of(const struct module *m, const struct record *r)
{
    return m->elf.sections[r->section].segment;
}

/* The bytes of the place; the caller has checked that they are stored. */
static uint8_t *bytes_of(const struct module *m, const struct record *r)
{
    const struct segment *segment = &m->segment[segment_of(m, r)];
    return segment->bytes + (r->address - segment->link);
}

/* A value that does not move although it looks like an address of the module. */
static void warn_absolute(struct module *m, const struct record *r)
{
    struct symbol *s = &m->elf.symbols[r->symbol];
    if (s->warned || s->value == 0 || s->section != SECTION_ABSOLUTE ||
        !segments_linked_range(m, s->value)) {
        return;
    }
    s->warned = true;
    problem_warning(
        m, r->section, r->address,
        "%s against '%s': the symbol is absolute, so it will not move, yet its value "
        "0x%08x lies inside the module; in the linker script, set it inside the "
        "braces of an output section",
        relocation_name(r->type), s->name, (unsigned)s->value);
}

void relocation_warn_label(struct module *m, const struct record *r, uint32_t value)
{
    struct symbol *s = &m->elf.symbols[r->symbol];
    const struct section *section = &m->elf.sections[s->section];
    if (s->type != STT_NOTYPE || s->warned || value != s->value || (value & 1) != 0 ||
        s->bind == STB_LOCAL || (section->flags & SHF_EXECINSTR) == 0 ||
        value == section->address || value == section->address + section->size ||
        elffile_state(&m->elf, value) != 't') {
        return;
    }
    s->warned = true;
    problem_warning(
        m, r->section, r->address,
        "%s against '%s': the label is in code but not marked as a function, so a "
        "call through this pointer faults%s; add .type %s, %%function",
        relocation_name(r->type), s->name,
        m->by_r9 ? ", and no trampoline sets r9 for it" : "", s->name);
}

static void absolute_word(struct module *m, const struct record *r)
{
    const struct symbol *s = symbol_of(m, r);
    uint8_t *at = bytes_of(m, r);
    uint32_t value = modfmt_get32(at);
    uint8_t home = s->home;
    uint32_t delta = 0;
    if (trampolines_lead(m, r, &delta)) {
        trampolines_exact(m, r, value);
        value += delta;
        home = HOME_DATA;
    }
    switch (home) {
    case HOME_TEXT:
    case HOME_DATA:
        relocation_warn_label(m, r, value);
        modfmt_put32(at, value - m->segment[home].link);
        fixups_word(m, r->section, r->address, home, false, 0);
        break;
    case HOME_IMPORT:
        modfmt_put32(at, value - s->value); /* that of a stub; else 0 */
        fixups_word(m, r->section, r->address, MODFMT_TARGET_IMPORT, false, s->import);
        break;
    default:
        warn_absolute(m, r);
        break;
    }
}

/* PC-relative against something undefined: the linker may have taken it as 0 or as the
 * place. Sets what to subtract from the field; false: refused. */
static bool undefined_bias(struct module *m, const struct record *r, uint32_t value,
                           uint32_t *ret_bias)
{
    switch (undefined_rule(m, r->address, value + r->address, value)) {
    case UNDEFINED_ZERO:
        *ret_bias = 0;
        return true;
    case UNDEFINED_PLACE:
        *ret_bias = r->address;
        return true;
    default:
        relocation_problem(
            m, r,
            "the field 0x%08x does not tell what the linker took the undefined "
            "symbol for; use an absolute reference, or define the symbol",
            (unsigned)value);
        return false;
    }
}

static void relative_word(struct module *m, const struct record *r)
{
    const struct symbol *s = symbol_of(m, r);
    uint8_t *at = bytes_of(m, r);
    uint8_t from = segment_of(m, r);
    uint32_t value = modfmt_get32(at);
    uint32_t place_link = m->segment[from].link;
    uint8_t home = s->home;
    uint32_t bias = 0;
    if (trampolines_lead(m, r, &bias)) {
        home = HOME_DATA;
        value += bias;
        modfmt_put32(at, value);
    }
    if (home == from) {
        return;
    }
    if (home <= HOME_DATA) {
        modfmt_put32(at, value - m->segment[home].link + place_link);
        fixups_word(m, r->section, r->address, home, true, 0);
        return;
    }
    if (s->home == HOME_IMPORT && s->section != SECTION_NONE) {
        bias = s->value;
    } else if (s->home != HOME_ABSOLUTE && !undefined_bias(m, r, value, &bias)) {
        return;
    }
    modfmt_put32(at, value - bias + place_link);
    if (s->home == HOME_IMPORT) {
        fixups_word(m, r->section, r->address, MODFMT_TARGET_IMPORT, true, s->import);
    } else {
        fixups_word(m, r->section, r->address, MODFMT_TARGET_ABSOLUTE, true, 0);
    }
}

static void clear_apart(struct module *m, const struct record *r)
{
    const struct section *s = &m->elf.sections[r->section];
    segments_not_apart(m, r->section, r->address,
                       "%s in %s+0x%x refers to '%s' in the other segment",
                       relocation_name(r->type), s->name,
                       (unsigned)(r->address - s->address), symbol_label(m, r->symbol));
}

/* PC-relative fields too small for fix-ups: their target must move with them. */
static void relative_field(struct module *m, const struct record *r)
{
    const struct symbol *s = symbol_of(m, r);
    if (s->home > HOME_DATA) {
        relocation_problem(
            m, r,
            "a PC-relative reference to a symbol that is not in the module breaks "
            "when the module moves; use an absolute reference");
    } else if (s->home != segment_of(m, r)) {
        clear_apart(m, r);
    }
}

/* In an ELF's section the field points near the symbol if it was resolved that way. */
static bool near_symbol(const struct module *m, const struct symbol *s, uint32_t value)
{
    const struct section *section = &m->elf.sections[s->section];
    return value == s->value || value - section->address <= section->size;
}

static void target1(struct module *m, const struct record *r)
{
    const struct symbol *s = symbol_of(m, r);
    uint32_t value = modfmt_get32(bytes_of(m, r));
    if (s->home > HOME_DATA) {
        if (value == s->value - r->address && value != 0) {
            relative_word(m, r);
        } else {
            absolute_word(m, r);
        }
    } else if (near_symbol(m, s, value)) {
        absolute_word(m, r);
    } else if (near_symbol(m, s, value + r->address)) {
        relative_word(m, r);
    } else {
        relocation_problem(m, r,
                           "the field 0x%08x is neither the symbol's address nor the "
                           "distance to it",
                           (unsigned)value);
    }
}

/* --target2=rel (GNU ld's default), abs, or got-rel (LLD's): the field tells which. */
static void target2(struct module *m, const struct record *r)
{
    const struct symbol *s = symbol_of(m, r);
    uint32_t value = modfmt_get32(bytes_of(m, r));
    uint32_t expect = s->value;
    const uint8_t *slot = segments_bytes(m, value + r->address, 4);
    if (value + r->address == expect) {
        relative_word(m, r);
    } else if (value == expect) {
        absolute_word(m, r);
    } else if (slot != NULL && modfmt_get32(slot) == expect &&
               (value + r->address) % 4 == 0) {
        got_add(m, r, value);
    } else if (s->home <= HOME_DATA && near_symbol(m, s, value + r->address)) {
        relative_word(m, r);
    } else if (s->home <= HOME_DATA && near_symbol(m, s, value)) {
        absolute_word(m, r);
    } else {
        relocation_problem(m, r,
                           "the field 0x%08x fits none of --target2=rel, abs and got-rel",
                           (unsigned)value);
    }
}

static void call(struct module *m, const struct record *r)
{
    const struct symbol *s = symbol_of(m, r);
    if (s->home == HOME_IMPORT) {
        veneers_branch(m, r->section, r->address, r->type, s);
    } else {
        branch_check(m, r);
    }
}

static void short_branch(struct module *m, const struct record *r)
{
    if (symbol_of(m, r)->home == HOME_IMPORT) {
        relocation_problem(
            m, r,
            "this branch is too short for an imported symbol; use bl or b.w, "
            "or branch to a local label first");
    } else {
        branch_check(m, r);
    }
}

static void small(struct module *m, const struct record *r)
{
    const struct symbol *s = symbol_of(m, r);
    if (s->home == HOME_ABSOLUTE) {
        warn_absolute(m, r);
    } else if (r->type >= 132 && r->type <= 135) {
        relocation_problem(
            m, r,
            "addresses in pieces of 8 bits (-mpure-code on ARMv6-M) cannot "
            "be fixed up; build without -mpure-code");
    } else {
        relocation_problem(m, r,
                           "a field of less than 32 bits cannot hold an address that is "
                           "known only when the module is loaded; use a word");
    }
}

static void move_half(struct module *m, const struct record *r, bool top, bool relative)
{
    const struct symbol *s = symbol_of(m, r);
    uint32_t delta = 0;
    if (relative && s->home == segment_of(m, r) && !trampolines_lead(m, r, &delta)) {
        return;
    }
    if (!relative && s->home == HOME_ABSOLUTE) {
        warn_absolute(m, r);
        return;
    }
    movpair_add(m, r, top, relative);
}

/* Against something whose nature alone is a reason to refuse. @return true if refused */
static bool refuse_symbol(struct module *m, const struct record *r)
{
    const struct symbol *s = symbol_of(m, r);
    if (s->home == HOME_TLS) {
        relocation_problem(m, r,
                           "thread-local variables are not possible in modules; drop "
                           "__thread, thread_local or _Thread_local");
    } else if (s->home == HOME_UNLOADED) {
        relocation_problem(m, r, "the symbol is not in a loaded section");
    } else if (s->type == STT_GNU_IFUNC) {
        relocation_problem(m, r,
                           "indirect functions (ifunc) are not possible in modules");
    } else {
        return false;
    }
    return true;
}

static void refuse_type(struct module *m, const struct record *r, unsigned sort)
{
    switch (sort) {
    case SORT_TLS:
        relocation_problem(m, r,
                           "thread-local variables are not possible in modules; drop "
                           "__thread, thread_local or _Thread_local");
        break;
    case SORT_ARM:
        relocation_problem(m, r,
                           "ARM-state code cannot run on a Cortex-M; build with -mthumb "
                           "and -mcpu=");
        break;
    case SORT_DYNAMIC:
        relocation_problem(m, r,
                           "a dynamic relocation; link with -static, without -pie and "
                           "-shared");
        break;
    case SORT_REFUSED:
        relocation_problem(m, r, "mkmod does not support this relocation");
        break;
    default:
        relocation_problem(m, r, "mkmod does not know relocation type %u",
                           (unsigned)r->type);
        break;
    }
}

static void handle_other(struct module *m, const struct record *r, unsigned sort)
{
    switch (sort) {
    case SORT_TARGET1:
        target1(m, r);
        break;
    case SORT_TARGET2:
        target2(m, r);
        break;
    case SORT_GOT_BREL:
    case SORT_GOT_PREL:
    case SORT_BASE_PREL:
    case SORT_GOTOFF:
        got_add(m, r, modfmt_get32(bytes_of(m, r)));
        break;
    case SORT_SB_WORD:
    case SORT_SB_MOVW:
    case SORT_SB_MOVT:
        staticbase_add(m, r, modfmt_get32(bytes_of(m, r)), sort != SORT_SB_WORD);
        break;
    case SORT_SMALL:
        small(m, r);
        break;
    default:
        refuse_type(m, r, sort);
        break;
    }
}

static void handle(struct module *m, const struct record *r)
{
    unsigned sort = types[r->type].sort;
    if (refuse_symbol(m, r) || xip_refuses(m, r)) {
        return;
    }
    switch (sort) {
    case SORT_ABS:
        absolute_word(m, r);
        break;
    case SORT_REL:
        relative_word(m, r);
        break;
    case SORT_CALL:
        call(m, r);
        break;
    case SORT_BRANCH:
        short_branch(m, r);
        break;
    case SORT_LITERAL:
    case SORT_PREL31:
        relative_field(m, r);
        break;
    case SORT_MOVW:
    case SORT_MOVT:
        move_half(m, r, sort == SORT_MOVT, false);
        break;
    case SORT_MOVW_PC:
    case SORT_MOVT_PC:
        move_half(m, r, sort == SORT_MOVT_PC, true);
        break;
    default:
        handle_other(m, r, sort);
        break;
    }
}

/* Is the record's place where bytes are? */
static bool place_ok(struct module *m, const struct record *r)
{
    const struct section *s = &m->elf.sections[r->section];
    uint32_t width = types[r->type].width;
    if (modfmt_range(r->address - s->address, width, s->size) &&
        (s->bytes != NULL || width == 0)) {
        return true;
    }
    problem_error(
        m, 0, 0,
        "%s against '%s' at 0x%08x: the place is not in the contents of section %s; "
        "the ELF is corrupt",
        relocation_name(r->type), symbol_label(m, r->symbol), (unsigned)r->address,
        s->name);
    return false;
}

bool relocation_at(const struct section *relocs, uint32_t offset,
                   struct record *ret_record)
{
    if (!modfmt_range(offset, RECORD_SIZE, relocs->size)) {
        return false;
    }
    uint32_t info = modfmt_get32(relocs->bytes + offset + 4);
    *ret_record = (struct record){.address = modfmt_get32(relocs->bytes + offset),
                                  .symbol = info >> 8,
                                  .section = relocs->info,
                                  .type = (uint8_t)info};
    return true;
}

bool relocation_next(const struct module *m, struct relocation_walk *walk,
                     struct record *ret_record)
{
    const struct elffile *elf = &m->elf;
    for (; walk->section < elf->section_count; walk->section++, walk->offset = 0) {
        const struct section *s = &elf->sections[walk->section];
        uint32_t covered = elffile_covered(elf, s);
        if (covered == 0 || s->type != SHT_REL || s->bytes == NULL ||
            s->link != elf->symtab || elf->sections[covered].type == SHT_ARM_EXIDX) {
            continue;
        }
        while (relocation_at(s, walk->offset, ret_record)) {
            walk->offset += RECORD_SIZE;
            if (ret_record->symbol < elf->symbol_count) {
                return true;
            }
        }
    }
    return false;
}

static void read_section(struct module *m, const struct section *relocs)
{
    struct record r;
    const struct section *covered = &m->elf.sections[relocs->info];
    for (uint32_t at = 0; relocation_at(relocs, at, &r); at += RECORD_SIZE) {
        m->types[r.type]++;
        if (types[r.type].sort == SORT_NONE) {
            continue;
        }
        if (r.symbol >= m->elf.symbol_count) {
            problem_error(m, 0, 0,
                          "%s at 0x%08x: symbol number %u does not exist; the ELF is "
                          "corrupt",
                          relocation_name(r.type), (unsigned)r.address,
                          (unsigned)r.symbol);
            continue;
        }
        /* Where .ARM.exidx was merged into another section its records cannot be trusted:
         * stale places, duplicates. Its contents are right and relative to themselves. */
        if (types[r.type].sort == SORT_PREL31 &&
            !modfmt_range(r.address - covered->address, 4, covered->size)) {
            continue;
        }
        if (place_ok(m, &r)) {
            handle(m, &r);
        }
    }
}

/* Function and unwind table entries of .ARM.exidx are PREL31 values: each must stay in
 * the segment of the table. */
static void check_index(struct module *m, const struct section *s)
{
    for (uint32_t offset = 0; offset + 4 <= s->size; offset += 4) {
        uint32_t word = modfmt_get32(s->bytes + offset);
        bool second = offset % 8 != 0;
        if (second && (word == 1 || (word & 0x80000000u) != 0)) {
            continue;
        }
        uint32_t distance = (word & 0x7fffffffu) ^ 0x40000000u;
        uint32_t target = s->address + offset + distance - 0x40000000u;
        if (segments_at(m, target) != s->segment) {
            segments_not_apart(
                m, (uint32_t)(s - m->elf.sections), s->address + offset,
                "section %s+0x%x refers to 0x%08x, which is not in its segment", s->name,
                (unsigned)offset, (unsigned)target);
            return;
        }
    }
}

/* Can this relocation section be used for the loaded section that it covers? */
static bool usable(struct module *m, const struct section *s)
{
    const struct section *covered = &m->elf.sections[s->info];
    if (s->type == SHT_RELA) {
        problem_error(m, 0, 0,
                      "section %s has relocation records with addends, which ARM does "
                      "not use; the ELF is from an unknown linker",
                      s->name);
    } else if (s->link != m->elf.symtab || m->elf.symtab == 0) {
        problem_error(m, 0, 0,
                      "section %s does not belong to the symbol table; do not strip the "
                      "ELF",
                      s->name);
    } else if (s->size % 8 != 0) {
        problem_error(m, 0, 0, "section %s is corrupt: its size is no multiple of 8",
                      s->name);
    } else {
        return s->bytes != NULL && covered->type != SHT_ARM_EXIDX;
    }
    return false;
}

/* Does a loaded section hold records that only a dynamic linker could use? */
static bool dynamic(const struct section *s)
{
    bool records = s->type == SHT_REL && (s->flags & SHF_ALLOC) != 0 &&
                   s->bytes != NULL && s->size % 8 == 0;
    for (uint32_t offset = 0; records && offset < s->size; offset += 8) {
        records = types[s->bytes[offset + 4]].sort == SORT_DYNAMIC;
    }
    return records;
}

void relocations_read(struct module *m)
{
    const struct elffile *elf = &m->elf;
    uint32_t *first = cli_alloc(elf->section_count, sizeof *first);
    uint32_t *next = cli_alloc(elf->section_count, sizeof *next);
    for (uint32_t i = elf->section_count; i-- > 1;) {
        const struct section *s = &elf->sections[i];
        uint32_t covered = elffile_covered(elf, s);
        if (covered != 0 && usable(m, s)) {
            next[i] = first[covered];
            first[covered] = i;
        }
        if (dynamic(s)) {
            problem_error(m, 0, 0,
                          "section %s holds dynamic relocations; link with -static, "
                          "without -pie, -shared and indirect functions (ifunc)",
                          s->name);
        }
    }
    /* In the order of addresses, so that fix-ups come out sorted as a rule. */
    for (uint32_t i = 0; i < m->order_count; i++) {
        const struct section *s = &elf->sections[m->order[i]];
        for (uint32_t relocs = first[m->order[i]]; relocs != 0; relocs = next[relocs]) {
            read_section(m, &elf->sections[relocs]);
        }
        if (s->type == SHT_ARM_EXIDX && s->bytes != NULL) {
            check_index(m, s);
        }
    }
    free(first);
    free(next);
}
