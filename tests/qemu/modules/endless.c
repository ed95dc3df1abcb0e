/* SPDX-License-Identifier: BSD-2-Clause */
/* Never returns. */
int module_entry(void *param);

int module_entry(void *param)
{
    volatile int forever = 1;

    (void)param;
    while (forever)
        continue;
    return 0;
}
