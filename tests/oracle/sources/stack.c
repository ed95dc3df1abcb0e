/* SPDX-License-Identifier: BSD-2-Clause */
/* alloca, variable-length arrays, bit-fields, structures by value, variadic functions. */
#include <stdarg.h>
#include "check.h"

struct bits {
    unsigned a : 3, b : 11, c : 18;
    const char *p;
    int : 0;
    unsigned d : 9;
};
struct large {
    int words[40];
    const char *name;
};
static struct bits field = {5, 1234, 99999, "bits", 300};
static const struct large origin = {{1, 2, 3}, "large"};

NOINLINE static struct large copy(struct large x, int n)
{
    x.words[n] += 7;
    return x;
}
NOINLINE static int sum(int n, ...)
{
    va_list list;
    int total = 0;

    va_start(list, n);
    while (n--)
        total += va_arg(list, int);
    va_end(list);
    return total;
}
NOINLINE static int variable(int n)
{
    int array[n];
    char *p = __builtin_alloca((size_t)n * 3);
    int total = 0;

    for (int i = 0; i < n; i++) {
        array[i] = i * i;
        p[i] = (char)i;
    }
    HIDE(p);
    for (int i = 0; i < n; i++)
        total += array[i] + p[i];
    return total;
}

int module_entry(void *param)
{
    struct large l = copy(origin, 2);

    (void)param;
    field.b++;
    CHECK(1, field.a == 5 && field.b == 1235 && field.c == 99999 && field.d == 300);
    CHECK(2, same_text(field.p, "bits") && l.words[2] == 10 && same_text(l.name, "large"));
    CHECK(3, sum(5, 1, 2, 3, 4, 5) == 15 && variable(10) == 330);
    return 0;
}
