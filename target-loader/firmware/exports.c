/* SPDX-License-Identifier: BSD-2-Clause */
#include "exports.h"

int exports_find(const struct modload_port *port, uint32_t hash, uint32_t type,
                 uint32_t *ret_address)
{
    const size_t count = (uintptr_t)firmware_export_count;
    size_t low = 0;
    size_t high = count;

    (void)port;
    (void)type;
    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (firmware_exports[middle].hash < hash)
            low = middle + 1;
        else
            high = middle;
    }
    if (low == count || firmware_exports[low].hash != hash)
        return -1;
    *ret_address = firmware_exports[low].address;
    return 0;
}
