/* SPDX-License-Identifier: BSD-2-Clause */
/** What the cases are written with. */
#ifndef TEST_H
#define TEST_H

#include "modload_freertos.h"
#include "offered.h"

struct test_case {
    const char *name;
    void (*run)(void);   /**< in a task above the modules' */
    void (*early)(void); /**< in main(), before the scheduler runs; or NULL */
};
extern const struct test_case cases[];
extern const unsigned case_count;

#define PRIORITY_MODULE 2
#define PRIORITY_TEST   3
#define PRIORITY_OTHER  2 /* of tasks that are no module's */

/** End the test, unless it is so. */
#define CHECK(x)                                                                         \
    do {                                                                                 \
        if (!(x))                                                                        \
            failed(__FILE__, __LINE__, #x);                                              \
    } while (0)

extern struct modload_freertos rtos;
extern SemaphoreHandle_t work_lock;

/** Bytes of the heap that are free. */
size_t heap_free(void);
/** Have the n-th allocation from now on fail; 0: none. */
void heap_fail(unsigned n);
/** Has it failed? */
bool heap_failed(void);

/** Where that module's image is; it is there, or the test ends. */
struct modload_source image_named(const char *name);
/** Load and start. */
void begin_module(struct modload_module *module, const char *name, void *param);
void end_module(struct modload_module *module);

/** The same, as an instance that runs in place. */
void begin_instance(struct modload_module *module, const char *name, const char *instance,
                    void *param);

/** How many notes `who` has written; the last one's `what`; how many there are at all. */
unsigned notes_of(int who);
int last_note(int who);
/** Are the notes of `who` these, in this order? */
bool notes_are(int who, unsigned count, const int *what);
void forget_notes(void);

/** Cases of instances.c. */
void instances_callbacks(void);
void instances_cxx(void);

/** The case of placing.c. */
void placing_any(void);

#endif
