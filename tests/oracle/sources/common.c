/* SPDX-License-Identifier: BSD-2-Clause */
/* COMMON symbols: in two files, of different sizes and alignments. */
/* oracle: cflags=-fcommon also=common_other.c */
#include "check.h"

int shared_number;
char shared_bytes[100];
double shared_double;
int *common_pointer = &shared_number;
char *const into_common = &shared_bytes[77];
int set_from_other(void);

int module_entry(void *param)
{
    (void)param;
    CHECK(1, shared_number == 0 && set_from_other() == 1);
    CHECK(2, shared_number == 5 && *common_pointer == 5 && *into_common == 'c');
    CHECK(3, ((uintptr_t)&shared_double & 7) == 0);
    return 0;
}
