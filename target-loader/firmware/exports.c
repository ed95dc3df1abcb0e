/* SPDX-License-Identifier: BSD-2-Clause */
#include "exports.h"

/** One line of exports.list. */
struct firmware_export {
    uint32_t hash;
    uint32_t address;
};

/* Made by exports.py. */
extern const struct firmware_export firmware_exports[], firmware_exports_end[];

int exports_find(const struct modload_port *port, uint32_t hash, uint32_t type,
                 uint32_t *ret_address)
{
    size_t low = 0;
    size_t high = (size_t)(firmware_exports_end - firmware_exports);

    (void)port;
    (void)type;
    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (firmware_exports[middle].hash < hash)
            low = middle + 1;
        else
            high = middle;
    }
    if (firmware_exports + low == firmware_exports_end ||
        firmware_exports[low].hash != hash)
        return -1;
    *ret_address = firmware_exports[low].address;
    return 0;
}
