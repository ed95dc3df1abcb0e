/* SPDX-License-Identifier: BSD-2-Clause */
/* Ends by itself. */
int module_entry(void *param);

int module_entry(void *param)
{
    return (int)param + 1;
}
