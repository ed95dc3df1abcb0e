/* SPDX-License-Identifier: BSD-2-Clause */
/* The module that needs "middle" and "lowest". */
#include "firmware.h"
#include "lowest.h"
#include "middle.h"

static int (*operation)(int a, int b) = lowest_add;
static int (*const visit)(int (*visit)(int number, void *context),
                          void *context) = lowest_visit;
static int *calls = &lowest_calls;

static int count(int number, void *context)
{
    *(int *)context += number;
    return 1;
}

__attribute__((destructor)) static void destruct(void)
{
    fw_printf("highest: destructor, %d\n", middle_scaled(1));
}

int module_entry(void *param)
{
    int before = *calls, sum = 0, visited;

    (void)param;
    fw_printf("highest: entry, scaled %d, added %d by pointer, %d by the other's\n",
              middle_scaled(10), operation(1, 2), middle_operation(30, 4));
    visited = visit(count, &sum);
    fw_printf("highest: %d calls, %d numbers of sum %d\n", lowest_calls - before, visited,
              sum);
    lowest_calls = 200;
    return lowest_numbers.count - 4;
}
