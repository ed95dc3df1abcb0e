/* SPDX-License-Identifier: BSD-2-Clause */
/* The header: open checks (specs/modfmt.md, 7) and what follows from its sizes. */
#include "modfmt.h"

int modfmt_fail(struct modfmt_diag *diag, int code, uint32_t offset, uint32_t got,
                uint32_t want)
{
    diag->code = code;
    diag->offset = offset;
    diag->got = got;
    diag->want = want;
    return code;
}

/**
 * Checks 4 to 11: 16 bits of the header, masked, must have one value. A word each, so
 * that the table is half the size of the code: from bit 0 the mask, from bit 16 the
 * value, from bit 23 half the offset, from bit 28 the error. The upper halves of sizes
 * bound them by MODFMT_SIZE_MAX.
 */
#define RULE_(offset, error, mask, want)                                                 \
    ((uint32_t)(mask) | (want) << 16 | (offset) << 22 | (uint32_t) - (error) << 28)
static const uint32_t rules_[] = {
    RULE_(MODFMT_OFF_MAJOR, MODFMT_E_VERSION, 0x00ff, MODFMT_MAJOR),
    RULE_(MODFMT_OFF_HEADER_SIZE, MODFMT_E_HEADER_SIZE, 0xffff, MODFMT_HEADER_SIZE),
    RULE_(MODFMT_OFF_TOTAL_SIZE, MODFMT_E_TOTAL_SIZE, MODFMT_IMAGE_ALIGN - 1, 0u),
    RULE_(MODFMT_OFF_TOTAL_SIZE + 2, MODFMT_E_TOTAL_SIZE, 0xf000, 0u),
    RULE_(MODFMT_OFF_FLAGS, MODFMT_E_FLAGS, 0xffff & ~MODFMT_FLAG_ALL, 0u),
    RULE_(MODFMT_OFF_FLAGS + 2, MODFMT_E_FLAGS, 0xffff, 0u),
    RULE_(MODFMT_OFF_MACHINE, MODFMT_E_MACHINE, 0xffff, 40u /* EM_ARM */),
    RULE_(MODFMT_OFF_TEXT_MEM + 2, MODFMT_E_SEGMENT, 0xf000, 0u),
    RULE_(MODFMT_OFF_DATA_MEM + 2, MODFMT_E_SEGMENT, 0xf000, 0u),
    RULE_(MODFMT_OFF_RELOC_SIZE + 2, MODFMT_E_LAYOUT, 0xf000, 0u),
    RULE_(MODFMT_OFF_TEXT_ALIGN, MODFMT_E_ALIGN, 0xf0f0, 0u),
    0, /* the end: cheaper than counting */
};

/** Words that `n` bytes take. */
static uint32_t words_(uint32_t n)
{
    return (n + 3) / 4;
}

/** Where the tags begin. Imports and exports take some words and a byte of flags each,
 * which are padded, so that padding words and flags together comes to the same. */
static uint32_t tags_(const uint8_t *header)
{
    uint32_t imports = modfmt_get16(header + MODFMT_OFF_IMPORT_COUNT);
    uint32_t exports = modfmt_get16(header + MODFMT_OFF_EXPORT_COUNT);
    uint32_t words = MODFMT_HEADER_SIZE / 4;

    for (uint32_t off = MODFMT_OFF_TEXT_STORED; off <= MODFMT_OFF_RELOC_SIZE; off += 8)
        words += words_(modfmt_get32(header + off));
    words += words_((MODFMT_IMPORT_SIZE + 1) * imports);
    return 4 * (words + words_((MODFMT_EXPORT_SIZE + 1) * exports));
}

int modfmt_header_plan(const uint8_t *header, uint32_t available,
                       struct modfmt_diag *diag)
{
    uint32_t got = available, want, tags, off = 0;
    int error = -MODFMT_E_TRUNCATED; /* positive: smaller code */

    want = MODFMT_HEADER_SIZE;
    if (got < want)
        goto fail;
    error = -MODFMT_E_MAGIC;
    got = modfmt_get32(header);
    want = MODFMT_MAGIC;
    if (got != want)
        goto fail;
    off = MODFMT_OFF_HEADER_CHECK;
    error = -MODFMT_E_HEADER_CHECK;
    want = modfmt_crc32(0, header, MODFMT_OFF_CRC);
    got = modfmt_get32(header + off);
    if (got != want)
        goto fail;
    for (const uint32_t *next = rules_; *next;) {
        uint32_t rule = *next++;

        error = (int)(rule >> 28);
        off = rule >> 22 & 0x3e;
        got = modfmt_get16(header + off) & rule;
        want = rule >> 16 & 0x7f;
        if (got != want)
            goto fail;
    }
    off = MODFMT_OFF_TOTAL_SIZE;
    error = -MODFMT_E_TRUNCATED;
    got = available;
    want = modfmt_get32(header + off);
    if (got < want)
        goto fail;
    error = -MODFMT_E_SEGMENT;
    for (off = MODFMT_OFF_TEXT_STORED; off <= MODFMT_OFF_DATA_STORED; off += 8) {
        got = modfmt_get32(header + off);
        want = modfmt_get32(header + off + 4);
        if (got > want)
            goto fail;
    }
    /* No sum overflows: each term is below 2^28, or a count of 16 bits times at most 13.
     */
    off = MODFMT_OFF_TOTAL_SIZE;
    error = -MODFMT_E_LAYOUT;
    got = modfmt_get32(header + off);
    want = tags = tags_(header);
    if (got < want)
        goto fail;
    off = MODFMT_OFF_ENTRY;
    error = -MODFMT_E_ENTRY;
    got = modfmt_get32(header + off);
    want = modfmt_get32(header + MODFMT_OFF_TEXT_MEM);
    if (got == MODFMT_NO_ENTRY || (got & 1 && got <= want))
        return (int)tags;
fail:
    return modfmt_fail(diag, -error, off, got, want);
}
