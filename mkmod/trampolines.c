/* SPDX-License-Identifier: BSD-2-Clause */
/* Functions whose address may leave a module that counts on r9: pointers to them, and
 * exports, lead to trampolines in front of data. In runs: heads, then their words, as
 * many as a tail's load reaches over. (A loader fixes words that lie side by side
 * faster.) In groups, so that each head reaches its tail: runs, the tails that their
 * heads use, the static base, more runs. */
#include <elf.h>
#include <stdlib.h>
#include <string.h>

#include "arguments.h"
#include "cli.h"
#include "module.h"
#include "trampoline_code.h"

/* At most so many heads before the tails, and so many in all. */
#define HEADS_BEFORE 240u
#define GROUP_MAX    480u
#define PAIR_SIZE    (TRAMPOLINE_HEAD_SIZE + TRAMPOLINE_WORD_SIZE)
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
    *ret_delta = m->segment[HOME_DATA].link + m->prefix_at + c->offset + 1 - s->value;
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

struct group {
    uint32_t first; /* callback */
    uint32_t count;
    uint32_t run;    /* heads side by side */
    uint32_t before; /* heads in front of the tails, unless there are fewer */
    uint32_t start;  /* offsets in data's prefix */
    uint32_t tails;  /* offset of the first tail */
    uint32_t literal;
    uint32_t end;
    const struct trampoline_tail *tail[2]; /* passing arguments on the stack, or not */
    uint32_t at[2];
};

/* How many heads to have side by side. The words of a last run that is shorter are as far
 * from their heads as all others: that leaves room between for at most one head. */
static uint32_t run_of(uint32_t count, uint32_t most)
{
    uint32_t run = count < most ? count : most;
    while ((run - count % run) % run > 1) {
        run--;
    }
    return run;
}

/* Bytes from a head to its word. */
static uint32_t distance_in(const struct group *g)
{
    return g->run * TRAMPOLINE_HEAD_SIZE;
}

/* Offset of a group's head. */
static uint32_t head_at(const struct group *g, uint32_t number)
{
    uint32_t tails =
        number >= g->before ? g->literal + TRAMPOLINE_LITERAL_SIZE - g->tails : 0;
    return g->start + number / g->run * g->run * PAIR_SIZE +
           number % g->run * TRAMPOLINE_HEAD_SIZE + tails;
}

/* Offset of what follows the word of a group's head. */
static uint32_t behind(const struct group *g, uint32_t number)
{
    return head_at(g, number) + distance_in(g) + TRAMPOLINE_WORD_SIZE;
}

static struct group group_at(const struct module *m, uint32_t first, uint32_t start)
{
    struct group g = {.first = first, .start = start};
    uint32_t most = HEADS_BEFORE;
    g.count = m->callback_count - first;
    g.count = g.count < GROUP_MAX ? g.count : GROUP_MAX;
    for (uint32_t i = 0; i < g.count; i++) {
        const struct callback *c = &m->callbacks[first + i];
        const struct trampoline_tail *tail = tail_of(m, c);
        uint32_t reach = tail->distance / TRAMPOLINE_HEAD_SIZE;
        g.tail[c->deep ? 0 : 1] = tail;
        most = reach < most ? reach : most;
    }
    g.run = run_of(g.count, most);
    g.before = HEADS_BEFORE / g.run * g.run;
    g.tails = behind(&g, (g.count < g.before ? g.count : g.before) - 1);
    g.literal = g.tails;
    for (unsigned i = 0; i < 2; i++) {
        g.at[i] = g.literal;
        g.literal += g.tail[i] != NULL ? g.tail[i]->size : 0;
    }
    g.literal = modfmt_up4(g.literal);
    g.end = g.count <= g.before ? g.literal + TRAMPOLINE_LITERAL_SIZE
                                : behind(&g, g.count - 1);
    return g;
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
    uint32_t end = 0;
    for (uint32_t i = 0; m->problems.errors == 0 && i < m->callback_count;) {
        struct group g = group_at(m, i, end);
        for (uint32_t j = 0; j < g.count; j++) {
            m->callbacks[i + j].offset = head_at(&g, j);
        }
        end = g.end;
        i += g.count;
    }
    m->trampoline_bytes = end;
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

/* `base` is where the prefix's contents begin in data. */
static bool write_group(struct module *m, const struct group *g, uint32_t base)
{
    uint8_t *bytes = m->segment[HOME_DATA].bytes + base;
    bool reached = true;
    for (uint32_t i = 0; i < g->count; i++) {
        const struct callback *c = &m->callbacks[g->first + i];
        uint32_t head = head_at(g, i);
        reached &= trampoline_put_head(bytes + head, head, g->at[c->deep ? 0 : 1]);
        add_word(m, base + head + distance_in(g), c->address, c->home);
    }
    for (unsigned i = 0; i < 2; i++) {
        if (g->tail[i] != NULL) {
            reached &= trampoline_put_tail(bytes + g->at[i], g->tail[i], g->at[i],
                                           g->literal, distance_in(g));
        }
    }
    add_word(m, base + g->literal, m->static_base, m->static_home);
    return reached;
}

void trampolines_write(struct module *m)
{
    uint32_t start = 0;
    for (uint32_t i = 0; i < m->callback_count;) {
        struct group g = group_at(m, i, start);
        if (!write_group(m, &g, m->prefix_at)) {
            problem_error(m, 0, 0,
                          "a trampoline does not reach its tail; this is a fault of "
                          "mkmod, please report it");
        }
        start = g.end;
        i += g.count;
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
        (void)fprintf(
            out, "trampoline of %s at data+0x%x, tail%u (%u bytes of stack): %s\n",
            m->elf.symbols[c->symbol].name, (unsigned)(m->prefix_at + c->offset),
            (unsigned)(tail_of(m, c)->arguments / 4), (unsigned)tail_of(m, c)->stack,
            reason);
        free(reason);
    }
    if (m->data_needed != 0) {
        (void)fprintf(out,
                      "in front of data: %u bytes: %u trampolines (%u bytes with their "
                      "tails), %u words of imports, padding\n",
                      (unsigned)(m->data_prefix), (unsigned)m->callback_count,
                      (unsigned)m->trampoline_bytes, (unsigned)m->words);
    }
}
