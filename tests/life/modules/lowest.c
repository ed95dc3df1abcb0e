/* SPDX-License-Identifier: BSD-2-Clause */
/* The module that needs the firmware alone. */
#include "lowest.h"

#include "firmware.h"
#include "modfmt_module.h"

const struct lowest_numbers lowest_numbers = {4, {2, 3, 5, 7}};
int lowest_calls = 100;
int lowest_zero[4];
static int constructed;

__attribute__((constructor)) static void construct(void)
{
    constructed = 1;
    fw_puts("lowest: constructor");
}

__attribute__((destructor)) static void destruct(void)
{
    fw_printf("lowest: destructor, %d calls\n", lowest_calls);
}

int lowest_add(int a, int b)
{
    lowest_calls++;
    return constructed ? a + b : -1;
}

int lowest_visit(int (*visit)(int number, void *context), void *context)
{
    int sum = 0;

    for (int i = 0; i < lowest_numbers.count; i++)
        sum += visit(lowest_numbers.number[i], context);
    return sum;
}

MODULE_EXPORT(lowest_add);
#ifndef WITHOUT_VISIT
MODULE_EXPORT(lowest_visit);
#endif
MODULE_EXPORT(lowest_numbers);
MODULE_EXPORT(lowest_calls);
MODULE_EXPORT(lowest_zero);

int module_entry(void *param)
{
    (void)param;
    lowest_zero[2] = 42;
    fw_puts("lowest: entry");
    return 0;
}
