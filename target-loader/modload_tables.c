/* SPDX-License-Identifier: BSD-2-Clause */
#include "modload_tables.h"

#include "modfmt.h"

static const struct modload_export *after_(const struct modload_export *e, uint32_t bytes)
{
    return (const struct modload_export *)(const void *)((const uint8_t *)e + bytes);
}

int modload_table_find(struct modload_table *table, uint32_t hash, uint32_t type,
                       uint32_t *ret_address)
{
    const uint32_t size = sizeof(struct modload_export);
    const struct modload_export *e = table->entries, *end;
    uint32_t step = size; /* in bytes: an entry's size times a power of two */
    bool ahead = true;

    if (table->count == 0)
        return MODLOAD_E_IMPORT;
    end = e + table->count;
    if (table->at && table->at->hash <= hash)
        e = table->at;
    /* To the last entry that is not behind the hash: in steps that double, until one goes
     * too far, and then in halves. */
    do {
        uint32_t left = (uint32_t)((const uint8_t *)end - (const uint8_t *)e);

        if (left > step && after_(e, step)->hash <= hash)
            e = after_(e, step);
        else
            ahead = false;
        step = ahead ? 2 * step : step / 2;
    } while (step >= size);
    table->at = e;
    if (e->hash != hash)
        return MODLOAD_E_IMPORT;
    if (e->type != type && e->type != 0 && type != 0)
        return MODLOAD_E_TYPE;
    *ret_address = e->address;
    return 0;
}
