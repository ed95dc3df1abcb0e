/* SPDX-License-Identifier: BSD-2-Clause */
/* Loading without checks. See modload_trusted.h for what must be known of the image. */
#include "modload_trusted.h"

#include "modfmt.h"

/** Copy a segment of `stored` bytes, clear it up to `size`. @return the area behind it */
static const uint8_t *copy_(uint8_t *memory, const uint8_t *area,
                            const uint8_t *header_sizes)
{
    uint32_t stored = modfmt_get32(header_sizes), size = modfmt_get32(header_sizes + 4);

    __builtin_memcpy(memory, area, stored);
    __builtin_memset(memory + stored, 0, size - stored);
    return area + modfmt_up4(stored);
}

/** Apply the groups of one list (specs/modfmt.md, 3.2). @return the byte behind it */
static const uint8_t *groups_(const uint8_t *next, uint8_t *place, uint32_t kind,
                              uint32_t value)
{
    for (;;) {
        uint32_t head = 0;

        /* The skip so far is in the bits above n, which is 0 but at the head's end. */
        do
            head = head << (8 - MODFMT_RELOC_RUN_BITS) | *next++;
        while (head % 8 == 0 && head);
        if (head == 0)
            return next;
        place += head / 8 << kind;
        head %= 8;
        if (head == MODFMT_RELOC_RUN_LONG)
            head += *next++;
        for (; head; head--) {
            modfmt_put32(place, modfmt_get32(place) + value);
            place += 4;
        }
    }
}

uint32_t modload_trusted(const uint8_t *image, uint8_t *memory, uint32_t address)
{
    uint32_t text_size = modfmt_get32(image + MODFMT_OFF_TEXT_MEM);
    const uint8_t *next = image + MODFMT_HEADER_SIZE, *end;

    next = copy_(memory, next, image + MODFMT_OFF_TEXT_STORED);
    next = copy_(memory + text_size, next, image + MODFMT_OFF_DATA_STORED);
    end = next + modfmt_get32(image + MODFMT_OFF_RELOC_SIZE);
    while (next != end) {
        uint32_t desc = *next++;
        uint32_t value = address + (desc & MODFMT_TARGET_DATA ? text_size : 0);
        uint8_t *place = memory + (desc & MODFMT_RELOC_PLACE_DATA ? text_size : 0);

        next = groups_(next, place, desc >> MODFMT_RELOC_KIND_SHIFT, value);
    }
    return address + modfmt_get32(image + MODFMT_OFF_ENTRY);
}
