/* SPDX-License-Identifier: BSD-2-Clause */
/* Words that code has beside it, and the instructions that load them. */
#include <elf.h>

#include "instruction.h"
#include "module.h"

#define LITERAL_REACH 4100u

/* Before segments are filled there is only the ELF. */
static const uint8_t *bytes_at(const struct module *m, uint32_t address, uint32_t length)
{
    if (m->segment[HOME_TEXT].bytes != NULL) {
        return segments_bytes(m, address, length);
    }
    const struct section *s = elffile_section_at(&m->elf, address);
    return s != NULL && s->bytes != NULL &&
                   modfmt_range(address - s->address, length, s->size)
               ? s->bytes + (address - s->address)
               : NULL;
}

bool code_fetch(const struct module *m, uint32_t address, uint32_t *ret_insn)
{
    const uint8_t *at = bytes_at(m, address, 2);
    if (at == NULL || elffile_state(&m->elf, address) == 'd') {
        return false;
    }
    *ret_insn = modfmt_get16(at);
    if (thumb_is_wide(*ret_insn)) {
        at = bytes_at(m, address, 4);
        if (at == NULL) {
            return false;
        }
        *ret_insn |= modfmt_get16(at + 2) << 16;
    }
    return true;
}

uint32_t literal_loaded(uint32_t insn, uint32_t address, uint32_t place)
{
    uint32_t pc = (address + 4) & ~3u;
    if ((insn & 0xf800) == 0x4800 && pc + (insn & 0xff) * 4 == place) {
        return insn >> 8 & 7;
    }
    if ((insn & 0xffff) == 0xf8df && pc + (insn >> 16 & 0xfff) == place) {
        return insn >> 28;
    }
    return NO_REGISTER;
}

uint32_t literal_user(const struct module *m, uint32_t start, uint32_t place)
{
    uint32_t insn = 0;
    uint32_t from = place - start > LITERAL_REACH ? place - LITERAL_REACH : start;
    for (uint32_t at = from; at < place;) {
        bool there = code_fetch(m, at, &insn);
        if (there && literal_loaded(insn, at, place) != NO_REGISTER) {
            return at;
        }
        at += there && thumb_is_wide(insn & 0xffff) ? 4 : 2;
    }
    return place;
}
