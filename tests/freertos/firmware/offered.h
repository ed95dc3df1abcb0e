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
int modload_freertos_stopping(void);
void *malloc(__SIZE_TYPE__ size);
void free(void *memory);

#ifdef __cplusplus
}
#endif
#endif
