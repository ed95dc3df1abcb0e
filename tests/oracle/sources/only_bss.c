/* SPDX-License-Identifier: BSD-2-Clause */
/* bss but no data; one word of it. */
#include "check.h"

static int count;

int module_entry(void *param)
{
    int *p = &count;

    (void)param;
    HIDE(p);
    CHECK(1, (*p)++ == 0 && count == 1);
    count = 0;
    return 0;
}
