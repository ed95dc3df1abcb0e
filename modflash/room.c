/* SPDX-License-Identifier: BSD-2-Clause */
#include "room.h"

#include "catalog.h"
#include "clearing.h"
#include "linked.h"

#include <stdlib.h>
#include <string.h>

#define SCRATCH 4096u

void rehearsal_begin(const struct session *session, struct rehearsal *r)
{
    r->store = session->store;
    memcpy(r->image, session->image, sizeof r->image);
    r->store.image = r->image;
    r->device = session->device;
    r->device.flash.program = NULL;
    r->store.flash = &r->device.flash;
}

/** An image that says its size and nothing else. */
struct dummy {
    struct modfmt_store_source source;
    uint8_t header[MODFMT_HEADER_SIZE];
};

static int read_dummy(struct modfmt_store_source *source, uint32_t offset, void *bytes,
                      uint32_t size)
{
    struct dummy *dummy = source->ctx;

    memset(bytes, 0, size);
    if (offset == 0 && size == MODFMT_HEADER_SIZE) {
        memcpy(bytes, dummy->header, size);
    }
    return 0;
}

static void begin_dummy(struct dummy *dummy, uint32_t size)
{
    struct modfmt_source empty = {.flags = MODFMT_FLAG_BLOCK, .machine = 40};
    uint8_t image[2 * MODFMT_HEADER_SIZE];
    uint32_t written;

    memset(dummy, 0, sizeof *dummy);
    modfmt_write(&empty, image, sizeof image, &written);
    memcpy(dummy->header, image, MODFMT_HEADER_SIZE);
    modfmt_put32(dummy->header + MODFMT_OFF_TOTAL_SIZE, size);
    modfmt_put32(dummy->header + MODFMT_OFF_HEADER_CHECK,
                 modfmt_crc32(0, dummy->header, MODFMT_OFF_CRC));
    dummy->source.read = read_dummy;
    dummy->source.ctx = dummy;
    dummy->source.force = true;
}

/* Would one more image of that size fit, and would it take erasing or moving? */
static bool fits(const struct session *session, uint32_t size, bool gently)
{
    struct rehearsal *r = cli_alloc(1, sizeof *r);
    struct modfmt_diag diag;
    struct dummy dummy;
    uint8_t scratch[SCRATCH];
    bool done;

    rehearsal_begin(session, r);
    begin_dummy(&dummy, size);
    done = modfmt_store_install(&r->store, &dummy.source, 1, scratch, sizeof scratch,
                                &diag) == 0;
    if (gently && r->store.erased_sectors + r->store.moved_images != 0) {
        done = false;
    }
    if (!done && !gently) {
        done = clearing_helps((struct session *)(uintptr_t)session, &dummy.source);
    }
    free(r);
    return done;
}

/* Would one more fit if the region were erased and everything put in anew? */
static bool fits_anew(const struct session *session, uint32_t size)
{
    uint32_t count = session->store.count;
    struct rehearsal *r = cli_alloc(1, sizeof *r);
    struct modfmt_store_source *source = cli_alloc(count + 1u, sizeof *source);
    struct catalog_live *live = cli_alloc(count + 1u, sizeof *live);
    struct modfmt_diag diag;
    struct dummy dummy;
    uint8_t scratch[SCRATCH];
    bool done;

    rehearsal_begin(session, r);
    for (uint32_t i = 0; i < count; i++) {
        live[i] = (struct catalog_live){&r->device.flash, session->image[i].offset};
        source[i] = catalog_source(&live[i]);
    }
    begin_dummy(&dummy, size);
    source[count] = dummy.source;
    modfmt_store_reset(&r->store);
    done = modfmt_store_install(&r->store, source, count + 1u, scratch, sizeof scratch,
                                &diag) == 0;
    free(live);
    free(source);
    free(r);
    return done;
}

/* By its user, that is; one that is linked can be linked for another place. */
static bool is_any_pinned(const struct session *session)
{
    struct session *asked = (struct session *)(uintptr_t)session; /* reading is cached */
    struct modfmt_linked linked;

    for (uint32_t i = 0; i < session->store.count; i++) {
        if ((session->image[i].flags & MODFMT_STORE_PINNED) != 0 &&
            !linked_stored(asked, &session->image[i], &linked)) {
            return true;
        }
    }
    return false;
}

enum way {
    GENTLY, /* appended to what is there */
    HARD,   /* with erasing and moving */
    ANEW,   /* with everything rewritten */
};

static bool fits_so(const struct session *session, uint32_t units, enum way way)
{
    uint32_t size = units * MODFMT_IMAGE_ALIGN;

    return way == ANEW ? fits_anew(session, size) : fits(session, size, way == GENTLY);
}

static uint32_t search(const struct session *session, enum way way)
{
    uint32_t low = 2, high = session->region.size / MODFMT_IMAGE_ALIGN;

    if (!fits_so(session, low, way)) {
        return 0;
    }
    while (high - low > 1) {
        uint32_t middle = low + (high - low) / 2;

        if (fits_so(session, middle, way)) {
            low = middle;
        } else {
            high = middle;
        }
    }
    return low * MODFMT_IMAGE_ALIGN;
}

void room_measure(const struct session *session, struct room *ret_room)
{
    ret_room->live = 0;
    for (uint32_t i = 0; i < session->store.count; i++) {
        ret_room->live += session->store.image[i].size;
    }
    ret_room->now = search(session, GENTLY);
    ret_room->largest = search(session, HARD);
    if (session->region.sector_count == 1 && !is_any_pinned(session)) {
        uint32_t anew = search(session, ANEW);

        ret_room->largest = anew > ret_room->largest ? anew : ret_room->largest;
    }
}
