/* SPDX-License-Identifier: BSD-2-Clause */
#include "modload_tables.h"

#include "modfmt.h"

int modload_table_find(struct modload_table *table, uint32_t hash, uint32_t type,
                       uint32_t *ret_address)
{
    const uint32_t size = sizeof(struct modload_export);
    const struct modload_export *e = table->entries, *next;
    uint32_t step = size; /* in bytes: an entry's size times a power of two */
    uintptr_t end, ahead; /* numbers: a step may lead anywhere */

    if (table->count == 0)
        return MODLOAD_E_IMPORT;
    end = (uintptr_t)(e + table->count);
    if (table->at && table->at->hash <= hash)
        e = table->at;
    /* To the last entry that is not behind the hash: in steps that double as long as they
     * lead there, and are halved when one goes too far. */
    do {
        ahead = (uintptr_t)e + step;
        next = (const struct modload_export *)ahead;
        if (ahead < end && next->hash <= hash) {
            e = next;
            step *= 2;
        } else {
            step /= 2;
        }
    } while (step >= size);
    table->at = e;
    if (e->hash != hash)
        return MODLOAD_E_IMPORT;
    if (e->type != type && e->type != 0 && type != 0)
        return MODLOAD_E_TYPE;
    *ret_address = e->address;
    return 0;
}
