/* SPDX-License-Identifier: BSD-2-Clause */
/**
 * Room where linked modules are in the way. The store never moves them, and moves no
 * other image, nor its directory, out of a sector that they keep from being erased. Here
 * they are linked for other places: each in a transaction of its own, as an update by the
 * same module.
 */
#ifndef MODFLASH_CLEARING_H
#define MODFLASH_CLEARING_H

#include "package.h"
#include "session.h"

/**
 * Move linked modules until packages can be installed at once.
 * @return false, with nothing done, if that does not help. With --dry-run it is only said
 */
bool clearing_make_room(struct session *session, struct package *package, uint32_t count);
/** Would that make room for this image? */
bool clearing_helps(struct session *session, const struct modfmt_store_source *source);
/**
 * Install packages one after another, in any order that works; linked modules are moved
 * where that is needed.
 * @return false, with nothing done, if there is no such order
 */
bool clearing_install_singly(struct session *session, struct package *package,
                             uint32_t count);

#endif
