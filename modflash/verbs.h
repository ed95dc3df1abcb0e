/* SPDX-License-Identifier: BSD-2-Clause */
/** The verbs, each a step from request to exit status. */
#ifndef MODFLASH_VERBS_H
#define MODFLASH_VERBS_H

#include "session.h"

#define VERB_SCRATCH (64u * 1024u)

int verb_install(const struct request *request);
int verb_update(const struct request *request);
int verb_list(const struct request *request);
int verb_info(const struct request *request);
int verb_verify(const struct request *request);
int verb_remove(const struct request *request);
int verb_relink(const struct request *request);
int verb_params(const struct request *request);
int verb_compact(const struct request *request);
int verb_recover(const struct request *request);
int verb_read(const struct request *request);
int verb_erase(const struct request *request);
int verb_probe(const struct request *request);
int verb_bundle(const struct request *request);

/** "would erase 1 sector and program 5,184 bytes", for --dry-run; counts of a store. */
void verb_say_plan(const struct session *session, const struct modfmt_store *planned,
                   const char *doing);

#endif
