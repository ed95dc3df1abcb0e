/* SPDX-License-Identifier: BSD-2-Clause */
/** A Cortex-M4 that runs instructions, by Unicorn. It has no exceptions: where the core
 *  would take one, it stops. */
#ifndef CPU_H
#define CPU_H

#include <stdbool.h>
#include <stdint.h>

#include "bus.h"

/** Register numbers, as in DCRSR. */
enum {
    CPU_SP = 13,
    CPU_LR = 14,
    CPU_PC = 15,
    CPU_XPSR = 16,
    CPU_MSP = 17,
    CPU_PSP = 18,
    CPU_SPECIAL = 20, /**< CONTROL, FAULTMASK, BASEPRI, PRIMASK: a byte each */
    CPU_FPSCR = 33,
    CPU_S0 = 64,
    CPU_S31 = 95,
};

enum cpu_stop {
    CPU_BUDGET,     /**< the instructions are used up, or cpu_stop() was called */
    CPU_BKPT,       /**< at a BKPT instruction */
    CPU_BREAKPOINT, /**< at an address of the list */
    CPU_ASLEEP,     /**< behind WFI or WFE, and nothing will ever wake it */
    CPU_FAULT,      /**< an exception, or no instruction */
};

struct cpu;

/** @return NULL, with the reason in *ret_problem */
struct cpu *cpu_new(struct bus *bus, const char **ret_problem);
void cpu_free(struct cpu *cpu);

uint32_t cpu_get(struct cpu *cpu, unsigned number);
void cpu_set(struct cpu *cpu, unsigned number, uint32_t value);
/** All registers as reset has them, but SP and PC: 0. */
void cpu_clear(struct cpu *cpu);

/** Run at most `budget` instructions, or up to one of the addresses. */
enum cpu_stop cpu_run(struct cpu *cpu, uint64_t budget, const uint32_t *breakpoints,
                      unsigned count);
/** From inside a bus access: stop behind this instruction. */
void cpu_stop(struct cpu *cpu);
uint64_t cpu_instructions(const struct cpu *cpu);

#endif
