/* SPDX-License-Identifier: BSD-2-Clause */
/* A module to stop in while the firmware calls it back. */
#include "firmware.h"

int module_entry(void *param);

int called_list[3] = {7, 9, 8};
int called_times = 100;

static int called_order(const void *a, const void *b)
{
    called_times++; /* here: first of called_order */
    return *(const int *)a - *(const int *)b;
}

int module_entry(void *param)
{
    (void)param;
    fw_sort(called_list, 3, sizeof called_list[0], called_order);
    return called_list[2] - 9; /* here: it came back */
}
