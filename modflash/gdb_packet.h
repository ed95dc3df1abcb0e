/* SPDX-License-Identifier: BSD-2-Clause */
/**
 * Packets of GDB's remote serial protocol over TCP, from the debugger's end: framing,
 * checksums, acknowledgements, escapes. GDB manual, appendix E.
 */
#ifndef MODFLASH_GDB_PACKET_H
#define MODFLASH_GDB_PACKET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/** Longest packet that is sent or understood, whatever the server offers. */
#define GDB_PACKET_MAX 0x8000u

enum gdb_result {
    GDB_OK = 0,
    GDB_TIMEOUT = -1, /**< no answer, or not the whole of it */
    GDB_CLOSED = -2,  /**< the connection broke */
    GDB_DAMAGED = -3, /**< packets arrive damaged, here or there, again and again */
};

struct gdb_link {
    int fd;
    bool no_acks;       /**< after QStartNoAckMode */
    size_t packet_size; /**< longest packet the server takes */
    uint8_t raw[4096];  /**< received, not yet looked at */
    size_t raw_at, raw_size;
    char packet[GDB_PACKET_MAX + 1]; /**< the last one received, unescaped; ends with 0 */
    size_t size;                     /**< of `packet` */
};

/** Send a packet, again if the server asks for that. `deadline` as probe_clock_ms(). */
enum gdb_result gdb_send(struct gdb_link *link, const void *bytes, size_t size,
                         int64_t deadline);
/** Send the byte that stops a running target. */
enum gdb_result gdb_send_interrupt(struct gdb_link *link, int64_t deadline);
/** Wait until a byte has come. */
enum gdb_result gdb_wait(const struct gdb_link *link, int64_t deadline);
/** Receive the next packet into link->packet. Notifications are skipped. */
enum gdb_result gdb_receive(struct gdb_link *link, int64_t deadline);
/** Escape binary data for a packet. @return bytes written to `out`, at most 2 * size */
size_t gdb_escape(const uint8_t *bytes, size_t size, uint8_t *out);

#endif
