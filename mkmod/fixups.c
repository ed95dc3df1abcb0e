/* SPDX-License-Identifier: BSD-2-Clause */
#include <stdlib.h>
#include <string.h>

#include "cli.h"
#include "module.h"

/* What goes into one list of the image, or into lists that follow each other
 * (specs/modfmt.md, 3.1). */
static unsigned bucket_of(const struct modfmt_fixup *f)
{
    unsigned kind = f->kind == MODFMT_KIND_MOV ? BUCKET_MOV
                    : f->place % 4 != 0        ? BUCKET_UNALIGNED
                                               : BUCKET_WORD;
    return kind | (f->relative != 0 ? BUCKET_RELATIVE : 0) |
           (f->segment != 0 ? BUCKET_IN_DATA : 0) | f->target;
}

void fixups_add(struct module *m, const struct modfmt_fixup *fixup)
{
    if (m->fixup_count == m->fixup_capacity) {
        m->fixups = cli_grow(m->fixups, &m->fixup_capacity, m->fixup_count + 1,
                             sizeof *m->fixups);
    }
    m->fixups[m->fixup_count++] = *fixup;
    m->buckets[bucket_of(fixup)]++;
}

bool fixups_touch(struct module *m, uint32_t section, uint32_t address, uint32_t length)
{
    struct segment *segment = &m->segment[m->elf.sections[section].segment];
    uint32_t offset = address - segment->link;
    uint8_t *map = segment->touched + offset / 8;
    uint32_t bits = ((1u << length) - 1u) << offset % 8; /* length is at most 8 */
    uint32_t have = modfmt_get16(map);
    if ((have & bits) != 0) {
        problem_error(
            m, section, address,
            "two relocation records change the same bytes; the ELF is corrupt, or was "
            "changed after linking");
        return false;
    }
    modfmt_put16(map, have | bits);
    return true;
}

void fixups_word(struct module *m, uint32_t section, uint32_t address, unsigned target,
                 bool relative, uint32_t import)
{
    if (!fixups_touch(m, section, address, 4)) {
        return;
    }
    uint8_t number = m->elf.sections[section].segment;
    struct modfmt_fixup fixup = {
        .place = address - m->segment[number].link,
        .import_index = (uint16_t)import,
        .segment = number,
        .target = (uint8_t)target,
        .relative = relative,
        .kind = MODFMT_KIND_WORD,
    };
    fixups_add(m, &fixup);
}

#define DIGIT_BITS  11u
#define DIGIT_COUNT (1u << DIGIT_BITS)

static uint32_t digit_of(const struct modfmt_fixup *f, unsigned pass)
{
    if (pass == 3) {
        return f->import_index % DIGIT_COUNT;
    }
    if (pass == 4) {
        return f->import_index / DIGIT_COUNT;
    }
    return f->place >> (pass * DIGIT_BITS) & (DIGIT_COUNT - 1);
}

static bool ascending(const struct modfmt_fixup *list, size_t count)
{
    for (size_t i = 1; i < count; i++) {
        if (list[i - 1].import_index > list[i].import_index ||
            (list[i - 1].import_index == list[i].import_index &&
             list[i - 1].place >= list[i].place)) {
            return false;
        }
    }
    return true;
}

/* Radix sort by import, then place: five stable passes, whatever the order was. */
static void sort_list(struct modfmt_fixup *list, struct modfmt_fixup *spare, size_t count)
{
    struct modfmt_fixup *from = list;
    struct modfmt_fixup *to = spare;
    for (unsigned pass = 0; pass < 5; pass++) {
        size_t start[DIGIT_COUNT];
        size_t sum = 0;
        memset(start, 0, sizeof start);
        for (size_t i = 0; i < count; i++) {
            start[digit_of(&from[i], pass)]++;
        }
        for (unsigned digit = 0; digit < DIGIT_COUNT; digit++) {
            size_t here = start[digit];
            start[digit] = sum;
            sum += here;
        }
        for (size_t i = 0; i < count; i++) {
            to[start[digit_of(&from[i], pass)]++] = from[i];
        }
        struct modfmt_fixup *swap = from;
        from = to;
        to = swap;
    }
    memcpy(list, from, count * sizeof *list); /* an odd number of passes ends in spare */
}

/* The order of lists is libmodfmt's to say: by each bucket's first fix-up. */
static void order_buckets(const struct module *m, const struct modfmt_fixup *const *first,
                          unsigned *order)
{
    unsigned count = 0;
    for (unsigned bucket = 0; bucket < BUCKETS; bucket++) {
        unsigned at = count;
        if (m->buckets[bucket] == 0) {
            continue;
        }
        for (; at > 0 && modfmt_fixup_compare(first[order[at - 1]], first[bucket]) > 0;
             at--) {
            order[at] = order[at - 1];
        }
        order[at] = bucket;
        count++;
    }
}

void fixups_sort(struct module *m)
{
    const struct modfmt_fixup *first[BUCKETS] = {NULL};
    unsigned order[BUCKETS] = {0};
    size_t start[BUCKETS];
    size_t sum = 0;
    struct modfmt_fixup *sorted = cli_alloc(m->fixup_count + 1, sizeof *sorted);
    struct modfmt_fixup *unsorted = m->fixups;
    for (size_t i = m->fixup_count; i-- > 0;) {
        first[bucket_of(&unsorted[i])] = &unsorted[i];
    }
    order_buckets(m, first, order);
    for (unsigned i = 0; i < BUCKETS && sum < m->fixup_count; i++) {
        start[order[i]] = sum;
        sum += m->buckets[order[i]];
    }
    for (size_t i = 0; i < m->fixup_count; i++) {
        sorted[start[bucket_of(&unsorted[i])]++] = unsorted[i];
    }
    for (size_t from = 0; from < m->fixup_count;) {
        size_t count = m->buckets[bucket_of(&sorted[from])];
        if (!ascending(sorted + from, count)) {
            sort_list(sorted + from, unsorted, count);
        }
        from += count;
    }
    free(unsorted);
    m->fixups = sorted;
    m->fixup_capacity = m->fixup_count + 1;
}
