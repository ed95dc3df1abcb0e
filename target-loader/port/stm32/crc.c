/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * modfmt_crc32() with the STM32's CRC unit. Link this file into a firmware, and the one
 * in libmodfmt's archive is left out.
 *
 * The unit has zlib's polynomial, 0x04C11DB7, but shifts the other way: bit 31 first.
 * With every word's bits reversed on the way in, and the state's on the way out, it
 * computes what zlib does: the first byte of a little-endian word enters first, its bit 0
 * first.
 *
 * zlib's value c stands for the state ~c. The unit can only start from 0xFFFFFFFF, and
 * its step is linear over exclusive-or of state and word; so to go on from a state s, the
 * first word w is given as w ^ s ^ 0xFFFFFFFF, which is w ^ c.
 *
 * Words are read at any alignment, which a Cortex-M4 and M7 can in normal memory. The
 * unit is used from one thread at a time, and interrupts leave it alone.
 */
#include "modfmt.h"

#ifdef MODLOAD_CRC_UNIT
#include MODLOAD_CRC_UNIT
#else
#include "crc_unit.h"
#endif

uint32_t modfmt_crc32(uint32_t crc, const void *bytes, uint32_t size)
{
    const uint8_t *next = bytes;
    const uint8_t *words_end = next + (size & ~3u);
    const uint8_t *end = next + size;
    unsigned bit;

    if (next != words_end) {
        crc_unit_reset();
        crc_unit_write(crc_unit_reverse(modfmt_get32(next) ^ crc));
        for (next += 4; next != words_end; next += 4)
            crc_unit_write(crc_unit_reverse(modfmt_get32(next)));
        crc = ~crc_unit_reverse(crc_unit_read());
    }
    /* At most three bytes are left: not worth a table. */
    crc = ~crc;
    for (; next != end; next++) {
        crc ^= *next;
        for (bit = 0; bit < 8; bit++)
            crc = crc >> 1 ^ (0xedb88320u & (0u - (crc & 1u)));
    }
    return ~crc;
}
