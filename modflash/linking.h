/* SPDX-License-Identifier: BSD-2-Clause */
/** Would the firmware load these modules? Asked before flash is touched. */
#ifndef MODFLASH_LINKING_H
#define MODFLASH_LINKING_H

#include "package.h"
#include "session.h"

/**
 * Hold what packages import and need against what the firmware and the other modules
 * offer; and what other modules need against these packages, where they replace what is
 * there. Prints what is wrong.
 * @return false: not to be installed
 */
bool linking_check(struct session *session, const struct package *package,
                   uint32_t count);
/**
 * May the modules whose names have these hashes go? Prints who needs them.
 * @return false: they are needed
 */
bool linking_check_removal(struct session *session, const uint32_t *hash, uint32_t count);

#endif
