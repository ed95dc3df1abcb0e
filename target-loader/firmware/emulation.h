/* SPDX-License-Identifier: BSD-2-Clause */
/**
 * What scripts/run-qemu.sh tells the firmware, by four words at the end of its flash. On
 * a real board that flash is erased, so the firmware does there what it would do anyway:
 * it idles at the end, where a BKPT without a debugger would be a fault.
 */
#ifndef EMULATION_H
#define EMULATION_H

#include <stdbool.h>
#include <stdint.h>

#define EMULATION_MAGIC      0x554d4551u /* "QEMU" */
#define EMULATION_APART      0x1u        /**< place text and data apart */
#define EMULATION_READ       0x2u        /**< read images through port->read, in chunks */
#define EMULATION_KEEP       0x4u  /**< load and start all modules, then unload them */
#define EMULATION_COPY       0x8u  /**< copy to RAM what could run in place */
#define EMULATION_TWICE      0x10u /**< load each image twice, as NAME and as NAME.2 */
#define EMULATION_NO_EXECUTE 0x20u /**< as if RAM could not execute */

struct emulation_config {
    uint32_t magic;
    uint32_t options;
    uint32_t clock_hz; /**< of SysTick: QEMU runs it at another speed than the chip */
    uint32_t reserved;
};

/** Does a run-qemu.sh look on? */
bool emulation_there(void);
/** EMULATION_* bits; 0 on a real board. */
uint32_t emulation_options(void);
/** Clocks a second of SysTick. */
uint32_t emulation_clock_hz(void);
/** End: QEMU with this exit status, or idle for ever on a real board. */
_Noreturn void emulation_end(int status);

#endif
