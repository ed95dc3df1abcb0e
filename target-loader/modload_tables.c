/* SPDX-License-Identifier: BSD-2-Clause */
#include "modload_tables.h"

#include "modfmt.h"

int modload_table_find(const struct modload_table *table, uint32_t hash, uint32_t type,
                       uint32_t *ret_address)
{
    const struct modload_export *first = table->entries, *end = first + table->count;
    /* In 16 bits: ARMv6-M multiplies to 32 only. */
    const struct modload_export *e = first + ((hash >> 16) * table->count >> 16);

    while (e != end && e->hash < hash)
        e++;
    while (e != first && e[-1].hash >= hash)
        e--;
    if (e == end || e->hash != hash)
        return MODLOAD_E_IMPORT;
    if (e->type != type && e->type != 0 && type != 0)
        return MODLOAD_E_TYPE;
    *ret_address = e->address;
    return 0;
}
