/* SPDX-License-Identifier: BSD-2-Clause */
/* Nothing to relocate at all. */
#include "check.h"

int module_entry(void *param)
{
    return param == (void *)1;
}
