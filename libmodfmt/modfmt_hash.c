/* SPDX-License-Identifier: BSD-2-Clause */
#include "modfmt.h"

uint32_t modfmt_hash(const char *name, uint32_t length)
{
    uint32_t hash = MODFMT_HASH_BASIS;

    for (uint32_t i = 0; i < length; i++)
        hash = (hash ^ (uint8_t)name[i]) * MODFMT_HASH_PRIME;
    return hash;
}
