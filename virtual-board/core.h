/* SPDX-License-Identifier: BSD-2-Clause */
/** The core as a debugger sees it: halt, run, step, registers, breakpoints, reset. */
#ifndef CORE_H
#define CORE_H

#include <stdbool.h>
#include <stdint.h>

#include "bus.h"
#include "cpu.h"

enum { CORE_COMPARATORS = 6, CORE_SCS_WORDS = 0x1000 / 4 };

struct core {
    struct cpu *cpu;
    struct bus *bus;
    const struct trace *trace;
    bool debug_enabled;
    bool halted;
    bool masked; /**< interrupts, while stepping */
    bool locked_up;
    bool asleep;
    bool held;        /**< NRST is low */
    bool running;     /**< inside the CPU: what it asks for waits until it is out */
    bool reset_asked; /**< by the program that runs */
    bool reset_seen;  /**< S_RESET_ST: since DHCSR was read */
    bool retired;     /**< S_RETIRE_ST: likewise */
    bool fpb_enabled;
    uint32_t comparator[CORE_COMPARATORS];
    uint32_t demcr;
    uint32_t dfsr;
    uint32_t dcrdr;
    uint32_t dwt_control;
    uint32_t scs[CORE_SCS_WORDS]; /**< from 0xe000e000 on: what just keeps its value */
    uint64_t resets;
    uint64_t last; /**< when it was last let run, in microseconds */
};

/** Power on: connects itself to the bus and lets go of reset. @return false, with the
 *  reason in *ret_problem */
bool core_init(struct core *core, struct bus *bus, const struct trace *trace,
               const char **ret_problem);
void core_free(struct core *core);

/** A system reset: core, flash controller and peripherals. */
void core_reset(struct core *core);
/** Drive the NRST pin. */
void core_hold_reset(struct core *core, bool low);
void core_set_debug(struct core *core, bool enabled);
void core_halt(struct core *core);
void core_resume(struct core *core);
void core_step(struct core *core);

uint32_t core_get(struct core *core, unsigned number);
void core_set(struct core *core, unsigned number, uint32_t value);

bool core_is_running(const struct core *core);
/**
 * Let the core run for the time since the last call, at some 20 MHz, for 10 ms at most; a
 * core has no thread of its own, so that the same commands always give the same result.
 */
void core_advance(struct core *core);
/**
 * After the last command: let it run for a moment, to see whether there is a program to
 * run; after a cut that has left the chip its power, until it stops by itself or for some
 * 2 million instructions, since nobody will ask for the result.
 */
void core_settle(struct core *core);

#endif
