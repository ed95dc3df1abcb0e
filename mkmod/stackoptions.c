/* SPDX-License-Identifier: BSD-2-Clause */
/* The options about stack. */
#include <stdlib.h>
#include <string.h>

#include "cli.h"
#include "stack.h"

static struct stack_options *stack_of(struct options *o)
{
    if (o->stack == NULL) {
        o->stack = cli_alloc(1, sizeof *o->stack);
    }
    return o->stack;
}

static const char *take_allowance(struct stack_options *s, const char *value)
{
    const char *equals = strrchr(value, '=');
    uint32_t bytes = 0;
    if (equals == NULL || equals == value || !cli_parse_u32(equals + 1, &bytes)) {
        return "--stack-allow wants NAME=BYTES, a function or an import and what it "
               "needs "
               "with all that it calls";
    }
    s->allow =
        cli_grow(s->allow, &s->allow_capacity, s->allow_count + 1, sizeof *s->allow);
    struct stack_allowance *a = &s->allow[s->allow_count++];
    a->name = cli_format("%.*s", (int)(equals - value), value);
    a->bytes = bytes;
    a->used = false;
    return NULL;
}

const char *stack_option(struct options *o, enum stack_option which, const char *value)
{
    struct stack_options *s = stack_of(o);
    switch (which) {
    case STACK_SIZE:
        s->automatic = strcmp(value, "auto") == 0;
        o->stack_size = 0;
        return s->automatic || cli_parse_u32(value, &o->stack_size)
                   ? NULL
                   : "--stack-size wants a number of bytes, or 'auto'";
    case STACK_ALLOW:
        s->details = true;
        return take_allowance(s, value);
    case STACK_IMPORTS:
        s->details = true;
        s->has_imports = true;
        return cli_parse_u32(value, &s->imports) ? NULL
                                                 : "--stack-imports wants the bytes of "
                                                   "stack that any import needs at most";
    case STACK_INDIRECT:
        s->details = true;
        s->has_indirect = true;
        return cli_parse_u32(value, &s->indirect)
                   ? NULL
                   : "--stack-indirect wants the bytes of stack that whatever is called "
                     "through a pointer needs at most";
    default:
        s->details = true;
        s->usage =
            cli_grow(s->usage, &s->usage_capacity, s->usage_count + 1, sizeof *s->usage);
        s->usage[s->usage_count++] = value;
        return NULL;
    }
}

const char *stack_options_wrong(const struct options *o)
{
    return o->stack != NULL && o->stack->details && !o->stack->automatic
               ? "--stack-allow, --stack-imports, --stack-indirect and --stack-usage go "
                 "with --stack-size auto"
               : NULL;
}

bool stack_allowed(const struct options *o, const char *name, uint32_t *ret_bytes)
{
    bool found = false;
    for (size_t i = 0; i < o->stack->allow_count; i++) {
        struct stack_allowance *a = &o->stack->allow[i];
        if (strcmp(a->name, name) == 0) {
            a->used = true;
            found = true;
            *ret_bytes = a->bytes;
        }
    }
    return found;
}
