/* SPDX-License-Identifier: BSD-2-Clause */
/* Addends so large that the value wraps round the address space, at some link bases and
   load addresses and not at others. */
#include "check.h"

static char data[16] = "wrapped";
static char zeroed[16];
const char *const far[] = {data - 0x30000000, data + 0x7fffffff, data - 0x7fffffff - 1,
                           zeroed + 0x7ffffff0, zeroed - 1, (const char *)far - 0x10};
char *writable[] = {data - 0x20000001, zeroed + 0x12345678};

int module_entry(void *param)
{
    const char *const *f = far;
    char *d = data;

    (void)param;
    HIDE(f);
    HIDE(d);
    CHECK(1, f[0] + 0x30000000 == d && (uintptr_t)f[1] - 0x7fffffff == (uintptr_t)d);
    CHECK(2, (uintptr_t)f[2] + 0x80000000 == (uintptr_t)d && f[4] + 1 == zeroed);
    CHECK(3, f[5] + 0x10 == (const char *)f && writable[0] + 0x20000001 == d);
    return 0;
}
