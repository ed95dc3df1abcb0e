/* SPDX-License-Identifier: BSD-2-Clause */
/* Functions in DWARF, by their address: static ones, and those of namespaces and classes,
 * are found so too. */
#include "arguments.h"

#include <stdlib.h>
#include <string.h>

#include "argumentparts.h"
#include "cli.h"
#include "module.h"
#include "units.h"

#define TIME_LIMIT_S 10u
#define DEPTH_MAX    32u
#define CHAIN_MAX    4u

/* One for each DIE that has the address of a query. */
struct answer {
    uint32_t query;
    uint32_t stack;
    uint32_t rank; /* 1: the name is the symbol's as well */
};

struct wanted {
    uint32_t address;
    uint32_t query;
    const char *name;
};

struct search {
    const struct module *m;
    struct wanted *wanted; /* sorted by address */
    size_t count;
    FILE *out;
    const void
        *unit; /* the last one that tells_types() was asked about, and the answer */
    bool typed;
};

static int by_address(const void *a, const void *b)
{
    const struct wanted *x = a;
    const struct wanted *y = b;
    if (x->address != y->address) {
        return x->address < y->address ? -1 : 1;
    }
    return (x->query > y->query) - (x->query < y->query);
}

/* ---- one function ------------------------------------------------------------------ */

static bool flag(Dwarf_Die *die, unsigned name)
{
    Dwarf_Attribute attribute;
    bool value = false;
    return dwarf_attr_integrate(die, name, &attribute) != NULL &&
           dwarf_formflag(&attribute, &value) == 0 && value;
}

static bool is_type(int tag)
{
    return tag == DW_TAG_base_type || tag == DW_TAG_pointer_type ||
           tag == DW_TAG_structure_type || tag == DW_TAG_class_type ||
           tag == DW_TAG_typedef || tag == DW_TAG_enumeration_type ||
           tag == DW_TAG_union_type || tag == DW_TAG_subroutine_type ||
           tag == DW_TAG_const_type;
}

/* With -g1 there are no types, and no function has arguments. */
static bool tells_types(struct search *search, Dwarf_Die *die)
{
    Dwarf_Die unit;
    Dwarf_Die child;
    if (dwarf_diecu(die, &unit, NULL, NULL) == NULL) {
        return false;
    }
    if (search->unit != unit.addr) {
        search->unit = unit.addr;
        search->typed = false;
        for (int rc = dwarf_child(&unit, &child); rc == 0 && !search->typed;
             rc = dwarf_siblingof(&child, &child)) {
            search->typed = is_type(dwarf_tag(&child));
        }
    }
    return search->typed;
}

enum language { LANGUAGE_OTHER, LANGUAGE_C, LANGUAGE_CXX };

static enum language language_of(Dwarf_Die *die)
{
    Dwarf_Die unit;
    if (dwarf_diecu(die, &unit, NULL, NULL) == NULL) {
        return LANGUAGE_OTHER;
    }
    switch (dwarf_srclang(&unit)) {
    case DW_LANG_C:
    case DW_LANG_C89:
    case DW_LANG_C99:
    case DW_LANG_C11:
        return LANGUAGE_C;
    case DW_LANG_C_plus_plus:
    case DW_LANG_C_plus_plus_03:
    case DW_LANG_C_plus_plus_11:
    case DW_LANG_C_plus_plus_14:
        return LANGUAGE_CXX;
    default:
        return LANGUAGE_OTHER; /* has a convention of its own */
    }
}

/* Defined in C without a prototype: as f() with no arguments at all, or with some of the
 * old style, in which floats are passed as doubles. */
static bool old_style(Dwarf_Die *die)
{
    return language_of(die) == LANGUAGE_C && !flag(die, DW_AT_prototyped);
}

/* The arguments of one DIE of a function. False: it does not list any. */
static bool listed(Dwarf_Die *die, bool vfp, const struct argument_shape *result,
                   uint32_t *ret_stack, bool *unsure)
{
    struct argument_places places = argument_places(vfp, result);
    bool any = false;
    Dwarf_Die child;
    for (int rc = dwarf_child(die, &child); rc == 0;
         rc = dwarf_siblingof(&child, &child)) {
        struct argument_shape shape;
        if (dwarf_tag(&child) == DW_TAG_unspecified_parameters && !old_style(die)) {
            *ret_stack = ARGUMENTS_VARIADIC;
            return true;
        }
        if (dwarf_tag(&child) != DW_TAG_formal_parameter) {
            continue;
        }
        any = true;
        if (argument_shape(&child, &shape)) {
            *unsure |= shape.unsure;
            argument_place(&places, &shape);
        } else {
            *unsure = true;
        }
    }
    *ret_stack = places.stack;
    return any;
}

/* A copy of a function refers to the DIE that says all, and that one perhaps to the
 * declaration in a class: the one that asks for most counts. */
static uint32_t most_listed(Dwarf_Die *die, bool vfp, const struct argument_shape *result,
                            bool *unsure, bool *ret_any, Dwarf_Die *ret_origin)
{
    Dwarf_Die at = *die;
    uint32_t most = 0;
    *ret_any = false;
    for (unsigned i = 0; i < CHAIN_MAX; i++) {
        Dwarf_Attribute attribute;
        uint32_t stack;
        if (listed(&at, vfp, result, &stack, unsure)) {
            most = stack > most ? stack : most;
            *ret_any = true;
        }
        if ((dwarf_attr(&at, DW_AT_abstract_origin, &attribute) == NULL &&
             dwarf_attr(&at, DW_AT_specification, &attribute) == NULL) ||
            dwarf_formref_die(&attribute, &at) == NULL) {
            break;
        }
    }
    *ret_origin = at;
    return most;
}

static uint32_t stack_of(struct search *search, Dwarf_Die *die)
{
    bool vfp = (search->m->needs & MODFMT_NEED_ABI_HARD) != 0;
    struct argument_shape result;
    Dwarf_Attribute attribute;
    Dwarf_Die origin;
    bool any;
    bool returns = argument_shape(die, &result);
    bool unsure = returns && result.unsure;
    uint32_t stack =
        most_listed(die, vfp, returns ? &result : NULL, &unsure, &any, &origin);
    if (dwarf_attr_integrate(die, DW_AT_static_link, &attribute) != NULL) {
        return ARGUMENTS_NESTED;
    }
    if (language_of(die) == LANGUAGE_OTHER || (any && old_style(die)) ||
        (!any && !returns && !tells_types(search, &origin))) {
        return ARGUMENTS_UNKNOWN;
    }
    /* What would be refused is refused rather than guessed. */
    return unsure && stack <= ARGUMENTS_STACK_MAX ? ARGUMENTS_UNKNOWN : stack;
}

/* ---- all functions ----------------------------------------------------------------- */

/* Static functions get suffixes when files are linked into one, as name.lto_priv.0. */
static bool is_name(const char *symbol, const char *name)
{
    size_t length = name != NULL ? strlen(name) : 0;
    return length != 0 && strncmp(symbol, name, length) == 0 &&
           (symbol[length] == '\0' || symbol[length] == '.');
}

static const char *linker_name(Dwarf_Die *die)
{
    Dwarf_Attribute attribute;
    if (dwarf_attr_integrate(die, DW_AT_linkage_name, &attribute) == NULL &&
        dwarf_attr_integrate(die, DW_AT_MIPS_linkage_name, &attribute) == NULL) {
        return dwarf_diename(die);
    }
    return dwarf_formstring(&attribute);
}

static void answer_at(struct search *search, Dwarf_Die *die, Dwarf_Addr address)
{
    uint32_t stack = 0;
    bool known = false;
    struct wanted key = {.address = (uint32_t)address & ~1u};
    size_t low = 0;
    for (size_t high = search->count; low < high;) {
        size_t middle = low + (high - low) / 2;
        if (search->wanted[middle].address < key.address) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    for (; low < search->count && search->wanted[low].address == key.address; low++) {
        const struct wanted *w = &search->wanted[low];
        stack = known ? stack : stack_of(search, die);
        known = true;
        struct answer answer = {w->query, stack, is_name(w->name, linker_name(die))};
        (void)fwrite(&answer, sizeof answer, 1, search->out);
        (void)fflush(search->out); /* whatever becomes of the rest */
    }
}

/* The entry is the start of one of its ranges; those of its cold parts match nothing. */
static void take_function(struct search *search, Dwarf_Die *die)
{
    Dwarf_Addr start;
    Dwarf_Addr end;
    Dwarf_Addr range_base;
    Dwarf_Addr low;
    if (dwarf_lowpc(die, &low) == 0) {
        answer_at(search, die, low);
        return;
    }
    for (ptrdiff_t at = 0; (at = dwarf_ranges(die, at, &range_base, &start, &end)) > 0;) {
        answer_at(search, die, start);
    }
}

static void walk(struct search *search, Dwarf_Die *parent, unsigned depth)
{
    Dwarf_Die child;
    for (int rc = dwarf_child(parent, &child); rc == 0 && depth != 0;
         rc = dwarf_siblingof(&child, &child)) {
        switch (dwarf_tag(&child)) {
        case DW_TAG_subprogram:
            take_function(search, &child);
            walk(search, &child, depth - 1);
            break;
        case DW_TAG_namespace:
        case DW_TAG_lexical_block:
        case DW_TAG_structure_type:
        case DW_TAG_class_type:
        case DW_TAG_union_type:
            walk(search, &child, depth - 1);
            break;
        default:
            break;
        }
    }
}

static int find(void *context, FILE *out)
{
    struct search *search = context;
    const struct elffile *file = &search->m->elf;
    search->out = out;
    struct units units = units_of_elf(file->bytes, file->size);
    Dwarf_Die unit;
    while (units_next(&units, &unit)) {
        walk(search, &unit, DEPTH_MAX);
    }
    return 0;
}

/* ---- the questions ----------------------------------------------------------------- */

/* A thunk of C++ (_ZThn8_N1A1fEv, _ZTv0_n12_N1A1fEv) mends `this` and jumps to a function
 * that has the same arguments: that one is asked for. */
static const struct symbol *behind_thunk(const struct module *m, const struct symbol *s)
{
    const char *at = s->name + 4;
    if (strncmp(s->name, "_ZTh", 4) != 0 && strncmp(s->name, "_ZTv", 4) != 0) {
        return s;
    }
    for (unsigned numbers = s->name[3] == 'h' ? 1 : 2; numbers != 0; numbers--) {
        at += *at == 'n';
        at += strspn(at, "0123456789");
        if (*at++ != '_') {
            return s;
        }
    }
    char *name = cli_format("_Z%s", at);
    const struct symbol *target = elffile_symbol(&m->elf, name);
    free(name);
    return target != NULL ? target : s;
}

static void merge(struct arguments_query *queries, uint32_t *ranks, size_t count,
                  const uint8_t *bytes, size_t size)
{
    struct answer answer;
    for (size_t at = 0; at + sizeof answer <= size; at += sizeof answer) {
        memcpy(&answer, bytes + at, sizeof answer);
        if (answer.query >= count) {
            continue;
        }
        struct arguments_query *query = &queries[answer.query];
        uint32_t rank = answer.rank + 1; /* 0: no answer yet */
        if (rank > ranks[answer.query]) {
            query->stack = answer.stack;
            ranks[answer.query] = rank;
        } else if (rank == ranks[answer.query] && answer.stack > query->stack) {
            query->stack = answer.stack;
        }
    }
}

void arguments_find(const struct module *m, struct arguments_query *queries, size_t count)
{
    const struct section *info = elffile_section(&m->elf, ".debug_info");
    struct search search = {.m = m, .count = count};
    size_t size = 0;
    int result;
    for (size_t i = 0; i < count; i++) {
        queries[i].stack = ARGUMENTS_UNKNOWN;
    }
    if (count == 0 || info == NULL || info->bytes == NULL) {
        return;
    }
    search.wanted = cli_alloc(count, sizeof *search.wanted);
    for (size_t i = 0; i < count; i++) {
        const struct symbol *s = behind_thunk(m, &m->elf.symbols[queries[i].symbol]);
        search.wanted[i] = (struct wanted){s->value & ~1u, (uint32_t)i, s->name};
    }
    qsort(search.wanted, count, sizeof *search.wanted, by_address);
    uint32_t *ranks = cli_alloc(count, sizeof *ranks);
    uint8_t *bytes = cli_child(find, &search, TIME_LIMIT_S, &size, &result);
    merge(queries, ranks, count, bytes, size);
    free(bytes);
    free(ranks);
    free(search.wanted);
}
