/* SPDX-License-Identifier: BSD-2-Clause */
/* The loader's portable core. See modload.h.
 *
 * The numbers of a check are put into diag before the check is made: that is half the code
 * of doing it where the check has failed. */
#include "modload.h"

/** Bytes of the image that are held on the stack while its CRC is taken. */
#define CRC_WINDOW 32u

/** One load in progress. The relocator comes first: its callbacks get the rest by it. */
struct load_ {
    struct modfmt_relocator relocator;
    const struct modload_port *port;
    const struct modload_source *source;
    struct modfmt_diag *diag;
    struct modload_module *module;
    const uint8_t *header;
    struct modfmt_areas at;
    /** The header, and once all of it is used, a piece of the relocation table. */
    uint8_t window[MODFMT_HEADER_SIZE];
};

/** Is the whole image readable in place? */
static bool mapped_(const struct load_ *l)
{
    return !MODLOAD_WITH_READ || l->source->mapped;
}

/** Look at bytes of the image: in place, or read into `buffer`. @return NULL if they cannot
 *  be read; diag is filled. */
static const uint8_t *view_(const struct load_ *l, uint32_t offset, uint32_t size, void *buffer)
{
    if (mapped_(l))
        return l->source->mapped + offset;
    l->diag->offset = offset;
    l->diag->got = size;
    return l->port->read(l->port, l->source, offset, buffer, size) ? NULL : buffer;
}

/** Could view_() not read? Folded away where images are always mapped. */
static bool unread_(const uint8_t *view)
{
    return MODLOAD_WITH_READ && !view;
}

/** Relocation callback: the next piece of the table. */
static int refill_(struct modfmt_relocator *r)
{
    struct load_ *l = (struct load_ *)(void *)r;
    uint32_t size = r->remaining < sizeof(l->window) ? r->remaining : sizeof(l->window);

    if (!view_(l, l->at.relocs, size, l->window))
        return MODLOAD_E_READ;
    r->next = l->window;
    r->end = l->window + size;
    r->remaining -= size;
    l->at.relocs += size;
    return 0;
}

/** Relocation callback: look an import up. */
static int import_(struct modfmt_relocator *r, uint32_t index, uint32_t *ret_address)
{
    const struct load_ *l = (const struct load_ *)(const void *)r;
    uint8_t buffer[MODFMT_IMPORT_SIZE];
    uint32_t hash, type;
    const uint8_t *p = view_(l, l->at.imports + index * MODFMT_IMPORT_SIZE, sizeof(buffer), buffer);

    if (unread_(p))
        return MODLOAD_E_READ;
    hash = modfmt_get32(p + MODFMT_IMPORT_OFF_HASH);
    type = modfmt_get32(p + MODFMT_IMPORT_OFF_TYPE);
    if (l->port->find(l->port, hash, type, ret_address) == 0)
        return 0;
    p = view_(l, l->at.import_flags + index, 1, buffer);
    if (unread_(p))
        return MODLOAD_E_READ;
    l->diag->got = hash;
    l->diag->want = type;
    *ret_address = 0;
    return *p & MODFMT_IMPORT_WEAK ? 0 : MODLOAD_E_IMPORT;
}

/** The CRC of the whole image. The header's check is the CRC of what comes before the crc
 *  field, so it goes on from there; the module, still all zero, stands in for the field. */
static int crc_(const struct load_ *l)
{
    const uint8_t *header = l->header;
    uint32_t offset = MODFMT_OFF_HEADER_CHECK;
    uint32_t left = modfmt_get32(header + MODFMT_OFF_TOTAL_SIZE) - offset;
    uint32_t crc = modfmt_crc32(modfmt_get32(header + offset), l->module, 4);
    uint32_t want = modfmt_get32(header + MODFMT_OFF_CRC);

    do {
        uint8_t buffer[CRC_WINDOW];
        uint32_t size = mapped_(l) || left < CRC_WINDOW ? left : CRC_WINDOW;
        const uint8_t *p = view_(l, offset, size, buffer);

        if (unread_(p))
            return MODLOAD_E_READ;
        crc = modfmt_crc32(crc, p, size);
        offset += size;
        left -= size;
    } while (MODLOAD_WITH_READ && left);
    l->diag->got = want;
    l->diag->want = crc;
    return crc == want ? 0 : MODFMT_E_CRC;
}

/** Everything that can be refused before memory is asked for. */
static int validate_(struct load_ *l)
{
    uint32_t available = l->source->available;
    struct modfmt_diag *d = l->diag;
    int rc;

    l->header = l->window;
    if (mapped_(l) || available >= MODFMT_HEADER_SIZE)
        l->header = view_(l, 0, MODFMT_HEADER_SIZE, l->window);
    if (unread_(l->header))
        return MODLOAD_E_READ;
    if (!MODFMT_WITH_CHECKS) {
        modfmt_areas(l->header, &l->at);
        return 0;
    }
    rc = modfmt_header_plan(l->header, available, &l->at, d);
    if (rc)
        return rc;
    d->got = modfmt_get16(l->header + MODFMT_OFF_NEEDS);
    d->want = l->port->features;
    if (d->got & ~d->want)
        return MODLOAD_E_NEEDS;
    return MODLOAD_WITH_CRC && l->port->options & MODLOAD_OPT_CRC ? crc_(l) : 0;
}

/** Ask the port for memory of `size` bytes. `phase`: how many bytes behind a multiple of
 *  `align` the segment begins. */
static int place_(const struct load_ *l, enum modload_purpose purpose, uint32_t align,
                  uint32_t phase, uint32_t size, struct modfmt_segment *segment)
{
    struct modfmt_diag *d = l->diag;
    struct modload_memory m;

    if (size == 0)
        return 0;
    d->got = size + phase;
    d->want = align;
    if (l->port->place(l->port, purpose, size + phase, align, &m))
        return MODLOAD_E_MEMORY;
    segment->bytes = m.bytes + phase;
    segment->address = m.address + phase;
    return 0;
}

/** Memory for both segments. */
static int segments_(const struct load_ *l)
{
    const uint8_t *header = l->header;
    struct modload_module *m = l->module;
    struct modfmt_segment *text = &m->segment[0], *data = &m->segment[1];
    uint32_t align = header[MODFMT_OFF_TEXT_ALIGN];
    uint32_t data_align = header[MODFMT_OFF_DATA_ALIGN];
    uint32_t want = MODFMT_FLAG_BLOCK;
    int rc;

    text->size = modfmt_get32(header + MODFMT_OFF_TEXT_MEM);
    data->size = modfmt_get32(header + MODFMT_OFF_DATA_MEM);
    if (MODLOAD_WITH_APART && l->port->options & MODLOAD_OPT_APART)
        want = m->apart = MODFMT_FLAG_APART;
    l->diag->got = header[MODFMT_OFF_FLAGS];
    l->diag->want = want;
    if (MODFMT_WITH_CHECKS && !(header[MODFMT_OFF_FLAGS] & want))
        return MODLOAD_E_PLACEMENT;
    if (MODLOAD_WITH_APART && m->apart) {
        m->data_phase = text->size & ((1u << data_align) - 1);
        rc = place_(l, MODLOAD_TEXT, 1u << align, 0, text->size, text);
        if (rc == 0)
            rc = place_(l, MODLOAD_DATA, 1u << data_align, m->data_phase, data->size, data);
        return rc;
    }
    rc = place_(l, MODLOAD_BLOCK, 1u << (align < data_align ? data_align : align), 0,
                text->size + data->size, text);
    /* By integers: a module of no bytes has no memory, and NULL + 0 is not C. */
    data->bytes = (uint8_t *)((uintptr_t)text->bytes + text->size);
    data->address = text->address + text->size;
    return rc;
}

/** Copy what is stored of both segments, and clear the rest of them. */
static int copy_(const struct load_ *l)
{
    const uint8_t *stored = l->header + MODFMT_OFF_TEXT_STORED;
    const struct modfmt_segment *s = l->module->segment;
    const uint32_t *offset = &l->at.text;

    for (; offset != &l->at.relocs; offset++, s++) {
        uint32_t size = modfmt_get32(stored);

        stored += MODFMT_OFF_DATA_STORED - MODFMT_OFF_TEXT_STORED;
        if (s->size) {
            const uint8_t *p = view_(l, *offset, size, s->bytes);

            if (unread_(p))
                return MODLOAD_E_READ;
            if (mapped_(l))
                __builtin_memcpy(s->bytes, p, size);
            __builtin_memset(s->bytes + size, 0, s->size - size);
        }
    }
    return 0;
}

/** Note where an array or the static base lies: its place and, of an array, its size. */
static int note_(const struct load_ *l, uint32_t offset, uint32_t size, uint32_t *ret_address)
{
    uint8_t buffer[8];
    const uint8_t *p = view_(l, offset, size, buffer);
    const struct modfmt_segment *s = l->module->segment;
    uint32_t place, length = 0;

    if (unread_(p))
        return MODLOAD_E_READ;
    place = modfmt_get32(p);
    if (place & MODFMT_PLACE_DATA)
        s++;
    place &= ~MODFMT_PLACE_DATA;
    if (size > 4)
        ret_address[1] = length = modfmt_get32(p + 4);
    ret_address[0] = s->address + place;
    return modfmt_range(place, length, s->size) ? 0 : MODFMT_E_TAG_VALUE;
}

/** Walk the tags: note what the caller needs, refuse what is critical and not known. */
static int tags_(const struct load_ *l)
{
    uint32_t end = modfmt_get32(l->header + MODFMT_OFF_TOTAL_SIZE);
    uint32_t offset = l->at.tags;
    struct modload_module *m = l->module;
    int rc = 0;

    while (rc == 0 && offset < end) {
        uint8_t buffer[MODFMT_TAG_VALUE_OFFSET];
        const uint8_t *p = view_(l, offset, sizeof(buffer), buffer);
        uint32_t type, size;

        if (unread_(p))
            return MODLOAD_E_READ;
        size = modfmt_get32(p);
        type = size & 0xff;
        size >>= 8;
        offset += MODFMT_TAG_VALUE_OFFSET;
        l->diag->offset = offset;
        l->diag->got = type;
        l->diag->want = size;
        if (type == MODFMT_TAG_END)
            break;
        if (size > end - offset)
            return MODFMT_E_TAG_END;
        if (MODLOAD_WITH_ARRAYS && type == MODFMT_TAG_STATIC_BASE && size == 4)
            rc = note_(l, offset, size, &m->static_base);
        else if (MODLOAD_WITH_ARRAYS && (type & 0xfe) == MODFMT_TAG_INIT_ARRAY && size == 8)
            rc = note_(l, offset, size, type & 1 ? &m->fini_array : &m->init_array);
        else if (type & MODFMT_TAG_CRITICAL)
            rc = MODLOAD_E_UNSUPPORTED;
        offset += modfmt_up4(size);
    }
    return rc;
}

/** Note what the caller needs of the header, which makes room for the table; apply that. */
static int relocate_(struct load_ *l)
{
    struct modfmt_relocator *r = &l->relocator;
    struct modload_module *m = l->module;
    uint32_t entry = modfmt_get32(l->header + MODFMT_OFF_ENTRY);
    int rc;

    if (entry != MODFMT_NO_ENTRY)
        m->entry = m->segment[0].address + entry;
    m->stack_size = modfmt_get32(l->header + MODFMT_OFF_STACK_SIZE);
    r->segment = m->segment;
    r->remaining = modfmt_get32(l->header + MODFMT_OFF_RELOC_SIZE);
    if (MODFMT_WITH_IMPORTS) {
        r->import_count = modfmt_get16(l->header + MODFMT_OFF_IMPORT_COUNT);
        r->import = import_;
    }
    if (MODLOAD_WITH_READ)
        r->refill = refill_;
    r->next = r->end = l->window;
    if (mapped_(l)) {
        r->next = l->source->mapped + l->at.relocs;
        r->end = r->next + r->remaining;
        l->at.relocs += r->remaining;
        r->remaining = 0;
    }
    l->diag->got = l->diag->want = 0;
    rc = modfmt_relocate(r);
    l->diag->offset = l->at.relocs - (uint32_t)(r->end - r->next);
    return rc;
}

int modload_load(const struct modload_port *port, const struct modload_source *source,
                 struct modload_module *module, struct modfmt_diag *diag)
{
    const struct modfmt_segment *text = module->segment, *data = text + 1;
    struct load_ l;
    int rc;

    __builtin_memset(module, 0, sizeof(*module));
    l.port = port;
    l.source = source;
    l.diag = diag;
    l.module = module;
    rc = validate_(&l);
    if (rc == 0)
        rc = segments_(&l);
    if (rc == 0)
        rc = copy_(&l);
    if (rc == 0 && MODFMT_WITH_CHECKS)
        rc = tags_(&l);
    if (rc == 0)
        rc = relocate_(&l);
    diag->code = rc;
    if (rc)
        modload_unload(port, module);
    else if (port->sync)
        port->sync(port, text->address, text->size + (module->apart ? 0 : data->size));
    return rc;
}

void modload_unload(const struct modload_port *port, struct modload_module *module)
{
    struct modfmt_segment *text = &module->segment[0], *data = &module->segment[1];
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
    text->bytes = data->bytes = NULL;
}
