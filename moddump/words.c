/* SPDX-License-Identifier: BSD-2-Clause */
/** The format's numbers as people say them. */
#include "moddump.h"

#include <inttypes.h>
#include <string.h>

const struct word flag_words[] = {
    {MODFMT_FLAG_BLOCK, "block"},
    {MODFMT_FLAG_APART, "apart"},
    {MODFMT_FLAG_IN_PLACE, "in_place"},
    {MODFMT_FLAG_LINKED, "linked"},
    {MODFMT_FLAG_CODE_IN_DATA, "code_in_data"},
    {0, NULL},
};

const struct word need_words[] = {
    {MODFMT_NEED_V6M, "v6m"},
    {MODFMT_NEED_V7M, "v7m"},
    {MODFMT_NEED_DSP, "dsp"},
    {MODFMT_NEED_V8M_BASE, "v8m_base"},
    {MODFMT_NEED_V8M_MAIN, "v8m_main"},
    {MODFMT_NEED_V81M, "v81m"},
    {MODFMT_NEED_MVE, "mve"},
    {MODFMT_NEED_FPU_SP, "fpu_sp"},
    {MODFMT_NEED_FPU_DP, "fpu_dp"},
    {MODFMT_NEED_FPU_V5, "fpu_v5"},
    {MODFMT_NEED_ABI_SOFT, "abi_soft"},
    {MODFMT_NEED_ABI_HARD, "abi_hard"},
    {0, NULL},
};

const struct word import_words[] = {
    {MODFMT_IMPORT_OBJECT, "object"},
    {MODFMT_IMPORT_UNVERIFIED, "unverified"},
    {0, NULL},
};

const struct word export_words[] = {
    {MODFMT_EXPORT_DATA, "data"},
    {MODFMT_EXPORT_OBJECT, "object"},
    {0, NULL},
};

static const struct word target_words[] = {
    {MODFMT_TARGET_TEXT, "text"},
    {MODFMT_TARGET_DATA, "data"},
    {MODFMT_TARGET_ABSOLUTE, "absolute"},
    {MODFMT_TARGET_IMPORT, "import"},
    {0, NULL},
};

static const struct word tag_words[] = {
    {MODFMT_TAG_NAME, "name"},
    {MODFMT_TAG_VERSION, "version"},
    {MODFMT_TAG_DESCRIPTION, "description"},
    {MODFMT_TAG_BUILD_ID, "build_id"},
    {MODFMT_TAG_API_VERSION, "api_version"},
    {MODFMT_TAG_ORIGIN, "origin"},
    {MODFMT_TAG_IMPORT_NAMES, "import_names"},
    {MODFMT_TAG_EXPORT_NAMES, "export_names"},
    {MODFMT_TAG_PARAMS, "params"},
    {MODFMT_TAG_IMPORT_PROTOTYPES, "import_prototypes"},
    {MODFMT_TAG_BOUND, "bound"},
    {MODFMT_TAG_INIT_ARRAY, "init_array"},
    {MODFMT_TAG_FINI_ARRAY, "fini_array"},
    {MODFMT_TAG_STATIC_BASE, "static_base"},
    {MODFMT_TAG_DEPENDENCY, "dependency"},
    {MODFMT_TAG_COMPRESSION, "compression"},
    {MODFMT_TAG_LINKED, "linked"},
    {MODFMT_TAG_SIGNATURE, "signature"},
    {0, NULL},
};

static void append(char *list, size_t size, const char *word)
{
    size_t used = strlen(list);
    snprintf(list + used, size - used, "%s%s", used != 0 ? ", " : "", word);
}

void bits_text(const struct word *words, uint32_t bits, char *ret_text, size_t size)
{
    ret_text[0] = 0;
    for (; words->name != NULL; words++) {
        if ((bits & words->value) != 0) {
            append(ret_text, size, words->name);
        }
    }
}

static const char *core_text(uint32_t needs)
{
    bool dsp = (needs & MODFMT_NEED_DSP) != 0;
    if ((needs & MODFMT_NEED_V81M) != 0) {
        return dsp ? "ARMv8.1-M Mainline with DSP" : "ARMv8.1-M Mainline";
    }
    if ((needs & MODFMT_NEED_V8M_MAIN) != 0) {
        return dsp ? "ARMv8-M Mainline with DSP" : "ARMv8-M Mainline";
    }
    if (dsp) {
        return "ARMv7E-M";
    }
    if ((needs & MODFMT_NEED_V7M) != 0) {
        return (needs & MODFMT_NEED_V8M_BASE) != 0 ? "ARMv7-M, ARMv8-M Baseline"
                                                   : "ARMv7-M";
    }
    if ((needs & MODFMT_NEED_V8M_BASE) != 0) {
        return "ARMv8-M Baseline";
    }
    return (needs & MODFMT_NEED_V6M) != 0 ? "ARMv6-M" : "any core";
}

static const char *fpu_text(uint32_t needs)
{
    bool v5 = (needs & MODFMT_NEED_FPU_V5) != 0;
    if ((needs & MODFMT_NEED_FPU_DP) != 0) {
        return v5 ? "FPv5 with double precision" : "FPU with double precision";
    }
    if ((needs & MODFMT_NEED_FPU_SP) != 0) {
        return v5 ? "FPv5-SP" : "FPv4-SP";
    }
    return v5 ? "FPv5" : NULL;
}

void needs_text(uint32_t needs, char *ret_text, size_t size)
{
    const char *fpu = fpu_text(needs);
    ret_text[0] = 0;
    append(ret_text, size, core_text(needs));
    if ((needs & MODFMT_NEED_MVE) != 0) {
        append(ret_text, size, "MVE");
    }
    if (fpu != NULL) {
        append(ret_text, size, fpu);
    }
    if ((needs & MODFMT_NEED_ABI_SOFT) != 0) {
        append(ret_text, size, fpu != NULL ? "softfp" : "soft float");
    }
    if ((needs & MODFMT_NEED_ABI_HARD) != 0) {
        append(ret_text, size, "hard float");
    }
}

uint32_t ram_of(const struct modfmt_image *image, uint32_t flag)
{
    bool text_too = (flag & (MODFMT_FLAG_BLOCK | MODFMT_FLAG_APART)) != 0;
    return (text_too ? image->text_mem : 0) + image->data_mem;
}

const char *target_name(uint32_t target)
{
    const struct word *word = target_words;
    while (word->name != NULL && word->value != target) {
        word++;
    }
    return word->name != NULL ? word->name : "unknown";
}

const char *tag_name(uint32_t type)
{
    uint32_t number = type & MODFMT_TAG_NUMBER_MASK;
    for (const struct word *word = tag_words; word->name != NULL; word++) {
        if (word->value == type) {
            return word->name;
        }
    }
    return number >= MODFMT_TAG_VENDOR_FIRST && number <= MODFMT_TAG_VENDOR_LAST
               ? "vendor"
               : "unknown";
}

const char *segment_name(unsigned segment)
{
    return segment == 0 ? "text" : "data";
}

const char *fixup_kind(const struct modfmt_fixup *fixup)
{
    if (fixup->kind != MODFMT_KIND_MOV) {
        return "word";
    }
    return fixup->distance == MODFMT_MOV_MOVW_ALONE   ? "movw"
           : fixup->distance == MODFMT_MOV_MOVT_ALONE ? "movt"
                                                      : "mov pair";
}

void put_place(FILE *out, uint32_t place)
{
    fprintf(out, "%s+0x%" PRIx32, (place & MODFMT_PLACE_DATA) != 0 ? "data" : "text",
            place & ~MODFMT_PLACE_DATA);
}

void put_import(FILE *out, const struct module *module, uint32_t index)
{
    const struct modfmt_import *import = &module->imports[index];
    if (import->name != NULL) {
        cli_put_text(out, import->name, strlen(import->name));
    } else {
        fprintf(out, "0x%08" PRIx32, import->hash);
    }
}

void put_target(FILE *out, const struct module *module, const struct modfmt_fixup *fixup)
{
    if (fixup->target == MODFMT_TARGET_IMPORT) {
        fprintf(out, "import %u ", (unsigned)fixup->import_index);
        put_import(out, module, fixup->import_index);
    } else {
        fputs(target_name(fixup->target), out);
    }
    if (fixup->relative != 0) {
        fprintf(out, " - %s", segment_name(fixup->segment));
    }
}
