/* SPDX-License-Identifier: BSD-2-Clause */
/** Run control: see chip_core.h. */
#include "chip_core.h"
#include "probe_cortex.h"
#include "cli.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define HALT_LIMIT_MS 500

/* ---- words ---------------------------------------------------------------------------
 */

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

/* ---- halting --------------------------------------------------------------------------
 */

/* Wait for the halt. @return 0, or -1 and `what` took too long */
static int wait_halted(struct chip_access *access, uint32_t limit_ms, const char *what)
{
    int64_t end = probe_clock_ms() + limit_ms;
    for (int64_t pause = 1;; pause = pause < 16 ? pause * 2 : pause) {
        bool halted;
        if (access->probe->ops->is_halted(access->probe, &halted) != 0) {
            return chip_probe_failed(access);
        }
        if (halted) {
            return 0;
        }
        if (probe_clock_ms() >= end) {
            return target_fail(access->target, "%s within %" PRIu32 " ms", what,
                               limit_ms);
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

/* ---- stubs
 * ------------------------------------------------------------------------------ */

static uint32_t argument_offset(const struct chip_stub *stub)
{
    return (stub->size + 3) & ~3u;
}

uint32_t chip_stub_room(const struct chip_access *access, const struct chip_stub *stub)
{
    uint32_t ram = access->target->chip.ram_size;
    return (ram < PROBE_BLOCK ? ram : PROBE_BLOCK) - argument_offset(stub);
}

/* Keep what `size` bytes from ram_base on will overwrite. */
static int save_ram(struct chip_access *access, uint32_t size)
{
    if (!access->resume || size <= access->ram_saved) {
        return 0;
    }
    if (access->ram == NULL) {
        access->ram = cli_alloc(PROBE_BLOCK, 1);
    }
    if (chip_read(access, access->target->chip.ram_base + access->ram_saved,
                  access->ram + access->ram_saved, size - access->ram_saved) != 0) {
        return -1;
    }
    access->ram_saved = size;
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

/* Code goes with the first arguments, in one write. */
static int load(struct chip_access *access, const struct chip_stub *stub,
                const void *arguments, uint32_t size)
{
    uint32_t offset = argument_offset(stub);
    uint32_t skip = access->ram_used ? offset : 0;
    uint8_t *image = cli_alloc(offset + size, 1);
    memcpy(image, stub->code, stub->size);
    memcpy(image + offset, arguments, size);
    int status =
        access->probe->ops->write(access->probe, access->target->chip.ram_base + skip,
                                  image + skip, offset + size - skip);
    free(image);
    return status == 0 ? 0 : chip_probe_failed(access);
}

int chip_stub_run(struct chip_access *access, const struct chip_stub *stub,
                  const void *arguments, uint32_t size, uint32_t expected_us,
                  uint32_t limit_ms, void *result, uint32_t result_size)
{
    uint32_t ram_base = access->target->chip.ram_base;
    if (save_ram(access, argument_offset(stub) + size) != 0 ||
        prepare_core(access) != 0 || load(access, stub, arguments, size) != 0) {
        return -1;
    }
    access->ram_used = true;
    if (write_register(access, PROBE_PC, ram_base) != 0) {
        return -1;
    }
    if (access->probe->ops->run(access->probe) != 0) {
        return chip_probe_failed(access);
    }
    probe_sleep_ms((expected_us + 999) / 1000);
    if (wait_halted(access, limit_ms,
                    "the code in RAM that programs the flash does not end") != 0) {
        access->probe->ops->halt(access->probe);
        return -1;
    }
    return chip_read(access, ram_base + argument_offset(stub), result, result_size);
}

/* ---- letting go
 * -------------------------------------------------------------------------- */

/* Everything as it was; SP comes after the special registers, which choose it. */
static int restore(struct chip_access *access)
{
    struct probe *probe = access->probe;
    int status = 0;
    if (access->mpu_ctrl != 0) {
        status |= chip_write_word(access, CORTEX_MPU_CTRL, access->mpu_ctrl);
    }
    if (access->ram_saved != 0 &&
        probe->ops->write(probe, access->target->chip.ram_base, access->ram,
                          access->ram_saved) != 0) {
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
    status = restore(access);
    if (status != 0) {
        /* Half-restored code must not run. */
        return probe->ops->reset(probe) == 0 ? status : chip_probe_failed(access);
    }
    return probe->ops->run(probe) == 0 ? status : chip_probe_failed(access);
}
