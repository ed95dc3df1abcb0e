/* SPDX-License-Identifier: BSD-2-Clause */
/**
 * What C++ wants of a firmware for static objects of modules, over memory that the
 * firmware gives: __aeabi_atexit, and guards of function-local statics. No locks in here:
 * where several threads run modules, the firmware has none of them in its way
 * (port/freertos stops the scheduler around these calls).
 *
 *     static struct modload_atexit destructors;
 *
 *     int __aeabi_atexit(void *object, void (*destructor)(void *), void *handle)
 *     {
 *         struct modload_destructor *d = fw_alloc(sizeof(*d));
 *
 *         if (!d)
 *             return -1;
 *         modload_atexit_add(&destructors, d, object, destructor, handle);
 *         return 0;
 *     }
 *     …
 *     modload_atexit_run(&destructors, &module->image, fw_free);
 */
#ifndef MODLOAD_CXX_ATEXIT_H
#define MODLOAD_CXX_ATEXIT_H

#include "modload.h"

/** A static object whose constructor has run: 16 bytes. */
struct modload_destructor {
    struct modload_destructor *next; /**< registered before it */
    uint32_t function;               /**< void function(void *object), with Thumb bit */
    void *object;
    uint32_t handle; /**< an address in the module: its __dso_handle */
};

/** All that are registered, of all modules. Zeros: none. */
struct modload_atexit {
    struct modload_destructor *newest;
};

/**
 * Register what __aeabi_atexit was given.
 *
 * @param d       memory for it: the list's until it is taken
 * @param handle  what the compiler passed: the module's __dso_handle, or any other
 * address in its memory. Modules that were linked with none (NULL) are told by where
 *                `destructor` is, and instances that share a text by what is in their
 * data: handle, destructor (a trampoline) or object.
 */
void modload_atexit_add(struct modload_atexit *list, struct modload_destructor *d,
                        void *object, void (*destructor)(void *), void *handle);

/** Take the newest one of that module out of the list. @return NULL: there is none. */
struct modload_destructor *modload_atexit_take(struct modload_atexit *list,
                                               const struct modload_image *image);

/**
 * Run the destructors of a module, the newest first, and those that they register, with
 * r9 as the module wants it. For registry->leave, or after it: before fini arrays.
 *
 * @param release  gives the memory of each back (before it runs)
 */
void modload_atexit_run(struct modload_atexit *list, const struct modload_image *image,
                        void (*release)(void *memory));

/** What to do where a function-local static is met. */
enum modload_guard {
    MODLOAD_GUARD_DONE = 0,    /**< it is constructed */
    MODLOAD_GUARD_YOURS = 1,   /**< construct it */
    MODLOAD_GUARD_ANOTHER = 2, /**< another thread does; without threads: the constructor
                                    needs itself, which C++ leaves undefined */
};

/** For __cxa_guard_acquire(), whose guard is one word, the first bit of which compilers
 *  test of their own (Arm's C++ ABI, IHI 0041, 3.2.3). */
enum modload_guard modload_guard_acquire(uint32_t *guard);
/** For __cxa_guard_release(). */
void modload_guard_release(uint32_t *guard);
/** For __cxa_guard_abort(): the constructor threw. */
void modload_guard_abort(uint32_t *guard);

#endif
