/* SPDX-License-Identifier: BSD-2-Clause */
/** Time, by SysTick. What modules call is in firmware.h. */
#ifndef CLOCK_H
#define CLOCK_H

struct modload_module;

void clock_begin(void);
/** No callback of that module's is called any more. */
void clock_forget(const struct modload_module *module);
/** SysTick's exception. */
void clock_tick(void);

#endif
