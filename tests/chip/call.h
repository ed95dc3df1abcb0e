/* SPDX-License-Identifier: BSD-2-Clause */
/** What the program on the chip is asked to do, and what it found: at the first byte of
 *  its RAM, and the same on both sides, for all of it are words. */
#ifndef CHIP_CALL_H
#define CHIP_CALL_H

#include "modfmt_store.h"

enum chip_verb {
    CHIP_OPEN,
    CHIP_INSTALL, /**< count images */
    CHIP_REMOVE,  /**< count names, by hash */
    CHIP_COMPACT,
    CHIP_SETTLE,
    CHIP_RETIRE,
    CHIP_RUN,    /**< the module whose name is at address[0] */
    CHIP_UPDATE, /**< as the README does: the image at address[0] */
};

#define CHIP_COUNT_MAX 8u
#define CHIP_IMAGE_MAX 256u

struct chip_call {
    uint32_t verb;
    uint32_t begin; /**< the region */
    uint32_t end;
    uint32_t count;
    uint32_t address[CHIP_COUNT_MAX];
    uint32_t flags[CHIP_COUNT_MAX];
    uint32_t hash[CHIP_COUNT_MAX];
    uint32_t buffer_size;
    /* Results. */
    int32_t open_rc;
    int32_t rc;
    int32_t value; /**< what the module returned */
    uint32_t watchdog;
    uint32_t live;
    uint32_t lost;
    uint32_t head;
    uint32_t generation;
    uint32_t next_slot;
    uint32_t pending;
    uint32_t erased_sectors;
    uint32_t programmed_bytes;
    struct modfmt_store_image image[CHIP_IMAGE_MAX];
};

/** The words at the flash's start. The core reads the first two. */
enum chip_vector {
    CHIP_VECTOR_STACK,
    CHIP_VECTOR_BEGIN,  /**< function: set RAM up */
    CHIP_VECTOR_CALL,   /**< function: carry out the call */
    CHIP_VECTOR_PLACE,  /**< address of struct chip_call */
    CHIP_VECTOR_LIMIT,  /**< address of the stack's end */
    CHIP_VECTOR_RETURN, /**< address of a BKPT instruction to return to */
    CHIP_VECTORS,
};

#endif
