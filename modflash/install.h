/* SPDX-License-Identifier: BSD-2-Clause */
/** What installing is made of, for the verbs that do it in their own ways. */
#ifndef MODFLASH_INSTALL_H
#define MODFLASH_INSTALL_H

#include "package.h"
#include "session.h"

/** Read and check all files named on the command line. */
struct package *install_read(const struct request *request, uint32_t *ret_count);
/** Sources in a row, as the store wants them. */
struct modfmt_store_source *install_sources(struct package *package, uint32_t count);
/** Put packages in, or say with --dry-run what that would do. What can be refused has
 *  been, but for want of room. Prints why not and exits. */
void install_packages(struct session *session, struct package *package, uint32_t count);
/** The same, as the region is: no linked module is moved, and nothing is rewritten. */
void install_now(struct session *session, struct package *package, uint32_t count);
/** Plan only, and link what is to be linked for the places of that plan. @return 0 or an
 *  error of modfmt_store_install() */
int install_try(struct session *session, struct package *package, uint32_t count);
/** Say what has been installed, a line each. */
void install_report(const struct session *session, const struct package *package,
                    const struct modfmt_store_source *source, uint32_t count);

#endif
