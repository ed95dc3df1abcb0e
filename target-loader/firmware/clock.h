/* SPDX-License-Identifier: BSD-2-Clause */
/** Time, by SysTick. What modules call is in firmware.h. */
#ifndef CLOCK_H
#define CLOCK_H

void clock_begin(void);
/** SysTick's exception. */
void clock_tick(void);

#endif
