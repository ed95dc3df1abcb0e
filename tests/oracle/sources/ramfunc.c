/* SPDX-License-Identifier: BSD-2-Clause */
/* Code in .data: branches between the segments, so it moves as one block only. */
/* oracle: options=gcc-O0,gcc-Os,gcc-O2,gcc-long-calls,clang-O0,clang-Os,clang-O2 */
#include "check.h"

static int state = 5;
NOINLINE static int in_text(int x)
{
    return x + state;
}
__attribute__((section(".data.ramfunc"), noinline, used)) static int in_data(int x)
{
    static const char text[] = "inside";

    state += text[0] == 'i';
    return in_text(x) * 2;
}
int (*const pointer)(int) = in_data;
int (*writable)(int) = in_text;

int module_entry(void *param)
{
    (void)param;
    CHECK(1, in_data(1) == 14);
    CHECK(2, pointer(1) == 16 && writable(1) == 8);
    return 0;
}
