/* SPDX-License-Identifier: BSD-2-Clause */
/* Allocates and frees without end, so as to be deleted in the middle of it. */
#include "offered.h"

int module_entry(void *param);

int module_entry(void *param)
{
    void *kept[8] = {0};

    (void)param;
    for (unsigned i = 0;; i++) {
        free(kept[i % 8]);
        kept[i % 8] = malloc(i * 13 % 300);
    }
}
