/* SPDX-License-Identifier: BSD-2-Clause */
/* Constructors by priority, then in the order of the source; destructors backwards. */
#include "firmware.h"

int module_entry(void *param);
static int step;

#define CONSTRUCTOR(name, attribute)                                                     \
    __attribute__(attribute) static void name(void)                                      \
    {                                                                                    \
        fw_printf("%d " #name "\n", ++step);                                             \
    }

CONSTRUCTOR(second, (constructor(300)))
CONSTRUCTOR(first, (constructor(200)))
CONSTRUCTOR(third, (constructor))
CONSTRUCTOR(fourth, (constructor))
CONSTRUCTOR(last, (destructor(200)))
CONSTRUCTOR(seventh, (destructor))

int module_entry(void *param)
{
    (void)param;
    fw_printf("%d entry\n", ++step);
    return step != 5;
}
