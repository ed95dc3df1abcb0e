/* SPDX-License-Identifier: BSD-2-Clause */
/* Who spoils r9? A function that was compiled without knowing of it (a library's) may
 * keep something else there, and must not call what counts on r9, be it through others.
 * Need is led back over direct calls; pointers lead to trampolines, which set r9. */
#include <elf.h>
#include <stdlib.h>
#include <string.h>

#include "cli.h"
#include "instruction.h"
#include "spans.h"
#include "stack.h"

#define WAY_OUT_MAX 64u         /* instructions */
#define NOBODY      0xffffffffu /* an import's veneer */

/* A direct call, or a branch that ends the caller. */
struct call {
    uint32_t to; /* spans, by number */
    uint32_t from;
    uint32_t address;
    uint32_t symbol;
    bool within; /* while the caller has its own things in r9 */
};

struct calls {
    struct call *list;
    size_t count;
    size_t capacity;
};

static uint32_t length_of(uint32_t insn)
{
    return thumb_is_wide(insn & 0xffff) ? 4 : 2;
}

static enum branch_kind branch_of(uint32_t insn, uint32_t at, uint32_t *ret_target)
{
    uint8_t bytes[4];
    modfmt_put32(bytes, insn);
    return branch_decode(bytes, length_of(insn), at, ret_target);
}

/* ---- who has something else in r9 -------------------------------------------------- */

/* What an instruction does, calls and branches to an address excepted. */
struct effect {
    bool writes_r9;
    bool leaves; /* the function, as far as one can see */
    bool jumps;  /* somewhere else */
};

static struct effect effect_of(const struct module *m, uint32_t insn, uint32_t at)
{
    static const struct stack_words none;
    struct stack_state state = {.return_slot = NO_STACK_SLOT,
                                .other_slot = NO_STACK_SLOT};
    struct stack_step step = {.m = m, .words = &none, .address = at, .state = &state};
    uint32_t first = insn & 0xffff;
    bool bx = (first & 0xff80) == 0x4700;
    state.reg[BASE_REGISTER].kind = VALUE_RETURN; /* which no instruction makes */
    stack_step(&step, first, insn >> 16);
    return (struct effect){
        .writes_r9 = state.reg[BASE_REGISTER].kind != VALUE_RETURN,
        .leaves = bx || (step.jumps && !step.indexed),
        .jumps = step.jumps,
    };
}

/* A BL, but not where it reaches farther than B within the function. What is called
 * through a pointer has a trampoline. */
static bool is_call(const struct span *f, enum branch_kind kind, uint32_t target)
{
    bool far = target - f->start < f->end - f->start && target != f->start;
    return kind == BRANCH_BL && !far;
}

static bool is_conditional(uint32_t insn)
{
    return thumb_is_wide(insn & 0xffff) ? (insn >> 16 & 0xd000) == 0x8000
                                        : (insn & 0xf800) != 0xe000;
}

/* Where a compiler has split a part from a function, for code that hardly ever runs. */
static const char *cold_part(const struct module *m, const struct span *f)
{
    return strstr(m->elf.symbols[f->symbol].name, ".cold");
}

/* A branch that ends the function goes to the start of another, or to no function that is
 * known. */
static bool is_other(const struct module *m, const struct spans *all, uint32_t at)
{
    const struct span *to = span_at(all, at);
    return to == NULL || (to->start == at && cold_part(m, to) == NULL);
}

/* Is there a straight way from the instruction out of the function, and no call on it? So
 * whoever uses r9 as one of the registers that callees keep gives it back; GCC does it on
 * ARMv6-M with -Os even where r9 has never changed. */
static bool gives_back(const struct module *m, const struct spans *all,
                       const struct span *f, uint32_t at)
{
    uint32_t insn = 0;
    for (unsigned i = 0; i < WAY_OUT_MAX && code_fetch(m, at, &insn); i++) {
        struct effect effect = effect_of(m, insn, at);
        uint32_t target = 0;
        enum branch_kind kind = branch_of(insn, at, &target);
        if (effect.leaves || effect.jumps) {
            return effect.leaves;
        }
        if (is_call(f, kind, target) || (kind == BRANCH_B && is_conditional(insn))) {
            return false;
        }
        at = kind == BRANCH_B || kind == BRANCH_BL ? target : at + length_of(insn);
        if (at - f->start >= f->end - f->start) {
            return is_other(m, all, at);
        }
    }
    return false;
}

/* The part runs with the function's r9. */
static void join_parts(const struct module *m, struct spans *all)
{
    for (size_t i = 0; i < all->count; i++) {
        struct span *part = &all->list[i];
        const char *name = m->elf.symbols[part->symbol].name;
        const char *cold = cold_part(m, part);
        for (size_t k = 0; cold != NULL && k < all->count; k++) {
            struct span *f = &all->list[k];
            const char *whole = m->elf.symbols[f->symbol].name;
            size_t length = (size_t)(cold - name);
            if (strncmp(whole, name, length) == 0 && whole[length] == '\0') {
                part->spoils |= f->spoils;
                f->spoils = part->spoils;
            }
        }
    }
}

/* ---- who calls whom ---------------------------------------------------------------- */

static void add_call(const struct spans *all, struct calls *calls,
                     const struct span *from, struct call call)
{
    call.from = (uint32_t)(from - all->list);
    if (call.to != call.from) {
        calls->list = cli_grow(calls->list, &calls->capacity, calls->count + 1,
                               sizeof *calls->list);
        calls->list[calls->count++] = call;
    }
}

/* What the code itself shows: assemblers leave no record of some branches. Only those to
 * the start of a function count, since others are within one. */
static void read_code(const struct module *m, const struct spans *all,
                      struct calls *calls, struct span *f)
{
    uint32_t insn = 0;
    for (uint32_t at = f->start; at < f->end;) {
        bool there = code_fetch(m, at, &insn);
        uint32_t target = 0;
        enum branch_kind kind = there ? branch_of(insn, at, &target) : BRANCH_NONE;
        const struct span *to =
            kind == BRANCH_BL || kind == BRANCH_B ? span_at(all, target) : NULL;
        if (to != NULL && to->start == target) {
            uint32_t number = (uint32_t)(to - all->list);
            add_call(all, calls, f,
                     (struct call){number, 0, at, to->symbol, kind == BRANCH_BL});
        }
        f->spoils |=
            there && effect_of(m, insn, at).writes_r9 && !gives_back(m, all, f, at);
        at += there ? length_of(insn) : 2;
    }
}

/* What a record says of a place in a function: also of a branch by way of a veneer. */
static void take(const struct module *m, const struct spans *all, struct calls *calls,
                 struct span *f, const struct record *r)
{
    const struct symbol *s = &m->elf.symbols[r->symbol];
    bool table = r->type == R_ARM_GOT32 || r->type == R_ARM_GOTOFF;
    f->needs |= (table && !f->loads) || relocation_from_base(r->type);
    if (!relocation_branches(r->type)) {
        return;
    }
    struct call call = {NOBODY, 0, r->address, r->symbol, r->type == R_ARM_THM_PC22};
    if (s->home == HOME_IMPORT) {
        /* Its veneer finds the address by r9. */
        if (m->options.xip) {
            add_call(all, calls, f, call);
        }
        return;
    }
    const struct span *to =
        s->home <= HOME_DATA && s->type == STT_FUNC ? span_at(all, s->value & ~1u) : NULL;
    if (to != NULL && to->start == (s->value & ~1u)) {
        call.to = (uint32_t)(to - all->list);
        add_call(all, calls, f, call);
    }
}

static void read_records(const struct module *m, const struct spans *all,
                         struct calls *calls)
{
    struct relocation_walk walk = {0, 0};
    struct record r;
    while (relocation_next(m, &walk, &r)) {
        struct span *f = span_at(all, r.address);
        if (f != NULL) {
            take(m, all, calls, f, &r);
        }
    }
}

static int by_callee(const void *a, const void *b)
{
    const struct call *x = a;
    const struct call *y = b;
    if (x->to != y->to) {
        return x->to < y->to ? -1 : 1;
    }
    if (x->address != y->address) {
        return x->address < y->address ? -1 : 1;
    }
    return x->symbol < y->symbol ? -1 : x->symbol > y->symbol;
}

/* Index of the first call of a function. */
static size_t first_call(const struct calls *calls, uint32_t to)
{
    size_t from = 0;
    size_t end = calls->count;
    while (from < end) {
        size_t middle = from + (end - from) / 2;
        if (calls->list[middle].to < to) {
            from = middle + 1;
        } else {
            end = middle;
        }
    }
    return from;
}

/* The functions that need r9, in the order in which that was found. */
struct queue {
    uint32_t *list;
    size_t count;
};

/* By each call of a function that needs r9 the caller either spoils it, or needs it too.
 * `faults` has the first bad call of each function, or NULL. */
static void lead_back(const struct spans *all, const struct calls *calls, uint32_t to,
                      struct queue *queue, const struct call **faults)
{
    for (size_t i = first_call(calls, to); i < calls->count && calls->list[i].to == to;
         i++) {
        const struct call *call = &calls->list[i];
        struct span *f = &all->list[call->from];
        if (f->spoils && call->within) {
            const struct call **fault = &faults[call->from];
            *fault = *fault == NULL || call->address < (*fault)->address ? call : *fault;
        } else if (!f->needs) {
            f->needs = true;
            f->through = to != NOBODY ? all->list[to].through : call->from;
            queue->list[queue->count++] = call->from;
        }
    }
}

static void report(struct module *m, const struct spans *all, const struct call *call,
                   bool by_imports)
{
    const struct span *f = &all->list[call->from];
    const char *name = symbol_label(m, call->symbol);
    char *far = NULL;
    if (call->to != NOBODY && all->list[call->to].through != call->to) {
        const struct span *last = &all->list[all->list[call->to].through];
        far =
            cli_format(", from where '%s' is called", m->elf.symbols[last->symbol].name);
    }
    problem_error(m, m->elf.symbols[f->symbol].section, call->address,
                  "'%s' uses r9 for its own ends and calls '%s'%s, which counts on r9; "
                  "compile '%s' with %s%s",
                  m->elf.symbols[f->symbol].name, name, far != NULL ? far : "",
                  m->elf.symbols[f->symbol].name,
                  m->options.xip ? R9_FLAGS
                                 : "the options of what it calls, or -ffixed-r9",
                  by_imports ? ", or load the module into RAM (no --xip)" : "");
    free(far);
}

static void judge(struct module *m, struct spans *all, struct calls *calls)
{
    struct queue queue = {cli_alloc(all->count, sizeof *queue.list), 0};
    const struct call **faults = cli_alloc(all->count, sizeof *faults);
    for (uint32_t i = 0; i < all->count; i++) {
        all->list[i].through = i;
        if (all->list[i].needs) {
            queue.list[queue.count++] = i;
        }
    }
    /* In RAM imports need no r9: that is a way out if nothing else does. */
    bool by_imports = m->options.xip && queue.count == 0;
    lead_back(all, calls, NOBODY, &queue, faults);
    for (size_t i = 0; i < queue.count; i++) {
        lead_back(all, calls, queue.list[i], &queue, faults);
    }
    for (size_t i = 0; i < all->count; i++) {
        if (faults[i] != NULL) {
            report(m, all, faults[i], by_imports);
        }
    }
    free(queue.list);
    free(faults);
}

void spoilers_check(struct module *m, struct spans *all)
{
    struct calls calls = {NULL, 0, 0};
    bool any = false;
    for (size_t i = 0; i < all->count; i++) {
        read_code(m, all, &calls, &all->list[i]);
        any |= all->list[i].spoils;
    }
    join_parts(m, all);
    if (any) {
        read_records(m, all, &calls);
        if (calls.count != 0) {
            qsort(calls.list, calls.count, sizeof *calls.list, by_callee);
        }
        judge(m, all, &calls);
    }
    free(calls.list);
}
