/* SPDX-License-Identifier: BSD-2-Clause */
/* Is in a function of the firmware for a while. */
#include "offered.h"

int module_entry(void *param);

int module_entry(void *param)
{
    work_locked((unsigned)param);
    note('w', 1);
    return 0;
}
