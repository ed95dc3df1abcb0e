/* SPDX-License-Identifier: BSD-2-Clause */
/** Linking packages for the place in flash where they will run: --xip-link. */
#ifndef MODFLASH_XIP_H
#define MODFLASH_XIP_H

#include "host.h"
#include "package.h"
#include "session.h"

/**
 * Link those packages that are to be linked: all with --xip-link; those that replace a
 * linked module, unless --no-xip-link was said; those that are marked `linked` already.
 * They get RAM from the firmware's arena, and addresses from its table of exports. The
 * place is a guess: xip_follow() puts it right. Prints all that is wrong.
 * @param host  the firmware, with its table; NULL: it is asked if it is needed
 * @return false: refused, and nothing can be installed
 */
bool xip_link(struct session *session, struct package *package, uint32_t count,
              struct host *host);
/** Link one for what a module was linked for that it replaces, with the imports'
 * addresses from `bound`. @return false after saying why not */
bool xip_link_again(struct session *session, struct package *package,
                    const struct modfmt_store_image *stored,
                    const struct modfmt_linked *to, const uint32_t *bound);

/** What can be linked, as a file or a journal has it. */
struct xip_image {
    uint8_t *bytes;
    uint32_t size;
    uint32_t place; /**< offset in the region that it is linked for */
};
/**
 * Link an image anew for where the store plans to put it, if that is elsewhere.
 * @return 1 if it was, 0 if it need not be, or a negative error
 */
int xip_move(const struct session *session, struct xip_image *image, uint32_t place);
/** The same for packages that are linked, after a plan. */
int xip_follow(const struct session *session, struct package *package,
               const struct modfmt_store_source *source, uint32_t count);
/** Plans are made anew so often at most until places stay. */
#define XIP_ROUNDS 8u

#endif
