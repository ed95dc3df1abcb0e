/* SPDX-License-Identifier: BSD-2-Clause */
#include "firmware.h"

int module_entry(void *param);

int module_entry(void *param)
{
    (void)param;
    fw_puts("Hello from a project of its own");
    return 0;
}
