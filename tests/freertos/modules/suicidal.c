/* SPDX-License-Identifier: BSD-2-Clause */
/* Tries to unload itself, and another one. */
#include "offered.h"

int module_entry(void *param);

int module_entry(void *param)
{
    (void)param;
    note('u', unload_named("suicidal"));
    note('u', unload_named("ticker_b"));
    return 0;
}
