/* SPDX-License-Identifier: BSD-2-Clause */
/** What the test firmware offers to its modules, beside FreeRTOS. */
#ifndef OFFERED_H
#define OFFERED_H

#ifdef __cplusplus
extern "C" {
#endif

/** Write into the log that cases look at. */
void note(int who, int what);
/** Hold the firmware's mutex for so many ticks. */
void work_locked(unsigned ticks);
/** Try to unload the module of that name. @return what that said */
int unload_named(const char *name);
/** Have the kernel call `function` every so many ticks, from its timer task. It knows
 *  nothing of modules. `which` is 0 or 1. */
void timer_begin(unsigned which, unsigned ticks, void (*function)(void *timer));
void timer_end(unsigned which);
/** Have the kernel run `entry` as a task; it ends by task_end(). */
void task_begin(unsigned which, void (*entry)(void *), void *param);
void task_end(void) __attribute__((noreturn));
int modload_freertos_stopping(void);
void *malloc(__SIZE_TYPE__ size);
void free(void *memory);

#ifdef __cplusplus
}
#endif
#endif
