/* SPDX-License-Identifier: BSD-2-Clause */
/* The loader's portable core. See modload.h.
 *
 * The numbers of a check are put into diag before the check is made: that is half the
 * code of doing it where the check has failed. */
#include "modload_parts.h"

_Static_assert(MODFMT_WITH_REFILL || !MODLOAD_WITH_READ,
               "images in pieces have tables in pieces");

/** Bytes of the relocation table that are held on the stack at a time. */
#define WINDOW 16u
/** Bytes of a tag that names a piece of memory: head, place and size. */
#define SPAN_TAG 12u

/** Where images are read in pieces, the header is held on the stack, and shall not be
 * there any more while relocation needs its own: not a part of the caller's frame. */
#if MODLOAD_WITH_READ
#define OWN_FRAME_ __attribute__((noinline))
#else
#define OWN_FRAME_
#endif

/** Not inlined: with fewer values at hand, compilers for Thumb make shorter code of it.
 */
#if MODLOAD_WITH_READ || !MODLOAD_WITH_ARRAYS
#define SMALLER_
#else
#define SMALLER_ __attribute__((noinline))
#endif

/** One load in progress. The relocator comes first: its callbacks get the rest by it. */
struct load_ {
    struct modfmt_relocator relocator;
    struct modload_reader_ in;
    struct modload_image *module;
    uint32_t relocs_end; /**< offset in the image of the table's end */
    uint32_t import_count;
    /** For pieces of the table that cannot be read in place. */
    uint8_t window[MODLOAD_WITH_READ ? WINDOW : 1];
};

const uint8_t *modload_read_(const struct modload_reader_ *in, uint32_t offset,
                             uint32_t size, void *buffer)
{
    in->diag->offset = offset;
    in->diag->got = size;
    return in->port->read(in->port, in->source, offset, buffer, size) ? NULL : buffer;
}

/** Relocation callback: the next piece of the table. */
static int refill_(struct modfmt_relocator *r)
{
    struct load_ *l = (struct load_ *)(void *)r;
    uint32_t size =
        !l->in.source->mapped && r->remaining > WINDOW ? WINDOW : r->remaining;
    const uint8_t *p =
        modload_view_(&l->in, l->relocs_end - r->remaining, size, l->window);

    if (!p) {
        /* What diag says of it stays: no import is looked up any more. */
        if (MODFMT_WITH_IMPORTS)
            l->import_count = 0;
        return MODLOAD_E_READ;
    }
    r->next = p;
    r->end = p + size;
    r->remaining -= size;
    return 0;
}

/** Look import number `index` up. */
static int find_(const struct load_ *l, uint32_t index, uint32_t *ret_address)
{
    uint8_t buffer[MODFMT_IMPORT_SIZE];
    const uint8_t *p =
        modload_view_(&l->in, modfmt_up4(l->relocs_end) + index * MODFMT_IMPORT_SIZE,
                      sizeof(buffer), buffer);
    uint32_t hash, type;
    int rc;

    if (modload_unread_(p))
        return MODLOAD_E_READ;
    hash = modfmt_get32(p + MODFMT_IMPORT_OFF_HASH);
    type = modfmt_get32(p + MODFMT_IMPORT_OFF_TYPE);
    l->in.diag->want = type;
    l->in.diag->got = hash;
    l->in.diag->offset = index;
    rc = l->in.port->find(l->in.port, hash, type & ~MODFMT_IMPORT_WEAK, ret_address);
    /* Not what else may have gone wrong. */
    if (type & MODFMT_IMPORT_WEAK && (rc == MODLOAD_E_IMPORT || rc == MODLOAD_E_TYPE))
        rc = 0;
    return rc;
}

/** Relocation callback: bind words to imports in a row. */
static int bind_(struct modfmt_relocator *r, uint8_t *words, uint32_t count)
{
    const struct load_ *l = (const struct load_ *)(const void *)r;
    uint32_t index = r->index, end = index + count;

    r->index = (uint16_t)end;
    if (end > l->import_count)
        return MODFMT_E_RELOC_IMPORT;
    do {
        uint32_t address = 0;
        int rc = find_(l, index++, &address);

        if (rc)
            return rc;
        modfmt_put32(words, modfmt_get32(words) + address - r->base);
        words += 4;
    } while (index != end);
    return 0;
}

/** Can text run in place at all, in this build? */
#define WITH_PLACES_ (MODLOAD_WITH_IN_PLACE || MODLOAD_WITH_LINKED)
/** Can data have memory of its own? */
#define WITH_PARTS_ (MODLOAD_WITH_APART || WITH_PLACES_)

/** Does text run where the image lies? */
static bool in_place_(const struct modload_image *m)
{
    return WITH_PLACES_ && m->placement >= MODLOAD_IN_PLACE;
}

static bool is_linked_(const struct modload_image *m)
{
    return MODLOAD_WITH_LINKED && m->placement == MODLOAD_LINKED;
}

/** Ask the port for memory of segment->size bytes, if that is not 0. */
static int place_(const struct load_ *l, uint32_t purpose, uint32_t align,
                  struct modfmt_segment *segment)
{
    uint32_t offset = 0;

    if (WITH_PARTS_ && purpose >= MODLOAD_DATA)
        offset = l->module->segment[0].size;
    align = 1u << align;
    l->in.diag->got = segment->size;
    l->in.diag->want = align;
    return segment->size ? l->in.port->place(l->in.port, (enum modload_purpose)purpose,
                                             align, offset, segment)
                         : 0;
}

/** How an image can be placed that lies there: by its flags, and by the port's options.
 */
static uint32_t placement_(const struct load_ *l, uint32_t flags, uint32_t align)
{
    uint32_t options, address;

    if (MODLOAD_WITH_LINKED && flags & MODFMT_FLAG_LINKED)
        return MODLOAD_LINKED;
    options = l->in.port->options;
    address = l->in.source->address;
    if (MODLOAD_WITH_IN_PLACE && flags & MODFMT_FLAG_IN_PLACE &&
        options & MODLOAD_OPT_IN_PLACE && address &&
        (address + MODFMT_HEADER_SIZE) % (1u << align) == 0)
        return MODLOAD_IN_PLACE;
    return MODLOAD_WITH_APART ? options / MODLOAD_OPT_APART % 2 : 0;
}

/** Is a linked image where it was linked for, and the firmware the same? Then its tag,
 * which is the first of all, says where data goes. */
static int linked_(const struct load_ *l, const uint8_t *header, uint32_t tags)
{
    const struct modload_identity *id = l->in.port->identity;
    const uint8_t *tag, *value;
    struct modfmt_segment *s = l->module->segment;
    struct modfmt_diag *d = l->in.diag;
    uint32_t size;

    d->offset = tags;
    if (!id || !l->in.source->address)
        return MODLOAD_E_LINKED;
    tag = l->in.source->mapped + tags;
    value = tag + MODFMT_TAG_VALUE_OFFSET;
    size = MODFMT_LINKED_SIZE + id->build_id_size;
    if (modfmt_get32(header + MODFMT_OFF_TOTAL_SIZE) - tags <
            MODFMT_TAG_VALUE_OFFSET + size ||
        modfmt_get32(tag) != (MODFMT_TAG_LINKED | size << 8))
        return MODLOAD_E_LINKED;
    d->got = modfmt_get32(value + MODFMT_LINKED_OFF_TEXT);
    d->want = s[0].address;
    if (d->got != d->want)
        return MODLOAD_E_LINKED;
    d->got = modfmt_get32(value + MODFMT_LINKED_OFF_API);
    d->want = id->api;
    if (d->got != d->want || __builtin_memcmp(value + MODFMT_LINKED_SIZE, id->build_id,
                                              id->build_id_size) != 0)
        return MODLOAD_E_LINKED;
    s[1].address = modfmt_get32(value + MODFMT_LINKED_OFF_DATA);
    return 0;
}

/** Text stays where it is. */
static int stays_(const struct load_ *l, const uint8_t *header, uint32_t tags)
{
    const struct modload_source *source = l->in.source;
    struct modfmt_segment *text = l->module->segment;

    /* Nobody clears what lies behind the stored bytes, and in flash nobody could. */
    l->in.diag->got = modfmt_get32(header + MODFMT_OFF_TEXT_STORED);
    l->in.diag->want = text->size;
    if (l->in.diag->got != l->in.diag->want)
        return MODFMT_E_IN_PLACE;
    /* It is only read: see prepare_(). By integers: there may be no image to read. */
    text->bytes = (uint8_t *)((uintptr_t)source->mapped + MODFMT_HEADER_SIZE);
    text->address = source->address + MODFMT_HEADER_SIZE;
    return is_linked_(l->module) ? linked_(l, header, tags) : 0;
}

/** Memory for both segments. */
static int segments_(const struct load_ *l, const uint8_t *header, uint32_t tags)
{
    struct modload_image *m = l->module;
    struct modfmt_segment *text = &m->segment[0], *data = &m->segment[1];
    uint32_t flags = header[MODFMT_OFF_FLAGS];
    uint32_t align = header[MODFMT_OFF_TEXT_ALIGN];
    uint32_t data_align = header[MODFMT_OFF_DATA_ALIGN];
    uint32_t placement = placement_(l, flags, align);
    int rc;

    if (WITH_PARTS_)
        m->placement = (uint16_t)placement;
    if (!(flags >> placement & MODFMT_FLAG_BLOCK))
        return MODLOAD_E_PLACEMENT;
    text->size = modfmt_get32(header + MODFMT_OFF_TEXT_MEM);
    data->size = modfmt_get32(header + MODFMT_OFF_DATA_MEM);
    if (!WITH_PARTS_ || placement == MODLOAD_AS_BLOCK) {
        text->size += data->size;
        rc = place_(l, MODLOAD_BLOCK, align < data_align ? data_align : align, text);
        text->size = modfmt_get32(header + MODFMT_OFF_TEXT_MEM);
        /* By integers: a module of no bytes has no memory, and NULL + 0 is not C. */
        data->bytes = (uint8_t *)((uintptr_t)text->bytes + text->size);
        data->address = text->address + text->size;
        return rc;
    }
    rc = in_place_(m) ? stays_(l, header, tags) : place_(l, MODLOAD_TEXT, align, text);
    if (rc)
        return rc;
    /* MODLOAD_DATA or _FIXED; and the one behind it, if data holds code. */
    flags = MODLOAD_DATA +
            (MODLOAD_WITH_LINKED ? flags / MODFMT_FLAG_LINKED % 2 * 2 : 0) +
            flags / MODFMT_FLAG_CODE_IN_DATA;
    m->data_purpose = (uint16_t)flags;
    return place_(l, flags, data_align, data);
}

/** Copy what is stored of both segments, and clear the rest of them. */
static int copy_(struct load_ *l, const uint8_t *header)
{
    const struct modfmt_segment *s = l->module->segment;
    uint32_t offset = MODFMT_HEADER_SIZE;

    for (; s != l->module->segment + 2; s++) {
        uint32_t size = modfmt_get32(header + MODFMT_OFF_TEXT_STORED);

        header += MODFMT_OFF_DATA_STORED - MODFMT_OFF_TEXT_STORED;
        if (s->size) {
            uint8_t *to = s->bytes;
            const uint8_t *p = modload_view_(&l->in, offset, size, to);

            if (modload_unread_(p))
                return MODLOAD_E_READ;
            if (!MODLOAD_WITH_READ || p != to)
                to = __builtin_memcpy(to, p, size);
            __builtin_memset(to + size, 0, s->size - size);
        }
        offset += modfmt_up4(size);
    }
    l->relocs_end = offset;
    return 0;
}

/** Walk the critical tags, which come first: note where arrays and the static base lie
 * (each has eight bytes: place and size), step over what is seen to elsewhere, and refuse
 * all others. */
SMALLER_ static int tags_(const struct load_ *l, const uint8_t *header, uint32_t offset)
{
    uint32_t count = modfmt_get16(header + MODFMT_OFF_CRITICAL_COUNT);
    uint32_t end = modfmt_get32(header + MODFMT_OFF_TOTAL_SIZE);

    if (!MODLOAD_WITH_ARRAYS)
        return count > is_linked_(l->module) ? MODLOAD_E_UNSUPPORTED : 0;
    for (; count; count--) {
        const struct modfmt_segment *s = l->module->segment;
        struct modload_span *span = l->module->span;
        uint8_t buffer[SPAN_TAG];
        const uint8_t *p;
        uint32_t head, type, index, place;

        l->in.diag->offset = offset;
        if (offset + SPAN_TAG > end)
            return MODFMT_E_TAG_END;
        p = modload_view_(&l->in, offset, SPAN_TAG, buffer);
        if (modload_unread_(p))
            return MODLOAD_E_READ;
        head = modfmt_get32(p);
        type = (uint8_t)head;
        l->in.diag->got = type;
        /* The next one, wherever it may be: no sum overflows. */
        offset += modfmt_up4(MODFMT_TAG_VALUE_OFFSET + (head >> 8));
        if (MODLOAD_WITH_DEPENDENCIES && type == MODFMT_TAG_DEPENDENCY &&
            l->in.port->options & MODLOAD_OPT_DEPENDENCIES)
            continue;
        if (is_linked_(l->module) && type == MODFMT_TAG_LINKED)
            continue;
        index = head - (MODFMT_TAG_INIT_ARRAY | 8u << 8);
        if (index > MODLOAD_STATIC_BASE)
            return MODLOAD_E_UNSUPPORTED;
        span += index;
        place = modfmt_get32(p + 4);
        span->size = modfmt_get32(p + 8);
        if (place & MODFMT_PLACE_DATA)
            s++;
        place &= ~MODFMT_PLACE_DATA;
        span->address = s->address + place;
        if (!modfmt_range(place, span->size, s->size))
            return MODFMT_E_TAG_VALUE;
    }
    return 0;
}

/** Note what the relocation and the caller need of the header. */
static void note_(struct load_ *l, const uint8_t *header)
{
    struct modfmt_relocator *r = &l->relocator;
    struct modload_image *m = l->module;

    m->entry = m->segment[0].address + modfmt_get32(header + MODFMT_OFF_ENTRY);
    m->stack_size = modfmt_get32(header + MODFMT_OFF_STACK_SIZE);
    r->segment = m->segment;
    r->remaining = modfmt_get32(header + MODFMT_OFF_RELOC_SIZE);
    l->relocs_end += r->remaining;
    if (is_linked_(m)) /* all is done */
        r->remaining = 0;
    if (MODFMT_WITH_IMPORTS) {
        l->import_count = modfmt_get16(header + MODFMT_OFF_IMPORT_COUNT);
        r->bind = bind_;
    }
}

/** All up to relocation: check, place, copy, look at the tags. */
OWN_FRAME_ static int prepare_(struct load_ *l)
{
    uint8_t window[MODLOAD_WITH_READ ? MODFMT_HEADER_SIZE : 1];
    const uint8_t *header = MODLOAD_WITH_READ ? window : l->in.source->mapped;
    uint32_t tags, crc = MODLOAD_WITH_CRC ? l->in.port->options & MODLOAD_OPT_CRC : 0;
    int rc;

    for (;;) {
        if (MODLOAD_WITH_READ && l->in.source->available >= MODFMT_HEADER_SIZE)
            header = modload_view_(&l->in, 0, MODFMT_HEADER_SIZE, window);
        if (modload_unread_(header))
            return MODLOAD_E_READ;
        rc = modfmt_header_plan(header, l->in.source->available, l->in.diag);
        if (rc < 0)
            return rc;
        tags = (uint32_t)rc;
        l->in.diag->got = modfmt_get16(header + MODFMT_OFF_NEEDS);
        l->in.diag->want = l->in.port->features;
        if (l->in.diag->got & ~l->in.diag->want)
            return MODLOAD_E_NEEDS;
        if (!crc)
            break;
        rc = modload_crc_(&l->in, header, window, l->module);
        if (rc)
            return rc;
        if (!MODLOAD_WITH_READ)
            break;
        /* The CRC was taken through the window: read the header again, and check it, for
         * what is read twice may differ. */
        crc = 0;
    }
    rc = segments_(l, header, tags);
    if (rc == 0)
        rc = tags_(l, header, tags);
    if (rc)
        return rc;
    /* From here on, and until all is done, text that is not ours to write has no bytes:
     * nothing is copied there, and no relocation has its place there. */
    if (in_place_(l->module))
        l->module->segment[0].size = 0;
    rc = copy_(l, header);
    if (rc == 0)
        note_(l, header);
    return rc;
}

/** Apply the relocation table. */
static int relocate_(struct load_ *l)
{
    struct modfmt_relocator *r = &l->relocator;
    uint32_t size = r->remaining;
    int rc;

    if (MODLOAD_WITH_READ) {
        r->next = r->end = l->window;
        r->refill = refill_;
    } else {
        r->end = l->in.source->mapped + l->relocs_end;
        r->next = r->end - size;
        if (MODFMT_WITH_REFILL)
            r->remaining = 0;
    }
    /* There is nothing to do for linked images: let them not pay for it. */
    rc = !MODLOAD_WITH_LINKED || size ? modfmt_relocate(r) : 0;
    if (!(MODFMT_WITH_IMPORTS || MODLOAD_WITH_READ) || rc > MODLOAD_E_NEEDS) {
        /* Not what was looked up before. */
        l->in.diag->got = l->in.diag->want = 0;
        l->in.diag->offset =
            MODLOAD_WITH_READ
                ? l->relocs_end - r->remaining - (uint32_t)(r->end - r->next)
                : (uint32_t)(r->next - l->in.source->mapped);
    }
    return rc;
}

int modload_read_mapped(const struct modload_port *port,
                        const struct modload_source *source, uint32_t offset,
                        void *buffer, uint32_t size)
{
    (void)port;
    __builtin_memcpy(buffer, source->mapped + offset, size);
    return 0;
}

int modload_image_load(const struct modload_port *port,
                       const struct modload_source *source, struct modload_image *module,
                       struct modfmt_diag *diag)
{
    struct load_ l;
    int rc;

    __builtin_memset(module, 0, sizeof(*module));
    l.in.port = port;
    l.in.source = source;
    l.in.diag = diag;
    l.module = module;
    rc = prepare_(&l);
    if (rc == 0)
        rc = relocate_(&l);
    l.in.diag->code = rc;
    if (rc) {
        modload_image_unload(l.in.port, l.module);
        return rc;
    }
    module = l.module;
    if (in_place_(module))
        module->segment[0].size = modfmt_get32(l.in.source->mapped + MODFMT_OFF_TEXT_MEM);
    l.in.port->sync(l.in.port, module);
    return 0;
}

void modload_image_unload(const struct modload_port *port, struct modload_image *module)
{
    struct modfmt_segment *text = &module->segment[0], *data = &module->segment[1];

    if (WITH_PARTS_ && module->data_purpose && data->bytes)
        port->release(port, (enum modload_purpose)module->data_purpose, data);
    if (!in_place_(module) && text->bytes)
        port->release(port,
                      MODLOAD_WITH_APART ? (enum modload_purpose)module->placement
                                         : MODLOAD_BLOCK,
                      text);
    text->bytes = data->bytes = NULL;
}
