/* SPDX-License-Identifier: BSD-2-Clause */
/** What modapi can be asked to do: one file a verb. */
#ifndef MODAPI_VERBS_H
#define MODAPI_VERBS_H

#include "cli.h"

/* Each takes the arguments from its own name on, and returns the exit status. */
int verb_build(int argc, char **argv);
int verb_check(int argc, char **argv);
int verb_diff(int argc, char **argv);
int verb_show(int argc, char **argv);
int verb_stubs(int argc, char **argv);

#endif
