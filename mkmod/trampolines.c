/* SPDX-License-Identifier: BSD-2-Clause */
/* Functions whose address may leave a module that counts on r9: pointers to them, and
 * exports, lead to trampolines in front of data. Which they are, which tail each needs,
 * and what is written; where: trampoline_layout.c. */
#include <elf.h>
#include <stdlib.h>
#include <string.h>

#include "arguments.h"
#include "cli.h"
#include "module.h"
#include "trampoline_layout.h"

/* Any tail that passes arguments on will do for what is not known. */
#define STACK_UNSURE 32u

const char *callback_option(struct callback_options *o, const char *value)
{
    static const char wanted[] =
        "--callback wants NAME=BYTES, a function whose address is taken and the bytes of "
        "its arguments that are on the stack";
    const char *equals = strrchr(value, '=');
    uint32_t bytes = 0;
    if (equals == NULL || equals == value || !cli_parse_u32(equals + 1, &bytes)) {
        return wanted;
    }
    o->list = cli_grow(o->list, &o->capacity, o->count + 1, sizeof *o->list);
    o->list[o->count++] = (struct callback_option){
        .name = cli_format("%.*s", (int)(equals - value), value),
        .bytes = bytes,
    };
    return NULL;
}

/* ---- which ------------------------------------------------------------------------ */

void trampolines_want(struct module *m, uint32_t symbol, uint32_t section,
                      uint32_t address)
{
    const struct symbol *s = &m->elf.symbols[symbol];
    m->callbacks = cli_grow(m->callbacks, &m->callback_capacity, m->callback_count + 1u,
                            sizeof *m->callbacks);
    m->callbacks[m->callback_count++] = (struct callback){
        .address = s->value | 1,
        .symbol = symbol,
        .section = section,
        .place = address,
        .home = s->home,
    };
}

static int by_address(const void *a, const void *b)
{
    const struct callback *x = a;
    const struct callback *y = b;
    if (x->address != y->address) {
        return x->address < y->address ? -1 : 1;
    }
    if (x->place != y->place) {
        return x->place < y->place ? -1 : 1;
    }
    return x->symbol < y->symbol ? -1 : x->symbol > y->symbol;
}

/* One for each address: pointers to one function shall be equal. */
static void merge(struct module *m)
{
    uint32_t kept = 0;
    qsort(m->callbacks, m->callback_count, sizeof *m->callbacks, by_address);
    for (uint32_t i = 1; i < m->callback_count; i++) {
        struct callback *before = &m->callbacks[kept];
        const struct callback *c = &m->callbacks[i];
        if (before->address != c->address) {
            m->callbacks[++kept] = *c;
        } else if (m->elf.symbols[before->symbol].bind == STB_LOCAL &&
                   m->elf.symbols[c->symbol].bind != STB_LOCAL) {
            before->symbol = c->symbol;
        }
    }
    m->callback_count = kept + 1;
}

const struct callback *trampolines_of(const struct module *m, uint32_t address)
{
    uint32_t from = 0;
    uint32_t to = m->by_r9 ? m->callback_count : 0;
    while (from < to) {
        uint32_t middle = from + (to - from) / 2;
        if (m->callbacks[middle].address == address) {
            return &m->callbacks[middle];
        }
        if (m->callbacks[middle].address < address) {
            from = middle + 1;
        } else {
            to = middle;
        }
    }
    return NULL;
}

static bool inside(const struct array_place *array, uint32_t address)
{
    return address - array->address < array->size;
}

/* GCC's thunks of C++ on ARMv6-M have the distance to the function that they jump to,
 * under a name of their own. The thunk was reached through its trampoline: r9 is set
 * already. */
static bool is_jump_of_thunk(const struct record *r, const struct symbol *s)
{
    static const char name[] = ".LTHUNK";
    return r->type == R_ARM_REL32 && s->bind == STB_LOCAL &&
           strncmp(s->name, name, sizeof name - 1) == 0;
}

bool trampolines_concern(const struct module *m, const struct record *r)
{
    const struct symbol *s = &m->elf.symbols[r->symbol];
    uint32_t type = m->elf.sections[r->section].type;
    return s->type == STT_FUNC && !is_jump_of_thunk(r, s) && s->home <= HOME_DATA &&
           (s->value & 1) != 0 && type != SHT_INIT_ARRAY && type != SHT_FINI_ARRAY &&
           type != SHT_PREINIT_ARRAY && !inside(&m->init, r->address) &&
           !inside(&m->fini, r->address);
}

bool trampolines_lead(const struct module *m, const struct record *r, uint32_t *ret_delta)
{
    const struct symbol *s = &m->elf.symbols[r->symbol];
    const struct callback *c =
        trampolines_concern(m, r) ? trampolines_of(m, s->value) : NULL;
    if (c == NULL) {
        return false;
    }
    *ret_delta = m->segment[HOME_DATA].link + c->offset + 1 - s->value;
    return true;
}

void trampolines_exact(struct module *m, const struct record *r, uint32_t value)
{
    const struct symbol *s = &m->elf.symbols[r->symbol];
    if (value != s->value) {
        relocation_problem(m, r,
                           "the word holds the function's address plus %d, but pointers "
                           "to functions lead to trampolines, since the code counts on "
                           "r9; point to a label inside it",
                           (int)(int32_t)(value - s->value));
    }
}

/* ---- which tail ------------------------------------------------------------------- */

static void take_options(struct module *m)
{
    struct callback_options *o = &m->options.callbacks;
    for (size_t i = 0; i < o->count; i++) {
        for (uint32_t j = 1; j < m->elf.symbol_count; j++) {
            const struct symbol *s = &m->elf.symbols[j];
            struct callback *c = s->home <= HOME_DATA
                                     ? (struct callback *)trampolines_of(m, s->value | 1)
                                     : NULL;
            if (c != NULL && strcmp(s->name, o->list[i].name) == 0) {
                c->bytes = o->list[i].bytes;
                c->told = true;
                o->list[i].used = true;
            }
        }
        if (!o->list[i].used) {
            problem_error(m, 0, 0,
                          "--callback %s: the module has no trampoline for a function of "
                          "that name; they are for functions whose address is taken or "
                          "that are exported, of code that counts on r9",
                          o->list[i].name);
        }
    }
}

static void take_dwarf(struct module *m)
{
    struct arguments_query *queries = cli_alloc(m->callback_count, sizeof *queries);
    for (uint32_t i = 0; i < m->callback_count; i++) {
        queries[i].symbol = m->callbacks[i].symbol;
        queries[i].stack = ARGUMENTS_UNKNOWN;
    }
    arguments_find(m, queries, m->callback_count);
    for (uint32_t i = 0; i < m->callback_count; i++) {
        m->callbacks[i].bytes = queries[i].stack;
    }
    free(queries);
}

static const struct trampoline_tail *tail_of(const struct module *m,
                                             const struct callback *c)
{
    bool known = c->bytes < ARGUMENTS_NESTED;
    return trampoline_tail(m->needs, known ? c->bytes : STACK_UNSURE);
}

/* Refuse what no tail can serve. The place is the function's own. */
static void judge(struct module *m, struct callback *c)
{
    const struct symbol *s = &m->elf.symbols[c->symbol];
    if (c->bytes == ARGUMENTS_NESTED) {
        problem_error(m, s->section, c->address & ~1u,
                      "the address of '%s' is taken, but it is a nested function that "
                      "finds the variables of its outer one by what its caller puts into "
                      "ip, which no trampoline can hand on; make it a function of its "
                      "own",
                      s->name);
    } else if (tail_of(m, c) == NULL) {
        problem_error(m, s->section, c->address & ~1u,
                      "'%s' has %u bytes of arguments on the stack, and pointers to it "
                      "lead through a trampoline, which passes on at most %u; give it "
                      "fewer arguments (a struct by pointer), or say with --callback "
                      "%s=BYTES that callers by pointer pass no more",
                      s->name, (unsigned)c->bytes, STACK_UNSURE, s->name);
    } else {
        c->deep = tail_of(m, c)->arguments != 0;
    }
}

/* ---- where ------------------------------------------------------------------------ */

static void fault(struct module *m)
{
    problem_error(
        m, 0, 0,
        "a trampoline does not reach its tail; this is a fault of mkmod, please "
        "report it");
}

static uint32_t deep_count(const struct module *m)
{
    uint32_t deep = 0;
    for (uint32_t i = 0; i < m->callback_count; i++) {
        deep += m->callbacks[i].deep ? 1 : 0;
    }
    return deep;
}

/* In front of data that starts at an odd address some bytes more are lost, so that words
 * are at multiples of 4. */
static void lay_out(struct module *m)
{
    const struct trampoline_tail *const tails[TRAMPOLINE_KINDS] = {
        [TRAMPOLINE_DEEP] = trampoline_tail(m->needs, STACK_UNSURE),
        [TRAMPOLINE_SHALLOW] = trampoline_tail(m->needs, 0),
    };
    uint32_t odd = m->segment[HOME_DATA].first % 4;
    m->layout = cli_alloc(1, sizeof *m->layout);
    trampoline_lay_out(m->layout, tails, m->callback_count, deep_count(m),
                       TRAMPOLINE_SHARED_MAX - odd);
    m->trampoline_bytes = m->layout->end;
}

static void place(struct module *m)
{
    const struct trampoline_layout *l = m->layout;
    struct trampoline_head *heads = cli_alloc(l->count, sizeof *heads);
    if (!trampoline_lead(l, heads)) {
        fault(m);
    }
    uint32_t next[] = {[TRAMPOLINE_DEEP] = 0, [TRAMPOLINE_SHALLOW] = l->deep};
    for (uint32_t i = 0; i < l->count; i++) {
        struct callback *c = &m->callbacks[i];
        const struct trampoline_head *h =
            &heads[next[c->deep ? TRAMPOLINE_DEEP : TRAMPOLINE_SHALLOW]++];
        c->offset = h->at;
        c->branch = h->to;
        c->hops = h->hops;
    }
    free(heads);
}

void trampolines_plan(struct module *m)
{
    if (m->by_r9 && m->callback_count != 0) {
        merge(m);
        take_dwarf(m);
    } else {
        m->callback_count = 0;
    }
    take_options(m);
    for (uint32_t i = 0; i < m->callback_count; i++) {
        judge(m, &m->callbacks[i]);
    }
    if (m->callback_count != 0 && m->problems.errors == 0) {
        lay_out(m);
        place(m);
    }
}

/* ---- writing ---------------------------------------------------------------------- */

static void add_word(struct module *m, uint32_t offset, uint32_t value, uint8_t target)
{
    modfmt_put32(m->segment[HOME_DATA].bytes + offset, value - m->segment[target].link);
    struct modfmt_fixup fixup = {
        .place = offset,
        .segment = HOME_DATA,
        .target = target,
        .kind = MODFMT_KIND_WORD,
    };
    fixups_add(m, &fixup);
}

void trampolines_write(struct module *m)
{
    if (m->callback_count == 0) {
        return;
    }
    uint8_t *bytes = m->segment[HOME_DATA].bytes;
    const struct trampoline_layout *l = m->layout;
    bool reached = true;
    for (uint32_t i = 0; i < l->count; i++) {
        const struct callback *c = &m->callbacks[i];
        reached &= trampoline_put_head(bytes + c->offset, c->offset, c->branch);
        add_word(m, c->offset + trampoline_distance(l), c->address, c->home);
    }
    for (unsigned i = 0; i < TRAMPOLINE_KINDS; i++) {
        if (l->tail[i] != NULL) {
            reached &= trampoline_put_tail(bytes + l->at[i], l->tail[i], l->at[i],
                                           l->literal, trampoline_distance(l));
        }
    }
    add_word(m, l->literal, m->static_base, m->static_home);
    if (!reached) {
        fault(m);
    }
}

/* ---- saying ----------------------------------------------------------------------- */

uint32_t trampolines_stack(const struct module *m)
{
    uint32_t most = 0;
    for (uint32_t i = 0; i < m->callback_count; i++) {
        uint32_t stack = tail_of(m, &m->callbacks[i])->stack;
        most = stack > most ? stack : most;
    }
    return most;
}

static char *reason_of(const struct callback *c)
{
    if (c->told) {
        return cli_format("%u bytes of arguments on the stack, says --callback",
                          (unsigned)c->bytes);
    }
    if (c->bytes == ARGUMENTS_VARIADIC) {
        return cli_format("variadic");
    }
    if (c->bytes == ARGUMENTS_UNKNOWN) {
        return cli_format("no DWARF tells its arguments");
    }
    return cli_format("%u bytes of arguments on the stack", (unsigned)c->bytes);
}

void trampolines_report(const struct module *m, FILE *out)
{
    for (uint32_t i = 0; i < m->callback_count; i++) {
        const struct callback *c = &m->callbacks[i];
        char *reason = reason_of(c);
        (void)fprintf(out,
                      "trampoline of %s at data+0x%x, tail%u (%u bytes of stack): %s",
                      m->elf.symbols[c->symbol].name, (unsigned)c->offset,
                      (unsigned)(tail_of(m, c)->arguments / 4),
                      (unsigned)tail_of(m, c)->stack, reason);
        if (c->hops != 0) {
            (void)fprintf(out, ", %u branch%s further", (unsigned)c->hops,
                          c->hops == 1 ? "" : "es");
        }
        (void)fprintf(out, "\n");
        free(reason);
    }
    if (m->data_prefix != 0) {
        (void)fprintf(out,
                      "in front of data: %u bytes: %u trampolines (%u bytes with their "
                      "tails), %u words of imports\n",
                      (unsigned)m->data_prefix, (unsigned)m->callback_count,
                      (unsigned)m->trampoline_bytes, (unsigned)m->words);
    }
}
