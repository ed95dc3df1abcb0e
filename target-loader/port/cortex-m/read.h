/* SPDX-License-Identifier: BSD-2-Clause */
/**
 * Reading flash that may not be readable. Flash with ECC answers with a fault where a
 * power failure left a unit half programmed; the store has to see that as an error.
 *
 * For chips whose flash answers with a bus fault (STM32H7; RM0433, 4.3.9), and for any
 * Cortex-M: give modload_cortex_m_read to the store, and call
 * modload_cortex_m_read_fault() from HardFault (and BusFault, if that is enabled).
 *
 * STM32L4, L5, G0, G4, WB, U5 and H5 raise an NMI instead (FLASH_ECCR.ECCD). There the
 * read is a plain copy that clears ECCD before and looks at it afterwards, and the NMI's
 * handler returns if ECCD is set. The F4 and its like have no ECC: modload_store_read.
 */
#ifndef MODLOAD_CORTEX_M_READ_H
#define MODLOAD_CORTEX_M_READ_H

#include "modfmt_store.h"

/** What the core pushes when it takes an exception. */
struct modload_cortex_m_frame {
    uint32_t r0, r1, r2, r3, r12, lr, pc, xpsr;
};

/** For flash->read: copies from flash->base + offset. In read.S.
 *  @return 0, or -1 if a byte of it cannot be read */
int modload_cortex_m_read(struct modfmt_flash *flash, uint32_t offset, void *bytes,
                          uint32_t size);

/** Was this fault one of modload_cortex_m_read()? Then it is put right: return from the
 *  exception, and the read returns -1. */
bool modload_cortex_m_read_fault(struct modload_cortex_m_frame *frame);

#endif
