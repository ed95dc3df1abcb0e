/* SPDX-License-Identifier: BSD-2-Clause */
/**
 * An ST-LINK through libstlink 1.7: the only file that knows it.
 *
 * libstlink opens every generation of probe and moves memory and registers; its flash
 * functions are not used (they erase before they write, and ignore errors). It ignores
 * the status byte in each answer, which is looked at here where it leaves it: first in
 * q_buf. It may wait for long and prints: so this runs in a keeper, see probe_keeper.c.
 */
#include "probe.h"
#include "probe_usb.h"
#include "probe_cortex.h"
#include "cli.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <stlink.h>

#define STATUS_OK      0x80
#define STATUS_AP_WAIT 0x10
#define STATUS_DP_WAIT 0x14
#define TRIES          8
/* What one command reads, as in ST's and stlink's own tools; writes may be longer. */
#define READ_MAX 6144u

struct stlink_probe {
    struct probe probe; /* first */
    stlink_t *link;
};

static stlink_t *link_of(struct probe *probe)
{
    return ((struct stlink_probe *)probe)->link;
}

/* libstlink gives -1 only if USB failed, and after that nothing else will do. */
static int lose_usb(struct probe *probe)
{
    return probe_lose(probe, "the ST-LINK is gone from USB");
}

static int fail_status(struct probe *probe, const char *what, uint32_t address,
                       uint8_t status)
{
    return probe_fail(probe,
                      "the chip does not let 0x%08" PRIx32
                      " be %s (ST-LINK status 0x%02x): is it powered and connected?",
                      address, what, status);
}

static bool is_wait(uint8_t status)
{
    return status == STATUS_AP_WAIT || status == STATUS_DP_WAIT;
}

/* ---- memory --------------------------------------------------------------- */

static int stlink_word_read(struct probe *probe, uint32_t address, uint32_t *ret_value)
{
    stlink_t *link = link_of(probe);
    uint8_t status = 0;
    for (int i = 0; i < TRIES; i++) {
        uint32_t value;
        if (probe->lost || stlink_read_debug32(link, address, &value) != 0) {
            return lose_usb(probe);
        }
        status = link->q_buf[0];
        if (status == STATUS_OK) {
            *ret_value = value;
            return 0;
        }
        if (!is_wait(status)) {
            break;
        }
        probe_sleep_ms(1);
    }
    return fail_status(probe, "read", address, status);
}

static int stlink_word_write(struct probe *probe, uint32_t address, uint32_t value)
{
    stlink_t *link = link_of(probe);
    uint8_t status = 0;
    for (int i = 0; i < TRIES; i++) {
        if (probe->lost || stlink_write_debug32(link, address, value) != 0) {
            return lose_usb(probe);
        }
        status = link->q_buf[0];
        if (status == STATUS_OK) {
            return 0;
        }
        if (!is_wait(status)) {
            break;
        }
        probe_sleep_ms(1);
    }
    return fail_status(probe, "written", address, status);
}

/* libstlink does not ask for the status of these. */
static int stlink_block_read(struct probe *probe, uint32_t address, void *bytes,
                             uint32_t length)
{
    stlink_t *link = link_of(probe);
    uint8_t *to = bytes;
    for (uint32_t at = 0; at < length;) {
        uint32_t size = length - at < READ_MAX ? length - at : READ_MAX;
        if (probe->lost || stlink_read_mem32(link, address + at, (uint16_t)size) != 0) {
            return lose_usb(probe);
        }
        if (link->q_len != (int)size) {
            return probe_fail(probe, "the ST-LINK gave %d of %" PRIu32 " bytes",
                              link->q_len, size);
        }
        memcpy(to + at, link->q_buf, size);
        at += size;
    }
    return 0;
}

static int stlink_block_write(struct probe *probe, uint32_t address, const void *bytes,
                              uint32_t length)
{
    stlink_t *link = link_of(probe);
    memcpy(link->q_buf, bytes, length);
    if (probe->lost || stlink_write_mem32(link, address, (uint16_t)length) != 0) {
        return lose_usb(probe);
    }
    return link->q_buf[0] == STATUS_OK
               ? 0
               : fail_status(probe, "written", address, link->q_buf[0]);
}

/* ---- the core ------------------------------------------------------------- */

static int stlink_core_halt(struct probe *probe)
{
    return stlink_word_write(probe, CORTEX_DHCSR,
                             CORTEX_DHCSR_KEY | CORTEX_C_DEBUGEN | CORTEX_C_HALT);
}

static int stlink_core_run(struct probe *probe)
{
    return stlink_word_write(probe, CORTEX_DHCSR, CORTEX_DHCSR_KEY | CORTEX_C_DEBUGEN);
}

static int stlink_core_is_halted(struct probe *probe, bool *ret_halted)
{
    uint32_t dhcsr;
    if (stlink_word_read(probe, CORTEX_DHCSR, &dhcsr) != 0) {
        return -1;
    }
    *ret_halted = (dhcsr & CORTEX_S_HALT) != 0;
    return 0;
}

static int stlink_registers_read(struct probe *probe, uint32_t values[PROBE_REGISTERS])
{
    struct stlink_reg regs;
    stlink_t *link = link_of(probe);
    memset(&regs, 0, sizeof regs);
    if (probe->lost || stlink_read_all_regs(link, &regs) != 0 ||
        stlink_read_reg(link, CORTEX_REGISTER_SPECIAL, &regs) != 0) {
        return lose_usb(probe);
    }
    memcpy(values, regs.r, sizeof regs.r);
    values[PROBE_XPSR] = regs.xpsr;
    values[PROBE_PRIMASK] = regs.rw2; /* all four special registers; PRIMASK is lowest */
    return 0;
}

static int stlink_register_write(struct probe *probe, unsigned index, uint32_t value)
{
    stlink_t *link = link_of(probe);
    int number = index == PROBE_PRIMASK ? CORTEX_REGISTER_SPECIAL : (int)index;
    if (probe->lost || stlink_write_reg(link, value, number) != 0) {
        return lose_usb(probe);
    }
    return link->q_buf[0] == STATUS_OK
               ? 0
               : probe_fail(probe, "the core's register %u cannot be written", index);
}

/* The reset comes before the halt is taken back, so that nothing of the old state runs. A
 * debugger that was here before may have left its wish to halt at reset. */
static int stlink_core_reset(struct probe *probe)
{
    uint32_t demcr;
    if (stlink_word_read(probe, CORTEX_DEMCR, &demcr) != 0 ||
        ((demcr & CORTEX_VC_ALL) != 0 &&
         stlink_word_write(probe, CORTEX_DEMCR, demcr & ~CORTEX_VC_ALL) != 0) ||
        stlink_word_write(probe, CORTEX_AIRCR, CORTEX_AIRCR_RESET) != 0) {
        return -1;
    }
    probe_sleep_ms(2);
    return stlink_core_run(probe);
}

static int stlink_supply(struct probe *probe, uint32_t *ret_millivolts)
{
    int millivolts = stlink_target_voltage(link_of(probe));
    if (millivolts < 0) {
        return lose_usb(probe);
    }
    *ret_millivolts = (uint32_t)millivolts;
    return 0;
}

static int stlink_last_words(struct probe *probe, const struct probe_word *words,
                             uint32_t count)
{
    (void)probe;
    (void)words;
    (void)count;
    return 0; /* the keeper's business */
}

static void stlink_probe_close(struct probe *probe)
{
    if (!probe->lost) {
        stlink_exit_debug_mode(link_of(probe));
    }
    stlink_close(link_of(probe));
    free(probe);
}

static const struct probe_ops stlink_ops = {
    .read = stlink_block_read,
    .write = stlink_block_write,
    .read_word = stlink_word_read,
    .write_word = stlink_word_write,
    .halt = stlink_core_halt,
    .run = stlink_core_run,
    .is_halted = stlink_core_is_halted,
    .read_registers = stlink_registers_read,
    .write_register = stlink_register_write,
    .reset = stlink_core_reset,
    .supply = stlink_supply,
    .last_words = stlink_last_words,
    .close = stlink_probe_close,
};

/* ---- opening -------------------------------------------------------------- */

static int check_presence(struct probe *probe)
{
    uint32_t cpuid;
    if (stlink_word_read(probe, CORTEX_CPUID, &cpuid) != 0) {
        return -1;
    }
    if (cpuid >> 24 != CORTEX_CPUID_ARM) {
        return probe_fail(probe, "the chip is gone: is it powered and connected?");
    }
    return 0;
}

/* Why no chip answers: clones tell nonsense of the voltage, so it is only a hint. */
static void explain_silence(struct probe *probe, char error[PROBE_ERROR])
{
    uint32_t millivolts = 0;
    if (probe->lost || stlink_supply(probe, &millivolts) != 0) {
        snprintf(error, PROBE_ERROR, "the ST-LINK does not answer: plug it in again");
    } else {
        snprintf(
            error, PROBE_ERROR,
            "no chip answers behind the ST-LINK, which measures %" PRIu32 ".%" PRIu32
            " V: check power, SWDIO, SWCLK and GND, and that the chip does not sleep",
            millivolts / 1000, millivolts % 1000 / 100);
    }
}

struct probe *probe_stlink_open(const char *wanted, char error[PROBE_ERROR])
{
    char serial[STLINK_SERIAL_BUFFER_SIZE];
    if (probe_usb_choose(wanted, serial, error) != 0) {
        return NULL;
    }
    struct stlink_probe *stlink = cli_alloc(1, sizeof *stlink);
    stlink->probe.ops = &stlink_ops;
    stlink->probe.live = true;
    stlink->probe.blind = true;
    unsetenv(
        "STLINK_DEVICE"); /* it would choose another one, and crash without a colon */
    /* Level 0 says nothing. Hot plug: the core goes on running. */
    stlink->link = stlink_open_usb((enum ugly_loglevel)0, CONNECT_HOT_PLUG, serial, 0);
    if (stlink->link == NULL) {
        snprintf(error, PROBE_ERROR, "the ST-LINK cannot be opened: plug it in again");
        free(stlink);
        return NULL;
    }
    if (check_presence(&stlink->probe) != 0) {
        explain_silence(&stlink->probe, error);
        stlink_probe_close(&stlink->probe);
        return NULL;
    }
    return &stlink->probe;
}
