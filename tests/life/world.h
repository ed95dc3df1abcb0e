/* SPDX-License-Identifier: BSD-2-Clause */
/**
 * A firmware for the loader's registry, on a host: it counts what it gives away and has
 * back, writes down what of modules is called, and fails at the call that a test names.
 *
 * There is one world; world_begin() makes it anew. Storage of modules is allocated, and
 * freed when the registry dismisses it, so that a sanitizer sees who looks at it later.
 */
#ifndef LIFE_WORLD_H
#define LIFE_WORLD_H

#include "modload_life.h"
#include "recipe.h"

#define WORLD_SHELF  16u
#define WORLD_PIECES 64u
#define WORLD_RAM    65536u /**< no piece of memory is larger */

/** Kinds of calls that can fail. */
enum world_call {
    WORLD_NONE,
    WORLD_READ,
    WORLD_PLACE,
    WORLD_FIND,
    WORLD_SUPPLY,
    WORLD_ENTER,
};

/** How images are given and where they go: set before world_begin(). */
#define WORLD_IN_PIECES 1u /**< read through port.read, and not mapped */
#define WORLD_APART     2u
/** Run in place what can be: what is read in pieces cannot. */
#define WORLD_IN_PLACE 4u
#define WORLD_MODES    6u
#define WORLD_PLACES   (WORLD_IN_PLACE | WORLD_IN_PIECES)

/** Where the shelf is in flash, and how far from image to image. */
#define WORLD_FLASH 0x08000000u
#define WORLD_STEP  0x1000u

struct world_piece {
    struct modfmt_segment segment;
    enum modload_purpose purpose;
};

struct world_image {
    uint32_t name; /**< under which supply() finds it */
    struct recipe_image image;
    const char *text; /**< the name, for the log */
};

struct world {
    struct modload_registry r;
    struct modload_table table[3]; /**< none at first */
    struct world_image shelf[WORLD_SHELF];
    unsigned shelf_count;
    struct world_piece piece[WORLD_PIECES];
    unsigned piece_count;
    unsigned storage_count; /**< handed out and not dismissed */
    uint32_t next_address;
    uint32_t mode;
    uint32_t arena_begin, arena_end; /**< for linked images; at first there is none */
    bool no_execute;                 /**< no memory can */
    unsigned finds;                  /**< calls of find() */

    unsigned calls;   /**< that could have failed */
    unsigned fail_at; /**< number of the one that does; 0: none */
    enum world_call failed;
    unsigned syncs;

    int entry_result;
    char log[2000]; /**< "B.init0 B.entry A.entry " */
    int (*find)(const struct modload_port *port, uint32_t hash, uint32_t type,
                uint32_t *ret_address);
    /** What was read may be changed, if it is not NULL. */
    void (*changed)(uint32_t offset, uint8_t *buffer, uint32_t size);
    /** Called for each function of a module that is "run", if it is not NULL. */
    void (*inside)(struct modload_module *module, uint32_t function);
};

extern struct world world;
extern uint32_t world_mode;

void world_begin(void);
/** Unload and free everything; nothing may be left over. */
void world_end(void);

/** Put an image of that recipe on the shelf; `name` is under which it is supplied
 * (usually recipe->name). */
void world_shelve_as(const struct recipe *recipe, const char *name);
void world_shelve(const struct recipe *recipe);
/** The image on the shelf, the last one of that name, as the loader is given it. */
struct modload_source world_source(const char *name);
/** Storage for a module. */
struct modload_module *world_storage(void);
/** Load what is on the shelf under that name. @return its code; *ret_module is NULL if
 *  that is not 0 */
int world_load(const char *name, struct modload_module **ret_module,
               struct modfmt_diag *diag);
/** The same as an instance of that name. */
int world_load_as(const char *image, const char *name, struct modload_module **ret_module,
                  struct modfmt_diag *diag);
/** As world_load(), for images that must load. */
struct modload_module *world_loaded(const char *name);
/** world_begin() and world_end() as cmocka has them around each test. */
int world_setup(void **state);
int world_teardown(void **state);
/** Names of what is loaded, the newest first: "A B C ". */
const char *world_list(void);
/** All that a failed load may not change, as text: list, users, states, memory. */
void world_state(char *text, size_t size);
/** The name by which the log calls a module. */
const char *world_name(const struct modload_module *module);
/** From now on entries are run by enter(), that is, written down as "A.enter ". */
void world_enters(void);
/** The next call that can fail is number 1 again; the one of number `fail_at` fails. */
void world_fail_at(unsigned fail_at);

#endif
