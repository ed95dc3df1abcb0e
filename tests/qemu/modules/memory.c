/* SPDX-License-Identifier: BSD-2-Clause */
/* Memory as C promises it: bss is zero although the firmware had filled the place, data
 * has its values, alignments are kept, pointers point where they should. */
#include "firmware.h"

int module_entry(void *param);

static int zeros[1000];
static unsigned char odd_zeros[13];
static int aligned __attribute__((aligned(64))) = 5;
static const int aligned_constant __attribute__((aligned(32))) = 7;
static int values[] = {1, 2, 3};
static int *pointers[] = {&values[2], &zeros[999], &aligned};
static int (*entries[])(void *) = {module_entry, module_entry};

int module_entry(void *param)
{
    static const int *volatile constant = &aligned_constant;

    (void)param;
    for (unsigned i = 0; i < 1000; i++) {
        if (zeros[i] != 0)
            return 1;
    }
    for (unsigned i = 0; i < sizeof(odd_zeros); i++) {
        if (odd_zeros[i] != 0)
            return 2;
    }
    if ((uintptr_t)&aligned % 64 != 0 || *pointers[2] != 5)
        return 3;
    if ((uintptr_t)constant % 32 != 0 || *constant != 7)
        return 4;
    if (*pointers[0] != 3 || pointers[1] - zeros != 999)
        return 5;
    if (entries[0] != entries[1] || ((uintptr_t)entries[0] & 1u) == 0)
        return 6;
    fw_puts("memory is as it should be");
    return 0;
}
