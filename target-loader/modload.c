/* SPDX-License-Identifier: BSD-2-Clause */
/* The loader's portable core. See modload.h. */
#include "modload.h"

/** Bytes of the image that are held on the stack while its CRC is taken. */
#define CRC_WINDOW 32u

/** One load in progress. The relocator comes first: its callbacks get the rest by it. */
struct load_ {
    struct modfmt_relocator relocator;
    const struct modload_port *port;
    const struct modload_source *source;
    struct modfmt_diag *diag;
    const uint8_t *header;
    uint32_t data; /**< offsets in the image */
    uint32_t relocs;
    uint32_t imports;
    uint32_t tags;
    /** The header, and once all of it is used, a piece of the relocation table. */
    uint8_t window[MODFMT_HEADER_SIZE];
};

/** Bytes of the image, into memory. */
static int fetch_(const struct load_ *l, uint32_t offset, void *buffer, uint32_t size)
{
    if (!MODLOAD_WITH_READ || l->source->mapped)
        __builtin_memcpy(buffer, l->source->mapped + offset, size);
    else if (l->port->read(l->port, l->source, offset, buffer, size))
        return modfmt_fail(l->diag, MODLOAD_E_READ, offset, size, 0);
    return 0;
}

/** Relocation callback: the next piece of the table. */
static int refill_(struct modfmt_relocator *r)
{
    struct load_ *l = (struct load_ *)(void *)r;
    uint32_t offset = l->relocs;
    uint32_t size = r->remaining < sizeof(l->window) ? r->remaining : sizeof(l->window);

    l->relocs += size;
    r->remaining -= size;
    r->next = l->window;
    r->end = l->window + size;
    return fetch_(l, offset, l->window, size);
}

/** Relocation callback: look an import up. */
static int import_(struct modfmt_relocator *r, uint32_t index, uint32_t *ret_address)
{
    struct load_ *l = (struct load_ *)(void *)r;
    uint32_t flags_at = l->imports + r->import_count * MODFMT_IMPORT_SIZE + index;
    uint8_t entry[MODFMT_IMPORT_SIZE];
    uint32_t hash, type;
    int rc = fetch_(l, l->imports + index * MODFMT_IMPORT_SIZE, entry, sizeof(entry));

    if (rc)
        return rc;
    hash = modfmt_get32(entry + MODFMT_IMPORT_OFF_HASH);
    type = modfmt_get32(entry + MODFMT_IMPORT_OFF_TYPE);
    if (l->port->find && l->port->find(l->port, hash, type, ret_address) == 0)
        return 0;
    rc = fetch_(l, flags_at, entry, 1);
    if (rc)
        return rc;
    if ((entry[0] & MODFMT_IMPORT_WEAK) == 0)
        return modfmt_fail(l->diag, MODLOAD_E_IMPORT, index, hash, type);
    *ret_address = 0;
    return 0;
}

/** The CRC of the whole image. The header's check is the CRC of what comes before the crc
 *  field, so it goes on from there. */
static int crc_(const struct load_ *l)
{
    const uint8_t *header = l->header;
    uint32_t left = modfmt_get32(header + MODFMT_OFF_TOTAL_SIZE) - MODFMT_OFF_HEADER_CHECK;
    uint32_t want = modfmt_get32(header + MODFMT_OFF_CRC);
    uint32_t offset = MODFMT_OFF_HEADER_CHECK;
    uint32_t crc = modfmt_get32(header + offset);
    uint8_t window[CRC_WINDOW] = {0};

    crc = modfmt_crc32(crc, window, sizeof(want));
    if (!MODLOAD_WITH_READ || l->source->mapped)
        crc = modfmt_crc32(crc, l->source->mapped + offset, left);
    else
        while (left) {
            uint32_t size = left < CRC_WINDOW ? left : CRC_WINDOW;
            int rc = fetch_(l, offset, window, size);

            if (rc)
                return rc;
            crc = modfmt_crc32(crc, window, size);
            offset += size;
            left -= size;
        }
    if (crc != want)
        return modfmt_fail(l->diag, MODFMT_E_CRC, MODFMT_OFF_CRC, want, crc);
    return 0;
}

/** Ask the port for memory of segment->size bytes, `phase` bytes behind a multiple of
 *  `align`. Nothing is asked for, and nothing is to be released, if the size is 0. */
static int place_(const struct load_ *l, enum modload_purpose purpose, uint32_t align, uint32_t phase,
                  uint32_t size, struct modfmt_segment *segment)
{
    struct modload_memory m;

    if (size == 0)
        return 0;
    size += phase;
    if (l->port->place(l->port, purpose, size, align, &m))
        return modfmt_fail(l->diag, MODLOAD_E_MEMORY, 0, size, align);
    segment->bytes = m.bytes + phase;
    segment->address = m.address + phase;
    if (MODFMT_WITH_CHECKS && m.address & (align - 1))
        return modfmt_fail(l->diag, MODLOAD_E_ADDRESS, 0, m.address, align);
    return 0;
}

/** Memory for both segments. */
static int segments_(const struct load_ *l, struct modload_module *m)
{
    const uint8_t *header = l->header;
    struct modfmt_segment *text = &m->segment[0], *data = &m->segment[1];
    uint32_t text_align = 1u << header[MODFMT_OFF_TEXT_ALIGN];
    uint32_t data_align = 1u << header[MODFMT_OFF_DATA_ALIGN];
    int rc;

    m->apart = MODLOAD_WITH_APART && l->port->options & MODLOAD_OPT_APART;
    if (MODFMT_WITH_CHECKS &&
        (header[MODFMT_OFF_FLAGS] & (m->apart ? MODFMT_FLAG_APART : MODFMT_FLAG_BLOCK)) == 0)
        return modfmt_fail(l->diag, MODLOAD_E_PLACEMENT, MODFMT_OFF_FLAGS,
                           header[MODFMT_OFF_FLAGS], m->apart);
    text->size = modfmt_get32(header + MODFMT_OFF_TEXT_MEM);
    data->size = modfmt_get32(header + MODFMT_OFF_DATA_MEM);
    if (m->apart) {
        m->data_phase = text->size & (data_align - 1);
        rc = place_(l, MODLOAD_TEXT, text_align, 0, text->size, text);
        return rc ? rc : place_(l, MODLOAD_DATA, data_align, m->data_phase, data->size, data);
    }
    rc = place_(l, MODLOAD_BLOCK, text_align > data_align ? text_align : data_align, 0,
                text->size + data->size, text);
    if (text->bytes) {
        data->bytes = text->bytes + text->size;
        data->address = text->address + text->size;
    }
    return rc;
}

/** Note where an array or the static base lies: `place` and, of an array, its size. */
static int note_(const struct load_ *l, uint32_t offset, uint32_t size,
                 struct modload_module *m, uint32_t *ret_address)
{
    uint8_t value[8] = {0};
    const struct modfmt_segment *s;
    uint32_t place, length;
    int rc = fetch_(l, offset, value, size < sizeof(value) ? size : sizeof(value));

    if (rc)
        return rc;
    place = modfmt_get32(value);
    length = modfmt_get32(value + 4);
    s = &m->segment[place / MODFMT_PLACE_DATA];
    place %= MODFMT_PLACE_DATA;
    if (!modfmt_range(place, length, s->size))
        return modfmt_fail(l->diag, MODFMT_E_TAG_VALUE, offset, place, length);
    ret_address[0] = s->address + place;
    if (ret_address != &m->static_base)
        ret_address[1] = length;
    return 0;
}

/** Walk the tags: note what the caller needs, refuse what is critical and not known. */
static int tags_(const struct load_ *l, struct modload_module *m)
{
    uint32_t end = modfmt_get32(l->header + MODFMT_OFF_TOTAL_SIZE);

    for (uint32_t offset = l->tags; offset < end;) {
        uint8_t head[MODFMT_TAG_VALUE_OFFSET];
        int rc = fetch_(l, offset, head, sizeof(head));
        uint32_t type = head[0], size = modfmt_get32(head) >> 8;

        if (rc || type == MODFMT_TAG_END)
            return rc;
        offset += MODFMT_TAG_VALUE_OFFSET;
        if (size > end - offset)
            return modfmt_fail(l->diag, MODFMT_E_TAG_END, offset, size, end);
        if (MODLOAD_WITH_ARRAYS && type == MODFMT_TAG_INIT_ARRAY)
            rc = note_(l, offset, size, m, &m->init_array);
        else if (MODLOAD_WITH_ARRAYS && type == MODFMT_TAG_FINI_ARRAY)
            rc = note_(l, offset, size, m, &m->fini_array);
        else if (MODLOAD_WITH_ARRAYS && type == MODFMT_TAG_STATIC_BASE)
            rc = note_(l, offset, size, m, &m->static_base);
        else if (type & MODFMT_TAG_CRITICAL)
            rc = modfmt_fail(l->diag, MODLOAD_E_UNSUPPORTED, offset, type, 0);
        if (rc)
            return rc;
        offset += modfmt_up4(size);
    }
    return 0;
}

/** Copy what is stored of a segment, and clear the rest of it. */
static int copy_(const struct load_ *l, const struct modfmt_segment *s, uint32_t offset,
                 uint32_t stored)
{
    int rc;

    if (s->size == 0)
        return 0;
    rc = fetch_(l, offset, s->bytes, stored);
    __builtin_memset(s->bytes + stored, 0, s->size - stored);
    return rc;
}

/** Apply the relocations; from here on the window holds pieces of the table. */
static int relocate_(struct load_ *l, const struct modload_module *m)
{
    struct modfmt_relocator *r = &l->relocator;
    uint32_t size = modfmt_get32(l->header + MODFMT_OFF_RELOC_SIZE);
    int rc;

    r->segment = m->segment;
    r->import_count = modfmt_get16(l->header + MODFMT_OFF_IMPORT_COUNT);
    r->import = MODFMT_WITH_IMPORTS ? import_ : NULL;
    r->refill = MODLOAD_WITH_READ ? refill_ : NULL;
    r->remaining = size;
    r->next = r->end = l->window;
    if (!MODLOAD_WITH_READ || l->source->mapped) {
        r->remaining = 0;
        r->next = l->source->mapped + l->relocs;
        r->end = r->next + size;
        l->relocs += size;
    }
    rc = modfmt_relocate(r);
    /* Errors of the callbacks have filled diag; they are in the loader's band. */
    if (rc < 0 && rc > MODLOAD_E_NEEDS)
        modfmt_fail(l->diag, rc, l->relocs - (uint32_t)(r->end - r->next), 0, 0);
    return rc;
}

/** Everything that can be refused before memory is asked for. */
static int validate_(struct load_ *l, const struct modload_source *source)
{
    struct modfmt_areas at;
    uint32_t needs;
    int rc = 0;

    l->header = source->mapped;
    if (MODLOAD_WITH_READ && !source->mapped) {
        l->header = l->window;
        if (source->available >= MODFMT_HEADER_SIZE)
            rc = fetch_(l, 0, l->window, MODFMT_HEADER_SIZE);
        if (rc)
            return rc;
    }
    if (MODFMT_WITH_CHECKS) {
        rc = modfmt_header_check(l->header, source->available, l->diag);
        if (rc)
            return rc;
        needs = modfmt_get16(l->header + MODFMT_OFF_NEEDS);
        if (needs & ~l->port->features)
            return modfmt_fail(l->diag, MODLOAD_E_NEEDS, MODFMT_OFF_NEEDS, needs,
                               l->port->features);
        if (MODLOAD_WITH_CRC && l->port->options & MODLOAD_OPT_CRC)
            rc = crc_(l);
    }
    modfmt_areas(l->header, &at);
    l->data = at.data;
    l->relocs = at.relocs;
    l->imports = at.imports;
    l->tags = at.tags;
    return rc;
}

/** Fill the memory that segments_() got. */
static int fill_(struct load_ *l, struct modload_module *m)
{
    const struct modfmt_segment *text = &m->segment[0];
    int rc = copy_(l, text, MODFMT_HEADER_SIZE, modfmt_get32(l->header + MODFMT_OFF_TEXT_STORED));

    if (rc == 0)
        rc = copy_(l, &m->segment[1], l->data, modfmt_get32(l->header + MODFMT_OFF_DATA_STORED));
    if (rc == 0 && MODFMT_WITH_CHECKS)
        rc = tags_(l, m);
    if (rc == 0)
        rc = relocate_(l, m);
    if (rc == 0 && l->port->sync)
        l->port->sync(l->port, text->address, text->size + (m->apart ? 0 : m->segment[1].size));
    return rc;
}

int modload_load(const struct modload_port *port, const struct modload_source *source,
                 struct modload_module *module, struct modfmt_diag *diag)
{
    struct load_ l;
    int rc;

    __builtin_memset(module, 0, sizeof(*module));
    l.port = port;
    l.source = source;
    l.diag = diag;
    rc = validate_(&l, source);
    if (rc == 0)
        rc = segments_(&l, module);
    if (rc == 0) {
        uint32_t entry = modfmt_get32(l.header + MODFMT_OFF_ENTRY);

        if (entry != MODFMT_NO_ENTRY)
            module->entry = module->segment[0].address + entry;
        module->stack_size = modfmt_get32(l.header + MODFMT_OFF_STACK_SIZE);
        rc = fill_(&l, module);
    }
    if (rc) {
        modload_unload(port, module);
        __builtin_memset(module, 0, sizeof(*module));
    }
    return rc;
}

void modload_unload(const struct modload_port *port, const struct modload_module *module)
{
    const struct modfmt_segment *text = &module->segment[0], *data = &module->segment[1];
    struct modload_memory m;

    if (MODLOAD_WITH_APART && module->apart && data->bytes) {
        m.bytes = data->bytes - module->data_phase;
        m.address = data->address - module->data_phase;
        port->release(port, MODLOAD_DATA, &m);
    }
    if (text->bytes) {
        m.bytes = text->bytes;
        m.address = text->address;
        port->release(port, module->apart ? MODLOAD_TEXT : MODLOAD_BLOCK, &m);
    }
}
