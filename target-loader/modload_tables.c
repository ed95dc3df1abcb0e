/* SPDX-License-Identifier: BSD-2-Clause */
#include "modload_tables.h"

#include "modfmt.h"

int modload_table_find(struct modload_table *table, uint32_t hash, uint32_t type,
                       uint32_t *ret_address)
{
    const struct modload_export *e = table->entries;
    uint32_t at = table->at, count = table->count, step;

    if (at >= count || e[at].hash > hash)
        at = 0;
    /* The last entry that is not behind the hash: step is a power of two and the first
     * one that goes too far. */
    for (step = 1; step < count - at && e[at + step].hash <= hash; step *= 2)
        at += step;
    while (step /= 2)
        if (step < count - at && e[at + step].hash <= hash)
            at += step;
    table->at = at;
    e += at;
    if (at >= count || e->hash != hash)
        return MODLOAD_E_IMPORT;
    if (e->type != type && e->type != 0 && type != 0)
        return MODLOAD_E_TYPE;
    *ret_address = e->address;
    return 0;
}
