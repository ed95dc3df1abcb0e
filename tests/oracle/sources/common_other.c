/* SPDX-License-Identifier: BSD-2-Clause */
/* Second file of common.c: the larger one wins. */
/* oracle: part=yes cflags=-fcommon */
#include "check.h"

int shared_number;
char shared_bytes[333];
int set_from_other(void);
int set_from_other(void)
{
    shared_number = 5;
    shared_bytes[77] = 'c';
    return 1;
}
