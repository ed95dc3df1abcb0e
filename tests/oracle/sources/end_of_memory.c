/* SPDX-License-Identifier: BSD-2-Clause */
/* A pointer whose last byte is the last byte of the module's memory, at an odd place. */
#include "check.h"

static int value = 12;
struct __attribute__((packed)) last {
    char pad[13];
    int *p;
};
struct last last[] __attribute__((section(".data.zz"), aligned(1))) = {
    {"odd", &value}, {"odd too", &value}, {"the end", &value}};

int module_entry(void *param)
{
    struct last *l = last;

    (void)param;
    HIDE(l);
    for (int i = 0; i < 3; i++)
        CHECK(1 + i, *l[i].p == 12);
    CHECK(5, same_text(l[2].pad, "the end"));
    return 0;
}
