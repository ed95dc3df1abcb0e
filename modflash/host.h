/* SPDX-License-Identifier: BSD-2-Clause */
/**
 * The firmware that images are linked for: its build id and the version of its interface,
 * by which a loader knows them again; the RAM that it sets aside for them, and the
 * addresses of what it exports. From --firmware's ELF file, else from the board.
 */
#ifndef MODFLASH_HOST_H
#define MODFLASH_HOST_H

#include "firmware.h"
#include "modfmt_link.h"
#include "session.h"

struct host {
    const char *from; /**< for messages */
    bool told;        /**< it has a descriptor */
    uint32_t api;     /**< 0: not told */
    uint8_t build_id[MODFMT_LINKED_BUILD_ID_MAX];
    uint32_t build_id_size; /**< 0: it has none */
    uint32_t arena_begin;   /**< --arena, or what it tells; 0 and 0: none */
    uint32_t arena_end;
    uint32_t exports; /**< address of its table of exports; 0: none */
    uint32_t export_count;
    const uint8_t *table; /**< after host_read_table(); NULL: none */
    struct firmware file;
    uint8_t *bytes;
};

/** Ask who it is. What is not told is 0. Prints why not and exits if it cannot be asked
 * at all: no such file, no answer. */
void host_find(struct session *session, struct host *ret_host);
/** Can images be linked for it? Prints what it lacks, by name. @return false: no */
bool host_can_link(const struct session *session, const struct host *host);
/** Is --firmware the one on the board, as far as that tells? Prints why not. @return
 * false: it is not, and nobody said --no-check */
bool host_is_on_board(struct session *session, const struct host *host);
/** Read the table of exports. */
void host_read_table(struct session *session, struct host *host);
/**
 * The address of what has this name's hash and this type (0 on either side: any).
 * @return 0, MODLOAD_E_IMPORT or MODLOAD_E_TYPE
 */
int host_address(const struct host *host, uint32_t hash, uint32_t type,
                 uint32_t *ret_address);
/** Was an image linked for this firmware? */
bool host_is(const struct host *host, const struct modfmt_linked *linked);
void host_free(struct host *host);

#endif
