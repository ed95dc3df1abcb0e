/* SPDX-License-Identifier: BSD-2-Clause */
/** How much fits: found by planning installations that are never carried out. */
#ifndef MODFLASH_ROOM_H
#define MODFLASH_ROOM_H

#include "session.h"

struct room {
    uint32_t live;    /**< bytes of live images */
    uint32_t now;     /**< largest image that can be installed without moving or erasing */
    uint32_t largest; /**< and with; in a region of one sector by rewriting it */
};

void room_measure(const struct session *session, struct room *ret_room);

/** A copy of the store on which verbs are planned only: nothing reaches the target. */
struct rehearsal {
    struct modfmt_store store;
    struct modfmt_flash flash;
    struct device device;
    struct modfmt_store_image image[SESSION_IMAGES_MAX];
};

void rehearsal_begin(const struct session *session, struct rehearsal *ret_rehearsal);

#endif
