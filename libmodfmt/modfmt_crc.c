/* SPDX-License-Identifier: BSD-2-Clause */
/* CRC-32 with a table of 16 words: the default, for 64 bytes of flash. */
#include "modfmt.h"

uint32_t modfmt_crc32(uint32_t crc, const void *bytes, uint32_t size)
{
    /* Entry i: the remainder of the four bits i, by the reflected polynomial. */
    static const uint32_t table[16] = {
        0x00000000, 0x1db71064, 0x3b6e20c8, 0x26d930ac, 0x76dc4190, 0x6b6b51f4,
        0x4db26158, 0x5005713c, 0xedb88320, 0xf00f9344, 0xd6d6a3e8, 0xcb61b38c,
        0x9b64c2b0, 0x86d3d2d4, 0xa00ae278, 0xbdbdf21c,
    };
    const uint8_t *p = bytes;
    const uint8_t *end = p + size;

    crc = ~crc;
    if (size) {
        /* The test at the end saves an instruction a byte. */
        do {
            crc ^= *p++;
            crc = crc >> 4 ^ table[crc & 15];
            crc = crc >> 4 ^ table[crc & 15];
        } while (p != end);
    }
    return ~crc;
}
