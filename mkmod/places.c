/* SPDX-License-Identifier: BSD-2-Clause */
#include <elf.h>
#include <string.h>

#include "module.h"

#define DEFAULT_ENTRY  "module_entry"
#define NOTE_HEADER    12u
#define BUILD_ID_MAX   64u
#define PREINIT_SYMBOL "__preinit_array_start"
#define INIT_START     "__init_array_start"
#define INIT_END       "__init_array_end"
#define FINI_START     "__fini_array_start"
#define FINI_END       "__fini_array_end"

/* ---- entry ----------------------------------------------------------------------- */

static void take_entry(struct module *m, const struct symbol *s)
{
    const struct section *section =
        s->section < m->elf.section_count ? &m->elf.sections[s->section] : NULL;
    if (s->home != HOME_TEXT || section == NULL ||
        (section->flags & SHF_EXECINSTR) == 0) {
        problem_error(m, 0, 0, "the entry '%s' is not in the module's code%s", s->name,
                      s->home == HOME_IMPORT ? ": it is undefined" : "");
        return;
    }
    if ((s->value & ~1u) - section->address >= section->size) {
        problem_error(m, 0, 0,
                      "the entry '%s' lies outside its section %s; the ELF is corrupt",
                      s->name, section->name);
        return;
    }
    if (s->type == STT_FUNC && (s->value & 1) == 0) {
        problem_error(m, 0, 0,
                      "the entry '%s' is ARM-state code; a Cortex-M runs Thumb only",
                      s->name);
        return;
    }
    if (s->type == STT_OBJECT) {
        problem_error(m, 0, 0, "the entry '%s' is a data object, not a function",
                      s->name);
        return;
    }
    if (s->type != STT_FUNC) {
        problem_warning(
            m, 0, 0,
            "the entry '%s' is not marked as a function; taking it for Thumb code "
            "(add .type %s, %%function)",
            s->name, s->name);
    }
    m->entry = (s->value | 1) - m->segment[0].link;
}

/* A Thumb function exactly where the ELF's own entry is. */
static const struct symbol *function_at(const struct module *m, uint32_t address)
{
    for (uint32_t i = 1; i < m->elf.symbol_count; i++) {
        const struct symbol *s = &m->elf.symbols[i];
        if (s->type == STT_FUNC && s->value == address && (address & 1) != 0 &&
            s->home == HOME_TEXT) {
            return s;
        }
    }
    return NULL;
}

static void find_entry(struct module *m)
{
    const char *name = m->options.entry;
    const struct symbol *s = elffile_symbol(&m->elf, name != NULL ? name : DEFAULT_ENTRY);
    if (s == NULL && name == NULL) {
        s = function_at(m, m->elf.entry);
    }
    if (name == NULL && m->export_count != 0 && (s == NULL || s->home == HOME_IMPORT)) {
        return; /* it only offers exports, even if the linker script names an entry */
    }
    if (s != NULL) {
        take_entry(m, s);
    } else if (name != NULL) {
        problem_error(m, 0, 0,
                      "there is no symbol '%s' to enter at; check --entry, and that "
                      "--gc-sections did not drop it (ld: -e %s)",
                      name, name);
    } else {
        problem_error(m, 0, 0,
                      "has no entry: neither a function '" DEFAULT_ENTRY
                      "' nor an ELF entry that is a Thumb function; define one, name "
                      "another with --entry, or export what other modules want of it");
    }
}

/* ---- constructors and destructors ------------------------------------------------ */

static bool symbol_range(const struct module *m, const char *start, const char *end,
                         struct array_place *ret_array)
{
    const struct symbol *from = elffile_symbol(&m->elf, start);
    const struct symbol *to = elffile_symbol(&m->elf, end);
    if (from == NULL || to == NULL || from->home > HOME_DATA || to->home > HOME_DATA ||
        to->value <= from->value) {
        return false;
    }
    ret_array->address = from->value;
    ret_array->size = to->value - from->value;
    return true;
}

/* Sections of the type, which must follow each other; else what the symbols enclose. */
static void find_array(struct module *m, uint32_t type, const char *start,
                       const char *end, struct array_place *array)
{
    struct array_place enclosed;
    const struct section *first = NULL;
    for (uint32_t i = 0; i < m->order_count; i++) {
        const struct section *s = &m->elf.sections[m->order[i]];
        if (s->type != type) {
            continue;
        }
        if (first != NULL && s->address != array->address + array->size) {
            problem_error(m, 0, 0,
                          "sections %s and %s do not follow each other; put all "
                          "constructors (or destructors) into one output section",
                          first->name, s->name);
        }
        if (first == NULL) {
            first = s;
            array->address = s->address;
        }
        array->size = s->address + s->size - array->address;
    }
    if (symbol_range(m, start, end, &enclosed) &&
        (first == NULL || (enclosed.address >= array->address &&
                           enclosed.address - array->address <= array->size))) {
        *array =
            enclosed; /* the script's word is closer to what start-up code would do */
    }
}

static void check_array(struct module *m, const char *start, const char *end,
                        const struct array_place *array)
{
    if (array->size != 0 && (array->address % 4 != 0 || array->size % 4 != 0 ||
                             segments_bytes(m, array->address, array->size) == NULL)) {
        problem_error(m, 0, 0,
                      "the array between %s and %s (%u bytes at 0x%08x) is not an array "
                      "of addresses",
                      start, end, (unsigned)array->size, (unsigned)array->address);
    }
}

void places_arrays(struct module *m)
{
    struct array_place early = {0, 0};
    find_array(m, SHT_PREINIT_ARRAY, PREINIT_SYMBOL, "__preinit_array_end", &early);
    find_array(m, SHT_INIT_ARRAY, INIT_START, INIT_END, &m->init);
    find_array(m, SHT_FINI_ARRAY, FINI_START, FINI_END, &m->fini);
    if (early.size != 0) {
        problem_error(m, 0, 0,
                      "has a .preinit_array, which is for programs, not for modules; use "
                      "constructors (.init_array)");
    }
}

/* ---- build id --------------------------------------------------------------------- */

static void find_build_id(struct module *m, const struct section *s)
{
    uint32_t offset = 0;
    while (s->size - offset >= NOTE_HEADER) {
        const uint8_t *note = s->bytes + offset;
        uint32_t name = modfmt_get32(note);
        uint32_t size = modfmt_get32(note + 4);
        uint32_t left = s->size - offset - NOTE_HEADER;
        if (name > left || modfmt_up4(name) > left || size > left - modfmt_up4(name)) {
            return;
        }
        const uint8_t *value = note + NOTE_HEADER + modfmt_up4(name);
        if (modfmt_get32(note + 8) == NT_GNU_BUILD_ID && name == 4 && size >= 1 &&
            size <= BUILD_ID_MAX && memcmp(note + NOTE_HEADER, "GNU", 4) == 0) {
            m->build_id = value;
            m->build_id_size = size;
            return;
        }
        left -= modfmt_up4(name) + size;
        offset = s->size - left;
        offset += left >= 3 ? (4 - size % 4) % 4 : left;
    }
}

void places_find(struct module *m)
{
    find_entry(m);
    check_array(m, INIT_START, INIT_END, &m->init);
    check_array(m, FINI_START, FINI_END, &m->fini);
    for (uint32_t i = 1; i < m->elf.section_count && m->build_id == NULL; i++) {
        const struct section *s = &m->elf.sections[i];
        if (s->type == SHT_NOTE && s->bytes != NULL) {
            find_build_id(m, s);
        }
    }
}
