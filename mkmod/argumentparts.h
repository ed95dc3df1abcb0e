/* SPDX-License-Identifier: BSD-2-Clause */
/** What arguments.c is made of. Runs in its child only. Private. */
#ifndef MKMOD_ARGUMENTPARTS_H
#define MKMOD_ARGUMENTPARTS_H

#include <dwarf.h>
#include <elfutils/libdw.h>
#include <stdbool.h>
#include <stdint.h>

#define ARGUMENT_STACK_MAX 0x01000000u /**< more bytes than that are as many */

/** What the procedure call standard asks of a type. */
struct argument_shape {
    uint32_t size;     /**< bytes */
    uint32_t align;    /**< bytes, of a member of that type */
    bool doubleword;   /**< as an argument it is aligned to 8 bytes */
    bool composite;    /**< a result of more than 4 bytes goes to memory */
    bool by_reference; /**< a C++ class that is not copied bit by bit */
    bool unsure;       /**< DWARF, or the compilers, leave a doubt */
    uint32_t element;  /**< bytes of each if it is made of `count` floating-point numbers
                          of  one size; 0: not made of anything yet; ARGUMENT_OTHER */
    uint32_t count;
};

#define ARGUMENT_OTHER 0xffffffffu

/* argumentshape.c */
/** Of the type that a DIE has (DW_AT_type). False: it has none, which is void. */
bool argument_shape(Dwarf_Die *die, struct argument_shape *ret_shape);

/* argumentplaces.c */
/** Where the next argument goes (AAPCS32, 6.5 and 7.1). */
struct argument_places {
    bool vfp;
    uint32_t core;  /**< next core register number */
    uint32_t stack; /**< next stacked argument's offset */
    uint32_t free;  /**< s0 to s15, one bit each */
};
/** @param result  NULL: void */
struct argument_places argument_places(bool vfp, const struct argument_shape *result);
void argument_place(struct argument_places *places, const struct argument_shape *shape);

#endif
