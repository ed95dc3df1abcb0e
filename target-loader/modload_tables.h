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

struct modload_table {
    const struct modload_export *entries; /**< by hash, ascending, no hash twice */
    uint32_t count;                       /**< at most 65535 */
};

/**
 * Look a symbol up by the hash of its name and the tag of its type. Types match if they
 * are equal or one of them is 0.
 *
 * Time: hashes are spread evenly, so the search starts where this one should be and goes
 * on step by step: some 30 instructions among 128 names, a few steps more for each
 * fourfold number of them. Never more than one pass. Stack: 16 bytes.
 * @return 0; MODLOAD_E_IMPORT: no such name; MODLOAD_E_TYPE: the name with another type
 */
int modload_table_find(const struct modload_table *table, uint32_t hash, uint32_t type,
                       uint32_t *ret_address);

#endif
