/* SPDX-License-Identifier: BSD-2-Clause */
/* Fails its second check, with the number 5, so that a failure is known to be seen. */
/* oracle: group=failing */
#include "check.h"

static int five = 5;

int module_entry(void *param)
{
    int *p = &five;

    (void)param;
    HIDE(p);
    CHECK(1, *p == 5);
    CHECK(*p, *p == 6);
    return 0;
}
