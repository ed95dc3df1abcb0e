/* SPDX-License-Identifier: BSD-2-Clause */
/* Data but no bss; sizes that are no multiples of 4. */
#include "check.h"

static char bytes[7] = "abcdef";
static char *pointer = &bytes[6];

int module_entry(void *param)
{
    char **p = &pointer;

    (void)param;
    HIDE(p);
    CHECK(1, **p == 0 && (*p)[-1] == 'f');
    return 0;
}
