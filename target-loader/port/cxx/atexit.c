/* SPDX-License-Identifier: BSD-2-Clause */
#include "atexit.h"

#include "port.h"

static bool inside(const struct modfmt_segment *segment, uint32_t address)
{
    return address - segment->address < segment->size;
}

/* Instances that run in place share a text, and with it their handle; but the destructor
 * is known by a trampoline in data, or the object lies there. */
static bool belongs(const struct modload_image *image, const struct modload_destructor *d)
{
    const struct modfmt_segment *data = &image->segment[1];

    if (inside(data, d->handle))
        return true;
    if (image->placement != MODLOAD_IN_PLACE)
        return inside(&image->segment[0], d->handle);
    return inside(data, d->function) || inside(data, (uint32_t)(uintptr_t)d->object);
}

void modload_atexit_add(struct modload_atexit *list, struct modload_destructor *d,
                        void *object, void (*destructor)(void *), void *handle)
{
    d->function = (uint32_t)(uintptr_t)destructor;
    d->object = object;
    d->handle = handle ? (uint32_t)(uintptr_t)handle : d->function;
    d->next = list->newest;
    list->newest = d;
}

struct modload_destructor *modload_atexit_take(struct modload_atexit *list,
                                               const struct modload_image *image)
{
    struct modload_destructor **link = &list->newest;
    struct modload_destructor *d;

    while (*link && !belongs(image, *link))
        link = &(*link)->next;
    d = *link;
    if (d)
        *link = d->next;
    return d;
}

void modload_atexit_run(struct modload_atexit *list, const struct modload_image *image,
                        void (*release)(void *memory))
{
    struct modload_destructor *d;

    /* From the newest one each time: a destructor may register others. */
    while ((d = modload_atexit_take(list, image)) != NULL) {
        uint32_t function = d->function;
        void *object = d->object;

        release(d);
        modload_cortex_m_call(function, object, image->span[MODLOAD_STATIC_BASE].address);
    }
}
