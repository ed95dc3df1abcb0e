/* SPDX-License-Identifier: BSD-2-Clause */
/* Binding: what tables and modules offer. */
#include "modload_parts.h"

/** The address that an export of a module stands for. */
static int address_(const struct modload_port *port, const struct modload_module *m,
                    uint32_t index, uint32_t value, uint32_t *ret_address)
{
    struct modfmt_diag diag;
    uint8_t buffer;
    const uint8_t *flags = modload_view_(
        port, &m->source, m->exports + m->export_count * MODFMT_EXPORT_SIZE + index, 1,
        &buffer, &diag);
    const struct modfmt_segment *s = m->image.segment;

    if (!flags)
        return MODLOAD_E_READ;
    if (*flags & MODFMT_EXPORT_DATA)
        s++;
    if ((*flags & MODFMT_EXPORT_OBJECT ? value : value & ~1u) >= s->size)
        return MODFMT_E_EXPORT;
    *ret_address = s->address + value;
    return 0;
}

/** An export of a module by hash and type. Module's tables are short and may be anywhere:
 *  a pass over them in pieces is enough. */
static int export_(const struct modload_port *port, const struct modload_module *m,
                   uint32_t hash, uint32_t type, uint32_t *ret_address)
{
    struct modfmt_diag diag;

    for (uint32_t i = 0; i < m->export_count; i++) {
        uint8_t buffer[MODFMT_EXPORT_SIZE];
        const uint8_t *p =
            modload_view_(port, &m->source, m->exports + i * MODFMT_EXPORT_SIZE,
                          sizeof(buffer), buffer, &diag);
        uint32_t offered;

        if (!p)
            return MODLOAD_E_READ;
        if (modfmt_get32(p + MODFMT_EXPORT_OFF_HASH) != hash)
            continue;
        offered = modfmt_get32(p + MODFMT_EXPORT_OFF_TYPE);
        if (offered != type && offered != 0 && type != 0)
            return MODLOAD_E_TYPE;
        return address_(port, m, i, modfmt_get32(p + MODFMT_EXPORT_OFF_VALUE),
                        ret_address);
    }
    return MODLOAD_E_IMPORT;
}

int modload_symbol(const struct modload_registry *r, const struct modload_module *m,
                   const char *name, uint32_t type, uint32_t *ret_address)
{
    return export_(&r->port, m, modload_name_hash_(name), type, ret_address);
}

int modload_find_import_(const struct modload_port *port, uint32_t hash, uint32_t type,
                         uint32_t *ret_address)
{
    const struct modload_registry *r =
        (const struct modload_registry *)(const void *)port;
    const struct modload_module *m = r->pending; /* NULL: an image of no module's */
    int worst = MODLOAD_E_IMPORT;

    for (uint32_t i = 0; i < r->table_count; i++) {
        int rc = modload_table_find(&r->tables[i], hash, type, ret_address);

        if (rc == 0)
            return 0;
        if (rc < worst) /* another type says more than no such name */
            worst = rc;
    }
    for (uint32_t i = 0; MODLOAD_WITH_DEPENDENCIES && m && i < m->need_count; i++) {
        int rc = export_(port, m->need[i], hash, type, ret_address);

        if (rc == 0)
            return 0;
        if (rc != MODLOAD_E_IMPORT)
            worst = rc;
    }
    return worst;
}
