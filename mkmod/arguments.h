/* SPDX-License-Identifier: BSD-2-Clause */
/**
 * How many bytes of its arguments a function finds on the stack: by its DWARF and the
 * procedure call standard (AAPCS32, base or VFP variant). A trampoline must know, for
 * what it pushes itself would lie in between.
 */
#ifndef MKMOD_ARGUMENTS_H
#define MKMOD_ARGUMENTS_H

#include <stddef.h>
#include <stdint.h>

struct module;

/** Most bytes that a trampoline passes on; functions that take more are refused. */
#define ARGUMENTS_STACK_MAX 32u

/** There is no DWARF of the function, or none that tells (no prototype; not C or C++). */
#define ARGUMENTS_UNKNOWN 0xffffffffu
/** It ends in "...": who calls it decides. */
#define ARGUMENTS_VARIADIC 0xfffffffeu
/** It is a nested function (a GNU extension) that finds its outer one's variables by what
 *  its caller put into ip, which no trampoline can hand on. */
#define ARGUMENTS_NESTED 0xfffffffdu

struct arguments_query {
    uint32_t symbol; /**< index of a function's symbol */
    /** Set by arguments_find(): bytes, a multiple of 4 (where DWARF leaves a doubt, as
     * with packed structs, never too few), or one of the above. */
    uint32_t stack;
};

/**
 * Answer all queries in one walk through the module's DWARF. Needs m->elf and m->needs.
 * Any file is fine: libdw reads it in a child with limits.
 */
void arguments_find(const struct module *m, struct arguments_query *queries,
                    size_t count);

#endif
