/* SPDX-License-Identifier: BSD-2-Clause */
/* Wants more memory than there is. */
int module_entry(void *param);
char space[200000];

int module_entry(void *param)
{
    (void)param;
    return space[1];
}
