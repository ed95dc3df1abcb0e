/* SPDX-License-Identifier: BSD-2-Clause */
#include "modload_tables.h"

#include "modfmt.h"

int modload_table_find(const struct modload_table *table, uint32_t hash, uint32_t type,
                       uint32_t *ret_address)
{
    const struct modload_export *first = table->entries;

    /* The name is among `left` entries from the first one on. */
    for (uint32_t left = table->count; left != 0; left /= 2) {
        const struct modload_export *middle = first + left / 2;

        if (middle->hash < hash) {
            first = middle + 1;
            left--;
            continue;
        }
        if (middle->hash != hash)
            continue;
        if (middle->type != type && middle->type != 0 && type != 0)
            return MODLOAD_E_TYPE;
        *ret_address = middle->address;
        return 0;
    }
    return MODLOAD_E_IMPORT;
}
