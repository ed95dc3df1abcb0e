/* SPDX-License-Identifier: BSD-2-Clause */
/**
 * A chip behind a GDB server: OpenOCD, st-util, J-Link, Black Magic, pyOCD.
 *
 * The protocol's own flash packets (vFlashErase, vFlashWrite) are not used: they erase
 * whole sectors and pad, and so cannot append to what is there. The flash controller is
 * driven by writes to its registers and by code in RAM, as with an ST-LINK; a server that
 * does not let us do that is refused.
 *
 * While a debugger is connected the core is halted: most servers see to that by
 * themselves, and the protocol has no memory access while it runs. It runs again when the
 * connection ends.
 */
#include "probe.h"
#include "probe_cortex.h"
#include "gdb_packet.h"
#include "gdb_registers.h"
#include "cli.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define PACKET_DEFAULT 400 /* of servers that do not tell; GDB takes that, too */
#define PACKET_MIN     64
#define POLL_MS        10
#define REFUSED_MS     600
#define PRIGROUP_MASK  0x700u

struct gdb_probe {
    struct probe probe; /* first */
    char *address;
    struct gdb_link link;
    struct gdb_registers registers;
    size_t
        width[PROBE_REGISTERS]; /* hex digits of a register's value, 0: not known yet */
    bool running;               /* told to run; its stop has not been seen */
    bool no_binary;             /* X is not understood: M instead */
    bool released;              /* runs without us: nothing to do when closing */
};

static struct gdb_probe *gdb_of(struct probe *probe)
{
    return (struct gdb_probe *)probe;
}

/* ---- questions and answers ------------------------------------------------ */

static int lose_link(struct gdb_probe *gdb, enum gdb_result result)
{
    return probe_lose(&gdb->probe, "the GDB server %s %s", gdb->address,
                      result == GDB_TIMEOUT  ? "does not answer"
                      : result == GDB_CLOSED ? "closed the connection"
                                             : "sends or gets damaged packets");
}

/* A stop of the core, which comes when it likes. */
static bool is_stop(const char *packet)
{
    return packet[0] == 'S' || packet[0] == 'T';
}

/* Output that the server wants to be shown; "OK" is none. */
static bool is_output(const char *packet)
{
    return packet[0] == 'O' && packet[1] != 'K';
}

/* Send a packet and receive its answer into link.packet. Not for what answers a stop. */
static int ask(struct gdb_probe *gdb, const void *bytes, size_t size)
{
    int64_t deadline = probe_deadline(PROBE_ANSWER_MS);
    if (gdb->probe.lost) {
        return -1;
    }
    enum gdb_result result = gdb_send(&gdb->link, bytes, size, deadline);
    do {
        if (result == GDB_OK) {
            result = gdb_receive(&gdb->link, deadline);
        }
        if (result != GDB_OK) {
            return lose_link(gdb, result);
        }
        gdb->running = gdb->running && !is_stop(gdb->link.packet);
    } while (is_stop(gdb->link.packet) || is_output(gdb->link.packet));
    return 0;
}

static int ask_text(struct gdb_probe *gdb, const char *text)
{
    return ask(gdb, text, strlen(text));
}

static bool is_ok(const struct gdb_probe *gdb)
{
    return strcmp(gdb->link.packet, "OK") == 0;
}

/* A console command of the server's own. Its text is of no interest. */
static int monitor(struct gdb_probe *gdb, const char *command)
{
    char packet[80] = "qRcmd,";
    size_t length = strlen(packet);
    for (const char *at = command; *at != 0 && length + 3 < sizeof packet; at++) {
        length += (size_t)snprintf(packet + length, 3, "%02x", (unsigned)(uint8_t)*at);
    }
    return ask_text(gdb, packet);
}

static int hex_byte(const char *text)
{
    char digits[3] = {text[0], text[0] != 0 ? text[1] : (char)0, 0};
    char *end;
    long value = strtol(digits, &end, 16);
    return end == digits + 2 ? (int)value : -1;
}

/* Bytes of an answer in hex. @return how many there are, or -1 */
static long decode_hex(const struct gdb_probe *gdb, uint8_t *bytes, size_t most)
{
    const char *text = gdb->link.packet;
    size_t count = gdb->link.size / 2;
    if (gdb->link.size % 2 != 0 || count > most) {
        return -1;
    }
    for (size_t i = 0; i < count; i++) {
        int byte = hex_byte(text + 2 * i);
        if (byte < 0) {
            return -1;
        }
        bytes[i] = (uint8_t)byte;
    }
    return (long)count;
}

/* ---- memory --------------------------------------------------------------- */

static int fail_memory(struct gdb_probe *gdb, const char *what, uint32_t address)
{
    return probe_fail(&gdb->probe,
                      "the GDB server %s does not let 0x%08" PRIx32
                      " be %s: is the chip powered, connected and halted?",
                      gdb->address, address, what);
}

static int gdb_probe_read(struct probe *probe, uint32_t address, void *bytes,
                          uint32_t length)
{
    struct gdb_probe *gdb = gdb_of(probe);
    uint32_t most = (uint32_t)(gdb->link.packet_size / 2) & ~3u;
    for (uint32_t at = 0; at < length;) {
        char packet[32];
        uint32_t size = length - at < most ? length - at : most;
        snprintf(packet, sizeof packet, "m%" PRIx32 ",%" PRIx32, address + at, size);
        if (ask_text(gdb, packet) != 0) {
            return -1;
        }
        long got = decode_hex(gdb, (uint8_t *)bytes + at, size);
        if (got <= 0) {
            return fail_memory(gdb, "read", address + at);
        }
        at += (uint32_t)got;
    }
    return 0;
}

/* One X packet, or M where X is not known. Both have a head of at most 24 characters. */
static int write_piece(struct gdb_probe *gdb, uint32_t address, const uint8_t *bytes,
                       uint32_t size)
{
    static uint8_t packet[GDB_PACKET_MAX];
    char kind = gdb->no_binary ? 'M' : 'X';
    int head =
        snprintf((char *)packet, 32, "%c%" PRIx32 ",%" PRIx32 ":", kind, address, size);
    size_t length = (size_t)head;
    if (kind == 'X') {
        length += gdb_escape(bytes, size, packet + length);
    } else {
        for (uint32_t i = 0; i < size; i++) {
            length +=
                (size_t)snprintf((char *)packet + length, 3, "%02x", (unsigned)bytes[i]);
        }
    }
    return ask(gdb, packet, length);
}

static int gdb_probe_write(struct probe *probe, uint32_t address, const void *bytes,
                           uint32_t length)
{
    struct gdb_probe *gdb = gdb_of(probe);
    uint32_t most = (uint32_t)(gdb->link.packet_size - 32) / 2 & ~3u;
    for (uint32_t at = 0; at < length;) {
        uint32_t size = length - at < most ? length - at : most;
        if (write_piece(gdb, address + at, (const uint8_t *)bytes + at, size) != 0) {
            return -1;
        }
        if (gdb->link.size == 0 && !gdb->no_binary) {
            gdb->no_binary = true;
            continue;
        }
        if (!is_ok(gdb)) {
            return fail_memory(gdb, "written", address + at);
        }
        at += size;
    }
    return 0;
}

static int gdb_probe_read_word(struct probe *probe, uint32_t address, uint32_t *ret_value)
{
    uint8_t b[4];
    if (gdb_probe_read(probe, address, b, sizeof b) != 0) {
        return -1;
    }
    *ret_value = (uint32_t)b[0] | (uint32_t)b[1] << 8 | (uint32_t)b[2] << 16 |
                 (uint32_t)b[3] << 24;
    return 0;
}

/* By M: that is what servers make one access of its width of. */
static int gdb_probe_write_word(struct probe *probe, uint32_t address, uint32_t value)
{
    struct gdb_probe *gdb = gdb_of(probe);
    char packet[40];
    snprintf(packet, sizeof packet, "M%" PRIx32 ",4:%02x%02x%02x%02x", address,
             (unsigned)(value & 0xFF), (unsigned)(value >> 8 & 0xFF),
             (unsigned)(value >> 16 & 0xFF), (unsigned)(value >> 24));
    if (ask_text(gdb, packet) != 0) {
        return -1;
    }
    return is_ok(gdb) ? 0 : fail_memory(gdb, "written", address);
}

/* ---- registers ------------------------------------------------------------ */

static int fail_register(struct gdb_probe *gdb, const char *what, unsigned index)
{
    return probe_fail(
        &gdb->probe,
        "the GDB server %s does not let the core's register %u be %s, so no "
        "code that programs the flash can run: use --probe stlink",
        gdb->address, index, what);
}

static uint32_t from_digits(const char *text, size_t digits)
{
    uint32_t value = 0;
    for (size_t i = 0; i < digits / 2 && i < 4; i++) {
        value |= (uint32_t)hex_byte(text + 2 * i) << 8 * i;
    }
    return value;
}

static void to_digits(uint32_t value, size_t digits, char *text)
{
    for (size_t i = 0; i < digits / 2; i++) {
        unsigned byte = i < 4 ? value >> 8 * i & 0xFF : 0;
        char pair[3];
        snprintf(pair, sizeof pair, "%02x", byte);
        memcpy(text + 2 * i, pair, 2);
    }
}

/* Where a register lies in the answer to g: r0 to pc, then xPSR, or in old servers eight
 * FPA registers and their status before it. */
static size_t place_in_g(const struct gdb_probe *gdb, unsigned index)
{
    const size_t old_xpsr = 2 * (16 * 4 + 8 * 12 + 4);
    if (index <= PROBE_PC) {
        return (size_t)index * 8;
    }
    return gdb->link.size >= old_xpsr + 8 ? old_xpsr : 16 * 8;
}

/* @return 0, -1, or 1: the server does not know the packet */
static int read_by_p(struct gdb_probe *gdb, unsigned index, uint32_t *ret_value)
{
    char packet[16];
    snprintf(packet, sizeof packet, "p%" PRIx32, gdb->registers.number[index]);
    if (ask_text(gdb, packet) != 0) {
        return -1;
    }
    if (gdb->link.size == 0) {
        return 1;
    }
    if (gdb->link.size % 2 != 0 || gdb->link.size > 32 ||
        strspn(gdb->link.packet, "0123456789abcdefABCDEF") != gdb->link.size) {
        return fail_register(gdb, "read", index);
    }
    gdb->width[index] = gdb->link.size;
    *ret_value = from_digits(gdb->link.packet, gdb->link.size);
    return 0;
}

static int read_by_g(struct gdb_probe *gdb, unsigned index, uint32_t *ret_value)
{
    if (ask_text(gdb, "g") != 0) {
        return -1;
    }
    size_t at = place_in_g(gdb, index);
    if (index > PROBE_XPSR || gdb->link.size < at + 8) {
        return fail_register(gdb, "read", index);
    }
    *ret_value = from_digits(gdb->link.packet + at, 8);
    return 0;
}

static int read_register(struct gdb_probe *gdb, unsigned index, uint32_t *ret_value)
{
    if (gdb->registers.number[index] == GDB_NO_REGISTER) {
        *ret_value = 0;
        return 0;
    }
    int status = read_by_p(gdb, index, ret_value);
    if (status > 0 && index == PROBE_PRIMASK) { /* g does not have it */
        gdb->registers.number[index] = GDB_NO_REGISTER;
        *ret_value = 0;
        return 0;
    }
    return status <= 0 ? status : read_by_g(gdb, index, ret_value);
}

static int gdb_probe_read_registers(struct probe *probe, uint32_t values[PROBE_REGISTERS])
{
    for (unsigned i = 0; i < PROBE_REGISTERS; i++) {
        if (read_register(gdb_of(probe), i, &values[i]) != 0) {
            return -1;
        }
    }
    return 0;
}

/* All of g's registers with one of them changed. */
static int write_by_g(struct gdb_probe *gdb, unsigned index, uint32_t value)
{
    uint32_t old;
    if (read_by_g(gdb, index, &old) != 0) {
        return -1;
    }
    char *packet = cli_format("G%s", gdb->link.packet);
    to_digits(value, 8, packet + 1 + place_in_g(gdb, index));
    int status = ask_text(gdb, packet);
    free(packet);
    if (status != 0) {
        return -1;
    }
    return is_ok(gdb) ? 0 : fail_register(gdb, "written", index);
}

/* A value has as many bytes as the server gives: some count them, some do not shorten. */
static int gdb_probe_write_register(struct probe *probe, unsigned index, uint32_t value)
{
    struct gdb_probe *gdb = gdb_of(probe);
    char packet[64];
    uint32_t old;
    if (gdb->width[index] == 0 && read_register(gdb, index, &old) != 0) {
        return -1;
    }
    if (gdb->registers.number[index] == GDB_NO_REGISTER) {
        return 0; /* only PRIMASK: then interrupts stay on */
    }
    if (gdb->width[index] == 0) {
        return write_by_g(gdb, index, value);
    }
    int head =
        snprintf(packet, sizeof packet, "P%" PRIx32 "=", gdb->registers.number[index]);
    to_digits(value, gdb->width[index], packet + head);
    if (ask(gdb, packet, (size_t)head + gdb->width[index]) != 0) {
        return -1;
    }
    if (gdb->link.size == 0) {
        return write_by_g(gdb, index, value);
    }
    return is_ok(gdb) ? 0 : fail_register(gdb, "written", index);
}

/* ---- run control ---------------------------------------------------------- */

/* Halted, whatever the server thinks of it. */
static int look_whether_halted(struct probe *probe, bool *ret_halted)
{
    uint32_t dhcsr;
    if (gdb_probe_read_word(probe, CORTEX_DHCSR, &dhcsr) != 0) {
        return -1;
    }
    *ret_halted = (dhcsr & CORTEX_S_HALT) != 0;
    return 0;
}

static int gdb_probe_halt(struct probe *probe)
{
    struct gdb_probe *gdb = gdb_of(probe);
    bool halted;
    if (probe->lost) {
        return -1;
    }
    if (gdb->running) {
        enum gdb_result result =
            gdb_send_interrupt(&gdb->link, probe_deadline(PROBE_ANSWER_MS));
        return result == GDB_OK ? 0 : lose_link(gdb, result);
    }
    /* Connecting has halted the core, but where somebody told the server otherwise. */
    if (look_whether_halted(probe, &halted) != 0) {
        return -1;
    }
    return halted ? 0 : monitor(gdb, "halt");
}

static int gdb_probe_run(struct probe *probe)
{
    struct gdb_probe *gdb = gdb_of(probe);
    if (probe->lost) {
        return -1;
    }
    if (gdb->running || gdb->released) {
        return 0;
    }
    enum gdb_result result =
        gdb_send(&gdb->link, "c", 1, probe_deadline(PROBE_ANSWER_MS));
    if (result != GDB_OK) {
        return lose_link(gdb, result);
    }
    gdb->running = true;
    return 0;
}

/* Running ends with a stop, or with an error, after which the core has not run at all. */
static int gdb_probe_is_halted(struct probe *probe, bool *ret_halted)
{
    struct gdb_probe *gdb = gdb_of(probe);
    if (probe->lost) {
        return -1;
    }
    if (!gdb->running) {
        return look_whether_halted(probe, ret_halted);
    }
    while (gdb->running) {
        /* What has begun to come is waited for, or its rest would make no sense. */
        enum gdb_result result = gdb_wait(&gdb->link, probe_clock_ms() + POLL_MS);
        if (result == GDB_OK) {
            result = gdb_receive(&gdb->link, probe_deadline(PROBE_ANSWER_MS));
        }
        if (result == GDB_TIMEOUT) {
            break;
        }
        if (result != GDB_OK) {
            return lose_link(gdb, result);
        }
        if (is_stop(gdb->link.packet)) {
            gdb->running = false;
        } else if (!is_output(gdb->link.packet)) {
            return probe_fail(
                probe,
                "the GDB server %s does not let the core run, so no code that "
                "programs the flash can: use --probe stlink",
                gdb->address);
        }
    }
    *ret_halted = !gdb->running;
    return 0;
}

/* Servers have their own words for a reset, or none. AIRCR.PRIGROUP, which a reset clears
 * and firmware does not set to this, tells whether it came. */
static int set_marker(struct probe *probe, uint32_t *ret_marker)
{
    uint32_t aircr = 0;
    uint32_t marker = PRIGROUP_MASK;
    if (gdb_probe_read_word(probe, CORTEX_AIRCR, &aircr) != 0) {
        return -1;
    }
    if ((aircr & PRIGROUP_MASK) == marker) {
        marker = 0x600;
    }
    if (gdb_probe_write_word(probe, CORTEX_AIRCR, CORTEX_AIRCR_KEY | marker) != 0 ||
        gdb_probe_read_word(probe, CORTEX_AIRCR, &aircr) != 0) {
        return -1;
    }
    *ret_marker = (aircr & PRIGROUP_MASK) == marker ? marker : 0;
    return 0;
}

static int reset_by_register(struct probe *probe, uint32_t marker)
{
    uint32_t aircr;
    if (gdb_probe_read_word(probe, CORTEX_AIRCR, &aircr) != 0) {
        return -1;
    }
    if (marker == 0 || (aircr & PRIGROUP_MASK) != marker) {
        return 0;
    }
    if (gdb_probe_write_word(probe, CORTEX_AIRCR, CORTEX_AIRCR_RESET) != 0) {
        return -1;
    }
    probe_sleep_ms(10);
    return 0;
}

static int gdb_probe_reset(struct probe *probe)
{
    struct gdb_probe *gdb = gdb_of(probe);
    uint32_t marker;
    bool halted;
    if (set_marker(probe, &marker) != 0 || monitor(gdb, "reset run") != 0) {
        return -1;
    }
    /* Where nothing can be told (marker 0), the server's word counts. */
    if (marker == 0 && !is_ok(gdb)) {
        return probe_fail(probe,
                          "the GDB server %s does not reset the chip: reset the board",
                          gdb->address);
    }
    if (reset_by_register(probe, marker) != 0 ||
        look_whether_halted(probe, &halted) != 0) {
        return -1;
    }
    gdb->released = !halted;
    gdb->running = false;
    return gdb_probe_run(probe);
}

static int gdb_probe_supply(struct probe *probe, uint32_t *ret_millivolts)
{
    *ret_millivolts = 0;
    return probe->lost ? -1 : 0;
}

static int gdb_probe_last_words(struct probe *probe, const struct probe_word *words,
                                uint32_t count)
{
    (void)words;
    (void)count;
    return probe->lost ? -1 : 0; /* the server stays, but takes none */
}

static void gdb_probe_close(struct probe *probe)
{
    struct gdb_probe *gdb = gdb_of(probe);
    gdb_probe_run(probe);
    if (gdb->link.fd >= 0) {
        shutdown(gdb->link.fd, SHUT_WR);
        close(gdb->link.fd);
    }
    free(gdb->address);
    free(gdb);
}

static const struct probe_ops gdb_ops = {
    .read = gdb_probe_read,
    .write = gdb_probe_write,
    .read_word = gdb_probe_read_word,
    .write_word = gdb_probe_write_word,
    .halt = gdb_probe_halt,
    .run = gdb_probe_run,
    .is_halted = gdb_probe_is_halted,
    .read_registers = gdb_probe_read_registers,
    .write_register = gdb_probe_write_register,
    .reset = gdb_probe_reset,
    .supply = gdb_probe_supply,
    .last_words = gdb_probe_last_words,
    .close = gdb_probe_close,
};

/* ---- connecting ----------------------------------------------------------- */

/* @return 0 and a socket, or an errno */
static int connect_one(const struct addrinfo *info, int64_t deadline, int *ret_fd)
{
    int error = 0;
    socklen_t size = sizeof error;
    int fd = socket(info->ai_family, info->ai_socktype, info->ai_protocol);
    if (fd < 0) {
        return errno;
    }
    int on = 1; /* or each question would wait for the acknowledgement of the last */
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    fcntl(fd, F_SETFD, FD_CLOEXEC);
    fcntl(fd, F_SETFL, O_NONBLOCK);
    if (connect(fd, info->ai_addr, info->ai_addrlen) != 0) {
        error = errno;
    }
    if (error == EINPROGRESS) {
        struct pollfd poller = {.fd = fd, .events = POLLOUT};
        int64_t left = deadline - probe_clock_ms();
        error = poll(&poller, 1, left > 0 ? (int)left : 0) > 0 ? 0 : ETIMEDOUT;
        if (error == 0) {
            getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size);
        }
    }
    if (error != 0) {
        close(fd);
        return error;
    }
    *ret_fd = fd;
    return 0;
}

/* st-util does not listen for a moment after each connection. */
static int connect_patiently(const struct addrinfo *info, int64_t deadline, int *ret_fd)
{
    int64_t end = probe_deadline(REFUSED_MS);
    for (;;) {
        bool last = probe_clock_ms() >= end;
        int error = connect_one(info, deadline, ret_fd);
        if (error != ECONNREFUSED || last) {
            return error;
        }
        probe_sleep_ms(50);
    }
}

static int connect_to(struct gdb_probe *gdb)
{
    char *colon = strrchr(gdb->address, ':');
    char *host = cli_format("%.*s", (int)(colon - gdb->address), gdb->address);
    char *bare = host; /* of an IPv6 address in brackets */
    struct addrinfo hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM};
    struct addrinfo *list = NULL;
    int64_t deadline = probe_deadline(PROBE_ANSWER_MS);
    int error = 0;
    if (host[0] == '[' && host[strlen(host) - 1] == ']') {
        host[strlen(host) - 1] = 0;
        bare = host + 1;
    }
    int status = getaddrinfo(bare, colon + 1, &hints, &list);
    if (status != 0) {
        probe_fail(&gdb->probe, "host '%s' is not known: %s", bare, gai_strerror(status));
    }
    for (struct addrinfo *at = list; at != NULL && gdb->link.fd < 0; at = at->ai_next) {
        error = connect_patiently(at, deadline, &gdb->link.fd);
    }
    if (list != NULL) {
        freeaddrinfo(list);
    }
    free(host);
    if (gdb->link.fd < 0) {
        return probe_fail(
            &gdb->probe,
            "no GDB server at %s: %s; start OpenOCD, st-util or the like first",
            gdb->address, strerror(error));
    }
    return 0;
}

static void take_packet_size(struct gdb_probe *gdb, const char *features)
{
    const char *at = strstr(features, "PacketSize=");
    unsigned long size = at != NULL ? strtoul(at + strlen("PacketSize="), NULL, 16) : 0;
    if (size == 0) {
        size = PACKET_DEFAULT;
    }
    size = size < PACKET_MIN ? PACKET_MIN : size;
    /* Room for '$', '#' and the checksum, which some servers count. */
    gdb->link.packet_size = (size < GDB_PACKET_MAX ? size : GDB_PACKET_MAX) - 4;
}

/* The whole target description, or nothing: *ret_xml is NULL. */
static int read_description(struct gdb_probe *gdb, char **ret_xml)
{
    char *xml = cli_format("%s", "");
    for (size_t at = 0; at < 0x40000;) {
        char packet[64];
        snprintf(packet, sizeof packet, "qXfer:features:read:target.xml:%zx,%zx", at,
                 gdb->link.packet_size - 4);
        if (ask_text(gdb, packet) != 0) {
            free(xml);
            return -1;
        }
        char kind = gdb->link.packet[0];
        if (kind != 'm' && kind != 'l') {
            break;
        }
        char *longer = cli_format("%s%s", xml, gdb->link.packet + 1);
        free(xml);
        xml = longer;
        at += gdb->link.size - 1;
        if (kind == 'l' || gdb->link.size == 1) {
            *ret_xml = xml;
            return 0;
        }
    }
    free(xml);
    return 0;
}

/* Servers take one debugger, and some need a moment to see that the last one is gone:
 * till then they close new connections at once. */
static int greet(struct gdb_probe *gdb)
{
    static const char hello[] = "qSupported:swbreak+;hwbreak+;xmlRegisters=arm";
    int64_t end = probe_deadline(PROBE_ANSWER_MS);
    for (;;) {
        int64_t deadline = probe_deadline(PROBE_ANSWER_MS);
        enum gdb_result result = gdb_send(&gdb->link, hello, sizeof hello - 1, deadline);
        if (result == GDB_OK) {
            result = gdb_receive(&gdb->link, deadline);
        }
        if (result == GDB_OK) {
            return 0;
        }
        if (result != GDB_CLOSED || probe_clock_ms() >= end) {
            return lose_link(gdb, result);
        }
        probe_sleep_ms(50);
        close(gdb->link.fd);
        gdb->link.fd = -1;
        gdb->link.raw_at = gdb->link.raw_size = 0;
        if (connect_to(gdb) != 0) {
            return -1;
        }
    }
}

static int introduce(struct gdb_probe *gdb)
{
    if (greet(gdb) != 0) {
        return -1;
    }
    bool described = strstr(gdb->link.packet, "qXfer:features:read+") != NULL;
    bool quiet = strstr(gdb->link.packet, "QStartNoAckMode+") != NULL;
    take_packet_size(gdb, gdb->link.packet);
    if (quiet) {
        if (ask_text(gdb, "QStartNoAckMode") != 0) {
            return -1;
        }
        gdb->link.no_acks = is_ok(gdb);
    }
    gdb_registers_default(&gdb->registers);
    if (described) {
        char *xml = NULL;
        if (read_description(gdb, &xml) != 0) {
            return -1;
        }
        if (xml != NULL) {
            gdb_registers_parse(&gdb->registers, xml);
        }
        free(xml);
    }
    return 0;
}

/* Why the target stands still: tells whether there is one. */
static int ask_state(struct gdb_probe *gdb, const char *packet)
{
    int64_t deadline = probe_deadline(PROBE_ANSWER_MS);
    enum gdb_result result = gdb_send(&gdb->link, packet, strlen(packet), deadline);
    do {
        if (result == GDB_OK) {
            result = gdb_receive(&gdb->link, deadline);
        }
        if (result != GDB_OK) {
            return lose_link(gdb, result);
        }
    } while (is_output(gdb->link.packet));
    return 0;
}

/* A Black Magic Probe has no target until it is told to look for one. */
static int attach(struct gdb_probe *gdb)
{
    if (ask_state(gdb, "?") != 0) {
        return -1;
    }
    char state = gdb->link.packet[0];
    if (state != 'W' && state != 'X') {
        return 0;
    }
    if (monitor(gdb, "swdp_scan") != 0 || ask_state(gdb, "vAttach;1") != 0) {
        return -1;
    }
    return is_stop(gdb->link.packet)
               ? 0
               : probe_fail(&gdb->probe,
                            "the GDB server %s has no chip: is it powered and "
                            "connected?",
                            gdb->address);
}

struct probe *probe_gdb_open(const char *address, char error[PROBE_ERROR])
{
    struct gdb_probe *gdb = cli_alloc(1, sizeof *gdb);
    gdb->probe.ops = &gdb_ops;
    gdb->address = cli_format("%s", address);
    gdb->link.fd = -1;
    gdb->link.packet_size = PACKET_MIN;
    if (connect_to(gdb) == 0 && introduce(gdb) == 0 && attach(gdb) == 0) {
        return &gdb->probe;
    }
    memcpy(error, gdb->probe.error, PROBE_ERROR);
    gdb->probe.lost = true;
    gdb_probe_close(&gdb->probe);
    return NULL;
}
