/* SPDX-License-Identifier: BSD-2-Clause */
/* Alignment 16 behind a first section that starts at 4 modulo 16. */
/* oracle: phase=4 */
#include "check.h"

static __attribute__((aligned(16))) int object[4] = {1, 2, 3, 4};
static __attribute__((aligned(16))) int zeroed[4];
int *const pointers[] = {object, &object[3], zeroed, &zeroed[1]};

int module_entry(void *param)
{
    (void)param;
    CHECK(1, ((uintptr_t)pointers[0] & 15) == 0 && ((uintptr_t)pointers[2] & 15) == 0);
    CHECK(2, *pointers[1] == 4 && pointers[3] == zeroed + 1);
    return 0;
}
