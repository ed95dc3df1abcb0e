/* SPDX-License-Identifier: BSD-2-Clause */
/** --stack-size auto: how much stack the module needs, from its code. Parts of mkmod's
 *  stack*.c only; what an instruction does to registers is for spoilers.c as well. */
#ifndef MKMOD_STACK_H
#define MKMOD_STACK_H

#include "module.h"

/* ---- what one instruction does (stackstep.c) ------------------------------------- */

/** What is known of a register or of a word on the stack. */
enum value_kind {
    VALUE_UNKNOWN,
    VALUE_NUMBER,  /**< `number`; an address is the linked one */
    VALUE_STACK,   /**< sp at the function's start, less `number` */
    VALUE_SHIFTED, /**< that, shifted right by `shift` bits */
    VALUE_IMPORT,  /**< the address of import `number` */
    VALUE_RETURN,  /**< the address to return to */
};

struct value {
    uint32_t number;
    uint8_t kind;
    uint8_t shift;
};

/** What is known in front of an instruction. */
struct stack_state {
    uint32_t depth; /**< bytes of stack since the function's start; may be "negative" */
    uint32_t
        return_slot; /**< word with the return address, as bytes below; NO_STACK_SLOT */
    uint32_t other_slot; /**< another word, holding `other` */
    struct value other;
    struct value reg[15]; /**< of [13] see depth */
};
#define NO_STACK_SLOT 0x80000000u

/** One instruction's doing. */
struct stack_step {
    const struct module *m;
    const struct stack_words *words;
    uint32_t address;
    struct stack_state *state;
    bool varies;  /**< sp got a value that is not known */
    bool jumps;   /**< pc was written, with `target` */
    bool indexed; /**< as the jump of a switch does it */
    bool popped;  /**< with a word off the stack */
    struct value target;
};

/** Places that hold the addresses of imports, sorted by address. */
struct stack_words {
    struct stack_word {
        uint32_t address;
        uint32_t import;
    } * list;
    size_t count;
};

/** Do what the instruction at step->address does, branches excepted. `second` counts only
 *  for those of two half-words. */
void stack_step(struct stack_step *step, uint32_t first, uint32_t second);
/** Is `first` the first half of two? */
static inline bool stack_is_wide(uint32_t first)
{
    return first >= 0xe800;
}
/** Bytes as they are in the ELF, link addresses and all; NULL if there are none. */
const uint8_t *stack_bytes(const struct module *m, uint32_t address, uint32_t length);
/** Is a depth greater, taken as signed? */
static inline bool stack_deeper(uint32_t a, uint32_t b)
{
    return (int32_t)(a - b) > 0;
}

/* ---- a function (stackwalk.c) ----------------------------------------------------- */

enum call_kind { CALL_FUNCTION, CALL_IMPORT, CALL_POINTER };

struct stack_call {
    uint32_t site;   /**< address of the instruction */
    uint32_t depth;  /**< of the caller's stack there */
    uint32_t target; /**< address of the function, or index of the import */
    uint8_t kind;
};

/** Why a function's own use of stack could not be found. */
enum stack_doubt {
    DOUBT_NONE,
    DOUBT_VARIES,     /**< sp is set to what is not known before it runs */
    DOUBT_GROWS,      /**< it grows in a loop */
    DOUBT_UNBALANCED, /**< it returns with more than it came with */
    DOUBT_NO_CODE,    /**< what is called is not code of the module */
};

struct stack_function {
    const char *name;
    char *own_name; /**< NULL if the symbol table has it */
    uint32_t start;
    uint32_t end;
    uint32_t own;      /**< bytes, calls not counted */
    uint32_t doubt_at; /**< address */
    uint8_t doubt;     /**< enum stack_doubt */
    uint8_t colour;    /**< stackgraph.c's */
    bool walked;
    bool made_up; /**< no symbol calls it a function */
    bool global;  /**< its name is */
    struct stack_call *calls;
    size_t call_count;
    size_t call_capacity;
    uint64_t worst; /**< bytes, calls counted */
    bool given;     /**< by --stack-allow */
    bool pointer_told;
    size_t deepest; /**< index of the call that makes `worst`; NO_CALL */
};
#define NO_CALL SIZE_MAX

struct stack_functions {
    struct stack_function *list;
    size_t count;
    size_t capacity;
    struct stack_words words;
    /* By half-word of a segment, 0 for none. */
    uint32_t *starts[2]; /**< number of the function that starts there, plus 1 */
    uint32_t *labels[2]; /**< number of a symbol without type */
    uint32_t *seen[2];   /**< number of a visit of the walk, plus 1 */
    uint32_t *exits;     /**< addresses of functions to be called at exit */
    size_t exit_count;
    size_t exit_capacity;
};

/** stackfunctions.c: collect the functions from the symbols. */
void stack_functions_find(struct module *m, struct stack_functions *all);
void stack_functions_free(struct stack_functions *all);
/** The index of the function that starts at an address of code; made up if no symbol says
 *  that one does. */
size_t stack_function_at(struct module *m, struct stack_functions *all, uint32_t address);
/** May there be an instruction at `address`? */
bool stack_is_code(const struct module *m, uint32_t address);
/** Find a function's own stack and its calls. */
void stack_walk(struct module *m, struct stack_functions *all, size_t index);

/* ---- options (stackoptions.c) ------------------------------------------------------ */

struct stack_allowance {
    char *name;
    uint32_t bytes;
    bool used;
};

struct stack_options {
    bool automatic;
    bool details; /**< some option was given that has a meaning with `automatic` only */
    bool has_imports;
    bool has_indirect;
    uint32_t imports;
    uint32_t indirect;
    struct stack_allowance *allow;
    size_t allow_count;
    size_t allow_capacity;
    const char **usage; /**< files and folders */
    size_t usage_count;
    size_t usage_capacity;
    struct stack_usage *sizes; /**< what was read of them, and of the ELF */
    size_t size_count;
    size_t size_capacity;
    char *report; /**< for --verbose */
};

/** What --stack-allow says of a function or import. */
bool stack_allowed(const struct options *o, const char *name, uint32_t *ret_bytes);

/* ---- sizes from compilers ---------------------------------------------------------- */

/** stackusage.c: a compiler's word on a function. */
struct stack_usage {
    char *name; /**< from a file of -fstack-usage, up to its first point; else NULL */
    uint32_t address; /**< from .stack_sizes */
    uint32_t size;
    bool unbounded;
};
/** Read .stack_sizes and the files that --stack-usage names. */
void stack_usage_read(struct module *m);
/** What they say of the function's own stack. False if nothing that can be relied on. */
bool stack_usage_of(const struct module *m, const struct stack_function *f,
                    uint32_t *ret_size);
/** stackframe.c: call frame information, the largest distance of the CFA from sp. False
 * if there is none, or if some row counts from another register. */
bool stack_frame_of(const struct module *m, const struct stack_function *f,
                    uint32_t *ret_size);

#endif
