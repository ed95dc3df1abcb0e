/* SPDX-License-Identifier: BSD-2-Clause */
/** The kinds of target, for target_open() only. */
#ifndef MODFLASH_TARGET_KINDS_H
#define MODFLASH_TARGET_KINDS_H

#include "target.h"

/** `path` is what follows "file:". As target_open(). */
int target_file_open(const struct target_options *options, const char *path,
                     struct target **ret_target);
/** `serial` is what follows "stlink:", or NULL. */
int target_stlink_open(const struct target_options *options, const char *serial,
                       struct target **ret_target);
/** `address` is "HOST:PORT". */
int target_gdb_open(const struct target_options *options, const char *address,
                    struct target **ret_target);

#endif
