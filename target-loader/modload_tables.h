/* SPDX-License-Identifier: BSD-2-Clause */
/**
 * Tables of what a firmware, an RTOS or a library offers to modules: made by modapi, one
 * entry a symbol, sorted by hash (specs/firmware.md). A loader may have several.
 */
#ifndef MODLOAD_TABLES_H
#define MODLOAD_TABLES_H

#include <stdint.h>

/** One symbol: 12 bytes in flash. */
struct modload_export {
    uint32_t hash;    /**< modfmt_hash() of its name */
    uint32_t type;    /**< its type's tag (specs/interface.md); 0: not known */
    uint32_t address; /**< with the Thumb bit, if it is a function */
};

/** A table. It may lie in flash, as its entries do. */
struct modload_table {
    const struct modload_export *entries; /**< by hash, ascending, no hash twice */
    uint32_t count;
};

/**
 * Look a symbol up by the hash of its name and the tag of its type. Types match if they
 * are equal or one of them is 0.
 *
 * Time: a binary search: 74 instructions for each of 40 imports among 128 names
 * (scripts/bench.sh), 11 more each time a table is twice as long. Stack: 20 bytes.
 * @return 0; MODLOAD_E_IMPORT: no such name; MODLOAD_E_TYPE: the name with another type
 */
int modload_table_find(const struct modload_table *table, uint32_t hash, uint32_t type,
                       uint32_t *ret_address);

#endif
