/* SPDX-License-Identifier: BSD-2-Clause */
/** Packets of the remote serial protocol: see gdb_packet.h. */
#include "gdb_packet.h"
#include "probe.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#define TRIES     4
#define INTERRUPT 0x03

/* ---- bytes ---------------------------------------------------------------- */

static enum gdb_result wait_for(const struct gdb_link *link, short events,
                                int64_t deadline)
{
    for (;;) {
        int64_t left = deadline - probe_clock_ms();
        struct pollfd poller = {.fd = link->fd, .events = events};
        int ready = poll(&poller, 1, left > 0 ? (int)left : 0);
        if (ready > 0) {
            return GDB_OK;
        }
        if (ready == 0 && left <= 0) {
            return GDB_TIMEOUT;
        }
        if (ready < 0 && errno != EINTR) {
            return GDB_CLOSED;
        }
    }
}

static enum gdb_result send_bytes(struct gdb_link *link, const uint8_t *bytes,
                                  size_t size, int64_t deadline)
{
    while (size != 0) {
        enum gdb_result result = wait_for(link, POLLOUT, deadline);
        if (result != GDB_OK) {
            return result;
        }
        ssize_t put = send(link->fd, bytes, size, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (put < 0 && (errno == EINTR || errno == EAGAIN)) {
            continue;
        }
        if (put <= 0) {
            return GDB_CLOSED;
        }
        bytes += put;
        size -= (size_t)put;
    }
    return GDB_OK;
}

/* The next byte, without taking it. */
static enum gdb_result peek_byte(struct gdb_link *link, uint8_t *ret_byte,
                                 int64_t deadline)
{
    while (link->raw_at == link->raw_size) {
        enum gdb_result result = wait_for(link, POLLIN, deadline);
        if (result != GDB_OK) {
            return result;
        }
        ssize_t got = recv(link->fd, link->raw, sizeof link->raw, MSG_DONTWAIT);
        if (got < 0 && (errno == EINTR || errno == EAGAIN)) {
            continue;
        }
        if (got <= 0) {
            return GDB_CLOSED;
        }
        link->raw_at = 0;
        link->raw_size = (size_t)got;
    }
    *ret_byte = link->raw[link->raw_at];
    return GDB_OK;
}

static enum gdb_result take_byte(struct gdb_link *link, uint8_t *ret_byte,
                                 int64_t deadline)
{
    enum gdb_result result = peek_byte(link, ret_byte, deadline);
    if (result == GDB_OK) {
        link->raw_at++;
    }
    return result;
}

/* ---- sending -------------------------------------------------------------- */

/* @return GDB_OK and *ret_again: the server wants it once more. A packet that comes first
 * has crossed ours, and says that the server got everything before it as well. */
static enum gdb_result wait_ack(struct gdb_link *link, bool *ret_again, int64_t deadline)
{
    for (;;) {
        uint8_t byte = 0;
        enum gdb_result result = peek_byte(link, &byte, deadline);
        if (result != GDB_OK) {
            return result;
        }
        *ret_again = byte == '-';
        if (byte == '$' || byte == '%') {
            return GDB_OK;
        }
        link->raw_at++;
        if (byte == '+' || byte == '-') {
            return GDB_OK;
        }
    }
}

enum gdb_result gdb_send(struct gdb_link *link, const void *bytes, size_t size,
                         int64_t deadline)
{
    static uint8_t frame[GDB_PACKET_MAX + 8];
    const uint8_t *from = bytes;
    uint8_t sum = 0;
    bool again = false;
    if (size > GDB_PACKET_MAX) {
        return GDB_CLOSED;
    }
    frame[0] = '$';
    memcpy(frame + 1, bytes, size);
    for (size_t i = 0; i < size; i++) {
        sum = (uint8_t)(sum + from[i]);
    }
    snprintf((char *)frame + 1 + size, 4, "#%02x", (unsigned)sum);
    for (int i = 0; i < TRIES; i++) {
        enum gdb_result result = send_bytes(link, frame, size + 4, deadline);
        if (result != GDB_OK || link->no_acks) {
            return result;
        }
        result = wait_ack(link, &again, deadline);
        if (result != GDB_OK || !again) {
            return result;
        }
    }
    return GDB_DAMAGED;
}

enum gdb_result gdb_send_interrupt(struct gdb_link *link, int64_t deadline)
{
    const uint8_t byte = INTERRUPT;
    return send_bytes(link, &byte, 1, deadline);
}

size_t gdb_escape(const uint8_t *bytes, size_t size, uint8_t *out)
{
    size_t length = 0;
    for (size_t i = 0; i < size; i++) {
        if (strchr("$#}*", bytes[i]) != NULL && bytes[i] != 0) {
            out[length++] = '}';
            out[length++] = bytes[i] ^ 0x20;
        } else {
            out[length++] = bytes[i];
        }
    }
    return length;
}

/* ---- receiving ------------------------------------------------------------ */

enum gdb_result gdb_wait(const struct gdb_link *link, int64_t deadline)
{
    return link->raw_at != link->raw_size ? GDB_OK : wait_for(link, POLLIN, deadline);
}

static int hex_digit(uint8_t byte)
{
    return byte >= '0' && byte <= '9'   ? byte - '0'
           : byte >= 'a' && byte <= 'f' ? byte - 'a' + 10
           : byte >= 'A' && byte <= 'F' ? byte - 'A' + 10
                                        : -1;
}

/* One byte of a packet's body; false: it makes no sense, or does not fit. */
static bool append(struct gdb_link *link, uint8_t byte, char *escape)
{
    size_t count = 1;
    if (*escape == '}') {
        byte ^= 0x20;
    } else if (*escape == '*') {
        if (link->size == 0 || byte < 29 + 3) {
            return false;
        }
        count = (size_t)byte - 29;
        byte = (uint8_t)link->packet[link->size - 1];
    } else if (byte == '}' || byte == '*') {
        *escape = (char)byte;
        return true;
    }
    *escape = 0;
    if (count > GDB_PACKET_MAX - link->size) {
        return false;
    }
    memset(link->packet + link->size, byte, count);
    link->size += count;
    return true;
}

/* From behind '$' to the checksum. *ret_good: it is whole and makes sense. */
static enum gdb_result receive_body(struct gdb_link *link, bool *ret_good,
                                    int64_t deadline)
{
    uint8_t sum = 0;
    uint8_t byte = 0;
    uint8_t digits[2] = {0};
    char escape = 0;
    bool good = true;
    link->size = 0;
    for (;;) {
        enum gdb_result result = take_byte(link, &byte, deadline);
        if (result != GDB_OK) {
            return result;
        }
        if (byte == '#') {
            break;
        }
        sum = (uint8_t)(sum + byte);
        good = good && append(link, byte, &escape);
    }
    for (int i = 0; i < 2; i++) {
        enum gdb_result result = take_byte(link, &digits[i], deadline);
        if (result != GDB_OK) {
            return result;
        }
    }
    link->packet[link->size] = 0;
    *ret_good = good && escape == 0 && hex_digit(digits[0]) == sum >> 4 &&
                hex_digit(digits[1]) == (sum & 0xF);
    return GDB_OK;
}

enum gdb_result gdb_receive(struct gdb_link *link, int64_t deadline)
{
    for (int damaged = 0; damaged < TRIES;) {
        uint8_t byte = 0;
        bool good = false;
        enum gdb_result result = take_byte(link, &byte, deadline);
        if (result == GDB_OK && byte != '$' && byte != '%') {
            continue; /* acknowledgements, and what is left of something broken */
        }
        if (result == GDB_OK) {
            result = receive_body(link, &good, deadline);
        }
        if (result == GDB_OK && byte == '%') {
            continue;
        }
        if (result == GDB_OK && !link->no_acks) {
            result = send_bytes(link, (const uint8_t *)(good ? "+" : "-"), 1, deadline);
        }
        if (result != GDB_OK || good) {
            return result;
        }
        /* Without acknowledgements it does not come again. */
        damaged += link->no_acks ? TRIES : 1;
    }
    return GDB_DAMAGED;
}
