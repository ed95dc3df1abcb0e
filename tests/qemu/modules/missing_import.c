/* SPDX-License-Identifier: BSD-2-Clause */
/* Calls what the firmware does not offer. */
int module_entry(void *param);
int no_such_function(int);

int module_entry(void *param)
{
    (void)param;
    return no_such_function(1);
}
