/* SPDX-License-Identifier: BSD-2-Clause */
/** -d: text, and code in data, as stored, offset by offset, with what the loader will do
 * to it (or linking has done). */
#include "code.h"

#include <capstone/capstone.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

struct walk {
    struct code code;
    struct code *text; /* what pointers to text lead to; code itself, most of the time */
    csh capstone;
    cs_insn *instruction;
    size_t next_site;
    size_t next_label;
    int column; /* how far the operands of this line reach */
};

/* Where remarks stand: this far behind a line's operands, and behind its start. */
#define REMARK_COLUMN 17
#define REMARK_INDENT 47
/* Characters of a string that a remark shows. */
#define STRING_REMARK 40

static void begin_remark(const struct walk *w)
{
    printf("%*s; ", w->column < REMARK_COLUMN ? REMARK_COLUMN - w->column : 1, "");
}

static void put_name(const struct code *code, uint32_t offset)
{
    const struct label *label = code_label(code, offset);
    if (label == NULL) {
        return;
    }
    putchar('<');
    cli_put_text(stdout, label->name, strlen(label->name));
    if (label->offset != offset) {
        printf("+0x%" PRIx32, offset - label->offset);
    }
    putchar('>');
}

static void print_labels(struct walk *w, uint32_t at)
{
    while (w->next_label < w->code.label_count) {
        const struct label *label = &w->code.labels[w->next_label];
        if (label->offset > at) {
            return;
        }
        printf("\n%08" PRIx32 " <", label->offset);
        cli_put_text(stdout, label->name, strlen(label->name));
        puts(">:");
        w->next_label++;
    }
}

/* Of a string at most `most` bytes. */
static void put_string(const struct code *code, uint32_t at, uint32_t most)
{
    uint32_t length = 0;
    while (code->bytes[at + length] != 0) {
        length++;
    }
    putchar('"');
    cli_put_text(stdout, (const char *)code->bytes + at, length < most ? length : most);
    fputs(length < most ? "\"" : "...\"", stdout);
}

/* What is there, if something is known of it. */
static void put_pointee(const struct code *code, uint32_t offset)
{
    if (offset < code->size && code->map[offset] == CODE_STRING) {
        putchar(' ');
        put_string(code, offset, STRING_REMARK);
    } else if ((offset & ~1u) < code->size &&
               code->map[offset & ~1u] == CODE_INSTRUCTION) {
        putchar(' ');
        put_name(code, offset & ~1u);
    }
}

/* Where the word leads that a fix-up makes an address. */
static void put_pointer(const struct walk *w, const struct modfmt_fixup *f)
{
    uint32_t stored = module_stored(w->code.module, f);
    const struct code *code = f->target == w->code.segment ? &w->code : w->text;
    printf("%s+0x%" PRIx32, segment_name(f->target), stored);
    if (code->segment == f->target) {
        put_pointee(code, stored);
    }
}

static void put_fixup(const struct walk *w, const struct site *site)
{
    const struct module *m = w->code.module;
    const struct modfmt_fixup *f = site->fixup;
    uint32_t stored = module_stored(m, f);
    fputs(m->linked ? "has += " : "+= ", stdout);
    put_target(stdout, m, f);
    if (f->kind == MODFMT_KIND_MOV) {
        printf(" (%s of 0x%08" PRIx32 ")",
               site->top || f->distance == MODFMT_MOV_MOVT_ALONE ? "high half"
                                                                 : "low half",
               stored);
    }
    if (f->relative == 0 && f->target <= MODFMT_TARGET_DATA) {
        fputs(": ", stdout);
        put_pointer(w, f);
    }
}

/* Behind the tail of a trampoline, whose word is some lines below. */
static void put_function(const struct walk *w, uint32_t word)
{
    for (size_t i = w->next_site; i < w->code.site_count; i++) {
        const struct modfmt_fixup *f = w->code.sites[i].fixup;
        if (w->code.sites[i].offset == word && f->relative == 0 &&
            f->target <= MODFMT_TARGET_DATA) {
            fputs(" of ", stdout);
            put_pointer(w, f);
            return;
        }
    }
}

/* The fix-ups that lie in [at, at + size): the first beside the line, more below it. */
static bool put_fixups(struct walk *w, uint32_t at, uint32_t size)
{
    const struct code *code = &w->code;
    bool any = false;
    while (w->next_site < code->site_count &&
           code->sites[w->next_site].offset < at + size) {
        if (any) {
            printf("\n%*s; ", REMARK_INDENT, "");
        } else {
            begin_remark(w);
        }
        put_fixup(w, &code->sites[w->next_site++]);
        any = true;
    }
    return any;
}

static void put_bytes(const struct code *code, uint32_t at, uint32_t size, bool halves)
{
    char text[16] = "";
    for (uint32_t i = 0; i < size;) {
        size_t used = strlen(text);
        if (halves && i + 2 <= size) {
            snprintf(text + used, sizeof text - used, "%s%04" PRIx32, i != 0 ? " " : "",
                     modfmt_get16(code->bytes + at + i));
            i += 2;
        } else {
            snprintf(text + used, sizeof text - used, "%02x", code->bytes[at + i]);
            i++;
        }
    }
    printf("%8" PRIx32 ":  %-9s  ", at, text);
}

static void print_word(struct walk *w, uint32_t at)
{
    uint32_t value = modfmt_get32(w->code.bytes + at);
    put_bytes(&w->code, at, 4, false);
    w->column = printf(".word    0x%08" PRIx32, value) - 9;
    put_fixups(w, at, 4);
    putchar('\n');
}

static uint32_t print_data(struct walk *w, uint32_t at)
{
    const struct code *code = &w->code;
    uint32_t size = 1;
    while (size < 4 && at + size < code->size && code->map[at + size] == CODE_BYTE) {
        size++;
    }
    put_bytes(code, at, size, false);
    fputs(".byte    ", stdout);
    w->column = 0;
    for (uint32_t i = 0; i < size; i++) {
        w->column += printf("%s0x%02x", i != 0 ? ", " : "", code->bytes[at + i]);
    }
    put_fixups(w, at, size);
    putchar('\n');
    return size;
}

static uint32_t print_string(const struct code *code, uint32_t at)
{
    uint32_t size = 1;
    while (code->bytes[at + size - 1] != 0) {
        size++;
    }
    printf("%8" PRIx32 ":             .asciz   ", at);
    put_string(code, at, UINT32_MAX);
    printf(" ; %" PRIu32 " bytes\n", size);
    return size;
}

/* Where a branch goes: capstone gives it as the last operand, counted from offset 0. */
static bool branch_target(const cs_insn *instruction, uint32_t *ret_target)
{
    const char *sign = strrchr(instruction->op_str, '#');
    const char *name = instruction->mnemonic;
    bool branch = (name[0] == 'b' && strncmp(name, "bf", 2) != 0 &&
                   strncmp(name, "bic", 3) != 0 && strncmp(name, "bkpt", 4) != 0) ||
                  strncmp(name, "cb", 2) == 0;
    return branch && sign != NULL && cli_parse_u32(sign + 1, ret_target);
}

static void put_remark(struct walk *w, uint32_t at)
{
    uint32_t target, size, word;
    if (branch_target(w->instruction, &target) && target < w->code.size) {
        begin_remark(w);
        put_name(&w->code, target);
        if (code_trampoline(&w->code, at, target, &word)) {
            put_function(w, word);
        }
    } else if (code_literal(&w->code, at, &target, &size)) {
        begin_remark(w);
        printf("%s+0x%" PRIx32 ": 0x%08" PRIx32, segment_name(w->code.segment), target,
               modfmt_get32(w->code.bytes + target));
    }
}

static uint32_t print_instruction(struct walk *w, uint32_t at)
{
    const struct code *code = &w->code;
    const uint8_t *next = code->bytes + at;
    uint64_t address = at;
    size_t left = 0;
    while (left < 4 && at + left < code->size &&
           code->map[at + left] == CODE_INSTRUCTION) {
        left++;
    }
    if (left < 2) {
        return print_data(w, at);
    }
    if (!cs_disasm_iter(w->capstone, &next, &left, &address, w->instruction)) {
        uint32_t size = left == 4 && code_is_wide(code, at) ? 4 : 2;
        put_bytes(code, at, size, true);
        w->column = printf("%s  (none)", size == 4 ? ".inst.w" : ".inst.n") - 9;
        put_fixups(w, at, size);
        putchar('\n');
        return size;
    }
    uint32_t size = w->instruction->size;
    put_bytes(code, at, size, true);
    bool operands = w->instruction->op_str[0] != 0;
    w->column =
        operands ? printf("%-8s %s", w->instruction->mnemonic, w->instruction->op_str) - 9
                 : printf("%s", w->instruction->mnemonic) - 9;
    if (!put_fixups(w, at, size)) {
        put_remark(w, at);
    }
    putchar('\n');
    return size;
}

static cs_err open_capstone(const struct module *m, struct walk *w)
{
    uint32_t v8 = MODFMT_NEED_V8M_BASE | MODFMT_NEED_V8M_MAIN | MODFMT_NEED_V81M |
                  MODFMT_NEED_FPU_V5;
    int mode = (int)CS_MODE_THUMB | (int)CS_MODE_MCLASS;
    if ((m->image.needs & v8) != 0) {
        mode |= (int)CS_MODE_V8;
    }
    cs_err error = cs_open(CS_ARCH_ARM, (cs_mode)mode, &w->capstone);
    if (error == CS_ERR_OK) {
        w->instruction = cs_malloc(w->capstone);
        error = w->instruction == NULL ? CS_ERR_MEM : CS_ERR_OK;
    }
    return error;
}

/* All of w->code. */
static void print_segment_code(struct walk *w)
{
    uint32_t at = w->code.start;
    w->next_site = w->next_label = 0;
    while (w->next_site < w->code.site_count && w->code.sites[w->next_site].offset < at) {
        w->next_site++;
    }
    while (at < w->code.size) {
        print_labels(w, at);
        if (w->code.map[at] == CODE_WORD && w->code.size - at >= 4) {
            print_word(w, at);
            at += 4;
        } else if (w->code.map[at] == CODE_STRING) {
            at += print_string(&w->code, at);
        } else if (w->code.map[at] != CODE_INSTRUCTION || (at & 1) != 0) {
            at += print_data(w, at);
        } else {
            at += print_instruction(w, at);
        }
    }
    putchar('\n');
}

int print_code(const struct module *module)
{
    struct walk w = {0};
    struct code text;
    if (module->compressed) {
        cli_error(module->path, "text is stored compressed, and cannot be disassembled");
        return CLI_REFUSED;
    }
    cs_err error = open_capstone(module, &w);
    if (error != CS_ERR_OK) {
        cli_error(module->path, "cannot be disassembled: %s", cs_strerror(error));
        return CLI_IO;
    }
    code_open(module, &text);
    w.code = text;
    w.text = &text;
    printf("text: %" PRIu32 " bytes, offsets from its start\n", w.code.size);
    print_segment_code(&w);
    if (code_open_data(module, &w.code)) {
        printf("code in data: offsets 0x%" PRIx32 " to 0x%" PRIx32 ", from its start\n",
               w.code.start, w.code.size);
        print_segment_code(&w);
        code_close(&w.code);
    }
    code_close(&text);
    cs_free(w.instruction, 1);
    cs_close(&w.capstone);
    return CLI_OK;
}
