/* SPDX-License-Identifier: BSD-2-Clause */
/* Fails, as a module may. */
int module_entry(void *param);

int module_entry(void *param)
{
    (void)param;
    return 1;
}
