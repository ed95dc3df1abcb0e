/* SPDX-License-Identifier: BSD-2-Clause */
/** An STM32F405 in this process (virtual-board's model and CPU) that runs program.c. */
#ifndef CHIP_MACHINE_H
#define CHIP_MACHINE_H

#include "bus.h"
#include "call.h"
#include "chip.h"
#include "cpu.h"

/** Where images may be put in the chip's RAM: behind the program's 32K. */
#define MACHINE_IMAGES (CHIP_SRAM_BASE + 0x8000u)

struct machine {
    uint8_t *cells; /**< the flash; change it through machine_set() */
    struct faults faults;
    struct trace trace;
    struct flash flash;
    struct bus bus;
    struct cpu *cpu;
    uint64_t instructions; /**< of the last call */
    uint32_t stack;        /**< bytes that it used at most */
};

enum machine_end {
    MACHINE_DONE,
    MACHINE_CUT,   /**< the power went, as was asked for */
    MACHINE_STUCK, /**< a fault, or no end */
};

/** The program in flash, the rest erased, power on. Exits with 1 if it cannot be. */
void machine_begin(struct machine *machine, const char *program);
void machine_end(struct machine *machine);
/** Power on: flash as it is, everything else as it comes out of reset. */
void machine_power_on(struct machine *machine);
/** Change flash by force, as if it had always been so. */
void machine_set(struct machine *machine, uint32_t offset, const void *bytes,
                 uint32_t size);
/** Bytes into RAM. */
void machine_put(struct machine *machine, uint32_t address, const void *bytes,
                 uint32_t size);
/** Carry out a call; its results are written into it if it ends. */
enum machine_end machine_call(struct machine *machine, struct chip_call *call);

#endif
