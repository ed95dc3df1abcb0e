/* SPDX-License-Identifier: BSD-2-Clause */
/* Starting and stopping. See modload_life.h. */
#include "modload_parts.h"

/** In an array of constructors these are no addresses (specs/modfmt.md, 6). */
#define NOTHING_0 0u
#define NOTHING_1 0xffffffffu

/** Call an array of functions of the module, up or down. modload_image_load() has checked
 *  that it lies in the module's memory. */
static void call_array_(struct modload_registry *r, struct modload_module *m,
                        enum modload_span_index which, bool down)
{
    uint32_t count = m->image.span[which].size / 4u;

    for (uint32_t i = 0; i < count; i++) {
        uint32_t address =
            m->image.span[which].address + 4u * (down ? count - 1u - i : i);
        const struct modfmt_segment *s = m->image.segment;
        uint32_t function;

        if (address - s->address >= s->size)
            s++;
        function = modfmt_get32(s->bytes + (address - s->address));
        if (function != NOTHING_0 && function != NOTHING_1)
            (void)r->call(r, m, function, NULL);
    }
}

/** What the module needs, and that in turn, down to one that waits for nothing.
 *  @return NULL: it needs one that is stopped */
static struct modload_module *next_to_start_(struct modload_module *m)
{
    for (unsigned i = 0; i < m->need_count;) {
        struct modload_module *n = m->need[i++];

        if (n->state == MODLOAD_LOADED) {
            m = n;
            i = 0;
        } else if (n->state != MODLOAD_STARTED) {
            return NULL;
        }
    }
    return m;
}

static void stop_(struct modload_registry *r, struct modload_module *m)
{
    /* At once: what is called now may come back and ask. */
    m->state = MODLOAD_STOPPING;
    if (r->leave)
        r->leave(r, m);
    call_array_(r, m, MODLOAD_FINI, true);
    m->state = MODLOAD_STOPPED;
}

static int start_(struct modload_registry *r, struct modload_module *m, void *param)
{
    bool entry = m->image.entry & 1;

    m->state = MODLOAD_STARTED;
    call_array_(r, m, MODLOAD_INIT, false);
    if (entry && !r->enter)
        m->result = r->call(r, m, m->image.entry, param);
    if (!entry || !r->enter || r->enter(r, m, param) == 0)
        return 0;
    stop_(r, m);
    return MODLOAD_E_START;
}

int modload_start(struct modload_registry *r, struct modload_module *module, void *param)
{
    struct modload_module *m;
    int rc;

    if (module->state != MODLOAD_LOADED)
        return MODLOAD_E_STATE;
    do {
        m = next_to_start_(module);
        rc = m ? start_(r, m, m == module ? param : NULL) : MODLOAD_E_STATE;
    } while (rc == 0 && m != module);
    return rc;
}

int modload_stop(struct modload_registry *r, struct modload_module *m)
{
    if (m->state != MODLOAD_STARTED)
        return MODLOAD_E_STATE;
    if (m->users)
        return MODLOAD_E_IN_USE;
    stop_(r, m);
    return 0;
}
