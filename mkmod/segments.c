/* SPDX-License-Identifier: BSD-2-Clause */
/* Where the linker put things, and what becomes text and what data. Only flags, types
 * and addresses of sections count, never their names. */
#include <elf.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "cli.h"
#include "module.h"

/* A gap this large between two sections is two memories, not padding. */
#define FAR_GAP 0x100000u
/* More than a linker script's alignment leaves between text and data. */
#define GAP_STORED_MAX 0x8000u
#define ALIGN_LEAST    2u /* literal loads need words at multiples of 4 */

static bool is_data(const struct section *s)
{
    return (s->flags & SHF_WRITE) != 0;
}

static bool is_code(const struct section *s)
{
    return (s->flags & SHF_EXECINSTR) != 0;
}

static uint32_t log2_of(uint32_t align)
{
    uint32_t log2 = 0;
    while (align > 1) {
        align >>= 1;
        log2++;
    }
    return log2;
}

static const struct symbol *thread_local_in(const struct elffile *elf, uint32_t section)
{
    for (uint32_t i = 1; i < elf->symbol_count; i++) {
        if (elf->symbols[i].type == STT_TLS && elf->symbols[i].section == section &&
            elf->symbols[i].size != 0) {
            return &elf->symbols[i];
        }
    }
    return NULL;
}

/* Can the section be loaded? Adds a problem if not. */
static bool acceptable(struct module *m, uint32_t index)
{
    const struct section *s = &m->elf.sections[index];
    if ((s->flags & SHF_TLS) != 0) {
        const struct symbol *symbol = thread_local_in(&m->elf, index);
        problem_error(
            m, 0, 0,
            "section %s holds thread-local variables%s%s; modules have none: drop "
            "__thread, thread_local or _Thread_local",
            s->name, symbol != NULL ? ", such as " : "",
            symbol != NULL ? symbol->name : "");
        return false;
    }
    if ((s->flags & SHF_COMPRESSED) != 0) {
        problem_error(m, 0, 0, "section %s is loaded but compressed", s->name);
        return false;
    }
    if (s->type == SHT_DYNAMIC || s->type == SHT_DYNSYM) {
        problem_error(
            m, 0, 0,
            "section %s belongs to a dynamically linked program; link with -static, "
            "without -pie and -shared",
            s->name);
        return false;
    }
    if (s->align > 1 && (s->align & (s->align - 1)) != 0) {
        problem_error(m, 0, 0, "section %s: its alignment 0x%x is no power of two",
                      s->name, (unsigned)s->align);
        return false;
    }
    if (log2_of(s->align) > MODFMT_ALIGN_LOG2_MAX) {
        problem_error(m, 0, 0,
                      "section %s wants an alignment of %u bytes; at most %u can be",
                      s->name, (unsigned)s->align, 1u << MODFMT_ALIGN_LOG2_MAX);
        return false;
    }
    if ((uint64_t)s->address + s->size > UINT32_MAX) {
        problem_error(m, 0, 0, "section %s reaches past the end of the address space",
                      s->name);
        return false;
    }
    if (s->size > MODFMT_SIZE_MAX) {
        problem_error(m, 0, 0, "section %s is absurdly large: %u bytes", s->name,
                      (unsigned)s->size);
        return false;
    }
    return s->type == SHT_NOBITS || s->bytes != NULL;
}

static int by_address(const void *a, const void *b)
{
    const struct section *x = *(const struct section *const *)a;
    const struct section *y = *(const struct section *const *)b;
    if (x->address != y->address) {
        return x->address < y->address ? -1 : 1;
    }
    return x < y ? -1 : x > y;
}

/* Fill m->order with the loaded sections that are not empty, by address. */
static void sort_sections(struct module *m)
{
    struct elffile *elf = &m->elf;
    const struct section **sorted = cli_alloc(elf->section_count, sizeof *sorted);
    m->order = cli_alloc(elf->section_count, sizeof *m->order);
    for (uint32_t i = 1; i < elf->section_count; i++) {
        struct section *s = &elf->sections[i];
        bool loaded = (s->flags & SHF_ALLOC) != 0 && s->type != SHT_NULL &&
                      strcmp(s->name, STUBS_SECTION) != 0;
        if (loaded && s->size != 0 && acceptable(m, i)) {
            sorted[m->order_count++] = s;
        }
    }
    qsort(sorted, m->order_count, sizeof *sorted, by_address);
    for (uint32_t i = 0; i < m->order_count; i++) {
        m->order[i] = (uint32_t)(sorted[i] - elf->sections);
        if (i > 0 && sorted[i]->address - sorted[i - 1]->address < sorted[i - 1]->size) {
            problem_error(m, 0, 0, "sections %s and %s overlap at 0x%08x",
                          sorted[i - 1]->name, sorted[i]->name,
                          (unsigned)sorted[i]->address);
        }
    }
    free(sorted);
}

static const struct section *ordered(const struct module *m, uint32_t i)
{
    return &m->elf.sections[m->order[i]];
}

/* Give the sections order[from..to) to a segment. */
static void assign(struct module *m, unsigned number, uint32_t from, uint32_t to)
{
    struct segment *segment = &m->segment[number];
    if (from >= to) {
        return;
    }
    segment->present = true;
    segment->align = ALIGN_LEAST;
    segment->first = ordered(m, from)->address;
    segment->start = segment->first;
    segment->link = segment->start;
    for (uint32_t i = from; i < to; i++) {
        struct section *s = &m->elf.sections[m->order[i]];
        uint32_t log2 = log2_of(s->align);
        s->segment = (uint8_t)number;
        segment->end = s->address + s->size;
        segment->align = log2 > segment->align ? log2 : segment->align;
        if (s->type == SHT_NOBITS) {
            segment->has_nobits = true;
        } else {
            segment->stored = segment->end - segment->start;
        }
        if (i > from &&
            s->address - (ordered(m, i - 1)->address + ordered(m, i - 1)->size) >
                FAR_GAP) {
            problem_error(
                m, 0, 0,
                "sections %s and %s were linked 0x%x bytes apart, yet both belong to "
                "%s; a module has one piece of text and one of data",
                ordered(m, i - 1)->name, s->name,
                (unsigned)(s->address - ordered(m, i - 1)->address),
                number == 0 ? "text" : "data");
        }
    }
    segment->mem = segment->end - segment->start;
    if (segment->mem > MODFMT_SIZE_MAX) {
        problem_error(m, 0, 0, "is absurdly large: 0x%x bytes in memory",
                      (unsigned)segment->mem);
    }
}

/* Where the one far gap is: the index behind it, or 0. */
static uint32_t find_gap(const struct module *m)
{
    for (uint32_t i = 1; i < m->order_count; i++) {
        const struct section *before = ordered(m, i - 1);
        if (ordered(m, i)->address - (before->address + before->size) > FAR_GAP) {
            return i;
        }
    }
    return 0;
}

/* Words should lie at multiples of 4 from data's start: relocation lists are shorter
 * then. Move it down into the gap behind text, if there is one. */
static void align_data(struct module *m)
{
    struct segment *text = &m->segment[0];
    struct segment *data = &m->segment[1];
    uint32_t skew = data->first % 4;
    if (!m->far && text->present && data->first - text->end < skew) {
        return;
    }
    data->start -= skew;
    data->link = data->start;
    data->mem += skew;
    data->stored += data->stored != 0 ? skew : 0;
}

/* Text and data in two memories: every section of the one group must suit text. */
static void split_far(struct module *m, uint32_t gap)
{
    bool code_low = false;
    bool code_high = false;
    for (uint32_t i = 0; i < m->order_count; i++) {
        bool *code = i < gap ? &code_low : &code_high;
        *code |= is_code(ordered(m, i));
    }
    m->far = true;
    uint32_t text_from = code_low || !code_high ? 0 : gap;
    uint32_t text_to = text_from == 0 ? gap : m->order_count;
    for (uint32_t i = text_from; i < text_to; i++) {
        if (is_data(ordered(m, i))) {
            problem_error(
                m, 0, 0,
                "section %s is writable but was linked with the code, 0x%x bytes "
                "away from other sections; put all of .data and .bss together",
                ordered(m, i)->name,
                (unsigned)(ordered(m, gap)->address - ordered(m, gap - 1)->address));
        }
    }
    assign(m, HOME_TEXT, text_from, text_to);
    assign(m, HOME_DATA, text_from == 0 ? gap : 0, text_from == 0 ? m->order_count : gap);
    align_data(m);
}

static void split_near(struct module *m)
{
    uint32_t first_data = m->order_count;
    uint32_t split = m->order_count;
    for (uint32_t i = m->order_count; i-- > 0;) {
        first_data = is_data(ordered(m, i)) ? i : first_data;
    }
    split = first_data;
    for (uint32_t i = first_data; i < m->order_count; i++) {
        if (is_code(ordered(m, i)) && !is_data(ordered(m, i))) {
            split = i + 1;
            segments_not_apart(
                m, 0, 0, "section %s holds code but lies behind %s, which is writable",
                ordered(m, i)->name, ordered(m, first_data)->name);
        }
    }
    assign(m, HOME_TEXT, 0, split);
    assign(m, HOME_DATA, split, m->order_count);
    if (m->segment[1].present) {
        align_data(m);
    }
}

/* Empty sections still have symbols, such as the start and end of something unused. */
static void assign_empty(struct module *m)
{
    const struct segment *text = &m->segment[0];
    const struct segment *data = &m->segment[1];
    for (uint32_t i = 1; i < m->elf.section_count; i++) {
        struct section *s = &m->elf.sections[i];
        if ((s->flags & SHF_ALLOC) == 0 || s->size != 0 || (s->flags & SHF_TLS) != 0) {
            continue;
        }
        bool behind = is_data(s);
        if (!m->far && s->address != data->first) {
            behind = s->address > data->first;
        }
        s->segment = data->present && (behind || !text->present) ? HOME_DATA : HOME_TEXT;
    }
}

bool segments_plan(struct module *m)
{
    sort_sections(m);
    if (m->order_count == 0) {
        if (m->problems.errors == 0) {
            problem_error(m, 0, 0, "has no section to load (none is allocated)");
        }
        return false;
    }
    uint32_t gap = find_gap(m);
    if (gap != 0) {
        split_far(m, gap);
    } else {
        split_near(m);
    }
    assign_empty(m);
    return m->problems.errors == 0;
}

static bool is_stub(const struct elffile *elf, const struct symbol *s)
{
    return s->section < elf->section_count && s->bind != STB_LOCAL &&
           strcmp(elf->sections[s->section].name, STUBS_SECTION) == 0;
}

static uint8_t home_of(const struct elffile *elf, const struct symbol *s)
{
    if (s->section == SECTION_NONE) {
        if (s->name[0] == '\0') {
            return s == elf->symbols ? HOME_ABSOLUTE : HOME_UNLOADED;
        }
        return HOME_IMPORT;
    }
    if (s->type == STT_TLS) {
        return HOME_TLS;
    }
    if (is_stub(elf, s)) {
        return HOME_IMPORT;
    }
    if (s->section == SECTION_ABSOLUTE) {
        return HOME_ABSOLUTE;
    }
    if (s->section == SECTION_OTHER || elf->sections[s->section].segment == NO_SEGMENT) {
        return HOME_UNLOADED;
    }
    return elf->sections[s->section].segment;
}

/* Where an output section stays empty, ld leaves its symbols to the next one that is
 * not, in front of that: `__end_text` then belongs to data, by its section. */
static bool left_behind(const struct module *m, const struct symbol *s)
{
    const struct segment *text = &m->segment[HOME_TEXT];
    return s->home == HOME_DATA && s->value < m->elf.sections[s->section].address &&
           text->present && s->value >= text->start && s->value <= text->end;
}

void segments_home_symbols(struct module *m)
{
    for (uint32_t i = 0; i < m->elf.symbol_count; i++) {
        struct symbol *s = &m->elf.symbols[i];
        s->home = home_of(&m->elf, s);
        if (s->type == STT_TLS) {
            s->home = HOME_TLS;
        } else if (left_behind(m, s)) {
            s->home = HOME_TEXT;
        }
    }
}

/* Smallest number >= least that is congruent to `to` modulo 2^log2. */
static uint32_t congruent(uint32_t least, uint32_t to, uint32_t log2)
{
    return least + ((to - least) & ((1u << log2) - 1));
}

/* A module without any data may still need some in front of it. */
static void make_data(struct module *m)
{
    struct segment *text = &m->segment[0];
    struct segment *data = &m->segment[1];
    data->present = true;
    data->align = ALIGN_LEAST;
    data->first = modfmt_up4(text->end);
    data->start = data->first;
    data->end = data->first;
    data->link = data->first;
}

/* Is data as far from text, in a block, as it was linked? It is if what goes in front of
 * data fits behind text. With --xip nothing can lead from one to the other, so nothing is
 * stored for the sake of that distance. */
static bool keeps_distance(const struct module *m)
{
    return !m->far && !m->options.xip &&
           m->segment[1].start - m->segment[0].end >= m->data_prefix;
}

void segments_front(struct module *m)
{
    struct segment *data = &m->segment[1];
    uint32_t needed = m->trampoline_bytes + 4 * m->words;
    if (needed == 0) {
        return;
    }
    if (!data->present) {
        make_data(m);
    }
    m->planned_base = m->planned_base != 0 ? m->planned_base : data->first;
    /* Words at multiples of 4. */
    m->data_prefix = needed + data->start % 4;
    m->data_moves = m->segment[0].present && !keeps_distance(m);
}

/* Text is as large as data's place in a block asks for: there data is aligned as it was
 * linked, and what lies between the two belongs to text. */
static void size_text(struct module *m)
{
    struct segment *text = &m->segment[0];
    const struct segment *data = &m->segment[1];
    uint32_t begin = data->start - m->data_prefix;
    if (!data->present) {
        return;
    }
    text->mem =
        keeps_distance(m) ? begin - text->link : congruent(text->mem, begin, data->align);
}

/* Text that may be run in place, or be linked for one, is stored to its end. */
static void store_gap(struct segment *text)
{
    if (!text->has_nobits && text->mem - text->stored <= GAP_STORED_MAX) {
        text->stored = text->mem;
    }
}

static void fill_data(struct module *m, struct segment *data)
{
    uint32_t least = m->data_prefix + (data->first - data->start);
    data->link -= m->data_prefix;
    data->mem += m->data_prefix;
    data->stored += data->stored != 0 ? m->data_prefix : 0;
    if (m->data_prefix != 0 && data->stored < least) {
        data->stored = least;
    }
}

void segments_fill(struct module *m)
{
    struct segment *text = &m->segment[0];
    struct segment *data = &m->segment[1];
    if (!text->present) {
        text->align = ALIGN_LEAST;
        text->first = data->start;
        text->start = data->start;
        text->end = data->start;
    }
    bool both = !m->options.xip && data->align > text->align;
    uint32_t align = both ? data->align : text->align;
    m->prefix = congruent(m->veneer_bytes, text->start, align);
    text->link = text->start - m->prefix;
    text->mem += m->prefix;
    text->stored += m->prefix;
    size_text(m);
    store_gap(text);
    fill_data(m, data);
    for (unsigned number = 0; number < 2; number++) {
        struct segment *segment = &m->segment[number];
        segment->bytes = cli_alloc(segment->stored + 1u, 1);
        segment->touched = cli_alloc(segment->stored / 8u + 3u, 1);
    }
    for (uint32_t i = 0; i < m->order_count; i++) {
        const struct section *s = ordered(m, i);
        const struct segment *segment = &m->segment[s->segment];
        if (s->type != SHT_NOBITS) {
            memcpy(segment->bytes + (s->address - segment->link), s->bytes, s->size);
        }
    }
}

unsigned segments_at(const struct module *m, uint32_t address)
{
    for (unsigned number = 0; number < 2; number++) {
        const struct segment *segment = &m->segment[number];
        if (segment->present &&
            address - segment->start < segment->end - segment->start) {
            return number;
        }
    }
    return NO_SEGMENT;
}

uint8_t *segments_bytes(const struct module *m, uint32_t address, uint32_t length)
{
    unsigned number = segments_at(m, address);
    if (number == NO_SEGMENT || m->segment[number].bytes == NULL) {
        return NULL; /* or segments_fill() is still to come */
    }
    const struct segment *segment = &m->segment[number];
    uint32_t offset = address - segment->link;
    return modfmt_range(offset, length, segment->stored) ? segment->bytes + offset : NULL;
}

bool segments_linked_range(const struct module *m, uint32_t address)
{
    for (unsigned number = 0; number < 2; number++) {
        const struct segment *segment = &m->segment[number];
        if (segment->present &&
            address - segment->start <= segment->end - segment->start) {
            return true;
        }
    }
    return false;
}

bool segments_touched(const struct module *m, uint32_t address, uint32_t length)
{
    unsigned number = segments_at(m, address);
    if (number == NO_SEGMENT || segments_bytes(m, address, length) == NULL) {
        return false;
    }
    for (uint32_t i = 0; i < length; i++) {
        uint32_t bit = address + i - m->segment[number].link;
        if ((m->segment[number].touched[bit / 8] >> (bit % 8) & 1) == 0) {
            return false;
        }
    }
    return true;
}

void segments_not_apart(struct module *m, uint32_t section, uint32_t address,
                        const char *format, ...)
{
    char text[512];
    va_list args;
    va_start(args, format);
    (void)vsnprintf(text, sizeof text, format, args);
    va_end(args);
    m->not_apart = true;
    if (m->options.xip) {
        problem_error(
            m, section, address,
            "%s, but --xip needs text and data apart; keep both in one of them, "
            "go through a pointer (-mlong-calls), or load the module into RAM "
            "(no --xip)",
            text);
    } else if (section != 0 && m->data_moves) {
        problem_error(m, section, address,
                      "%s, and that distance cannot be kept: %u bytes of trampolines go "
                      "in front of data, since the code counts on r9; call it through a "
                      "pointer (-mlong-calls)",
                      text, (unsigned)m->data_prefix);
    }
    if (m->reason_count < REASONS_MAX) {
        m->reasons[m->reason_count] = cli_format("%s", text);
    }
    m->reason_count++;
}

static bool text_has_fixups(const struct module *m)
{
    for (unsigned bucket = 0; bucket < BUCKETS; bucket++) {
        if ((bucket & BUCKET_IN_DATA) == 0 && m->buckets[bucket] != 0) {
            return true;
        }
    }
    return false;
}

/* Code of the linker's or the compiler's, or trampolines. */
static bool code_in_data(const struct module *m)
{
    for (uint32_t i = 0; i < m->order_count; i++) {
        if (ordered(m, i)->segment == HOME_DATA && is_code(ordered(m, i))) {
            return true;
        }
    }
    for (uint32_t i = 1; i < m->elf.symbol_count; i++) {
        const struct symbol *s = &m->elf.symbols[i];
        if (s->home == HOME_DATA && s->type == STT_FUNC) {
            return true;
        }
    }
    return m->callback_count != 0;
}

uint32_t segments_flags(const struct module *m)
{
    uint32_t flags = MODFMT_FLAG_BLOCK;
    flags |= code_in_data(m) ? MODFMT_FLAG_CODE_IN_DATA : 0;
    if (m->not_apart) {
        return flags;
    }
    flags |= MODFMT_FLAG_APART;
    if (!text_has_fixups(m) && m->segment[0].stored == m->segment[0].mem &&
        m->segment[0].align <= MODFMT_TEXT_ALIGN_IN_PLACE_MAX) {
        flags |= MODFMT_FLAG_IN_PLACE;
    }
    return flags;
}
