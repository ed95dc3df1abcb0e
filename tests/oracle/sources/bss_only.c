/* SPDX-License-Identifier: BSD-2-Clause */
/* Big arrays that are nowhere in the file; pointers to their far ends. */
/* oracle: run=no */
#include "check.h"

static int large[30000];
char larger[200001];
static char *ends[] = {larger, &larger[200000], (char *)&large[29999]};

int module_entry(void *param)
{
    (void)param;
    CHECK(1, ends[1] - ends[0] == 200000);
    *ends[1] = 3;
    CHECK(2, larger[200000] == 3);
    large[29999] = 1;
    CHECK(3, *ends[2] == 1);
    return 0;
}
