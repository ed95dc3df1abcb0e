/* SPDX-License-Identifier: BSD-2-Clause */
/* Writes where nothing is. */
int module_entry(void *param);

int module_entry(void *param)
{
    (void)param;
    *(volatile int *)0xa0000000u = 1;
    return 0;
}
