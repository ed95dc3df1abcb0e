/* SPDX-License-Identifier: BSD-2-Clause */
/* What the firmware offers to the modules of these tests, and what it knows of theirs. */
#ifndef OFFERED_H
#define OFFERED_H

#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

/** A function of any type: who calls it knows which one it is. */
typedef void fw_function(void);

/** What modules hand to the firmware. */
enum fw_which {
    FW_TEN,       /**< int (int × 10): 24 bytes of arguments on the stack */
    FW_FORMATTED, /**< int (const char *kinds, ...): nine more */
    FW_RECORD,    /**< struct fw_record (int × 5): returned by hidden pointer */
    FW_TAKEN,     /**< int (int, struct fw_record, int): partly in registers */
    FW_DOUBLES,   /**< fw_doubles */
    FW_MIXED,     /**< double (int, float, double, int, float, long long) */
    FW_WIDE,      /**< long long (int, long long, long long) */
    FW_FOUR,      /**< a vector of four ints (int): in r0 to r3 */
    FW_NUMBERS,   /**< struct fw_numbers (double): in d0 to d3 if the ABI says so */
    FW_RECURSE,   /**< int (int depth) */
    FW_SORT,      /**< int (int *list, int count) */
    FW_TICK,      /**< void (void) */
    FW_TICKS,     /**< int (void) */
    FW_STACK,     /**< unsigned (void): sp at its first instruction */
    FW_STACK_TEN, /**< the same, with ten arguments */
    FW_SAME,      /**< int (fw_function *): is it FW_COMPARE's pointer? */
    FW_COMPARE,   /**< static: int (const void *, const void *) */
    FW_OBJECT,    /**< no functions, but objects of C++ that have virtual ones */
    FW_OBJECT_2,
    FW_OBJECT_3,
    FW_WHICH_MAX
};

struct fw_record {
    int words[5];
};

struct fw_numbers {
    double n[4];
};

/** So many that some do not fit into registers, and that a trampoline can pass them on.
 */
#ifdef __ARM_PCS_VFP
#define FW_DOUBLES_MAX 10
typedef double fw_doubles(double a, double b, double c, double d, double e, double f,
                          double g, double h, double i, double j);
#else
#define FW_DOUBLES_MAX 6
typedef double fw_doubles(double a, double b, double c, double d, double e, double f);
#endif

/** The library's qsort(). */
void fw_sort(void *base, size_t count, size_t size,
             int (*compare)(const void *, const void *));
/** Note a pointer of the module that is being started. */
void fw_register(unsigned which, fw_function *function);
/** What some module has registered. */
fw_function *fw_registered(unsigned instance, unsigned which);
/** Call it. */
int fw_again(int (*function)(int), int depth);

#ifdef __cplusplus
}
#endif

#endif
