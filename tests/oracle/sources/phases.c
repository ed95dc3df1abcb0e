/* SPDX-License-Identifier: BSD-2-Clause */
/* Linked, and loaded, at addresses that are no multiples of 4: constants come first. */
/* oracle: group=phases */
#include "check.h"

const char first[] __attribute__((section(".first"))) = "first bytes";
static int value = 8;
const char *const into[] = {first, first + 3, (const char *)&value};

int module_entry(void *param)
{
    const char *const *p = into;

    (void)param;
    HIDE(p);
    CHECK(1, same_text(p[0], "first bytes") && same_text(p[1], "st bytes"));
    CHECK(2, *(const int *)p[2] == 8);
    return 0;
}
