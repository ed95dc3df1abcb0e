/* SPDX-License-Identifier: BSD-2-Clause */
/** Run control: see chip_core.h. */
#include "chip_core.h"
#include "probe_cortex.h"
#include "cli.h"

#include <inttypes.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#define HALT_LIMIT_MS 1500
#define HUNG          "the code in RAM that programs the flash does not end"
#define RESULT_BUSY   0xFFFFFFFFu

/* Before a stub's code: see f4_stub.S. */
struct stub_control {
    uint32_t stay;
    uint32_t result;
    uint32_t go;
};

/* ---- words ---------------------------------------------------------------- */

int chip_probe_failed(struct chip_access *access)
{
    return target_fail(access->target, "%s", access->probe->error);
}

int chip_read_word(struct chip_access *access, uint32_t address, uint32_t *ret_value)
{
    struct probe *probe = access->probe;
    return probe->ops->read_word(probe, address, ret_value) == 0
               ? 0
               : chip_probe_failed(access);
}

int chip_write_word(struct chip_access *access, uint32_t address, uint32_t value)
{
    struct probe *probe = access->probe;
    return probe->ops->write_word(probe, address, value) == 0 ? 0
                                                              : chip_probe_failed(access);
}

int chip_read(struct chip_access *access, uint32_t address, void *bytes, uint32_t length)
{
    struct probe *probe = access->probe;
    return probe->ops->read(probe, address, bytes, length) == 0
               ? 0
               : chip_probe_failed(access);
}

static int write_register(struct chip_access *access, unsigned index, uint32_t value)
{
    struct probe *probe = access->probe;
    return probe->ops->write_register(probe, index, value) == 0
               ? 0
               : chip_probe_failed(access);
}

/* ---- halting -------------------------------------------------------------- */

/* Wait for the halt. @return 0, or -1 and `what` took too long */
static int wait_halted(struct chip_access *access, uint32_t limit_ms, const char *what)
{
    int64_t end = probe_deadline(limit_ms);
    for (int64_t pause = 1;; pause = pause < 16 ? pause * 2 : pause) {
        bool halted, last = probe_clock_ms() >= end;
        if (access->probe->ops->is_halted(access->probe, &halted) != 0) {
            return chip_probe_failed(access);
        }
        if (halted) {
            return 0;
        }
        if (last) {
            return target_fail(access->target, "%s within %" PRId64 " ms", what,
                               probe_patiently(limit_ms));
        }
        probe_sleep_ms(pause);
    }
}

static int halt(struct chip_access *access)
{
    if (access->probe->ops->halt(access->probe) != 0) {
        return chip_probe_failed(access);
    }
    return wait_halted(access, HALT_LIMIT_MS, "the core does not halt");
}

int chip_core_halt(struct chip_access *access)
{
    /* Firmware may forbid to execute RAM. */
    if (halt(access) != 0 ||
        chip_read_word(access, CORTEX_MPU_CTRL, &access->mpu_ctrl) != 0) {
        return -1;
    }
    return access->mpu_ctrl == 0 ? 0 : chip_write_word(access, CORTEX_MPU_CTRL, 0);
}

/* ---- stubs ---------------------------------------------------------------- */

/* From ram_base to the code, which lies at the end of what one write can reach. */
static uint32_t code_offset(const struct chip_access *access,
                            const struct chip_stub *stub)
{
    uint32_t ram = access->target->chip.ram_size;
    return (ram < PROBE_BLOCK ? ram : PROBE_BLOCK) - stub->size;
}

uint32_t chip_stub_room(const struct chip_access *access, const struct chip_stub *stub)
{
    return code_offset(access, stub) - (uint32_t)sizeof(struct stub_control);
}

static int save_piece(struct chip_access *access, uint32_t from, uint32_t to)
{
    return from == to ? 0
                      : chip_read(access, access->target->chip.ram_base + from,
                                  access->ram + from, to - from);
}

/* Keep what will be overwritten, from the data to the end of the code. */
static int save_ram(struct chip_access *access, const struct chip_stub *stub,
                    uint32_t size)
{
    uint32_t code = code_offset(access, stub);
    if (!access->resume) {
        return 0;
    }
    if (access->ram == NULL) {
        access->ram = cli_alloc(PROBE_BLOCK, 1);
        access->ram_from = access->ram_to = code + stub->size;
    }
    if (code - size < access->ram_from) {
        if (save_piece(access, code - size, access->ram_from) != 0) {
            return -1;
        }
        access->ram_from = code - size;
    }
    return 0;
}

/* Thumb state, no conditional block, and no interrupts: what a stub runs with. They stay
 * so from run to run. */
static int prepare_core(struct chip_access *access)
{
    struct probe *probe = access->probe;
    if (access->ram_used) {
        return 0;
    }
    if (access->resume) {
        if (probe->ops->read_registers(probe, access->registers) != 0) {
            return chip_probe_failed(access);
        }
        access->saved = true;
    }
    uint32_t ipsr = access->registers[PROBE_XPSR] & CORTEX_XPSR_IPSR;
    if (write_register(access, PROBE_XPSR, CORTEX_XPSR_THUMB | ipsr) != 0) {
        return -1;
    }
    return write_register(access, PROBE_PRIMASK, access->registers[PROBE_PRIMASK] | 1);
}

/* Data, arguments and control end where the code begins, which goes with the first. */
static int load(struct chip_access *access, const struct chip_stub *stub,
                const void *block, uint32_t size)
{
    struct stub_control control = {access->probe->live, RESULT_BUSY, 1};
    uint32_t whole = size + (uint32_t)sizeof control;
    uint32_t code = access->ram_used ? 0 : stub->size;
    uint32_t address = access->target->chip.ram_base + code_offset(access, stub) - whole;
    if (save_ram(access, stub, whole) != 0) {
        return -1;
    }
    uint8_t *image = cli_alloc(whole + code, 1);
    memcpy(image, block, size);
    memcpy(image + size, &control, sizeof control);
    memcpy(image + whole, stub->code, code);
    int status = access->probe->ops->write(access->probe, address, image, whole + code);
    free(image);
    return status == 0 ? 0 : chip_probe_failed(access);
}

static int start(struct chip_access *access, uint32_t pc)
{
    if (prepare_core(access) != 0 || write_register(access, PROBE_PC, pc) != 0) {
        return -1;
    }
    access->ram_used = true;
    access->staying = access->probe->live;
    return access->probe->ops->run(access->probe) == 0 ? 0 : chip_probe_failed(access);
}

/* Wait for the result of a stub that stays. */
static int wait_result(struct chip_access *access, uint32_t address, uint32_t limit_ms,
                       uint32_t *ret_result)
{
    int64_t end = probe_deadline(limit_ms);
    for (int64_t pause = 1;; pause = pause < 16 ? pause * 2 : pause) {
        bool last = probe_clock_ms() >= end;
        if (chip_read_word(access, address, ret_result) != 0) {
            return -1;
        }
        if (*ret_result != RESULT_BUSY) {
            return 0;
        }
        if (last) {
            return target_fail(access->target, HUNG " within %" PRId64 " ms",
                               probe_patiently(limit_ms));
        }
        probe_sleep_ms(pause);
    }
}

int chip_stub_run(struct chip_access *access, const struct chip_stub *stub,
                  const void *block, uint32_t size, uint32_t expected_us,
                  uint32_t limit_ms, uint32_t *ret_result)
{
    uint32_t code = access->target->chip.ram_base + code_offset(access, stub);
    uint32_t result = code - (uint32_t)(sizeof(struct stub_control) -
                                        offsetof(struct stub_control, result));
    if (load(access, stub, block, size) != 0 ||
        (!access->staying && start(access, code) != 0)) {
        return -1;
    }
    probe_sleep_ms((expected_us + 999) / 1000);
    int status = access->staying ? wait_result(access, result, limit_ms, ret_result)
                                 : wait_halted(access, limit_ms, HUNG);
    if (status != 0) {
        access->probe->ops->halt(access->probe);
        return -1;
    }
    return access->staying ? 0 : chip_read_word(access, result, ret_result);
}

/* ---- letting go ----------------------------------------------------------- */

/* Everything as it was; SP comes after the special registers, which choose it. */
static int restore(struct chip_access *access)
{
    struct probe *probe = access->probe;
    int status = 0;
    if (access->mpu_ctrl != 0) {
        status |= chip_write_word(access, CORTEX_MPU_CTRL, access->mpu_ctrl);
    }
    if (access->ram_from != access->ram_to &&
        probe->ops->write(probe, access->target->chip.ram_base + access->ram_from,
                          access->ram + access->ram_from,
                          access->ram_to - access->ram_from) != 0) {
        status = chip_probe_failed(access);
    }
    if (access->saved) {
        status |= write_register(access, PROBE_PRIMASK, access->registers[PROBE_PRIMASK]);
        for (unsigned i = 0; i <= PROBE_XPSR; i++) {
            status |= write_register(access, i, access->registers[i]);
        }
    }
    return status;
}

int chip_core_release(struct chip_access *access, bool reset)
{
    struct probe *probe = access->probe;
    int status = 0;
    if (reset || (access->ram_used && !access->resume)) {
        return probe->ops->reset(probe) == 0 ? 0 : chip_probe_failed(access);
    }
    status = access->staying ? halt(access) : 0;
    status |= restore(access);
    if (status != 0) {
        /* Half-restored code must not run. */
        return probe->ops->reset(probe) == 0 ? status : chip_probe_failed(access);
    }
    return probe->ops->run(probe) == 0 ? status : chip_probe_failed(access);
}
