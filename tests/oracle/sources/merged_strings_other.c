/* SPDX-License-Identifier: BSD-2-Clause */
/* Second file of merged_strings.c. */
/* oracle: part=yes */
#include "check.h"

const char *const other_strings[5] = {"il", "tail", "a long string with a tail" + 5,
                                      "equal in both", "other file's own"};
