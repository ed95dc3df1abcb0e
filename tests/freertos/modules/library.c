/* SPDX-License-Identifier: BSD-2-Clause */
/* A module without an entry, for others. */
#include "offered.h"

int library_add(int a, int b);

static int *total;

__attribute__((constructor)) static void construct(void)
{
    note('l', 1);
}

__attribute__((destructor)) static void destruct(void)
{
    note('l', -1);
}

int library_add(int a, int b)
{
    if (!total)
        total = malloc(sizeof(*total));
    if (total)
        *total = a + b;
    note('l', a + b);
    return a + b;
}
