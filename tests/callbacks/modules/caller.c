/* SPDX-License-Identifier: BSD-2-Clause */
/* Calls what another module exports, and what it has handed to the firmware; has data of
 * its own, so that it would notice if r9 were not its own again. */
#include <stdint.h>

#include "modfmt_module.h"
#include "offered.h"

int module_entry(void *param);
int ten(int a, int b, int c, int d, int e, int f, int g, int h, int i, int j);
int by_name(int a);
int by_pointer(int depth);

static int mark;
static volatile int calls;

int by_name(int a)
{
    calls++;
    return ten(a, 1, 1, 1, 1, 1, 1, 1, 1, 1) + mark + calls;
}
MODULE_EXPORT(by_name);

/* From this module into the other one, through the firmware back into this one, … */
int by_pointer(int depth)
{
    int (*recurse)(int) = (int (*)(int))fw_registered(0, FW_RECURSE);
    int other;

    calls++;
    if (depth == 0)
        return mark;
    other = recurse(2);
    return other + fw_again(by_pointer, depth - 1) + mark;
}
MODULE_EXPORT(by_pointer);

int module_entry(void *param)
{
    mark = (int)(intptr_t)param;
    return 0;
}
