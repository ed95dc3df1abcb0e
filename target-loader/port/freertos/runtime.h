/* SPDX-License-Identifier: BSD-2-Clause */
/**
 * What C and C++ modules call by these very names, often without their author's knowing;
 * for modapi, to be in a firmware's export table (see kernel_calls.h). Memory that a
 * module gets by them is given back with it.
 */
#ifndef RUNTIME_H
#define RUNTIME_H

#include <stddef.h>
#include <stdint.h>

void *malloc(size_t size);
void *calloc(size_t count, size_t size);
void *realloc(void *memory, size_t size);
void free(void *memory);

/** Is this module to end? (modload_freertos.h) */
int modload_freertos_stopping(void);

/* The C library's. */
void *memcpy(void *to, const void *from, size_t size);
void *memmove(void *to, const void *from, size_t size);
void *memset(void *to, int byte, size_t size);
int memcmp(const void *a, const void *b, size_t size);

/* operator new, new[], delete, delete[], and the two with a size. */
void *_Znwj(size_t size);
void *_Znaj(size_t size);
void _ZdlPv(void *memory);
void _ZdaPv(void *memory);
void _ZdlPvj(void *memory, size_t size);
void _ZdaPvj(void *memory, size_t size);

/* Static objects. */
int __aeabi_atexit(void *object, void (*destructor)(void *), void *handle);
int __cxa_guard_acquire(uint32_t *guard);
void __cxa_guard_release(uint32_t *guard);
void __cxa_guard_abort(uint32_t *guard);
void __cxa_pure_virtual(void) __attribute__((noreturn));

#endif
