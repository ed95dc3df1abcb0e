/* SPDX-License-Identifier: BSD-2-Clause */
/* Follow a function's code from its start along every branch, with what is known of the
 * stack pointer at each instruction. Where ways meet, the deeper one counts. */
#include <elf.h>
#include <stdlib.h>
#include <string.h>

#include "cli.h"
#include "instruction.h"
#include "stack.h"

/* An instruction whose depth grows so often is in a loop that pushes. */
#define GROWTH_MAX  64u
#define POINTER_MAX 8u

struct visit {
    uint32_t address;
    uint16_t growth; /* so often it got deeper */
    uint16_t moves;  /* so often a register that points into the stack did */
    bool after_call; /**< only known to be reached if the call in front of it returns */
    bool queued;
    struct stack_state state;
};

struct arrival {
    uint32_t address;
    struct stack_state state;
};

struct walk {
    struct module *m;
    struct stack_functions *all;
    struct stack_function *f;
    size_t index;
    struct visit *visits;
    size_t visit_count;
    size_t visit_capacity;
    size_t *queue; /**< of visits */
    size_t queue_count;
    size_t queue_capacity;
    struct arrival *later; /**< behind calls: they may not return */
    size_t later_count;
    size_t later_capacity;
    bool switches; /**< some jump goes where a table says */
    bool table;    /**< at least one of them for certain: TBB, TBH */
    uint32_t switch_at;
    struct stack_state dispatch; /**< the state there */
    uint16_t moves;              /**< as a visit's */
    bool leftover;               /**< now looking at what is not reached otherwise */
    size_t call; /**< index of the call added last; NO_CALL if that failed */
};

/* ---- code ------------------------------------------------------------------------- */

const uint8_t *stack_bytes(const struct module *m, uint32_t address, uint32_t length)
{
    uint32_t from = 0;
    uint32_t to = m->order_count;
    while (from < to) {
        uint32_t middle = from + (to - from) / 2;
        if (m->elf.sections[m->order[middle]].address <= address) {
            from = middle + 1;
        } else {
            to = middle;
        }
    }
    if (from == 0) {
        return NULL;
    }
    const struct section *s = &m->elf.sections[m->order[from - 1]];
    uint32_t offset = address - s->address;
    return s->bytes != NULL && modfmt_range(offset, length, s->size) ? s->bytes + offset
                                                                     : NULL;
}

bool stack_is_code(const struct module *m, uint32_t address)
{
    char state = elffile_state(&m->elf, address);
    return (state == 't' || state == '?') && stack_bytes(m, address, 2) != NULL &&
           segments_bytes(m, address, 2) != NULL && address % 2 == 0;
}

/* The entry of a table by half-words for an address of code. */
static uint32_t *half_word(const struct module *m, uint32_t *const tables[2],
                           uint32_t address)
{
    unsigned segment = segments_at(m, address);
    return &tables[segment][(address - m->segment[segment].link) / 2];
}

static uint32_t *seen(const struct walk *w, uint32_t address)
{
    return half_word(w->m, w->all->seen, address);
}

/* ---- where ways meet -------------------------------------------------------------- */

static void doubt(struct walk *w, enum stack_doubt doubt, uint32_t address)
{
    /* What runs only once an exception has been thrown may do as it likes. */
    bool worse = w->f->doubt == DOUBT_NONE || doubt == DOUBT_NO_CODE;
    if (worse && (!w->leftover || w->switches)) {
        w->f->doubt = (uint8_t)doubt;
        w->f->doubt_at = address;
    }
}

static void enqueue(struct walk *w, size_t visit)
{
    if (!w->visits[visit].queued) {
        w->visits[visit].queued = true;
        w->queue =
            cli_grow(w->queue, &w->queue_capacity, w->queue_count + 1, sizeof *w->queue);
        w->queue[w->queue_count++] = visit;
    }
}

static bool same_value(struct value a, struct value b)
{
    return a.kind == b.kind && a.shift == b.shift &&
           (a.kind == VALUE_UNKNOWN || a.number == b.number);
}

/* Pointers into the stack that a loop moves would go on for ever: `growth` counts, and
 * ends that. @return did anything change? */
static bool join_value(struct value *into, struct value value, uint16_t *growth)
{
    if (into->kind == VALUE_UNKNOWN || same_value(*into, value)) {
        return false;
    }
    if (into->kind == VALUE_STACK && value.kind == VALUE_STACK && *growth < POINTER_MAX) {
        if (!stack_deeper(value.number, into->number)) {
            return false;
        }
        into->number = value.number;
        (*growth)++;
        return true;
    }
    into->kind = VALUE_UNKNOWN;
    return true;
}

static bool join(struct stack_state *into, const struct stack_state *state,
                 uint16_t *growth)
{
    bool changed = false;
    for (uint32_t r = 0; r < 15; r++) {
        changed |= join_value(&into->reg[r], state->reg[r], growth);
    }
    if (into->return_slot != state->return_slot && into->return_slot != NO_STACK_SLOT) {
        into->return_slot = NO_STACK_SLOT;
        changed = true;
    }
    if (into->other_slot != NO_STACK_SLOT && (into->other_slot != state->other_slot ||
                                              !same_value(into->other, state->other))) {
        into->other_slot = NO_STACK_SLOT;
        changed = true;
    }
    return changed;
}

static void visit_new(struct walk *w, uint32_t address, const struct stack_state *state,
                      bool after_call)
{
    w->visits =
        cli_grow(w->visits, &w->visit_capacity, w->visit_count + 1, sizeof *w->visits);
    w->visits[w->visit_count] =
        (struct visit){.address = address, .after_call = after_call, .state = *state};
    *seen(w, address) = (uint32_t)++w->visit_count;
    enqueue(w, w->visit_count - 1);
}

static void meet(struct walk *w, struct visit *v, const struct stack_state *state,
                 bool after_call)
{
    bool changed = false;
    if (v->state.depth != state->depth && (after_call || v->after_call)) {
        /* Depths differ only behind a call that does not return. */
        if (after_call) {
            return;
        }
        v->state = *state;
        v->after_call = false;
        changed = true;
    } else {
        v->after_call = v->after_call && after_call;
    }
    if (stack_deeper(state->depth, v->state.depth)) {
        v->state.depth = state->depth;
        changed = true;
        if (++v->growth > GROWTH_MAX) {
            doubt(w, DOUBT_GROWS, v->address);
            return;
        }
    }
    changed |= join(&v->state, state, &v->moves);
    if (changed) {
        enqueue(w, (size_t)(v - w->visits));
    }
}

static void arrive(struct walk *w, uint32_t address, const struct stack_state *state,
                   bool after_call)
{
    uint32_t number = *seen(w, address);
    if (number == 0) {
        visit_new(w, address, state, after_call);
    } else {
        meet(w, &w->visits[number - 1], state, after_call);
    }
}

/* ---- calls and jumps ----------------------------------------------------------------
 */

static void add_call(struct walk *w, uint32_t site, enum call_kind kind, uint32_t target,
                     uint32_t depth)
{
    struct stack_function *f = w->f;
    for (size_t i = 0; i < f->call_count; i++) {
        struct stack_call *c = &f->calls[i];
        if (c->site == site && c->kind == kind && c->target == target) {
            c->depth = stack_deeper(depth, c->depth) ? depth : c->depth;
            w->call = i;
            return;
        }
    }
    w->call = f->call_count;
    f->calls = cli_grow(f->calls, &f->call_capacity, f->call_count + 1, sizeof *f->calls);
    f->calls[f->call_count++] = (struct stack_call){site, depth, target, (uint8_t)kind};
}

/* The import whose veneer mkmod has put at `address`, or NO_IMPORT. */
#define NO_IMPORT 0xffffffffu
static uint32_t import_behind(const struct module *m, uint32_t address)
{
    bool prefix = address - m->segment[HOME_TEXT].link < m->prefix;
    for (uint32_t i = 0; prefix && i < m->import_count; i++) {
        if (m->imports[i].branched &&
            address == m->segment[HOME_TEXT].link + m->imports[i].veneer) {
            return i;
        }
    }
    return NO_IMPORT;
}

/* At the functions that run when the module ends, which only their registration shows. */
static void note_exit(struct walk *w, uint32_t import, const struct stack_state *state)
{
    static const struct {
        const char *name;
        unsigned argument;
    } registrations[] = {
        {"__aeabi_atexit", 1}, {"__cxa_atexit", 0}, {"atexit", 0}, {"on_exit", 0}};
    const char *name = w->m->imports[import].name;
    for (size_t i = 0; i < sizeof registrations / sizeof registrations[0]; i++) {
        struct value f = state->reg[registrations[i].argument];
        if (strcmp(name, registrations[i].name) == 0 && f.kind == VALUE_NUMBER &&
            (f.number & 1) != 0 && stack_is_code(w->m, f.number - 1)) {
            w->all->exits = cli_grow(w->all->exits, &w->all->exit_capacity,
                                     w->all->exit_count + 1, sizeof *w->all->exits);
            w->all->exits[w->all->exit_count++] = f.number - 1;
        }
    }
}

/* Leave for an address that is known. */
static void leave_to(struct walk *w, uint32_t site, uint32_t target,
                     const struct stack_state *state)
{
    uint32_t import = import_behind(w->m, target & ~1u);
    if (import != NO_IMPORT) {
        note_exit(w, import, state);
        add_call(w, site, CALL_IMPORT, import, state->depth);
    } else if (stack_is_code(w->m, target & ~1u)) {
        add_call(w, site, CALL_FUNCTION, target & ~1u, state->depth);
    } else {
        w->call = NO_CALL;
        doubt(w, DOUBT_NO_CODE, site);
    }
}

static void leave(struct walk *w, uint32_t site, struct value target,
                  const struct stack_state *state)
{
    if (target.kind == VALUE_IMPORT) {
        note_exit(w, target.number, state);
        add_call(w, site, CALL_IMPORT, target.number, state->depth);
    } else if (target.kind == VALUE_NUMBER) {
        /* An address of a function leads to its trampoline, if it has one. */
        struct stack_state through = *state;
        through.depth +=
            trampolines_of(w->m, target.number) != NULL ? trampolines_stack(w->m) : 0;
        leave_to(w, site, target.number, &through);
    } else {
        add_call(w, site, CALL_POINTER, 0, state->depth);
    }
}

/* Is there a function of its own at `address`, and no part split from this one? */
static bool is_other_function(struct walk *w, uint32_t address)
{
    uint32_t number = *half_word(w->m, w->all->starts, address);
    if (number == 0 || number - 1 == w->index) {
        return false;
    }
    const struct stack_function *f = &w->all->list[number - 1];
    bool inside = address - w->f->start < w->f->end - w->f->start;
    return !(f->made_up && inside) && strstr(f->name, ".cold") == NULL;
}

static void jump(struct walk *w, uint32_t site, uint32_t target,
                 const struct stack_state *state)
{
    if (!stack_is_code(w->m, target) || is_other_function(w, target)) {
        leave_to(w, site, target, state);
    } else {
        arrive(w, target, state, false);
    }
}

static void forget_scratch(struct stack_state *state)
{
    static const uint8_t scratch[] = {0, 1, 2, 3, 12, 14};
    for (size_t i = 0; i < sizeof scratch; i++) {
        state->reg[scratch[i]].kind = VALUE_UNKNOWN;
    }
}

static bool never_returns(const struct walk *w, const struct stack_call *call)
{
    static const char *const names[] = {
        "abort",           "exit",          "_exit",
        "_Exit",           "__assert_func", "longjmp",
        "__cxa_throw",     "__cxa_rethrow", "__cxa_pure_virtual",
        "_ZSt9terminatev", "_Unwind_Resume"};
    for (size_t i = 0; call->kind == CALL_IMPORT && i < sizeof names / sizeof names[0];
         i++) {
        if (strcmp(w->m->imports[call->target].name, names[i]) == 0) {
            return true;
        }
    }
    return false;
}

/* libgcc's switches for ARMv6-M: the table stands behind the call. */
static bool is_switch_call(const struct walk *w, const struct stack_call *call)
{
    static const char prefix[] = "__gnu_thumb1_case_";
    uint32_t number = 0;
    if (call->kind == CALL_FUNCTION) {
        number = *half_word(w->m, w->all->starts, call->target);
    }
    return number != 0 &&
           strncmp(w->all->list[number - 1].name, prefix, sizeof prefix - 1) == 0;
}

static void note_switch(struct walk *w, uint32_t site, const struct stack_state *state)
{
    if (!w->switches) {
        w->switches = true;
        w->dispatch = *state;
        w->switch_at = site;
    } else {
        if (stack_deeper(state->depth, w->dispatch.depth)) {
            w->dispatch.depth = state->depth;
        }
        (void)join(&w->dispatch, state, &w->moves);
    }
}

/* ---- instructions ----------------------------------------------------------------- */

struct fetched {
    uint32_t address;
    uint32_t first;
    uint32_t second;
    uint32_t length;
    enum branch_kind branch;
    uint32_t target;
};

/* The ELF's bytes, or mkmod's where that made a branch to a veneer. */
static bool fetch(const struct walk *w, uint32_t address, struct fetched *ret)
{
    struct fetched f = {.address = address, .length = 2};
    const uint8_t *bytes = stack_bytes(w->m, address, 4);
    uint32_t available = bytes != NULL ? 4 : 2;
    if (available == 4 && segments_touched(w->m, address, 4)) {
        const uint8_t *changed = segments_bytes(w->m, address, 4);
        f.branch = branch_decode(changed, 4, address, &f.target);
        if (f.branch == BRANCH_BL || f.branch == BRANCH_B) {
            bytes = changed;
        }
    }
    if (bytes == NULL) {
        bytes = stack_bytes(w->m, address, 2);
    }
    if (bytes == NULL || !stack_is_code(w->m, address)) {
        return false;
    }
    f.first = modfmt_get16(bytes);
    if (stack_is_wide(f.first)) {
        if (available < 4) {
            return false;
        }
        f.second = modfmt_get16(bytes + 2);
        f.length = 4;
    }
    f.branch = branch_decode(bytes, available, address, &f.target);
    if ((f.first & 0xff80) == 0xf000 && (f.second & 0xd001) == 0xc001) {
        f.branch = BRANCH_NONE; /* LE, WLS and DLS of ARMv8.1-M; loops stay inside */
    }
    *ret = f;
    return true;
}

static bool is_conditional(const struct fetched *f)
{
    return f->length == 2 ? (f->first & 0xf800) != 0xe000 : (f->second & 0x1000) == 0;
}

/* What an instruction leaves behind. */
struct effect {
    bool goes_on;
    bool after_call;
};

static struct effect called(struct walk *w, struct stack_state *state)
{
    struct effect effect = {true, true};
    const struct stack_call *call = w->call != NO_CALL ? &w->f->calls[w->call] : NULL;
    if (call != NULL && is_switch_call(w, call)) {
        note_switch(w, call->site, state);
        w->table = true;
        effect.goes_on = false;
    } else if (call != NULL && never_returns(w, call)) {
        effect.goes_on = false;
    }
    forget_scratch(state);
    return effect;
}

static void returned(struct walk *w, uint32_t address, const struct stack_state *state)
{
    if (stack_deeper(0, state->depth) && !w->f->made_up) {
        doubt(w, DOUBT_UNBALANCED, address);
    }
}

/* BX and BLX to a register. */
static struct effect branch_exchange(struct walk *w, const struct fetched *f,
                                     struct stack_state *state)
{
    struct effect stop = {false, false};
    uint32_t rm = f->first >> 3 & 15;
    bool link = (f->first & 0x80) != 0;
    if (rm == 15) {
        doubt(w, DOUBT_NO_CODE, f->address);
        return stop;
    }
    struct value target = state->reg[rm == 13 ? 0 : rm];
    if (!link && (rm == 14 || target.kind == VALUE_RETURN)) {
        returned(w, f->address, state);
        return stop;
    }
    leave(w, f->address, target, state);
    return link ? called(w, state) : stop;
}

static struct effect branch(struct walk *w, const struct fetched *f,
                            struct stack_state *state)
{
    struct effect effect = {false, false};
    if (f->branch == BRANCH_BL) {
        leave_to(w, f->address, f->target, state);
        return called(w, state);
    }
    if (f->branch == BRANCH_BLX) {
        doubt(w, DOUBT_NO_CODE, f->address);
        return effect;
    }
    jump(w, f->address, f->target, state);
    effect.goes_on = is_conditional(f);
    return effect;
}

/* After an instruction that wrote to pc and is no branch. */
static void jumped(struct walk *w, const struct stack_step *t)
{
    const struct stack_state *state = t->state;
    /* Local subroutines of assembler code return for whoever called the whole, too. */
    bool saved = state->return_slot != NO_STACK_SLOT || (w->leftover && !w->switches) ||
                 (w->f->made_up && !stack_deeper(state->depth, 0));
    if (t->target.kind == VALUE_RETURN) {
        returned(w, t->address, state);
    } else if (t->target.kind == VALUE_UNKNOWN && t->indexed) {
        note_switch(w, t->address, state);
    } else if (t->target.kind == VALUE_UNKNOWN && t->popped && saved) {
        returned(w, t->address, state);
    } else {
        leave(w, t->address, t->target, state);
    }
}

static struct effect execute(struct walk *w, const struct fetched *f,
                             struct stack_state *state)
{
    struct effect stop = {false, false};
    struct effect next = {true, false};
    struct stack_step step = {
        .m = w->m, .words = &w->all->words, .address = f->address, .state = state};
    if ((f->first & 0xff00) == 0x4700) {
        return branch_exchange(w, f, state);
    }
    if ((f->first & 0xff00) == 0xde00 ||
        ((f->first & 0xfff0) == 0xf7f0 && (f->second & 0xf000) == 0xa000)) {
        return stop; /* UDF */
    }
    if ((f->first & 0xfff0) == 0xe8d0 && (f->second & 0xffe0) == 0xf000) {
        note_switch(w, f->address, state); /* TBB, TBH */
        w->table = true;
        return stop;
    }
    if (f->branch == BRANCH_BL || f->branch == BRANCH_BLX || f->branch == BRANCH_B) {
        return branch(w, f, state);
    }
    stack_step(&step, f->first, f->second);
    if (step.varies) {
        doubt(w, DOUBT_VARIES, f->address);
    }
    if (stack_deeper(state->depth, w->f->own)) {
        w->f->own = state->depth;
    }
    if (step.jumps) {
        jumped(w, &step);
        return stop;
    }
    return next;
}

/* Go on at `address`, unless the function has ended there. */
static void go_on(struct walk *w, uint32_t address, const struct stack_state *state,
                  struct effect effect)
{
    if (!stack_is_code(w->m, address)) {
        if (!effect.after_call && !w->leftover) {
            doubt(w, DOUBT_NO_CODE, address - 2);
        }
        return;
    }
    if (is_other_function(w, address)) {
        if (!effect.after_call && !w->leftover) {
            add_call(w, address - 2, CALL_FUNCTION, address, state->depth);
        }
    } else if (effect.after_call) {
        w->later =
            cli_grow(w->later, &w->later_capacity, w->later_count + 1, sizeof *w->later);
        w->later[w->later_count++] = (struct arrival){address, *state};
    } else {
        arrive(w, address, state, false);
    }
}

static bool is_it(uint32_t first)
{
    return (first & 0xff00) == 0xbf00 && (first & 15) != 0;
}

static uint32_t it_length(uint32_t first)
{
    uint32_t length = 4;
    for (uint32_t mask = first & 15; (mask & 1) == 0; mask >>= 1) {
        length--;
    }
    return length;
}

/* An IT block: once with what runs if the condition holds, once with the rest. */
static void run_it(struct walk *w, const struct fetched *it,
                   const struct stack_state *state)
{
    for (unsigned way = 0; way < 2; way++) {
        struct stack_state own = *state;
        struct effect effect = {true, false};
        uint32_t at = it->address + 2;
        for (uint32_t i = 0; i < it_length(it->first) && effect.goes_on; i++) {
            struct fetched f;
            unsigned other = i == 0 ? 0 : (it->first >> (4 - i) ^ it->first >> 4) & 1;
            if (!fetch(w, at, &f)) {
                return;
            }
            if (other == way) {
                effect = execute(w, &f, &own);
            }
            at += f.length;
        }
        if (effect.goes_on) {
            go_on(w, at, &own, effect);
        }
    }
}

static bool is_nop(const struct fetched *f)
{
    return f->first == 0xbf00 || f->first == 0x46c0 ||
           (f->first == 0xf3af && f->second == 0x8000);
}

static void visit(struct walk *w, size_t number)
{
    struct stack_state state = w->visits[number].state;
    struct fetched f;
    w->visits[number].queued = false;
    if (!fetch(w, w->visits[number].address, &f)) {
        return;
    }
    if (is_it(f.first)) {
        run_it(w, &f, &state);
        return;
    }
    struct effect effect = execute(w, &f, &state);
    if (is_nop(&f)) { /* it fills up what lies behind a call that does not return */
        effect.after_call = w->visits[number].after_call;
    }
    if (effect.goes_on) {
        go_on(w, f.address + f.length, &state, effect);
    }
}

static void run(struct walk *w)
{
    for (;;) {
        if (w->queue_count != 0) {
            visit(w, w->queue[--w->queue_count]);
        } else if (w->later_count != 0) {
            struct arrival a = w->later[--w->later_count];
            arrive(w, a.address, &a.state, true);
        } else {
            return;
        }
    }
}

/* ---- functions -------------------------------------------------------------------- */

/* What no branch leads to: the ways of a switch, and where exceptions land. */
static bool run_leftover(struct walk *w, uint32_t from, uint32_t to)
{
    bool any = false;
    w->leftover = true;
    for (uint32_t at = from; at - from < to - from;) {
        struct fetched f;
        if (!fetch(w, at, &f)) {
            at += 2;
            continue;
        }
        if (*seen(w, at) == 0) {
            any = true;
            arrive(w, at, &w->dispatch, false);
            run(w);
        }
        at += f.length;
        for (uint32_t i = 0; is_it(f.first) && i < it_length(f.first); i++) {
            struct fetched inner;
            at += fetch(w, at, &inner) ? inner.length : 2;
        }
    }
    return any;
}

static void start_state(struct stack_state *state)
{
    memset(state, 0, sizeof *state);
    state->return_slot = NO_STACK_SLOT;
    state->other_slot = NO_STACK_SLOT;
}

void stack_walk(struct module *m, struct stack_functions *all, size_t index)
{
    /* A copy: the list may move while new functions are found. */
    struct stack_function f = all->list[index];
    struct walk w = {.m = m, .all = all, .f = &f, .index = index};
    struct stack_state state;
    start_state(&state);
    state.reg[14].kind = VALUE_RETURN;
    if (m->has_static_base) {
        state.reg[9] = (struct value){.kind = VALUE_NUMBER, .number = m->static_base};
    }
    visit_new(&w, f.start, &state, false);
    run(&w);
    if (!w.switches) {
        start_state(&w.dispatch);
        w.dispatch.depth = f.own;
    }
    bool ways = run_leftover(&w, f.start, f.end);
    if (w.switches && !w.table && !ways) {
        add_call(&w, w.switch_at, CALL_POINTER, 0, w.dispatch.depth);
    }
    for (size_t i = 0; i < w.visit_count; i++) {
        *seen(&w, w.visits[i].address) = 0;
    }
    free(w.visits);
    free(w.queue);
    free(w.later);
    f.walked = true;
    all->list[index] = f;
}
