/* SPDX-License-Identifier: BSD-2-Clause */
/* Does not free what it allocates. */
#include "firmware.h"

int module_entry(void *param);

int module_entry(void *param)
{
    char *kept = fw_alloc(100);

    (void)param;
    fw_free(fw_alloc(50));
    return kept == NULL;
}
