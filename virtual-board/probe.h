/* SPDX-License-Identifier: BSD-2-Clause */
/** An ST-LINK/V2: what it does with the commands that it is sent. */
#ifndef PROBE_H
#define PROBE_H

#include <stddef.h>
#include <stdint.h>

#include "core.h"
#include "faults.h"
#include "trace.h"

enum { PROBE_REPLY_MAX = 0xffff + 5 }; /* the longest block, rounded up */

struct probe {
    struct core *core; /**< NULL: nothing is connected to the probe */
    struct bus *bus;
    struct faults *faults;
    const struct trace *trace;
    uint8_t mode;
    uint8_t status; /**< of the last access to memory */
    uint32_t fault; /**< the address where it failed */
    uint32_t write_address;
    uint32_t write_left; /**< bytes of data that are still to come */
    unsigned write_size; /**< bytes of each access */
    uint64_t bytes_read; /**< of memory, in blocks */
    uint64_t bytes_written;
    uint32_t reply_length;
    uint32_t reply_start; /**< what was fetched already */
    uint8_t reply[PROBE_REPLY_MAX];
};

void probe_init(struct probe *probe, struct core *core, struct faults *faults,
                const struct trace *trace);
/** A client has opened the probe: what another has left half-said is forgotten. */
void probe_attach(struct probe *probe);
/** Bytes that the host sends: a command, or data for the one before. */
void probe_send(struct probe *probe, const uint8_t *bytes, size_t length);
/** Bytes for the host. @return how many there are; 0: there is no answer yet */
size_t probe_fetch(struct probe *probe, uint8_t *bytes, size_t room);

#endif
