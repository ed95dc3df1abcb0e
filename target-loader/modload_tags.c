/* SPDX-License-Identifier: BSD-2-Clause */
/* What an image says of itself in its tags (specs/modfmt.md, 6). */
#include "modload_parts.h"

int modload_tags_next_(struct modload_tags_ *t)
{
    uint32_t left = t->end - t->offset;
    uint32_t size = left < sizeof(t->buffer) ? left : (uint32_t)sizeof(t->buffer);
    const uint8_t *p;

    if (left == 0)
        return 0;
    p = modload_view_(&t->in, t->offset, size, t->buffer);
    if (modload_unread_(p))
        return MODLOAD_E_READ;
    /* There are four bytes: a checked header's sizes are multiples of four. */
    t->type = p[0];
    if (t->type == MODFMT_TAG_END)
        return 0;
    t->length = modfmt_get32(p) >> 8;
    t->value = p + MODFMT_TAG_VALUE_OFFSET;
    t->in.diag->offset = t->offset;
    t->in.diag->got = t->type;
    size = MODFMT_TAG_VALUE_OFFSET + modfmt_up4(t->length);
    if (size > left)
        return MODFMT_E_TAG_END;
    t->offset += size;
    return 1;
}

uint32_t modload_name_hash_(const char *name)
{
    uint32_t length = 0;

    while (name[length] != '\0')
        length++;
    return modfmt_hash(name, length);
}

/** One tag's word. */
static void note_(struct modload_module *m, const struct modload_tags_ *t)
{
    if (t->type == MODFMT_TAG_NAME && t->length <= MODFMT_NAME_MAX)
        m->name = modfmt_hash((const char *)t->value, t->length);
    if (t->type == MODFMT_TAG_VERSION && t->length == sizeof(m->version))
        for (unsigned i = 0; i < 3; i++)
            m->version[i] = (uint16_t)modfmt_get16(t->value + 2 * i);
    if (t->type == MODFMT_TAG_PARAMS && t->length == 8) {
        m->params = modfmt_get32(t->value);
        m->params_size = modfmt_get32(t->value + 4);
    }
}

int modload_identify_(const struct modload_port *port, struct modload_module *m,
                      struct modfmt_diag *diag)
{
    struct modload_tags_ t = {.in = {port, &m->source, diag}};
    const uint8_t *header = t.buffer; /* not looked at if there is less than a header */
    int rc;

    _Static_assert(sizeof(t.buffer) >= MODFMT_HEADER_SIZE,
                   "the header goes there as well");
    if (m->source.available >= MODFMT_HEADER_SIZE)
        header = modload_view_(&t.in, 0, MODFMT_HEADER_SIZE, t.buffer);
    if (modload_unread_(header))
        return MODLOAD_E_READ;
    rc = modfmt_header_plan(header, m->source.available, diag);
    if (rc < 0)
        return rc;
    t.offset = m->tags = (uint32_t)rc;
    t.end = m->end = modfmt_get32(header + MODFMT_OFF_TOTAL_SIZE);
    m->export_count = modfmt_get16(header + MODFMT_OFF_EXPORT_COUNT);
    m->exports =
        m->tags - modfmt_up4(m->export_count) - m->export_count * MODFMT_EXPORT_SIZE;
    rc = 0;
    if (MODLOAD_WITH_CRC && port->options & MODLOAD_OPT_CRC)
        rc = modload_crc_(&t.in, header, t.buffer, &m->image);
    if (rc != 0)
        return rc;
    while ((rc = modload_tags_next_(&t)) == 1)
        note_(m, &t);
    return rc;
}
