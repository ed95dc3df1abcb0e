/* SPDX-License-Identifier: BSD-2-Clause */
/* Binding: what tables and modules offer. */
#include "modload_parts.h"

/** The address that an export of a module stands for. `flags` is where its flags are. */
static int address_(const struct modload_reader_ *in, const struct modload_module *m,
                    uint32_t flags, uint32_t value, uint32_t *ret_address)
{
    const struct modfmt_segment *s = m->image.segment;
    uint8_t buffer;
    const uint8_t *p = modload_view_(in, flags, 1, &buffer);

    if (modload_unread_(p))
        return MODLOAD_E_READ;
    if (*p & MODFMT_EXPORT_DATA)
        s++;
    if ((*p & MODFMT_EXPORT_OBJECT ? value : value & ~1u) >= s->size)
        return MODFMT_E_EXPORT;
    *ret_address = s->address + value;
    return 0;
}

/** An export of a module by hash and type. Modules' tables are short, and may have to be
 *  read in pieces: a pass over them is enough. */
static int export_(const struct modload_port *port, const struct modload_module *m,
                   uint32_t hash, uint32_t type, uint32_t *ret_address)
{
    struct modfmt_diag diag;
    const struct modload_reader_ in = {port, &m->source, &diag};
    uint32_t at = m->exports;

    for (uint32_t left = m->export_count; left; left--, at += MODFMT_EXPORT_SIZE) {
        uint8_t buffer[MODFMT_EXPORT_SIZE];
        const uint8_t *p = modload_view_(&in, at, sizeof(buffer), buffer);
        uint32_t offered;

        if (modload_unread_(p))
            return MODLOAD_E_READ;
        if (modfmt_get32(p + MODFMT_EXPORT_OFF_HASH) != hash)
            continue;
        offered = modfmt_get32(p + MODFMT_EXPORT_OFF_TYPE);
        if (offered != type && offered != 0 && type != 0)
            return MODLOAD_E_TYPE;
        /* The flags come behind all entries, one byte each. */
        at += left * MODFMT_EXPORT_SIZE + m->export_count - left;
        return address_(&in, m, at, modfmt_get32(p + MODFMT_EXPORT_OFF_VALUE),
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
    _Static_assert(offsetof(struct modload_registry, port) == 0,
                   "a port is a registry's");
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

        /* Found; or not to be known: the next one is not asked instead. */
        if (rc != MODLOAD_E_IMPORT && rc != MODLOAD_E_TYPE)
            return rc;
        if (rc < worst)
            worst = rc;
    }
    return worst;
}
