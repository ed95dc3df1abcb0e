/* SPDX-License-Identifier: BSD-2-Clause */
/* Call frame information (.debug_frame), for functions whose code alone does not tell how
 * much stack they take. libdw reads it, in a child. */
#include <dwarf.h>
#include <elfutils/libdw.h>
#include <stdlib.h>

#include "cli.h"
#include "stack.h"

#define TIME_LIMIT_S 2u
#define REGISTER_SP  13u

struct question {
    const struct module *m;
    const struct stack_function *f;
};

/* The CFA of one row as a distance from sp. */
static bool distance(Dwarf_Frame *frame, uint32_t *ret_distance)
{
    Dwarf_Op *ops = NULL;
    size_t count = 0;
    if (dwarf_frame_cfa(frame, &ops, &count) != 0 || count != 1) {
        return false;
    }
    if (ops->atom == DW_OP_bregx && ops->number == REGISTER_SP) {
        *ret_distance = (uint32_t)ops->number2;
        return true;
    }
    *ret_distance = (uint32_t)ops->number;
    return ops->atom == DW_OP_breg0 + REGISTER_SP;
}

static bool largest_distance(Dwarf_CFI *cfi, const struct module *m,
                             const struct stack_function *f, uint32_t *ret_size)
{
    uint32_t size = 0;
    for (Dwarf_Addr at = f->start; at < f->end;) {
        Dwarf_Frame *frame = NULL;
        Dwarf_Addr end = 0;
        uint32_t row = 0;
        if (dwarf_cfi_addrframe(cfi, at, &frame) != 0) {
            if (stack_is_code(m, (uint32_t)at)) {
                return false;
            }
            at += 2; /* literals */
            continue;
        }
        bool good = dwarf_frame_info(frame, NULL, &end, NULL) >= 0 &&
                    distance(frame, &row) && row <= INT32_MAX && end > at;
        free(frame);
        if (!good) {
            return false;
        }
        size = row > size ? row : size;
        at = end;
    }
    *ret_size = size;
    return true;
}

static int answer(void *context, FILE *out)
{
    const struct question *question = context;
    const struct elffile *file = &question->m->elf;
    Elf *elf = elf_memory((char *)file->bytes, file->size);
    Dwarf *dwarf = elf != NULL ? dwarf_begin_elf(elf, DWARF_C_READ, NULL) : NULL;
    Dwarf_CFI *cfi = dwarf != NULL ? dwarf_getcfi(dwarf) : NULL;
    uint32_t size = 0;
    if (cfi != NULL && largest_distance(cfi, question->m, question->f, &size)) {
        (void)fwrite(&size, sizeof size, 1, out);
    }
    return 0;
}

bool stack_frame_of(const struct module *m, const struct stack_function *f,
                    uint32_t *ret_size)
{
    const struct section *s = elffile_section(&m->elf, ".debug_frame");
    struct question question = {m, f};
    size_t size = 0;
    int result;
    if (s == NULL || s->bytes == NULL) {
        return false;
    }
    uint32_t *bytes =
        (uint32_t *)(void *)cli_child(answer, &question, TIME_LIMIT_S, &size, &result);
    bool known = result == 0 && size == sizeof *bytes;
    if (known) {
        *ret_size = *bytes;
    }
    free(bytes);
    return known;
}
