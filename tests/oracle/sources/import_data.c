/* SPDX-License-Identifier: BSD-2-Clause */
/* Imports that are only data, and functions only pointed at: no veneers. */
/* oracle: imports=yes */
#include "check.h"

extern int fw_ticks_object, fw_table_object[];
extern int fw_callback(int);
static const struct {
    char c;
    int *p;
    int (*f)(int);
} __attribute__((packed)) odd[] = {{1, &fw_ticks_object, fw_callback},
                                   {2, fw_table_object + 3, fw_callback}};

int module_entry(void *param)
{
    int (*f)(int) = param ? fw_callback : 0;
    const int *p = &fw_table_object[100];

    HIDE(p);
    return f == odd[1].f ? *p + fw_ticks_object : *odd[0].p;
}
