/* SPDX-License-Identifier: BSD-2-Clause */
/* Built so that it reaches its data through r9 (-msingle-pic-base): the loader has to
 * tell where the table of addresses is, and the firmware to put that into r9. */
#include "firmware.h"

int module_entry(void *param);

int counter = 40;
int other;
static int *const both[] = {&counter, &other};

__attribute__((constructor)) static void construct(void)
{
    counter++;
}

int module_entry(void *param)
{
    (void)param;
    other++;
    counter += *both[1];
    return counter != 42;
}
