/* SPDX-License-Identifier: BSD-2-Clause */
/* A weak reference that nobody defines is null; mkmod or the loader may find that out. */
int module_entry(void *param);
int no_such_function(int) __attribute__((weak));
int (*pointer)(int) = no_such_function;

int module_entry(void *param)
{
    (void)param;
    return pointer != 0 || no_such_function != 0;
}
