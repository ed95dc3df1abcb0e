/* SPDX-License-Identifier: BSD-2-Clause */
/** The functions of a module by their addresses, as the checks of r9 see them. */
#ifndef MKMOD_SPANS_H
#define MKMOD_SPANS_H

#include "module.h"

#define BASE_REGISTER 9u

struct span {
    uint32_t start;
    uint32_t end;
    uint32_t symbol;
    bool loads;       /**< finds the global offset table itself */
    bool spoils;      /**< gives r9 another value, and goes on with that */
    bool needs;       /**< r9 must be right when it is called */
    uint32_t through; /**< the function in it, or behind it, that goes by r9 itself */
};

/** Sorted; none overlap. */
struct spans {
    struct span *list;
    size_t count;
    size_t capacity;
};

/** The function that an address lies in, or NULL. Logarithmic. */
struct span *span_at(const struct spans *all, uint32_t address);

/* spoilers.c */
/** Refuse functions that use r9 for their own ends and call what counts on it. */
void spoilers_check(struct module *m, struct spans *all);

#endif
