/* SPDX-License-Identifier: BSD-2-Clause */
#include "room.h"

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
    free(r);
    return done;
}

static uint32_t search(const struct session *session, bool gently)
{
    uint32_t low = 2, high = session->region.size / MODFMT_IMAGE_ALIGN;

    if (!fits(session, low * MODFMT_IMAGE_ALIGN, gently)) {
        return 0;
    }
    while (high - low > 1) {
        uint32_t middle = low + (high - low) / 2;

        if (fits(session, middle * MODFMT_IMAGE_ALIGN, gently)) {
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
    ret_room->now = search(session, true);
    ret_room->largest = search(session, false);
}
