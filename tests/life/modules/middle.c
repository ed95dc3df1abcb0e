/* SPDX-License-Identifier: BSD-2-Clause */
/* The module that needs "lowest": by calls, by pointers in data, by data. */
#include "middle.h"

#include "firmware.h"
#include "lowest.h"
#include "modfmt_module.h"

int (*const middle_operation)(int a, int b) = lowest_add;
static int *const third = &lowest_zero[2];

static int times(int number, void *context)
{
    int sum = 0;

    for (int i = 0; i < *(int *)context; i++)
        sum = lowest_add(sum, number);
    return sum;
}

int middle_scaled(int factor)
{
    return lowest_visit(times, &factor);
}

MODULE_EXPORT(middle_scaled);
MODULE_EXPORT(middle_operation);

__attribute__((constructor)) static void construct(void)
{
    fw_printf("middle: constructor, 42 is %d\n", *third);
}

__attribute__((destructor)) static void destruct(void)
{
    fw_printf("middle: destructor, %d\n", lowest_add(20, 3));
}

int module_entry(void *param)
{
    (void)param;
    fw_printf("middle: entry, %d\n", lowest_numbers.number[3]);
    return 0;
}
