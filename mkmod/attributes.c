/* SPDX-License-Identifier: BSD-2-Clause */
/* Build attributes: "Addenda to, and Errata in, the ABI for the Arm Architecture",
 * ARM IHI 0045, section 3. */
#include <elf.h>
#include <string.h>

#include "module.h"

enum {
    TAG_FILE = 1,
    TAG_CPU_RAW_NAME = 4,
    TAG_CPU_NAME = 5,
    TAG_CPU_ARCH = 6,
    TAG_CPU_ARCH_PROFILE = 7,
    TAG_FP_ARCH = 10,
    TAG_HARDFP_USE = 27,
    TAG_VFP_ARGS = 28,
    TAG_COMPATIBILITY = 32,
    TAG_DSP_EXTENSION = 46,
    TAG_MVE_ARCH = 48,
    TAG_KNOWN = 64, /**< values below this are remembered */
};

struct reader {
    const uint8_t *next;
    const uint8_t *end;
    bool bad;
};

struct attributes {
    uint32_t value[TAG_KNOWN];
    bool found;
};

static uint32_t read_uleb(struct reader *r)
{
    uint32_t value = 0;
    for (unsigned shift = 0; r->next < r->end; shift += 7) {
        uint8_t byte = *r->next++;
        if (shift < 32) {
            value |= (uint32_t)(byte & 0x7f) << shift;
        }
        if ((byte & 0x80) == 0) {
            return value;
        }
    }
    r->bad = true;
    return 0;
}

static void skip_string(struct reader *r)
{
    const uint8_t *zero = memchr(r->next, 0, (size_t)(r->end - r->next));
    if (zero == NULL) {
        r->bad = true;
        r->next = r->end;
        return;
    }
    r->next = zero + 1;
}

static void read_attributes(struct reader *r, struct attributes *a)
{
    while (r->next < r->end && !r->bad) {
        uint32_t tag = read_uleb(r);
        if (tag == TAG_COMPATIBILITY) {
            (void)read_uleb(r);
            skip_string(r);
        } else if (tag == TAG_CPU_RAW_NAME || tag == TAG_CPU_NAME ||
                   (tag > 32 && tag % 2 != 0)) {
            skip_string(r);
        } else {
            uint32_t value = read_uleb(r);
            if (tag < TAG_KNOWN) {
                a->value[tag] = value;
            }
        }
    }
}

/* Take a piece that starts with its own length (32 bits) at `at` bytes into it. */
static struct reader read_piece(struct reader *r, uint32_t at)
{
    struct reader piece = {r->end, r->end, false};
    if ((size_t)(r->end - r->next) < at + 4u) {
        r->bad = true;
        r->next = r->end;
        return piece;
    }
    uint32_t length = modfmt_get32(r->next + at);
    if (length < at + 4u || length > (size_t)(r->end - r->next)) {
        r->bad = true;
        r->next = r->end;
        return piece;
    }
    piece.next = r->next + at + 4;
    piece.end = r->next + length;
    r->next += length;
    return piece;
}

static bool parse(const struct section *s, struct attributes *a)
{
    struct reader all = {s->bytes + 1, s->bytes + s->size, false};
    if (s->bytes[0] != 'A') {
        return false;
    }
    while (all.next < all.end && !all.bad) {
        struct reader vendor = read_piece(&all, 0);
        const uint8_t *name = vendor.next;
        skip_string(&vendor);
        if (vendor.bad || strcmp((const char *)name, "aeabi") != 0) {
            continue;
        }
        while (vendor.next < vendor.end && !vendor.bad) {
            bool whole_file = *vendor.next == TAG_FILE;
            struct reader part = read_piece(&vendor, 1);
            if (whole_file) {
                read_attributes(&part, a);
                a->found = true;
            }
            vendor.bad |= part.bad;
        }
        all.bad |= vendor.bad;
    }
    return !all.bad;
}

/* Tag_CPU_arch to what the core must be; 0: not a Cortex-M. */
static uint32_t needs_of_arch(const struct attributes *a)
{
    const uint32_t v7m = MODFMT_NEED_V6M | MODFMT_NEED_V7M;
    const uint32_t v8m = v7m | MODFMT_NEED_V8M_BASE | MODFMT_NEED_V8M_MAIN;
    uint32_t dsp = a->value[TAG_DSP_EXTENSION] != 0 ? MODFMT_NEED_DSP : 0;
    switch (a->value[TAG_CPU_ARCH]) {
    case 11: /* v6-M */
    case 12: /* v6S-M */
        return MODFMT_NEED_V6M;
    case 10: /* v7 */
        return v7m;
    case 13: /* v7E-M */
        return v7m | MODFMT_NEED_DSP;
    case 16: /* v8-M.baseline */
        return MODFMT_NEED_V6M | MODFMT_NEED_V8M_BASE;
    case 17: /* v8-M.mainline */
        return v8m | dsp;
    case 21: /* v8.1-M.mainline */
        return v8m | MODFMT_NEED_V81M | dsp;
    default:
        return 0;
    }
}

static const char *arch_name(uint32_t arch)
{
    static const char *const names[] = {"an unnamed architecture",
                                        "ARMv4",
                                        "ARMv4T",
                                        "ARMv5T",
                                        "ARMv5TE",
                                        "ARMv5TEJ",
                                        "ARMv6",
                                        "ARMv6KZ",
                                        "ARMv6T2",
                                        "ARMv6K",
                                        "ARMv7",
                                        "ARMv6-M",
                                        "ARMv6S-M",
                                        "ARMv7E-M",
                                        "ARMv8-A",
                                        "ARMv8-R",
                                        "ARMv8-M Baseline",
                                        "ARMv8-M Mainline",
                                        "ARMv8.1-A",
                                        "ARMv8.2-A",
                                        "ARMv8.3-A",
                                        "ARMv8.1-M Mainline",
                                        "ARMv9-A"};
    return arch < sizeof names / sizeof names[0] ? names[arch]
                                                 : "an unknown architecture";
}

static uint32_t needs_of_fpu(const struct attributes *a)
{
    uint32_t needs = 0;
    if (a->value[TAG_FP_ARCH] != 0) {
        needs |= MODFMT_NEED_FPU_SP;
        if (a->value[TAG_HARDFP_USE] != 1) {
            needs |= MODFMT_NEED_FPU_DP;
        }
        if (a->value[TAG_FP_ARCH] >= 7) {
            needs |= MODFMT_NEED_FPU_V5;
        }
    }
    if (a->value[TAG_MVE_ARCH] != 0) {
        needs |= MODFMT_NEED_MVE;
    }
    if (a->value[TAG_VFP_ARGS] == 0) {
        needs |= MODFMT_NEED_ABI_SOFT;
    } else if (a->value[TAG_VFP_ARGS] == 1) {
        needs |= MODFMT_NEED_ABI_HARD;
    }
    return needs; /* 3: code that fits both conventions needs neither */
}

void attributes_read(struct module *m)
{
    struct attributes a;
    const struct section *s = NULL;
    memset(&a, 0, sizeof a);
    for (uint32_t i = 1; i < m->elf.section_count && s == NULL; i++) {
        if (m->elf.sections[i].type == SHT_ARM_ATTRIBUTES &&
            m->elf.sections[i].bytes != NULL) {
            s = &m->elf.sections[i];
        }
    }
    if (s == NULL) {
        problem_error(
            m, 0, 0,
            "has no .ARM.attributes, so the core and the floating-point convention "
            "that it needs are not known; do not strip or discard that section, "
            "and give the compiler -mcpu=");
        return;
    }
    if (!parse(s, &a)) {
        problem_error(m, 0, 0, "section %s is corrupt", s->name);
        return;
    }
    uint32_t profile = a.value[TAG_CPU_ARCH_PROFILE];
    uint32_t arch = needs_of_arch(&a);
    if (profile == 'A' || profile == 'R') {
        problem_error(
            m, 0, 0,
            "is built for the %c profile (%s), not for a Cortex-M; give the compiler "
            "-mcpu=cortex-m4 or the like",
            (int)profile, arch_name(a.value[TAG_CPU_ARCH]));
    } else if (!a.found || arch == 0) {
        problem_error(
            m, 0, 0,
            "is built for %s, not for a Cortex-M; give the compiler -mcpu=cortex-m4 "
            "or the like",
            arch_name(a.value[TAG_CPU_ARCH]));
    } else if (a.value[TAG_VFP_ARGS] == 2) {
        problem_error(
            m, 0, 0,
            "passes floating-point arguments in a way of its toolchain's own "
            "(Tag_ABI_VFP_args 2); build it with -mfloat-abi=soft, softfp or hard");
    }
    m->needs = arch | needs_of_fpu(&a);
}
