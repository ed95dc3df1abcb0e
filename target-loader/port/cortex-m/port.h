/* SPDX-License-Identifier: BSD-2-Clause */
/**
 * What struct modload_port wants, for any Cortex-M without an operating system: features,
 * synchronization, memory, and the call into a module. A firmware fills the struct with
 * these and adds what only it knows (which functions it offers, where images are).
 */
#ifndef MODLOAD_CORTEX_M_PORT_H
#define MODLOAD_CORTEX_M_PORT_H

#include "arena.h"
#include "modload.h"

/**
 * The MODFMT_NEED_* bits of the core that this is compiled for (-mcpu, -mfpu).
 *
 * Both calling conventions for floating-point arguments are offered: that is right as
 * long as no exported function has floating-point parameters or results, see
 * specs/modfmt.md, 2.2. A firmware that exports such functions takes the bit of the other
 * one away.
 */
uint32_t modload_cortex_m_features(void);

/** Memory from the arena that port->ctx points to (the first member of what it points to
 *  may be one as well), which can execute. Owner 1 has it. For port->place and
 * port->release of all but linked images (MODLOAD_E_MEMORY): those are between the
 * firmware's own place() and modload_fixed_check().
 *  @return 0 or MODLOAD_E_MEMORY */
int modload_cortex_m_place(const struct modload_port *port, enum modload_purpose purpose,
                           uint32_t align, uint32_t offset,
                           struct modfmt_segment *segment);
void modload_cortex_m_release(const struct modload_port *port,
                              enum modload_purpose purpose,
                              const struct modfmt_segment *segment);

/** For port->sync: DSB and ISB; on cores with caches (M7) the D-cache is cleaned over
 * what was written and the I-cache thrown away first. */
void modload_cortex_m_sync(const struct modload_port *port,
                           const struct modload_image *module);

/**
 * Call `int function(void *param)` of a module, with r9 holding the module's static base;
 * r9 is as before afterwards. In call.S.
 *
 * @param function     address with the Thumb bit
 * @param static_base  address of the module's MODLOAD_STATIC_BASE
 * @return what the function returned
 */
int modload_cortex_m_call(uint32_t function, void *param, uint32_t static_base);

#endif
