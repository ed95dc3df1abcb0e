/* SPDX-License-Identifier: BSD-2-Clause */
/* Functions that the firmware calls by pointer. Each result has `mark` in it, which is
 * the instance's own: code that finds the wrong data, or none, is found out. */
#include <stdarg.h>
#include <stdint.h>

#include "modfmt_module.h"
#include "offered.h"

typedef int fw_four __attribute__((vector_size(16)));

static int mark;
static int compared;
static volatile int ticks;

int module_entry(void *param);
int ten(int a, int b, int c, int d, int e, int f, int g, int h, int i, int j);

int ten(int a, int b, int c, int d, int e, int f, int g, int h, int i, int j)
{
    return mark + a + 2 * b + 3 * c + 4 * d + 5 * e + 6 * f + 7 * g + 8 * h + 9 * i +
           10 * j;
}
MODULE_EXPORT(ten);

/* i: int, l: long long, d: double */
static int formatted(const char *kinds, ...)
{
    va_list arguments;
    int sum = mark;

    va_start(arguments, kinds);
    for (int weight = 1; *kinds; kinds++, weight++)
        sum += weight * (*kinds == 'i'   ? va_arg(arguments, int)
                         : *kinds == 'l' ? (int)va_arg(arguments, long long)
                                         : (int)va_arg(arguments, double));
    va_end(arguments);
    return sum;
}

static struct fw_record record(int a, int b, int c, int d, int e)
{
    struct fw_record result = {{a + mark, b + mark, c + mark, d + mark, e + mark}};

    return result;
}

static int taken(int a, struct fw_record r, int b)
{
    return mark + a + r.words[0] * 2 + r.words[1] * 3 + r.words[2] * 4 + r.words[3] * 5 +
           r.words[4] * 6 + b * 7;
}

#ifdef __ARM_PCS_VFP
static double doubles(double a, double b, double c, double d, double e, double f,
                      double g, double h, double i, double j)
{
    return mark + a + 2 * b + 3 * c + 4 * d + 5 * e + 6 * f + 7 * g + 8 * h + 9 * i +
           10 * j;
}
#else
static double doubles(double a, double b, double c, double d, double e, double f)
{
    return mark + a + 2 * b + 3 * c + 4 * d + 5 * e + 6 * f;
}
#endif

static double mixed(int a, float b, double c, int d, float e, long long f)
{
    return mark + a + 2 * (double)b + 3 * c + 4 * d + 5 * (double)e + 6 * (double)f;
}

static long long wide(int a, long long b, long long c)
{
    return b * a + c + mark;
}

static fw_four four(int a)
{
    fw_four result = {a + mark, a + mark + 1, a + mark + 2, a + mark + 3};

    return result;
}

static struct fw_numbers numbers(double a)
{
    struct fw_numbers result = {{a + mark, a + mark + 1, a + mark + 2, a + mark + 3}};

    return result;
}

static int recurse(int depth)
{
    int here = depth * 100 + mark;

    ticks++;
    return depth == 0 ? mark : fw_again(recurse, depth - 1) + here;
}

static int compare(const void *a, const void *b)
{
    const int *x = a;
    const int *y = b;

    compared++;
    return (*x > *y) - (*x < *y);
}

static int sort(int *list, int count)
{
    compared = 0;
    fw_sort(list, (size_t)count, sizeof *list, compare);
    return mark + compared;
}

static void tick(void)
{
    ticks++;
}

static int tick_count(void)
{
    return ticks + mark;
}

/* Compilers have nothing to push. */
static inline uint32_t stack_pointer(void)
{
    uint32_t sp;

    __asm__ volatile("mov %0, sp" : "=r"(sp));
    return sp;
}

static uint32_t stack(void)
{
    return stack_pointer();
}

static uint32_t stack_ten(int a, int b, int c, int d, int e, int f, int g, int h, int i,
                          int j)
{
    (void)a, (void)b, (void)c, (void)d, (void)e;
    (void)f, (void)g, (void)h, (void)i, (void)j;
    return stack_pointer();
}

static int (*const table[])(const void *, const void *) = {compare, compare};
static int (*chosen)(const void *, const void *) = compare;

/* By way of the GOT, of a table, of a variable, and round the world. */
static int same(fw_function *pointer)
{
    int (*volatile other)(const void *, const void *) = compare;
    int (*volatile given)(const void *, const void *) =
        (int (*)(const void *, const void *))pointer;
    int (*const volatile *first)(const void *, const void *) = table;

    return other == given && *first == given && first[1] == given && chosen == given;
}

int module_entry(void *param)
{
    static fw_function *const all[] = {
        [FW_TEN] = (fw_function *)ten,
        [FW_FORMATTED] = (fw_function *)formatted,
        [FW_RECORD] = (fw_function *)record,
        [FW_TAKEN] = (fw_function *)taken,
        [FW_DOUBLES] = (fw_function *)doubles,
        [FW_MIXED] = (fw_function *)mixed,
        [FW_WIDE] = (fw_function *)wide,
        [FW_FOUR] = (fw_function *)four,
        [FW_NUMBERS] = (fw_function *)numbers,
        [FW_RECURSE] = (fw_function *)recurse,
        [FW_SORT] = (fw_function *)sort,
        [FW_TICK] = tick,
        [FW_TICKS] = (fw_function *)tick_count,
        [FW_STACK] = (fw_function *)stack,
        [FW_STACK_TEN] = (fw_function *)stack_ten,
        [FW_SAME] = (fw_function *)same,
        [FW_COMPARE] = (fw_function *)compare,
    };

    mark = (int)(intptr_t)param;
    for (unsigned i = 0; i < sizeof all / sizeof all[0]; i++)
        fw_register(i, all[i]);
    return 0;
}
