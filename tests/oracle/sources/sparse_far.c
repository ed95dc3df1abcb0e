/* SPDX-License-Identifier: BSD-2-Clause */
/* As sparse.c, with gaps that take three bytes in the tables; too big to run. */
/* oracle: run=no */
#include "check.h"

static int value = 3;
static const struct {
    char a[32768 * 4 - 4];
    int *p;
    char b[32768 * 4];
    int *q;
    char c[40000];
    int *r;
} constant = {{1}, &value, {1}, &value, {1}, &value};
static struct {
    char a[131072 * 4 + 8];
    int *p;
} writable = {{1}, &value};

int module_entry(void *param)
{
    (void)param;
    CHECK(1, *constant.p == 3 && *constant.q == 3 && *constant.r == 3);
    CHECK(2, *writable.p == 3);
    return 0;
}
