/* SPDX-License-Identifier: BSD-2-Clause */
/* A module to stop in: functions of text, variables of data and bss. */
#include "firmware.h"

int module_entry(void *param);
int plug_work(int turn);

int plug_total = 40;
int plug_turns;
static const char plug_greeting[] = "at work";

__attribute__((noinline)) int plug_work(int turn)
{
    plug_turns += 1;
    plug_total += turn; /* here: the second line of plug_work */
    return plug_total;
}

int module_entry(void *param)
{
    (void)param;
    fw_puts(plug_greeting);
    return plug_work(2) - 42;
}
