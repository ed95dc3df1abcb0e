/* SPDX-License-Identifier: BSD-2-Clause */
/* Calls malloc last of all in constructor and entry, so that it returns to the firmware.
 */
#include "offered.h"

int module_entry(void *param);

static void *(*volatile get)(__SIZE_TYPE__ size) = malloc;

static void *construct(void)
{
    return get(400);
}

static void *construct_more(void)
{
    return get(1000);
}

/* Pointers as they are, for these give something back. */
__attribute__((section(".init_array"),
               used)) static void *(*const constructors[])(void) = {construct,
                                                                    construct_more};

int module_entry(void *param)
{
    (void)param;
    return (int)get(300);
}
