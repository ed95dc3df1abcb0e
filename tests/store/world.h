/* SPDX-License-Identifier: BSD-2-Clause */
/**
 * A simulated flash with a store in it, and what may be in that store: the model that the
 * tests hold the store against.
 *
 * A state says which version of each of eight names is live: a byte a name, 0 for none.
 * After a power cut more than one state is allowed; a verb that ends well leaves one.
 *
 * Verbs are written as words, so that every failure can be replayed from a command line:
 *   i0.1+3.2  install version 1 of name 0 and version 2 of name 3, all or nothing
 *   f0.1 p0.1 the same, even if it is there already; the same, pinned
 *   r0+3      remove names 0 and 3
 *   c s       compact; settle
 *   b0.1      another tool writes that image over the region's start
 *   j         a host keeps a journal, voids the directory and writes everything anew
 *   x         the region is soiled before anything is done
 *
 * With STORE_TRACE in the environment all that is seen and done is printed.
 */
#ifndef STORE_WORLD_H
#define STORE_WORLD_H

#include "simulator.h"

#define WORLD_NAMES       8u
#define WORLD_VERSIONS    16u
#define WORLD_ALLOWED_MAX 32u

struct geometry {
    const char *name;
    uint32_t scale; /**< sizes of images are made for sectors of this size */
    uint32_t count;
    uint32_t size[SIMULATOR_SECTOR_MAX];
};
extern const struct geometry world_geometries[];
extern const uint32_t world_geometry_count;
/** That of a name, or NULL. */
const struct geometry *world_geometry(const char *name);

struct verb {
    char kind;
    uint64_t set; /**< state-like: versions of the names that it is about */
};
/** Parse one word. @return where it ends, or NULL */
const char *verb_parse(const char *text, struct verb *ret_verb);
/** Write it as a word. `text` has room for 40 characters. */
void verb_print(const struct verb *verb, char *text);

/** What a verb did. */
struct outcome {
    int code;
    uint32_t erased;
    uint32_t programmed;
    uint32_t moved;
    bool head_moved;
    bool created; /**< there was no directory before */
};

struct world {
    uint32_t scale;
    bool settled; /**< the last verb ended well: one state, for ever */
    uint32_t allowed_count;
    uint64_t allowed[WORLD_ALLOWED_MAX];
    const char *problem;  /**< the first thing that went wrong, or NULL */
    struct simulator sim; /**< last: copied in part */
};

/** The image of that name and version, for that scale. */
const uint8_t *world_image(uint32_t scale, uint32_t name, uint32_t version,
                           uint32_t *ret_size);

/** The same, to make another one of it for the rest of the program's life. */
uint8_t *world_image_edit(uint32_t scale, uint32_t name, uint32_t version,
                          uint32_t *ret_size);

/** The geometry check, which the checks of records are continued from (specs/store.md,
 * 3).
 */
uint32_t world_geometry_check(const struct world *world);
void world_begin(struct world *world, const struct geometry *geometry, uint32_t unit);
void world_copy(struct world *to, const struct world *from);
/** What a scan finds: exact bytes and all. @return false, and world->problem is set */
bool world_observe(struct world *world, uint64_t *ret_state);
/** Scan so often; each must find a state that is allowed. */
bool world_scan(struct world *world, uint32_t times);
/** Do a verb and keep account of what is allowed then. Power may fail on the way.
 *  @return false if something was wrong that no power failure excuses */
bool world_do(struct world *world, const struct verb *verb, struct outcome *ret_outcome);
/** Do all verbs of a text; none may be cut. Errors such as a full store are no failure.
 */
bool world_run(struct world *world, const char *text);
/** An image in memory, and a read() for it: the source of a store's verb. */
struct world_memory {
    const uint8_t *bytes;
    uint32_t size;
};
int world_read_memory(struct modfmt_store_source *source, uint32_t offset, void *bytes,
                      uint32_t size);
/** Print the directories, for who looks into a failure. */
void world_dump(const struct world *world);
/** Only plan the verb: nothing is written. */
void world_plan(struct world *world, const struct verb *verb,
                struct outcome *ret_outcome);
/** The state that a verb leads to. @return false if it cannot be done in that state */
bool world_apply(const struct verb *verb, uint64_t state, uint64_t *ret_state);

#endif
