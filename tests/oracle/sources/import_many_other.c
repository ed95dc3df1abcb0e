/* SPDX-License-Identifier: BSD-2-Clause */
/* Second file of import_many.c. */
/* oracle: part=yes */
#include "check.h"

extern int fw_number_3(int, const char *), fw_number_20(int, const char *), fw_last(int);
int other(int x);
int other(int x)
{
    if (fw_number_3(x, "again"))
        return fw_last(fw_number_20(x, 0));
    return fw_last(x);
}
