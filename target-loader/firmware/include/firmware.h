/* SPDX-License-Identifier: BSD-2-Clause */
/**
 * What the demo firmware offers to modules. They are bound by name hash when a module is
 * loaded; a module includes this header and calls them like any function. exports.csv has
 * more (memcpy and its like, puts, printf, malloc, free and what C++ wants of its
 * runtime); firmware.api describes all of it, with types.
 *
 * No function here takes or gives a floating-point value, so that modules built for soft,
 * softfp and hard float can all call them.
 */
#ifndef FIRMWARE_H
#define FIRMWARE_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/** Print a text as it is. */
void fw_print(const char *text);

/** Print a text and a line end. @return 0 */
int fw_puts(const char *text);

/**
 * Print with %d %i %u %x %X %c %s %p %%, a width, '0' and '-'. The modifiers h, l and z
 * are accepted; there is no 64-bit and no floating-point conversion.
 * @return the number of characters printed
 */
int fw_printf(const char *format, ...) __attribute__((format(printf, 1, 2)));

/** Memory at a multiple of 8, or NULL. What a module does not free is taken back, and
 *  told, when it is unloaded. */
void *fw_alloc(size_t size);
/** Give it back; NULL is ignored. */
void fw_free(void *memory);
/** Bytes that are free for modules and fw_alloc() together. */
uint32_t fw_free_bytes(void);

/** Milliseconds since the firmware started. */
uint32_t fw_time_ms(void);
/** Microseconds since then, modulo 2^32: for short times. */
uint32_t fw_time_us(void);

/** Sort `count` elements of `size` bytes, as qsort() does: compare(a, b) is negative, 0 or
 *  positive. Elements that are equal may change places. In bounded stack, and in
 *  count * log(count) time whatever their order. */
void fw_sort(void *base, size_t count, size_t size,
             int (*compare)(const void *, const void *));

/** Have `callback` called each millisecond, from an interrupt, until the next fw_tick() of
 *  the same module; NULL: no more. It ends with the module.
 *  @return 0, or -1: another module has it */
int fw_tick(void (*callback)(void *context), void *context);

#ifdef __cplusplus
}
#endif
#endif
