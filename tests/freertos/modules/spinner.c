/* SPDX-License-Identifier: BSD-2-Clause */
/* Never gives the processor away. */
int module_entry(void *param);

volatile unsigned turns;

int module_entry(void *param)
{
    (void)param;
    for (;;)
        turns++;
}
