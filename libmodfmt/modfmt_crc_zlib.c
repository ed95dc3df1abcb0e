/* SPDX-License-Identifier: BSD-2-Clause */
/* The CRC hook of the host tools: zlib's own crc32(), our outside judge. */
#include <zlib.h>

#include "modfmt.h"

uint32_t modfmt_crc32(uint32_t crc, const void *bytes, uint32_t size)
{
    return (uint32_t)crc32(crc, bytes, size);
}
