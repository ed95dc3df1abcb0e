/* SPDX-License-Identifier: BSD-2-Clause */
/* Images that are read through functions, and what the tag linked of one says. */
#include "modfmt_link_parts.h"

static int memory_read_(struct modfmt_bytes *self, uint32_t offset, void *to,
                        uint32_t size)
{
    if (!modfmt_range(offset, size, self->size))
        return MODFMT_E_TRUNCATED;
    __builtin_memcpy(to, ((struct modfmt_memory *)self)->at + offset, size);
    return 0;
}

struct modfmt_memory modfmt_memory_bytes(const void *at, uint32_t size)
{
    return (struct modfmt_memory){{memory_read_, size}, at};
}

int modfmt_link_fits_(const uint8_t *header, uint32_t text, uint32_t data,
                      struct modfmt_diag *diag)
{
    uint32_t text_mem = modfmt_get32(header + MODFMT_OFF_TEXT_MEM);
    uint32_t data_mem = modfmt_get32(header + MODFMT_OFF_DATA_MEM);
    uint32_t text_align = 1u << header[MODFMT_OFF_TEXT_ALIGN];
    uint32_t data_align = 1u << header[MODFMT_OFF_DATA_ALIGN];

    if (text % text_align)
        return modfmt_fail(diag, MODFMT_E_ALIGN, MODFMT_OFF_TEXT_ALIGN, text, text_align);
    if (data_mem && (data - text_mem) % data_align)
        return modfmt_fail(diag, MODFMT_E_ALIGN, MODFMT_OFF_DATA_ALIGN, data, data_align);
    if (text_mem && text > 0u - text_mem)
        return modfmt_fail(diag, MODFMT_E_SEGMENT, MODFMT_OFF_TEXT_MEM, text,
                           0u - text_mem);
    if (data_mem && data > 0u - data_mem)
        return modfmt_fail(diag, MODFMT_E_SEGMENT, MODFMT_OFF_DATA_MEM, data,
                           0u - data_mem);
    if (data_mem && text_mem && (data - text < text_mem || text - data < data_mem))
        return modfmt_fail(diag, MODFMT_E_SEGMENT, MODFMT_OFF_DATA_MEM, data, text);
    return 0;
}

/** Bits of flags that an image had before it was linked: those of what it is now that are
 * the same. */
#define SAME_FLAGS_ MODFMT_FLAG_CODE_IN_DATA

bool modfmt_linked_parse_(const uint8_t *header, const uint8_t *value,
                          struct modfmt_linked *ret_linked)
{
    const uint32_t apart = MODFMT_FLAG_APART, linked = MODFMT_FLAG_LINKED;
    const uint8_t *v = value;
    uint32_t data_mem = modfmt_get32(header + MODFMT_OFF_DATA_MEM), flags, size;
    struct modfmt_diag diag;

    ret_linked->text = modfmt_get32(v + MODFMT_LINKED_OFF_TEXT);
    ret_linked->data = modfmt_get32(v + MODFMT_LINKED_OFF_DATA);
    ret_linked->data_end = modfmt_get32(v + MODFMT_LINKED_OFF_DATA_END);
    ret_linked->api = modfmt_get32(v + MODFMT_LINKED_OFF_API);
    ret_linked->flags = flags = modfmt_get32(v + MODFMT_LINKED_OFF_FLAGS);
    ret_linked->total_size = size = modfmt_get32(v + MODFMT_LINKED_OFF_TOTAL_SIZE);
    ret_linked->crc = modfmt_get32(v + MODFMT_LINKED_OFF_CRC);
    ret_linked->build_id_size = 0;
    return modfmt_get32(header + MODFMT_OFF_FLAGS) & linked &&
           ret_linked->data_end - ret_linked->data == data_mem &&
           (data_mem || !ret_linked->data) &&
           !modfmt_link_fits_(header, ret_linked->text, ret_linked->data, &diag) &&
           (flags & (apart | linked)) == apart && !(flags & ~MODFMT_FLAG_ALL) &&
           !((flags ^ modfmt_get32(header + MODFMT_OFF_FLAGS)) & SAME_FLAGS_) &&
           size % MODFMT_IMAGE_ALIGN == 0 && size <= MODFMT_SIZE_MAX;
}

int modfmt_linked_get_(struct modfmt_bytes *image, const uint8_t *header,
                       struct modfmt_linked *ret_linked, struct modfmt_diag *diag)
{
    uint32_t flags = modfmt_get32(header + MODFMT_OFF_FLAGS), size, length = 0;
    uint8_t bytes[MODFMT_TAG_VALUE_OFFSET + MODFMT_LINKED_SIZE];
    const uint8_t *v = bytes + MODFMT_TAG_VALUE_OFFSET;
    struct modfmt_areas at;
    int rc;

    if (!(flags & MODFMT_FLAG_LINKED))
        return 0;
    modfmt_areas(header, &at);
    size = modfmt_get32(header + MODFMT_OFF_TOTAL_SIZE) - at.tags;
    if (modfmt_get16(header + MODFMT_OFF_CRITICAL_COUNT) == 0 || size < sizeof(bytes))
        return modfmt_fail(diag, MODFMT_E_FLAGS, MODFMT_OFF_FLAGS, flags, 0);
    rc = image->read(image, at.tags, bytes, sizeof(bytes));
    if (rc)
        return modfmt_fail(diag, rc, at.tags, sizeof(bytes), 0);
    if (bytes[0] != MODFMT_TAG_LINKED)
        return modfmt_fail(diag, MODFMT_E_FLAGS, MODFMT_OFF_FLAGS, flags, 0);
    length = modfmt_get32(bytes) >> 8;
    if (length < MODFMT_LINKED_SIZE ||
        length > MODFMT_LINKED_SIZE + MODFMT_LINKED_BUILD_ID_MAX)
        return modfmt_fail(diag, MODFMT_E_TAG_VALUE, at.tags, length, MODFMT_LINKED_SIZE);
    if (modfmt_up4(length) > size - MODFMT_TAG_VALUE_OFFSET)
        return modfmt_fail(diag, MODFMT_E_TAG_END, at.tags, length, size);
    if (!modfmt_linked_parse_(header, v, ret_linked))
        return modfmt_fail(diag, MODFMT_E_TAG_VALUE, at.tags, ret_linked->flags, 0);
    ret_linked->build_id_size = length - MODFMT_LINKED_SIZE;
    rc = ret_linked->build_id_size == 0
             ? 0
             : image->read(image, at.tags + (uint32_t)sizeof(bytes), ret_linked->build_id,
                           ret_linked->build_id_size);
    return rc ? modfmt_fail(diag, rc, at.tags, ret_linked->build_id_size, 0) : 1;
}

int modfmt_linked_read(struct modfmt_bytes *image, struct modfmt_linked *ret_linked,
                       struct modfmt_diag *diag)
{
    uint8_t header[MODFMT_HEADER_SIZE];
    int rc =
        image->size < sizeof(header) ? 0 : image->read(image, 0, header, sizeof(header));

    if (rc)
        return modfmt_fail(diag, rc, 0, sizeof(header), 0);
    rc = modfmt_header_check(header, image->size, diag);
    return rc ? rc : modfmt_linked_get_(image, header, ret_linked, diag);
}
