/* SPDX-License-Identifier: BSD-2-Clause */
/* A module for this firmware. */
#include "interface.h"

int module_entry(void *param);

int module_entry(void *param)
{
    unsigned sum = 0;

    (void)param;
    for (unsigned i = 1; i <= 100; i++)
        sum += i;
    console_print("1 + 2 + … + 100 = ");
    console_number(sum);
    console_print("\n");
    return 0;
}
