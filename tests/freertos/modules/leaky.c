/* SPDX-License-Identifier: BSD-2-Clause */
/* Frees some of what it gets; by a function that tail-calls as well. */
#include "offered.h"

int module_entry(void *param);

__attribute__((noinline)) static void *get(unsigned size)
{
    return malloc(size);
}

int module_entry(void *param)
{
    char *kept = get(1000), *freed = malloc(500), *more = malloc(2000);

    (void)param;
    if (!kept || !freed || !more)
        return 1;
    free(freed);
    free(get(100));
    kept[999] = more[1999] = 1;
    return 0;
}
