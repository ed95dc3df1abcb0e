/* SPDX-License-Identifier: BSD-2-Clause */
/** An ST-LINK/V2: what it does with the commands that it is sent. Names and numbers of
 *  commands are those that OpenOCD and libstlink use. */
#include "probe.h"

#include <string.h>

#include "chip.h"

enum {
    GET_VERSION = 0xf1,
    DEBUG_COMMAND = 0xf2,
    DFU_COMMAND = 0xf3,
    GET_CURRENT_MODE = 0xf5,
    GET_TARGET_VOLTAGE = 0xf7,
};

enum { MODE_MASS = 1, MODE_DEBUG = 2 };

enum {
    STATUS_OK = 0x80,
    STATUS_UNKNOWN = 0x81,
    STATUS_NO_TARGET = 0x09, /* the id code could not be read */
    STATUS_AP_FAULT = 0x11,
    STATUS_DP_ERROR = 0x16,
};

#define DPIDR 0x2ba01477u

static uint32_t get_word(const uint8_t *bytes)
{
    uint32_t word;
    memcpy(&word, bytes, sizeof word);
    return word;
}

static uint16_t get_half(const uint8_t *bytes)
{
    uint16_t half;
    memcpy(&half, bytes, sizeof half);
    return half;
}

static void put_word(struct probe *probe, unsigned offset, uint32_t word)
{
    memcpy(probe->reply + offset, &word, sizeof word);
}

/* An answer that starts with a status, and has zeros until they are filled in. */
static void answer(struct probe *probe, uint8_t status, uint32_t length)
{
    memset(probe->reply, 0, length);
    probe->reply[0] = status;
    probe->reply_length = length;
}

static bool target_gone(const struct probe *probe)
{
    return probe->core == NULL || faults_chip_dead(probe->faults);
}

/* ---- memory --------------------------------------------------------------------- */

static void note_fault(struct probe *probe, uint32_t address)
{
    if (probe->status == STATUS_OK) {
        probe->status = STATUS_AP_FAULT;
        probe->fault = address;
    }
}

static bool access_read(struct probe *probe, uint32_t address, unsigned size,
                        uint32_t *value)
{
    return !target_gone(probe) && bus_read(probe->bus, address, size, value);
}

static void read_block(struct probe *probe, const uint8_t *command, unsigned size)
{
    uint32_t address = get_word(command + 2);
    uint32_t length = get_half(command + 6);
    probe->status = target_gone(probe) ? STATUS_DP_ERROR : STATUS_OK;
    probe->bytes_read += length;
    memset(probe->reply, 0, length + 2);
    for (uint32_t i = 0; i + size <= length; i += size) {
        uint32_t value = 0;
        if (!access_read(probe, address + i, size, &value)) {
            note_fault(probe, address + i);
        }
        memcpy(probe->reply + i, &value, size);
    }
    probe->reply_length = length == 1 ? 2 : length; /* the probe sends no single byte */
}

static void read_words(struct probe *probe, const uint8_t *command)
{
    read_block(probe, command, 4);
}

static void read_halves(struct probe *probe, const uint8_t *command)
{
    read_block(probe, command, 2);
}

static void read_bytes(struct probe *probe, const uint8_t *command)
{
    read_block(probe, command, 1);
}

static void expect_block(struct probe *probe, const uint8_t *command, unsigned size)
{
    probe->status = target_gone(probe) ? STATUS_DP_ERROR : STATUS_OK;
    probe->write_address = get_word(command + 2);
    probe->write_left = get_half(command + 6);
    probe->write_size = size;
}

static void write_words(struct probe *probe, const uint8_t *command)
{
    expect_block(probe, command, 4);
}

static void write_halves(struct probe *probe, const uint8_t *command)
{
    expect_block(probe, command, 2);
}

static void write_bytes(struct probe *probe, const uint8_t *command)
{
    expect_block(probe, command, 1);
}

/* The data of a write command. What is behind a cut never reaches the chip. */
static void take_data(struct probe *probe, const uint8_t *bytes, size_t length)
{
    unsigned size = probe->write_size;
    bool gone = target_gone(probe);
    for (size_t i = 0; i + size <= length && !gone && !probe->faults->cut; i += size) {
        uint32_t value = 0;
        uint32_t address = probe->write_address + (uint32_t)i;
        memcpy(&value, bytes + i, size);
        if (!bus_write(probe->bus, address, size, value)) {
            note_fault(probe, address);
        }
    }
    if (target_gone(probe)) {
        probe->status = STATUS_DP_ERROR;
    }
    probe->bytes_written += length;
    probe->write_address += (uint32_t)length;
    probe->write_left -=
        length < probe->write_left ? (uint32_t)length : probe->write_left;
}

static void get_status(struct probe *probe, const uint8_t *command)
{
    (void)command;
    answer(probe, probe->status, 2);
    probe->status = STATUS_OK;
}

static void get_status_and_fault(struct probe *probe, const uint8_t *command)
{
    (void)command;
    answer(probe, probe->status, 12);
    put_word(probe, 4, probe->status == STATUS_OK ? 0 : probe->fault);
    probe->status = STATUS_OK;
}

/* ---- core ----------------------------------------------------------------------- */

static void leave_debug(struct probe *probe, const uint8_t *command)
{
    (void)command;
    probe->mode = MODE_MASS;
    if (!target_gone(probe)) {
        core_set_debug(probe->core, false);
    }
}

static void enter_debug(struct probe *probe, const uint8_t *command)
{
    (void)command;
    probe->mode = MODE_DEBUG;
    answer(probe, target_gone(probe) ? STATUS_NO_TARGET : STATUS_OK, 2);
}

static void read_core_id(struct probe *probe, const uint8_t *command)
{
    (void)command;
    answer(probe, 0, 4);
    put_word(probe, 0, DPIDR);
}

static void read_id_codes(struct probe *probe, const uint8_t *command)
{
    (void)command;
    answer(probe, STATUS_OK, 12);
    put_word(probe, 4, DPIDR);
}

static void reset_system(struct probe *probe, const uint8_t *command)
{
    (void)command;
    core_reset(probe->core);
    answer(probe, STATUS_OK, 2);
}

/* NRST low, high, or a pulse. */
static void drive_reset(struct probe *probe, const uint8_t *command)
{
    core_hold_reset(probe->core, command[2] != 1);
    if (command[2] == 2) {
        core_hold_reset(probe->core, false);
    }
    answer(probe, STATUS_OK, 2);
}

static void read_register(struct probe *probe, const uint8_t *command)
{
    answer(probe, STATUS_OK, 8);
    put_word(probe, 4, core_get(probe->core, command[2]));
}

static void write_register(struct probe *probe, const uint8_t *command)
{
    core_set(probe->core, command[2], get_word(command + 3));
    answer(probe, STATUS_OK, 2);
}

/* r0 to r15, xPSR, MSP, PSP, and two that are unused here. */
static void read_registers(struct probe *probe, const uint8_t *command)
{
    (void)command;
    answer(probe, STATUS_OK, 88);
    for (unsigned i = 0; i <= CPU_PSP; i++) {
        put_word(probe, 4 + 4 * i, core_get(probe->core, i));
    }
}

static void read_debug_register(struct probe *probe, const uint8_t *command)
{
    uint32_t value = 0;
    bool good = bus_read(probe->bus, get_word(command + 2), 4, &value);
    answer(probe, good ? STATUS_OK : STATUS_AP_FAULT, 8);
    put_word(probe, 4, value);
}

static void write_debug_register(struct probe *probe, const uint8_t *command)
{
    bool good = bus_write(probe->bus, get_word(command + 2), 4, get_word(command + 6));
    answer(probe, good ? STATUS_OK : STATUS_AP_FAULT, 2);
}

static void get_core_state(struct probe *probe, const uint8_t *command)
{
    (void)command;
    answer(probe, probe->core->halted ? 0x81 : 0x80, 2);
}

static void halt_core(struct probe *probe, const uint8_t *command)
{
    (void)command;
    core_set_debug(probe->core, true);
    core_halt(probe->core);
    answer(probe, STATUS_OK, 2);
}

static void run_core(struct probe *probe, const uint8_t *command)
{
    (void)command;
    core_set_debug(probe->core, true);
    core_resume(probe->core);
    answer(probe, STATUS_OK, 2);
}

static void step_core(struct probe *probe, const uint8_t *command)
{
    (void)command;
    core_step(probe->core);
    answer(probe, STATUS_OK, 2);
}

/* Speed of the wire, trace output, access ports: nothing to do for a wire like ours. */
static void accept(struct probe *probe, const uint8_t *command)
{
    (void)command;
    answer(probe, STATUS_OK, 2);
}

/* No bytes of trace are waiting. */
static void count_trace(struct probe *probe, const uint8_t *command)
{
    (void)command;
    answer(probe, 0, 2);
}

struct command {
    uint8_t code;
    bool alone; /* needs no target */
    const char *name;
    void (*run)(struct probe *probe, const uint8_t *command);
};

static const struct command debug_commands[] = {
    {0x01, false, "get-core-state", get_core_state},
    {0x02, false, "halt", halt_core},
    {0x07, true, "read-words", read_words},
    {0x08, true, "write-words", write_words},
    {0x09, false, "run", run_core},
    {0x0a, false, "step", step_core},
    {0x0c, true, "read-bytes", read_bytes},
    {0x0d, true, "write-bytes", write_bytes},
    {0x21, true, "leave-debug", leave_debug},
    {0x22, false, "read-core-id", read_core_id},
    {0x30, true, "enter-debug", enter_debug},
    {0x31, false, "read-id-codes", read_id_codes},
    {0x32, false, "reset-system", reset_system},
    {0x33, false, "read-register", read_register},
    {0x34, false, "write-register", write_register},
    {0x35, false, "write-debug-register", write_debug_register},
    {0x36, false, "read-debug-register", read_debug_register},
    {0x3a, false, "read-registers", read_registers},
    {0x3b, true, "get-status", get_status},
    {0x3c, false, "drive-reset", drive_reset},
    {0x3e, true, "get-status-2", get_status_and_fault},
    {0x40, true, "start-trace", accept},
    {0x41, true, "stop-trace", accept},
    {0x42, true, "count-trace", count_trace},
    {0x43, true, "set-swd-speed", accept},
    {0x44, true, "set-jtag-speed", accept},
    {0x47, true, "read-halves", read_halves},
    {0x48, true, "write-halves", write_halves},
    {0x4b, true, "open-access-port", accept},
    {0x4c, true, "close-access-port", accept},
};

/* How long the answer is that only tells an error: as the good one is. */
static uint32_t error_length(uint8_t code)
{
    switch (code) {
    case 0x22:
        return 4;
    case 0x31:
        return 12;
    case 0x33:
    case 0x36:
        return 8;
    case 0x3a:
        return 88;
    default:
        return 2;
    }
}

static const char *debug_command(struct probe *probe, const uint8_t *command)
{
    for (unsigned i = 0; i < sizeof debug_commands / sizeof *debug_commands; i++) {
        const struct command *c = &debug_commands[i];
        if (c->code != command[1]) {
            continue;
        }
        bool refused = !c->alone && target_gone(probe);
        if (!refused) {
            c->run(probe, command);
            /* The chip may have died of this very command. */
            refused = !c->alone && target_gone(probe);
        }
        if (refused) {
            answer(probe, STATUS_DP_ERROR, error_length(command[1]));
        }
        return c->name;
    }
    answer(probe, STATUS_UNKNOWN, 2);
    return "unknown-debug-command";
}

/* ---- commands of the probe itself -------------------------------------------------- */

/* V2, firmware J37 S7, and the USB ids. */
static void get_version(struct probe *probe)
{
    static const uint8_t version[] = {
        2 << 4 | 37 >> 2, (37 & 3) << 6 | 7, 0x83, 0x04, 0x48, 0x37};
    memcpy(probe->reply, version, sizeof version);
    probe->reply_length = sizeof version;
}

/* The converter's reading of 1.2 V, and of half the target's voltage. */
static void get_voltage(struct probe *probe)
{
    answer(probe, 0, 8);
    put_word(probe, 0, 1500);
    put_word(probe, 4, target_gone(probe) ? 0 : 2062);
}

static const char *run_command(struct probe *probe, const uint8_t *command)
{
    switch (command[0]) {
    case GET_VERSION:
        get_version(probe);
        return "get-version";
    case DEBUG_COMMAND:
        return debug_command(probe, command);
    case DFU_COMMAND:
        probe->mode = MODE_MASS;
        return "leave-dfu";
    case GET_CURRENT_MODE:
        answer(probe, probe->mode, 2);
        return "get-mode";
    case GET_TARGET_VOLTAGE:
        get_voltage(probe);
        return "get-voltage";
    default:
        answer(probe, STATUS_UNKNOWN, 2);
        return "unknown-command";
    }
}

static void trace_command(const struct probe *probe, const char *name,
                          const uint8_t *command)
{
    char sent[3 * 10 + 1];
    char got[3 * 12 + 1] = "";
    if (probe->trace->out == NULL) {
        return;
    }
    for (unsigned i = 0; i < 10; i++) {
        snprintf(sent + 3 * i, 4, " %02x", command[i]);
    }
    for (unsigned i = 0; i < 12 && i < probe->reply_length; i++) {
        snprintf(got + 3 * i, 4, " %02x", probe->reply[i]);
    }
    trace_line(probe->trace, "usb %llu %s%s ->%s (%u)",
               (unsigned long long)probe->faults->commands, name, sent, got,
               probe->reply_length);
}

void probe_init(struct probe *probe, struct core *core, struct faults *faults,
                const struct trace *trace)
{
    *probe = (struct probe){
        .core = core,
        .bus = core != NULL ? core->bus : NULL,
        .faults = faults,
        .trace = trace,
        .mode = MODE_MASS,
        .status = STATUS_OK,
    };
}

void probe_attach(struct probe *probe)
{
    probe->write_left = 0;
    probe->reply_length = 0;
    probe->reply_start = 0;
}

void probe_send(struct probe *probe, const uint8_t *bytes, size_t length)
{
    uint8_t command[16] = {0}; /* a short one is padded, as the real probe does */
    if (length == 0) {
        return;
    }
    if (probe->core != NULL) {
        core_advance(probe->core);
    }
    if (probe->write_left > 0) {
        take_data(probe, bytes, length);
        return;
    }
    memcpy(command, bytes, length < sizeof command ? length : sizeof command);
    probe->reply_start = 0;
    probe->reply_length = 0;
    faults_command(probe->faults);
    if (faults_usb_dead(probe->faults) || faults_probe_hung(probe->faults)) {
        return;
    }
    trace_command(probe, run_command(probe, command), command);
}

size_t probe_fetch(struct probe *probe, uint8_t *bytes, size_t room)
{
    size_t length = probe->reply_length - probe->reply_start;
    length = length < room ? length : room;
    if (length > 0) {
        memcpy(bytes, probe->reply + probe->reply_start, length);
        probe->reply_start += (uint32_t)length;
    }
    return length;
}
