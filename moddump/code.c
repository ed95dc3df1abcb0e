/* SPDX-License-Identifier: BSD-2-Clause */
/** An image says what to fix and what is exported, not what is code. The rest follows
 * from instructions that point at data: literal loads, table branches, calls. */
#include "code.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* Branches of others between a trampoline and its tail: one for each 2 KB. */
#define HOPS_MAX 1024u

static uint32_t half(const struct code *code, uint32_t offset)
{
    return offset + 2 <= code->size ? modfmt_get16(code->bytes + offset) : 0;
}

bool code_is_wide(const struct code *code, uint32_t offset)
{
    return half(code, offset) >> 11 >= 0x1d;
}

/* Offset of what an instruction at `offset` reaches with `distance` from its Align(PC,
 * 4). Data lies at text_mem modulo its alignment, which need be no multiple of 4. */
static uint32_t from_pc(const struct code *code, uint32_t offset, uint32_t distance,
                        bool up)
{
    uint32_t base = code->segment == 1 ? code->module->image.text_mem : 0;
    uint32_t pc = ((base + offset + 4) & ~3u) - base;
    return up ? pc + distance : pc - distance;
}

/* LDR, LDRD and VLDR of a literal (ARMv7-M ARM, A7.7.44, A7.7.51, A7.7.233). */
bool code_literal(const struct code *code, uint32_t offset, uint32_t *ret_at,
                  uint32_t *ret_size)
{
    uint32_t first = half(code, offset);
    uint32_t second = half(code, offset + 2);
    bool up = (first & 0x80) != 0;
    uint32_t at, size = 4;
    if ((first & 0xf800) == 0x4800) {
        at = from_pc(code, offset, (first & 0xff) * 4, true);
    } else if ((first & 0xff7f) == 0xf85f) {
        at = from_pc(code, offset, second & 0xfff, up);
    } else if ((first & 0xff3f) == 0xed1f && (second & 0x0e00) == 0x0a00) {
        at = from_pc(code, offset, (second & 0xff) * 4, up);
        size = (second & 0x100) != 0 ? 8 : 4;
    } else if ((first & 0xfe5f) == 0xe85f && (first & 0x0120) != 0) {
        at = from_pc(code, offset, (second & 0xff) * 4, up);
        size = 8;
    } else {
        return false;
    }
    if (!modfmt_range(at, size, code->size)) {
        return false;
    }
    *ret_at = at;
    *ret_size = size;
    return true;
}

static void mark_words(struct code *code, uint32_t offset, uint32_t size)
{
    for (uint32_t i = 0; i < size && offset + i < code->size; i++) {
        code->map[offset + i] = i % 4 == 0 ? CODE_WORD : CODE_BYTE;
    }
}

/* Bytes of a string at `offset`, with its zero byte; 0 if there is none. Four characters
 * and more: instructions hardly look like that. */
static uint32_t string_size(const struct code *code, uint32_t offset)
{
    uint32_t at = offset;
    while (at < code->size && code->map[at] == CODE_INSTRUCTION &&
           ((code->bytes[at] >= 0x20 && code->bytes[at] != 0x7f) ||
            (code->bytes[at] >= '\t' && code->bytes[at] <= '\r'))) {
        at++;
    }
    bool ends =
        at < code->size && code->map[at] == CODE_INSTRUCTION && code->bytes[at] == 0;
    return ends && at - offset >= 4 ? at - offset + 1 : 0;
}

/* Strings that something in the module points at. */
static void mark_strings(struct code *code)
{
    const struct module *m = code->module;
    for (size_t i = 0; i < m->fixup_count; i++) {
        const struct modfmt_fixup *f = &m->fixups[i];
        uint32_t at = module_stored(m, f);
        if (f->target != code->segment || f->relative != 0) {
            continue;
        }
        uint32_t size = at < code->size ? string_size(code, at) : 0;
        if (size != 0) {
            memset(code->map + at, CODE_BYTE, size);
            code->map[at] = CODE_STRING;
        }
    }
}

/* The table of a TBB or TBH ends where its nearest target begins, at the latest. */
static void mark_branch_table(struct code *code, uint32_t offset)
{
    uint32_t first = half(code, offset), second = half(code, offset + 2);
    if (first != 0xe8df || (second & 0xffe0) != 0xf000) {
        return;
    }
    uint32_t width = (second & 0x10) != 0 ? 2 : 1;
    uint32_t start = offset + 4;
    uint32_t end = code->size;
    for (uint32_t at = start; at + width <= end; at += width) {
        uint32_t entry = width == 2 ? half(code, at) : code->bytes[at];
        uint32_t target = start + 2 * entry;
        if (target < at + width) {
            break;
        }
        end = target < end ? target : end;
        memset(code->map + at, CODE_BYTE, width);
        if (at + width + 1 == end && width == 1) {
            code->map[at + width] = CODE_BYTE; /* padding to the next instruction */
        }
    }
}

static void mark_data(struct code *code)
{
    for (size_t i = 0; i < code->site_count; i++) {
        if (code->sites[i].fixup->kind != MODFMT_KIND_MOV) {
            mark_words(code, code->sites[i].offset, 4);
        }
    }
    mark_strings(code);
    uint32_t at = 0;
    while (at + 2 <= code->size) {
        uint32_t literal, size;
        if (code->map[at] != CODE_INSTRUCTION) {
            at = (at + 2) & ~1u;
            continue;
        }
        if (code_literal(code, at, &literal, &size) &&
            code->map[literal] == CODE_INSTRUCTION) {
            mark_words(code, literal, size);
        }
        mark_branch_table(code, at);
        at += code_is_wide(code, at) ? 4 : 2;
    }
}

/* ---- fix-ups --------------------------------------------------------------- */

static int compare_sites(const void *a, const void *b)
{
    const struct site *left = a, *right = b;
    if (left->offset != right->offset) {
        return left->offset < right->offset ? -1 : 1;
    }
    return left->fixup < right->fixup ? -1 : left->fixup > right->fixup;
}

static void find_sites(struct code *code)
{
    const struct module *m = code->module;
    size_t capacity = 0;
    for (size_t i = 0; i < m->fixup_count; i++) {
        const struct modfmt_fixup *f = &m->fixups[i];
        if (f->segment != code->segment || f->place + 4 > code->size) {
            continue;
        }
        code->sites =
            cli_grow(code->sites, &capacity, code->site_count + 2, sizeof *code->sites);
        code->sites[code->site_count++] = (struct site){f->place, f, false};
        if (f->kind == MODFMT_KIND_MOV && f->distance > MODFMT_MOV_MOVT_ALONE) {
            code->sites[code->site_count++] =
                (struct site){f->place + 2u * f->distance, f, true};
        }
    }
    if (code->site_count != 0) {
        qsort(code->sites, code->site_count, sizeof *code->sites, compare_sites);
    }
}

/* ---- labels ---------------------------------------------------------------- */

static int compare_labels(const void *a, const void *b)
{
    const struct label *left = a, *right = b;
    if (left->offset != right->offset) {
        return left->offset < right->offset ? -1 : 1;
    }
    if (left->rank != right->rank) {
        return left->rank < right->rank ? -1 : 1;
    }
    return strcmp(left->name, right->name);
}

static void add_label(struct code *code, size_t *capacity, uint32_t offset, unsigned rank,
                      char *name)
{
    code->labels =
        cli_grow(code->labels, capacity, code->label_count + 1, sizeof *code->labels);
    code->labels[code->label_count++] = (struct label){offset, rank, name};
}

static void label_exports(struct code *code, size_t *capacity)
{
    const struct module *m = code->module;
    for (uint32_t i = 0; i < m->image.export_count; i++) {
        const struct modfmt_export *e = &m->exports[i];
        bool function = (e->flags & MODFMT_EXPORT_OBJECT) == 0;
        if (((e->flags & MODFMT_EXPORT_DATA) != 0) == code->segment &&
            (function || code->segment == 0)) {
            add_label(code, capacity, function ? e->value & ~1u : e->value, 0,
                      e->name != NULL ? cli_format("%s", e->name)
                                      : cli_format("export_%08" PRIx32, e->hash));
        }
    }
    if (m->image.entry != MODFMT_NO_ENTRY && code->segment == 0) {
        add_label(code, capacity, m->image.entry - 1, 1, cli_format("entry"));
    }
}

/* What mkmod put in front of data: all of it lies below the static base. */
static uint32_t data_prefix(const struct module *m)
{
    const struct modfmt_tag *base = module_tag(m, MODFMT_TAG_STATIC_BASE);
    uint32_t place = base == NULL ? 0 : modfmt_get32(base->value);
    uint32_t offset = place & ~MODFMT_PLACE_DATA;
    bool in_data = (place & MODFMT_PLACE_DATA) != 0;
    return in_data && offset <= m->image.data_stored ? offset : 0;
}

static char *import_veneer(const struct code *code, uint32_t index)
{
    const struct modfmt_import *import = &code->module->imports[index];
    return import->name != NULL ? cli_format("%s@veneer", import->name)
                                : cli_format("import_%08" PRIx32 "@veneer", import->hash);
}

/* What is called below the prefix is a veneer: that of the import whose word it loads, or
 * whose word comes next. */
static char *veneer_name(const struct code *code, uint32_t offset)
{
    uint32_t index;
    if (veneer_import(code->module, offset, &index)) {
        return import_veneer(code, index);
    }
    for (size_t i = 0; i < code->site_count; i++) {
        const struct modfmt_fixup *f = code->sites[i].fixup;
        if (code->sites[i].offset >= offset && f->target == MODFMT_TARGET_IMPORT) {
            return import_veneer(code, f->import_index);
        }
    }
    return cli_format("veneer_%" PRIx32, offset);
}

/* The target of a BL (encoding T1), or of a B.W (T4) to a veneer: a tail call. */
static bool call_target(const struct code *code, uint32_t offset, uint32_t *ret_target)
{
    uint32_t first = half(code, offset), second = half(code, offset + 2);
    bool call = (second & 0xd000) == 0xd000;
    if ((first & 0xf800) != 0xf000 || (!call && (second & 0xd000) != 0x9000)) {
        return false;
    }
    uint32_t sign = first >> 10 & 1;
    uint32_t i1 = 1 ^ (second >> 13 & 1) ^ sign, i2 = 1 ^ (second >> 11 & 1) ^ sign;
    uint32_t distance =
        (first & 0x3ff) << 12 | (second & 0x7ff) << 1 | i2 << 22 | i1 << 23;
    uint32_t target = offset + 4 + distance - (sign << 24);
    *ret_target = target;
    return target < (call ? code->size : code->segment == 0 ? code->module->prefix : 0);
}

static void label_calls(struct code *code, size_t *capacity)
{
    uint32_t at = 0, target;
    while (at + 2 <= code->size) {
        if (code->map[at] != CODE_INSTRUCTION) {
            at = (at + 2) & ~1u;
            continue;
        }
        if (call_target(code, at, &target)) {
            bool veneer = code->segment == 0 && target < code->module->prefix;
            add_label(code, capacity, target, 2,
                      veneer ? veneer_name(code, target)
                             : cli_format("function_%" PRIx32, target));
        }
        at += code_is_wide(code, at) ? 4 : 2;
    }
}

/* Functions that the words in front of data lead to: those of trampolines. */
static void label_behind_trampolines(struct code *code, size_t *capacity)
{
    const struct module *m = code->module;
    uint32_t prefix = data_prefix(m);
    for (size_t i = 0; i < m->fixup_count; i++) {
        const struct modfmt_fixup *f = &m->fixups[i];
        uint32_t stored = module_stored(m, f);
        if (f->segment == 1 && f->place < prefix && f->target == MODFMT_TARGET_TEXT &&
            f->relative == 0 && (stored & 1) != 0 && stored < code->size) {
            add_label(code, capacity, stored - 1, 2,
                      cli_format("function_%" PRIx32, stored - 1));
        }
    }
}

/* One name an offset: the best. */
static void sort_labels(struct code *code)
{
    size_t kept = 0;
    if (code->label_count == 0) {
        return;
    }
    qsort(code->labels, code->label_count, sizeof *code->labels, compare_labels);
    for (size_t i = 0; i < code->label_count; i++) {
        if (kept != 0 && code->labels[kept - 1].offset == code->labels[i].offset) {
            free(code->labels[i].name);
        } else {
            code->labels[kept++] = code->labels[i];
        }
    }
    code->label_count = kept;
}

const struct label *code_label(const struct code *code, uint32_t offset)
{
    size_t low = 0, high = code->label_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (code->labels[middle].offset <= offset) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low == 0 ? NULL : &code->labels[low - 1];
}

void code_open(const struct module *module, struct code *ret_code)
{
    struct code code = {
        .module = module,
        .bytes = module->image.bytes + module->image.at.text,
        .size = module->image.text_stored,
    };
    size_t capacity = 0;
    code.map = cli_alloc(code.size, 1);
    find_sites(&code);
    mark_data(&code);
    label_exports(&code, &capacity);
    label_calls(&code, &capacity);
    label_behind_trampolines(&code, &capacity);
    sort_labels(&code);
    *ret_code = code;
}

/* ---- code in data ---------------------------------------------------------- */

/* Does a word hold the address of a function that is stored in data? An odd address is
 * one: objects at odd addresses are rare, and the flag code_in_data is set. */
static bool leads_to_data(const struct module *m, const struct modfmt_fixup *f,
                          uint32_t *ret_offset)
{
    uint32_t stored = module_stored(m, f);
    *ret_offset = stored - 1;
    return f->target == MODFMT_TARGET_DATA && f->relative == 0 && (stored & 1) != 0 &&
           stored < m->image.data_stored;
}

/* Where the first function lies that an export or a word leads to; the size of data if
 * there is none. */
static uint32_t first_function(const struct module *m)
{
    uint32_t first = m->image.data_stored, offset;
    for (uint32_t i = 0; i < m->image.export_count; i++) {
        const struct modfmt_export *e = &m->exports[i];
        if (e->flags == MODFMT_EXPORT_DATA && e->value - 1 < first) {
            first = e->value - 1;
        }
    }
    for (size_t i = 0; i < m->fixup_count; i++) {
        if (leads_to_data(m, &m->fixups[i], &offset) && offset < first) {
            first = offset;
        }
    }
    return first;
}

static void label_functions(struct code *code, size_t *capacity)
{
    const struct module *m = code->module;
    const char *kind = code->size == data_prefix(m) ? "trampoline" : "function";
    uint32_t offset;
    for (size_t i = 0; i < m->fixup_count; i++) {
        if (leads_to_data(m, &m->fixups[i], &offset) && offset < code->size) {
            add_label(code, capacity, offset, 1, cli_format("%s_%" PRIx32, kind, offset));
        }
    }
}

/* Where an instruction branches to (B, encoding T2). */
static bool short_branch(const struct code *code, uint32_t offset, uint32_t *ret_target)
{
    uint32_t insn = half(code, offset), distance = (insn & 0x7ff) << 1;
    uint32_t target = offset + 4 + distance - (distance >> 11 << 12);
    if (insn >> 11 != 0x1c || target >= code->size) {
        return false;
    }
    *ret_target = target;
    return true;
}

/* Is it the branch of a trampoline's head, behind `mov ip, pc`? */
static bool head_branch(const struct code *code, uint32_t offset, uint32_t *ret_target)
{
    return offset >= 2 && half(code, offset - 2) == 0x46fc &&
           short_branch(code, offset, ret_target);
}

/* Where trampolines branch to, but for the branches of others. */
static void label_tails(struct code *code, size_t *capacity)
{
    for (uint32_t at = code->start; at + 2 <= code->size; at += 2) {
        uint32_t target, further;
        if (code->map[at] == CODE_INSTRUCTION && short_branch(code, at, &target) &&
            !head_branch(code, target, &further)) {
            add_label(code, capacity, target, 3, cli_format("tail_%" PRIx32, target));
        }
    }
}

bool code_trampoline(const struct code *code, uint32_t offset, uint32_t tail,
                     uint32_t *ret_word)
{
    bool head = code->segment == 1 && offset >= 2 && half(code, offset - 2) == 0x46fc;
    unsigned hops = 0;
    while (head && head_branch(code, tail, &tail)) {
        head = ++hops < HOPS_MAX;
    }
    for (uint32_t at = tail; head && at < tail + 32;
         at += code_is_wide(code, at) ? 4 : 2) {
        uint32_t first = half(code, at), second = half(code, at + 2);
        if (first == 0xf8dc && second >> 12 == 12) { /* ldr.w ip, [ip, #n] */
            *ret_word = offset + 2 + (second & 0xfff);
            return true;
        }
        if (first == 0x4665 && (second & 0xf83f) == 0x682d) { /* mov r5, ip; ldr r5, … */
            *ret_word = offset + 2 + (second >> 6 & 0x1f) * 4;
            return true;
        }
    }
    return false;
}

bool code_open_data(const struct module *module, struct code *ret_code)
{
    uint32_t prefix = data_prefix(module), first = first_function(module);
    struct code code = {
        .module = module,
        .segment = 1,
        .bytes = module->image.bytes + module->image.at.data,
        .size = first < prefix ? prefix : module->image.data_stored,
        .start = first < prefix ? 0 : first,
    };
    size_t capacity = 0;
    if ((module->image.flags & MODFMT_FLAG_CODE_IN_DATA) == 0 ||
        code.start == code.size) {
        return false;
    }
    code.map = cli_alloc(code.size, 1);
    find_sites(&code);
    mark_data(&code);
    label_exports(&code, &capacity);
    label_functions(&code, &capacity);
    if (code.size == prefix) {
        label_tails(&code, &capacity);
    }
    label_calls(&code, &capacity);
    sort_labels(&code);
    *ret_code = code;
    return true;
}

void code_close(struct code *code)
{
    for (size_t i = 0; i < code->label_count; i++) {
        free(code->labels[i].name);
    }
    free(code->labels);
    free(code->sites);
    free(code->map);
}
