/* SPDX-License-Identifier: BSD-2-Clause */
/* Two dozen imports from functions of two files, each called three times. */
/* oracle: imports=yes also=import_many_other.c */
#include "check.h"

#define EACH(x)                                                                               \
    x(0) x(1) x(2) x(3) x(4) x(5) x(6) x(7) x(8) x(9) x(10) x(11) x(12) x(13) x(14) x(15)     \
        x(16) x(17) x(18) x(19) x(20) x(21) x(22) x(23)
#define DECLARE(n) extern int fw_number_##n(int, const char *);
#define CALLER(n)                                                                             \
    NOINLINE static int caller_##n(int x)                                                     \
    {                                                                                         \
        return fw_number_##n(x, "text " #n) + fw_number_##n(x + 1, "other " #n) * 3;          \
    }
#define ENTRY(n) caller_##n, fw_entry_##n,
#define DECLARE_ENTRY(n) extern int fw_entry_##n(int);
EACH(DECLARE)
EACH(DECLARE_ENTRY)
EACH(CALLER)
int (*const callers[])(int) = {EACH(ENTRY)};
int other(int);

int module_entry(void *param)
{
    int sum = other(1);

    for (int i = 0; i < 48; i++)
        sum += callers[i](i);
    return param ? sum : fw_number_3(1, 0);
}
