/* SPDX-License-Identifier: BSD-2-Clause */
/** Finding images in the module region, loading them and running them. */
#ifndef MODULES_H
#define MODULES_H

#include "modload_life.h"

struct modules_result {
    unsigned good; /**< were loaded and returned 0 */
    unsigned bad;  /**< were refused or returned something else */
};

/** What is loaded. */
extern struct modload_registry modules_registry;

/** Give the rest of RAM to modules. */
void modules_begin(void);
/** Load and run every live image of the region's store, or, where there never was one,
 *  every image that lies there: one after the other, a line for each. */
struct modules_result modules_run(void);

/** Bytes that are free where the data of modules goes that are placed apart, on a board
 * that has memory of its own for it. */
uint32_t modules_data_free(void);

/** The module whose code the firmware has called and that has not returned, or NULL. */
struct modload_module *modules_running(void);

/** The module that code at this address belongs to: of instances that share a text the
 * one that runs. If it is no module's, the one that runs, or NULL. */
struct modload_module *modules_owner(const void *code);

/** For a fault's report: "module NAME VERSION", or "firmware". */
void modules_print_current(void);
/** An address as NAME+0xOFFSET, if the running module has it, and as it is. */
void modules_print_address(uint32_t address);

#endif
