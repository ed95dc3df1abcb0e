/* SPDX-License-Identifier: BSD-2-Clause */
/* Code and constants alone: no data segment, fix-ups in text. */
#include "check.h"

static const char *const words[] = {"alpha", "beta", "gamma"};

int module_entry(void *param)
{
    const char *const *w = words;

    (void)param;
    HIDE(w);
    CHECK(1, same_text(w[2], "gamma") && same_text(w[0], "alpha"));
    return 0;
}
