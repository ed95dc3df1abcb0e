/* SPDX-License-Identifier: BSD-2-Clause */
/* The deepest chain of calls. Everything that makes it unknowable is reported, each once,
 * with the chain that leads there and the way out. */
#include <stdlib.h>
#include <string.h>

#include "cli.h"
#include "stack.h"

#define WHITE 0u /* not looked at */
#define GREY  1u /* on the path */
#define BLACK 2u /* done */

/* What a veneer of ARMv6-M keeps on the stack until it jumps. */
#define VENEER_BYTES 8u
/* An image whose stack size is 0 does not state it. */
#define LEAST_BYTES 8u

struct step {
    size_t function;
    size_t next; /* call to be looked at */
};

struct graph {
    struct module *m;
    struct stack_functions all;
    struct step *path;
    size_t depth;
    size_t capacity;
    bool *import_told;
};

/* ---- telling ---------------------------------------------------------------------- */

static const char *path_name(const struct graph *g, size_t i)
{
    return g->all.list[g->path[i].function].name;
}

/* "module_entry > parse > … > f". */
static char *chain_text(const struct graph *g, size_t from, const char *last)
{
    char *text = cli_format("%s", "");
    for (size_t i = from; i < g->depth; i++) {
        if (g->depth - from > 10 && i == from + 5) {
            i = g->depth - 5;
            char *cut = cli_format("%s... > ", text);
            free(text);
            text = cut;
        }
        char *longer = cli_format("%s%.60s%s", text, path_name(g, i),
                                  i + 1 < g->depth || last != NULL ? " > " : "");
        free(text);
        text = longer;
    }
    char *whole = cli_format("%s%.60s", text, last != NULL ? last : "");
    free(text);
    return whole;
}

static void refuse(struct graph *g, uint32_t address, const char *what, const char *cure)
{
    const struct section *s = elffile_section_at(&g->m->elf, address);
    char *chain = chain_text(g, 0, NULL);
    problem_error(g->m, s != NULL ? (uint32_t)(s - g->m->elf.sections) : 0, address,
                  "--stack-size auto: %s (%s); %s", what, chain, cure);
    free(chain);
}

static void refuse_doubt(struct graph *g, const struct stack_function *f)
{
    static const char *const reasons[] = {
        [DOUBT_VARIES] = "takes an amount of stack that only shows when it runs (alloca, "
                         "or an array of variable length)",
        [DOUBT_GROWS] = "takes more stack with each turn of a loop",
        [DOUBT_UNBALANCED] = "gives back more stack than it took",
        [DOUBT_NO_CODE] = "goes on to what is not code of the module",
    };
    char *what = cli_format("'%.100s' %s", f->name, reasons[f->doubt]);
    char *cure =
        cli_format("say what it needs, with all that it calls, with --stack-allow "
                   "%.60s=BYTES%s",
                   f->name,
                   f->doubt == DOUBT_VARIES
                       ? ", or give GCC's file of -fstack-usage, if that knows a "
                         "bound, with --stack-usage"
                       : "");
    refuse(g, f->doubt_at, what, cure);
    free(what);
    free(cure);
}

static void refuse_recursion(struct graph *g, const struct stack_call *call,
                             size_t target)
{
    const char *name = g->all.list[target].name;
    size_t from = 0;
    while (g->path[from].function != target) {
        from++;
    }
    char *cycle = chain_text(g, from, name);
    char *what = cli_format("recursion, so nobody knows how deep: %s", cycle);
    char *cure = cli_format(
        "say what '%.100s' needs in all with --stack-allow %.60s=BYTES", name, name);
    refuse(g, call->site, what, cure);
    free(cycle);
    free(what);
    free(cure);
}

/* ---- costs ------------------------------------------------------------------------ */

static uint32_t import_cost(struct graph *g, const struct stack_call *call)
{
    const struct options *o = &g->m->options;
    const char *name = g->m->imports[call->target].name;
    uint32_t bytes = o->stack->imports;
    if (!stack_allowed(o, name, &bytes) && !o->stack->has_imports &&
        !g->import_told[call->target]) {
        char *what = cli_format("nobody knows how much the import '%.100s' needs", name);
        char *cure =
            cli_format("give it with --stack-allow %.100s=BYTES, or one number for "
                       "all imports with --stack-imports BYTES",
                       name);
        g->import_told[call->target] = true;
        refuse(g, call->site, what, cure);
        free(what);
        free(cure);
    }
    bool veneer = (g->m->needs & MODFMT_NEED_V7M) == 0;
    return veneer && bytes < VENEER_BYTES ? VENEER_BYTES : bytes;
}

/* One message a function, however many such calls it has. */
static uint32_t pointer_cost(struct graph *g, size_t index, const struct stack_call *call)
{
    const struct stack_options *s = g->m->options.stack;
    struct stack_function *f = &g->all.list[index];
    if (!s->has_indirect && !f->pointer_told) {
        f->pointer_told = true;
        refuse(
            g, call->site, "a call through a pointer, which may go anywhere",
            "give what it needs at most with --stack-indirect BYTES, or what the caller "
            "needs in all with --stack-allow CALLER=BYTES");
    }
    return s->indirect + trampolines_stack(g->m);
}

static void count(struct stack_function *f, size_t call, uint64_t cost)
{
    int64_t sum = (int64_t)(int32_t)f->calls[call].depth + (int64_t)cost;
    if (sum > (int64_t)f->worst) {
        f->worst = (uint64_t)sum;
        f->deepest = call;
    }
}

/* The function's own stack, by its code, or by what the compiler says of it. */
static void settle(struct graph *g, size_t index)
{
    uint32_t bytes = 0;
    stack_walk(g->m, &g->all, index);
    struct stack_function *f = &g->all.list[index];
    if (f->doubt != DOUBT_NONE) {
        bool known = f->doubt != DOUBT_NO_CODE &&
                     (stack_usage_of(g->m, f, &bytes) || stack_frame_of(g->m, f, &bytes));
        if (!known) {
            refuse_doubt(g, f);
        } else {
            f->own = bytes;
            for (size_t i = 0; i < f->call_count; i++) {
                f->calls[i].depth = bytes;
            }
        }
    }
    f->worst = f->own;
}

/* ---- the search, without recursion ------------------------------------------------- */

static void enter(struct graph *g, size_t index)
{
    struct stack_function *f = &g->all.list[index];
    uint32_t bytes = 0;
    g->path = cli_grow(g->path, &g->capacity, g->depth + 1, sizeof *g->path);
    g->path[g->depth++] = (struct step){index, 0};
    f->colour = GREY;
    f->deepest = NO_CALL;
    if (stack_allowed(&g->m->options, f->name, &bytes)) {
        f->worst = bytes;
        f->given = true;
        g->path[g->depth - 1].next = NO_CALL;
    } else {
        settle(g, index);
    }
}

static void look_at_call(struct graph *g, struct step *step)
{
    size_t index = step->function;
    size_t number = step->next;
    struct stack_call call = g->all.list[index].calls[number];
    if (call.kind != CALL_FUNCTION) {
        step->next++;
        count(&g->all.list[index], number,
              call.kind == CALL_IMPORT ? import_cost(g, &call)
                                       : pointer_cost(g, index, &call));
        return;
    }
    size_t target = stack_function_at(g->m, &g->all, call.target);
    if (g->all.list[target].colour == WHITE) {
        enter(g, target); /* and come back to this call */
        return;
    }
    step->next++;
    if (g->all.list[target].colour == GREY) {
        refuse_recursion(g, &call, target);
    } else {
        count(&g->all.list[index], number, g->all.list[target].worst);
    }
}

static uint64_t search(struct graph *g, size_t root)
{
    if (g->all.list[root].colour == WHITE) {
        enter(g, root);
    }
    while (g->depth != 0) {
        struct step *step = &g->path[g->depth - 1];
        struct stack_function *f = &g->all.list[step->function];
        if (step->next >= f->call_count) {
            f->colour = BLACK;
            g->depth--;
        } else {
            look_at_call(g, step);
        }
    }
    return g->all.list[root].worst;
}

/* ---- roots ------------------------------------------------------------------------ */

struct deepest {
    uint64_t bytes;
    size_t root;
    uint32_t before; /**< of `bytes`, those of the root's trampoline */
};

static void try_root(struct graph *g, uint32_t address, uint32_t before,
                     struct deepest *deepest)
{
    if (!stack_is_code(g->m, address & ~1u)) {
        return;
    }
    size_t root = stack_function_at(g->m, &g->all, address & ~1u);
    uint64_t bytes = search(g, root) + before;
    if (bytes > deepest->bytes || deepest->root == NO_CALL) {
        deepest->bytes = bytes;
        deepest->root = root;
        deepest->before = before;
    }
}

static void try_array(struct graph *g, const struct array_place *array,
                      struct deepest *deepest)
{
    for (uint32_t i = 0; i < array->size; i += 4) {
        const uint8_t *word = stack_bytes(g->m, array->address + i, 4);
        uint32_t address = word != NULL ? modfmt_get32(word) : 0;
        if (address != 0 && address != 0xffffffffu) {
            try_root(g, address, 0, deepest);
        }
    }
}

static void describe(struct graph *g, const struct deepest *deepest)
{
    size_t size = 0;
    FILE *out = open_memstream(&g->m->options.stack->report, &size);
    if (out == NULL) {
        return;
    }
    (void)fprintf(out, "stack: %u bytes; the deepest chain of calls:\n",
                  (unsigned)deepest->bytes);
    if (deepest->before != 0) {
        (void)fprintf(out, "  %8d  a trampoline\n", (int)deepest->before);
    }
    for (size_t index = deepest->root; index != NO_CALL;) {
        const struct stack_function *f = &g->all.list[index];
        const struct stack_call *call =
            f->deepest != NO_CALL ? &f->calls[f->deepest] : NULL;
        uint32_t own = call != NULL ? call->depth : (uint32_t)f->worst;
        (void)fprintf(out, "  %8d  %s%s\n", (int)own, f->name,
                      f->given ? " (given)" : "");
        index = NO_CALL;
        if (call != NULL && call->kind == CALL_FUNCTION) {
            index = stack_function_at(g->m, &g->all, call->target);
        } else if (call != NULL) {
            (void)fprintf(out, "  %8u  %s (given)\n", (unsigned)(f->worst - own),
                          call->kind == CALL_IMPORT ? g->m->imports[call->target].name
                                                    : "a call through a pointer");
        }
    }
    (void)fclose(out);
}

static void check_allowances(struct graph *g)
{
    const struct stack_options *s = g->m->options.stack;
    for (size_t i = 0; i < s->allow_count; i++) {
        if (!s->allow[i].used) {
            problem_warning(g->m, 0, 0,
                            "--stack-allow %s: nothing of that name is called",
                            s->allow[i].name);
        }
    }
}

void stack_find(struct module *m)
{
    struct graph g = {.m = m};
    struct deepest deepest = {0, NO_CALL, 0};
    if (m->options.stack == NULL || !m->options.stack->automatic ||
        m->problems.errors != 0 || m->entry == 0) {
        return;
    }
    stack_functions_find(m, &g.all);
    stack_usage_read(m);
    g.import_told = cli_alloc(m->import_count + 1u, sizeof *g.import_told);
    try_root(&g, m->segment[HOME_TEXT].link + m->entry, 0, &deepest);
    try_array(&g, &m->init, &deepest);
    try_array(&g, &m->fini, &deepest);
    for (size_t i = 0; i < g.all.exit_count; i++) {
        /* What is called at exit was registered by its address. */
        try_root(&g, g.all.exits[i], trampolines_stack(m), &deepest);
    }
    if (deepest.bytes > INT32_MAX) {
        problem_error(m, 0, 0, "--stack-size auto: more than 2 GB of stack");
    }
    check_allowances(&g);
    describe(&g, &deepest);
    m->options.stack_size =
        deepest.bytes < LEAST_BYTES ? LEAST_BYTES : (uint32_t)deepest.bytes;
    stack_functions_free(&g.all);
    free(g.import_told);
    free(g.path);
}

void stack_report(const struct module *m, FILE *out)
{
    if (m->options.stack != NULL && m->options.stack->report != NULL) {
        (void)fprintf(out, "%s", m->options.stack->report);
    }
}
