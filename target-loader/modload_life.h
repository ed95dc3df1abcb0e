/* SPDX-License-Identifier: BSD-2-Clause */
/**
 * The life of modules: a registry of what is loaded, who needs whom, and what runs.
 *
 *                 modload_load           modload_start           modload_stop
 *      EMPTY ------------------> LOADED ---------------> STARTED -------------> STOPPED
 *        ^                          |    constructors,      |   destructors        |
 *        |                          |    then the entry     |                      |
 *        +--------------------------+-----------------------+----------------------+
 *                                modload_unload (stops first)
 *
 * A module that needs others (specs/modfmt.md, 6: dependency) is loaded after them: the
 * registry asks its firmware for those that are not there (supply). They stay as long as
 * anybody needs them: until then neither modload_stop() nor modload_unload() has its way,
 * and those that were loaded for others only go with the last of these.
 *
 * All storage is the caller's, and static if he likes: the registry, and one struct
 * modload_module for each module. Nothing here recurses; chains of modules that wait for
 * others are lists. One thread at a time: an RTOS takes a lock of its own around calls.
 * And no module unloads itself: its code would be gone when that returns.
 *
 *     static struct modload_registry modules = {
 *         .port = {.features = …, .place = …, .release = …, .sync = …, .read = …},
 *         .tables = tables, .table_count = 1, .call = call};
 *     static struct modload_module plug;
 *
 *     modload_begin(&modules);
 *     rc = modload_load(&modules, &source, &plug, &diag);
 *     if (rc == 0)
 *         rc = modload_start(&modules, &plug, NULL);
 */
#ifndef MODLOAD_LIFE_H
#define MODLOAD_LIFE_H

#include "modload.h"
#include "modload_tables.h"

enum modload_state {
    MODLOAD_EMPTY = 0,    /**< not in the registry */
    MODLOAD_LOADED = 1,   /**< in memory, fixed, bound; none of its code has run */
    MODLOAD_STARTED = 2,  /**< its constructors have run, its entry was called */
    MODLOAD_STOPPED = 3,  /**< its destructors have run: good for unloading only */
    MODLOAD_STOPPING = 4, /**< its destructors run */
};

/** A module: what the registry keeps of it. Storage is static, or zeroed at first. Read
 *  what you like; `index` and `owner` are yours, the rest is the registry's. */
struct modload_module {
    struct modload_image image; /**< its memory, entry and stack size */
    struct modload_source
        source;                  /**< where its image is. It shall stay there: exports are
                                    looked up in it as long as the module is loaded */
    struct modload_module *next; /**< the one that was loaded before it, or NULL */
    uint32_t name;               /**< modfmt_hash() of the name that it was loaded as, or
                                    of the image's; 0: it has none */
    uint16_t version[3];
    uint8_t state; /**< enum modload_state */
    /** 1: loaded because another one needs it, and goes with the last of these. Set it to
     * 0 to keep the module. */
    uint8_t automatic;
    uint16_t users;     /**< so many loaded modules need it */
    uint8_t need_count; /**< of need[] */
    uint8_t index;      /**< the firmware's own */
    uint32_t tags;      /**< offset in the image of the first tag not yet looked at */
    uint32_t end;       /**< the image's size */
    uint32_t exports;   /**< offset of the exports */
    uint32_t export_count;
    uint32_t params;      /**< place of the parameter block, as in its tag */
    uint32_t params_size; /**< bytes; 0: there is none */
    int32_t result;       /**< what the entry returned, once it has */
    void *owner;          /**< the firmware's own: a task, say. NULL when it is loaded */
    struct modload_module *need[MODLOAD_NEEDS_MAX]; /**< those that it needs */
};

struct modload_registry {
    /** What loading images takes. modload_begin() sets find; the rest is the firmware's.
     */
    struct modload_port port;
    struct modload_table *tables; /**< searched in this order, before modules */
    uint32_t table_count;
    /** Call a function of the module with r9 as it wants it (modload_cortex_m_call).
     *  @return what the function returned */
    int (*call)(struct modload_registry *registry, struct modload_module *module,
                uint32_t function, void *param);
    /** Have the entry run: in a task, say. NULL: modload_start() calls it.
     *  @return 0, or anything else if it cannot be done */
    int (*enter)(struct modload_registry *registry, struct modload_module *module,
                 void *param);
    /** Before the destructors of fini_array: end the module's task, run what it
     * registered with __aeabi_atexit. NULL: nothing to do. */
    void (*leave)(struct modload_registry *registry, struct modload_module *module);
    /** Another module needs the one of that name: say where its image is, and give
     *  storage. NULL: there are none but those that are loaded.
     *  @return 0, or anything else if there is none */
    int (*supply)(struct modload_registry *registry, uint32_t name,
                  struct modload_source *ret_source, struct modload_module **ret_module);
    /** A module has left the registry, or never came in: its storage is free again. NULL:
     *  nobody needs to be told. */
    void (*dismiss)(struct modload_registry *registry, struct modload_module *module);

    struct modload_module *modules; /**< the newest first */
    struct modload_module *pending; /**< being loaded: each waits for the one before it */
    struct modload_source failed;   /**< the image that the last failed load is about */
};

/** Once, when the port is filled in (it sets find, and an option): nothing is loaded.
 * Whoever changes a table's entries later sets its `at` to NULL. */
void modload_begin(struct modload_registry *registry);

/**
 * Load an image, and before it those that it needs.
 *
 * On failure all is as before: modules that were loaded for this one are unloaded, memory
 * is released, `module` is not in the registry. diag (never NULL) has the code and
 * numbers as modload_image_load() tells them, about the image registry->failed, which may
 * be that of a needed module. For MODLOAD_E_DEPENDENCY and _CYCLE got is the hash of the
 * name that is needed, and offset that of the tag.
 *
 * A module that was loaded because another one needs it is TWICE as well: find it with
 * modload_find(), and set `automatic` to 0 if it shall stay on its own account. A module
 * sees the exports of those that it needs, not of those that they need in turn. With
 * MODLOAD_OPT_CRC the CRC is that of a first reading of an image that is read in pieces.
 *
 * dismiss() is called for `module`, too, if it is not loaded, unless nothing of it was
 * touched: then the code is MODLOAD_E_STATE and diag->got 0.
 *
 * Time: modload_image_load()'s, and a walk over the tags; for each import that no table
 * has, a pass over the exports of what is needed, some 20 instructions each. Stack: 392
 * bytes with GCC 12.2, -Os, for a Cortex-M4 (the frames of -fstack-usage, from here to
 * the search of a needed module's exports), the port's functions not counted.
 * @return 0, what modload_image_load() returns, MODLOAD_E_TYPE, MODLOAD_E_DEPENDENCY (not
 *         supplied, or another version), MODLOAD_E_CYCLE, MODLOAD_E_DEPENDENCIES,
 *         MODLOAD_E_TWICE (want: the name's hash) or MODLOAD_E_STATE (the storage holds a
 *         module already, and is left alone; or a module that is needed is stopped)
 */
int modload_load(struct modload_registry *registry, const struct modload_source *source,
                 struct modload_module *module, struct modfmt_diag *diag);
/**
 * The same, under a name of its own: an instance of an image that may be loaded already,
 * and whose text it shares if that runs in place. Data is its own, and so is all else.
 *
 * @param name  by which modload_find() and dependencies know it; NULL: as the image says
 * @return as modload_load(); MODLOAD_E_TWICE: a module of that name is loaded already
 */
int modload_load_as(struct modload_registry *registry,
                    const struct modload_source *source, struct modload_module *module,
                    const char *name, struct modfmt_diag *diag);

/**
 * Start a module, after those that it needs: constructors in order, then the entry.
 * module->result is what the entry returned, unless registry->enter() runs it elsewhere;
 * an entry that returns an error does not keep the others from being started.
 * @return 0; MODLOAD_E_STATE: it, or what it needs, is not LOADED; MODLOAD_E_START:
 * enter() failed, then its destructors have run and it is STOPPED. It may be one that is
 * needed. What was started before stays so.
 */
int modload_start(struct modload_registry *registry, struct modload_module *module,
                  void *param);

/**
 * Stop a module: leave(), then destructors, the last one first.
 * @return 0; MODLOAD_E_STATE: it is not STARTED; MODLOAD_E_IN_USE: others that are
 *         loaded need it
 */
int modload_stop(struct modload_registry *registry, struct modload_module *module);

/**
 * Unload a module, stopped or not, and those that were loaded for it alone.
 * @return 0; MODLOAD_E_STATE: it is not in the registry; MODLOAD_E_IN_USE: others need it
 */
int modload_unload(struct modload_registry *registry, struct modload_module *module);

/** The loaded module of that name ("plug"), or NULL. */
struct modload_module *modload_find(const struct modload_registry *registry,
                                    const char *name);
/** The loaded module in whose memory the address is, or NULL; of instances that share a
 *  text, the newest. */
struct modload_module *modload_at(const struct modload_registry *registry,
                                  uint32_t address);
/**
 * For port.place() of MODLOAD_FIXED and MODLOAD_FIXED_CODE: is the memory that a linked
 * image asks for aligned as place() was told, and in the arena [begin, end), and has no
 * loaded module its data there?
 * @return 0, MODLOAD_E_LINKED (not aligned) or MODLOAD_E_MEMORY
 */
int modload_fixed_check(const struct modload_registry *registry, uint32_t align,
                        uint32_t offset, const struct modfmt_segment *segment,
                        uint32_t begin, uint32_t end);
/** Call `visit` for each loaded module, the newest first, until it returns something
 * other than 0. It shall not unload any: others may go with that one. To unload all,
 * unload the first of the list, registry->modules, again and again: nobody needs that
 * one.
 *  @return what it returned last, or 0 */
int modload_each(const struct modload_registry *registry,
                 int (*visit)(struct modload_module *module, void *context),
                 void *context);

/**
 * The address of what a loaded module exports, as dlsym() has it.
 * @param type  its type's tag, or 0: any
 * @return 0, MODLOAD_E_IMPORT (no such export), MODLOAD_E_TYPE, MODLOAD_E_READ or
 *         MODFMT_E_EXPORT (the image names a place outside the module)
 */
int modload_symbol(const struct modload_registry *registry,
                   const struct modload_module *module, const char *name, uint32_t type,
                   uint32_t *ret_address);

/** The module's parameters, to be read or filled before it is started; NULL if it has
 *  none, or if they are in text that runs in place: those cannot be filled. */
void *modload_params(const struct modload_module *module, uint32_t *ret_size);

#endif
