/* SPDX-License-Identifier: BSD-2-Clause */
/* Registers a destructor when it is too late: in fini_array. Nobody shall call it. */
#include "offered.h"

int __aeabi_atexit(void *object, void (*destructor)(void *), void *handle);
int module_entry(void *param);

static void never(void *object)
{
    (void)object;
    note('n', -1);
}

__attribute__((destructor)) static void destruct(void)
{
    note('n', __aeabi_atexit(malloc(16), never, (void *)0));
}

int module_entry(void *param)
{
    (void)param;
    return __aeabi_atexit((void *)0, never, (void *)0);
}
