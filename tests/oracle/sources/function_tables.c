/* SPDX-License-Identifier: BSD-2-Clause */
/* Tables of functions with duplicates (one symbol, many sites), static and global ones,
   structures of operations; the addresses carry bit 0. */
#include "check.h"

typedef int function(int);
NOINLINE int add_one(int x)
{
    return x + 1;
}
NOINLINE static int add_two(int x)
{
    return x + 2;
}
NOINLINE int add_three(int x)
{
    return x + 3;
}
function *const twice[] = {add_one, add_one, add_two, add_two};
function *table[] = {add_three, add_two, add_one, add_two, add_three, add_one, 0};
struct operations {
    const char *name;
    function *call;
    function *const *more;
} const operations[] = {{"a", add_two, twice}, {"b", add_three, twice + 2}, {0, 0, 0}};

int module_entry(void *param)
{
    int sum = 0;
    const struct operations *op = operations;

    (void)param;
    HIDE(op);
    for (int i = 0; i < 4; i++)
        sum += twice[i](0);
    CHECK(1, sum == 6);
    for (int i = 0; table[i]; i++)
        sum = table[i](sum);
    CHECK(2, sum == 18);
    CHECK(3, op[0].call(1) == 3 && op[1].call(1) == 4 && op[1].more[1](5) == 7);
    table[6] = op[0].call;
    CHECK(4, table[6] == add_two && ((uintptr_t)table[6] & 1));
    return 0;
}
