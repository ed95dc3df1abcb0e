/* SPDX-License-Identifier: BSD-2-Clause */
/** A Cortex-M4 that runs instructions, by Unicorn. */
#include "cpu.h"

#include <stdlib.h>
#include <string.h>
#include <unicorn/unicorn.h>

#include "chip.h"

/* STM of all registers is the instruction with most stores. */
enum { STORES_MAX = 32, INTERRUPT_BKPT = 7 };

/* A region of the bus that is no memory: Unicorn tells us offsets in it only. */
struct window {
    struct bus *bus;
    struct cpu *cpu;
    uint32_t base;
};

struct store {
    uint32_t offset;
    uint32_t size;
};

struct cpu {
    uc_engine *engine;
    struct bus *bus;
    /* Flash as the CPU reads it: Unicorn stores there even when a hook has handled the
     * store, so it cannot be the cells themselves. */
    uint8_t *view;
    struct window windows[3];
    struct store stores[STORES_MAX]; /* of this instruction, to mend in the view */
    unsigned store_count;
    uint32_t changed_first; /* flash that may be translated, and has changed */
    uint32_t changed_end;
    uint64_t budget;
    uint64_t instructions;
    const uint32_t *breakpoints;
    unsigned breakpoint_count;
    bool stopping;
    bool running;
    enum cpu_stop why;
};

static void mend_view(struct cpu *cpu, uint32_t offset, uint32_t size)
{
    memcpy(cpu->view + offset, cpu->bus->flash->cells + offset, size);
}

static void flash_changed(void *context, uint32_t offset, uint32_t size)
{
    struct cpu *cpu = context;
    mend_view(cpu, offset, size);
    if (cpu->changed_first > offset) {
        cpu->changed_first = offset;
    }
    if (cpu->changed_end < offset + size) {
        cpu->changed_end = offset + size;
    }
}

static void mend_stores(struct cpu *cpu)
{
    for (unsigned i = 0; i < cpu->store_count; i++) {
        mend_view(cpu, cpu->stores[i].offset, cpu->stores[i].size);
    }
    cpu->store_count = 0;
}

static void stop_for(struct cpu *cpu, enum cpu_stop why)
{
    cpu->why = why;
    cpu->stopping = true;
}

/* ---- what Unicorn calls --------------------------------------------------------- */

static void on_instruction(uc_engine *engine, uint64_t address, uint32_t size,
                           void *context)
{
    struct cpu *cpu = context;
    (void)size;
    mend_stores(cpu);
    if (cpu->stopping || faults_chip_dead(cpu->bus->flash->faults)) {
        uc_emu_stop(engine);
        return;
    }
    for (unsigned i = 0; i < cpu->breakpoint_count; i++) {
        if (cpu->breakpoints[i] == (uint32_t)address) {
            stop_for(cpu, CPU_BREAKPOINT);
            uc_emu_stop(engine);
            return;
        }
    }
    if (cpu->budget == 0) {
        uc_emu_stop(engine);
        return;
    }
    cpu->budget--;
    cpu->instructions++;
}

static bool on_flash_store(uc_engine *engine, uc_mem_type type, uint64_t address,
                           int size, int64_t value, void *context)
{
    struct cpu *cpu = context;
    uint32_t offset = 0;
    (void)engine;
    (void)type;
    if (cpu->store_count == STORES_MAX ||
        !bus_flash_offset((uint32_t)address, (uint32_t)size, &offset)) {
        return false;
    }
    cpu->stores[cpu->store_count++] = (struct store){offset, (uint32_t)size};
    uint64_t rest = (uint64_t)value;
    for (unsigned left = (unsigned)size; left > 0; rest >>= 32) {
        unsigned part = left > 4 ? 4 : left; /* the core's bus has 32 bits */
        flash_store(cpu->bus->flash, offset, part, (uint32_t)rest);
        offset += part;
        left -= part;
    }
    return true;
}

static void on_interrupt(uc_engine *engine, uint32_t number, void *context)
{
    stop_for(context, number == INTERRUPT_BKPT ? CPU_BKPT : CPU_FAULT);
    uc_emu_stop(engine);
}

static uint64_t window_read(uc_engine *engine, uint64_t offset, unsigned size,
                            void *context)
{
    struct window *window = context;
    uint32_t value = 0;
    (void)engine;
    if (!bus_read(window->bus, window->base + (uint32_t)offset, size, &value)) {
        stop_for(window->cpu, CPU_FAULT);
    }
    return value;
}

/* A stop in here would run the store once more: it waits for the next instruction. */
static void window_write(uc_engine *engine, uint64_t offset, unsigned size,
                         uint64_t value, void *context)
{
    struct window *window = context;
    (void)engine;
    if (!bus_write(window->bus, window->base + (uint32_t)offset, size, (uint32_t)value)) {
        stop_for(window->cpu, CPU_FAULT);
    }
}

/* ---- making one ----------------------------------------------------------------- */

static uc_err map_windows(struct cpu *cpu)
{
    static const struct {
        uint32_t base;
        uint32_t size;
    } regions[] = {{CHIP_SYSTEM_BASE, CHIP_SYSTEM_SIZE},
                   {CHIP_PERIPH_BASE, CHIP_PERIPH_SIZE},
                   {CHIP_PPB_BASE, CHIP_PPB_SIZE}};
    uc_err error = UC_ERR_OK;
    for (unsigned i = 0; error == UC_ERR_OK && i < 3; i++) {
        struct window *window = &cpu->windows[i];
        *window = (struct window){cpu->bus, cpu, regions[i].base};
        error = uc_mmio_map(cpu->engine, regions[i].base, regions[i].size, window_read,
                            window, window_write, window);
    }
    return error;
}

static uc_err map_memory(struct cpu *cpu)
{
    const uint32_t code = UC_PROT_READ | UC_PROT_EXEC;
    uc_engine *engine = cpu->engine;
    uc_err error =
        uc_mem_map_ptr(engine, CHIP_FLASH_BASE, CHIP_FLASH_SIZE, code, cpu->view);
    if (error == UC_ERR_OK) {
        error = uc_mem_map_ptr(engine, CHIP_ALIAS_BASE, CHIP_FLASH_SIZE, code, cpu->view);
    }
    if (error == UC_ERR_OK) {
        error = uc_mem_map_ptr(engine, CHIP_SRAM_BASE, CHIP_SRAM_SIZE, UC_PROT_ALL,
                               cpu->bus->sram);
    }
    if (error == UC_ERR_OK) {
        error = uc_mem_map_ptr(engine, CHIP_CCM_BASE, CHIP_CCM_SIZE,
                               UC_PROT_READ | UC_PROT_WRITE, cpu->bus->ccm);
    }
    return error != UC_ERR_OK ? error : map_windows(cpu);
}

/* Unicorn takes hooks as object pointers, which ISO C does not convert to. */
static uc_err add_hook(struct cpu *cpu, int type, void (*function)(void))
{
    uc_hook hook;
    void *pointer;
    memcpy(&pointer, &function, sizeof pointer);
    return uc_hook_add(cpu->engine, &hook, type, pointer, cpu, (uint64_t)1, (uint64_t)0);
}

static uc_err add_hooks(struct cpu *cpu)
{
    uc_err error = add_hook(cpu, UC_HOOK_CODE, (void (*)(void))on_instruction);
    if (error == UC_ERR_OK) {
        error = add_hook(cpu, UC_HOOK_MEM_WRITE_PROT, (void (*)(void))on_flash_store);
    }
    if (error == UC_ERR_OK) {
        error = add_hook(cpu, UC_HOOK_INTR, (void (*)(void))on_interrupt);
    }
    return error;
}

static uc_err start_engine(struct cpu *cpu)
{
    uc_err error = uc_open(UC_ARCH_ARM, UC_MODE_THUMB | UC_MODE_MCLASS, &cpu->engine);
    if (error == UC_ERR_OK) {
        error = uc_ctl_set_cpu_model(cpu->engine, UC_CPU_ARM_CORTEX_M4);
    }
    if (error == UC_ERR_OK) {
        error = map_memory(cpu);
    }
    return error != UC_ERR_OK ? error : add_hooks(cpu);
}

struct cpu *cpu_new(struct bus *bus, const char **ret_problem)
{
    struct cpu *cpu = calloc(1, sizeof *cpu);
    uint8_t *view = aligned_alloc(0x1000, CHIP_FLASH_SIZE);
    if (cpu == NULL || view == NULL) {
        free(cpu);
        free(view);
        *ret_problem = "there is no memory";
        return NULL;
    }
    cpu->bus = bus;
    cpu->view = view;
    mend_view(cpu, 0, CHIP_FLASH_SIZE);
    cpu->changed_first = CHIP_FLASH_SIZE;
    uc_err error = start_engine(cpu);
    if (error != UC_ERR_OK) {
        *ret_problem = uc_strerror(error);
        cpu_free(cpu);
        return NULL;
    }
    bus->flash->changed = flash_changed;
    bus->flash->context = cpu;
    return cpu;
}

void cpu_free(struct cpu *cpu)
{
    if (cpu->engine != NULL) {
        uc_close(cpu->engine);
    }
    free(cpu->view);
    free(cpu);
}

/* ---- registers ------------------------------------------------------------------ */

static const int special[4] = {UC_ARM_REG_PRIMASK, UC_ARM_REG_BASEPRI,
                               UC_ARM_REG_FAULTMASK, UC_ARM_REG_CONTROL};

/* @return Unicorn's number, or UC_ARM_REG_INVALID */
static int engine_register(unsigned number)
{
    switch (number) {
    case CPU_SP:
        return UC_ARM_REG_SP;
    case CPU_LR:
        return UC_ARM_REG_LR;
    case CPU_PC:
        return UC_ARM_REG_PC;
    case CPU_XPSR:
        return UC_ARM_REG_XPSR;
    case CPU_MSP:
        return UC_ARM_REG_MSP;
    case CPU_PSP:
        return UC_ARM_REG_PSP;
    case CPU_FPSCR:
        return UC_ARM_REG_FPSCR;
    default:
        break;
    }
    if (number < CPU_SP) {
        return UC_ARM_REG_R0 + (int)number;
    }
    if (number >= CPU_S0 && number <= CPU_S31) {
        return UC_ARM_REG_S0 + (int)(number - CPU_S0);
    }
    return UC_ARM_REG_INVALID;
}

static uint32_t get_special(struct cpu *cpu)
{
    uint32_t value = 0;
    for (unsigned i = 0; i < 4; i++) {
        uint32_t part = 0;
        uc_reg_read(cpu->engine, special[i], &part);
        value |= (part & 0xff) << 8 * i;
    }
    return value;
}

uint32_t cpu_get(struct cpu *cpu, unsigned number)
{
    uint32_t value = 0;
    if (number == CPU_SPECIAL) {
        return get_special(cpu);
    }
    if (engine_register(number) != UC_ARM_REG_INVALID) {
        uc_reg_read(cpu->engine, engine_register(number), &value);
    }
    return number == CPU_XPSR ? value | 1u << 24 : value;
}

void cpu_set(struct cpu *cpu, unsigned number, uint32_t value)
{
    if (number == CPU_SPECIAL) {
        for (unsigned i = 0; i < 4; i++) {
            uint32_t part = value >> 8 * i & 0xff;
            uc_reg_write(cpu->engine, special[i], &part);
        }
        return;
    }
    /* Unicorn takes an even PC for ARM code, which this core has not. */
    if (number == CPU_PC) {
        value |= 1;
    } else if (number == CPU_XPSR) {
        value |= 1u << 24;
    }
    if (engine_register(number) != UC_ARM_REG_INVALID) {
        uc_reg_write(cpu->engine, engine_register(number), &value);
    }
}

void cpu_clear(struct cpu *cpu)
{
    cpu_set(cpu, CPU_SPECIAL, 0);
    for (unsigned i = 0; i < CPU_SP; i++) {
        cpu_set(cpu, i, 0);
    }
    cpu_set(cpu, CPU_MSP, 0);
    cpu_set(cpu, CPU_PSP, 0);
    cpu_set(cpu, CPU_LR, 0xffffffff);
    cpu_set(cpu, CPU_XPSR, 0);
    cpu_set(cpu, CPU_FPSCR, 0);
}

/* ---- running -------------------------------------------------------------------- */

static void drop_code(struct cpu *cpu, uint32_t base, uint32_t first, uint32_t end)
{
    uc_ctl_remove_cache(cpu->engine, (uint64_t)base + first, (uint64_t)base + end);
}

/* What was written by others than the CPU may have been translated before. */
static void drop_changed_code(struct cpu *cpu)
{
    if (cpu->bus->sram_changed) {
        drop_code(cpu, CHIP_SRAM_BASE, 0, CHIP_SRAM_SIZE);
        cpu->bus->sram_changed = false;
    }
    if (cpu->changed_first < cpu->changed_end) {
        drop_code(cpu, CHIP_FLASH_BASE, cpu->changed_first, cpu->changed_end);
        drop_code(cpu, CHIP_ALIAS_BASE, cpu->changed_first, cpu->changed_end);
        cpu->changed_first = CHIP_FLASH_SIZE;
        cpu->changed_end = 0;
    }
}

/* Unicorn ends at WFI without an error and at WFE with one; both are behind it. */
static bool behind_wait(struct cpu *cpu)
{
    uint32_t word = 0;
    uint32_t address = (cpu_get(cpu, CPU_PC) & ~1u) - 2;
    return bus_read(cpu->bus, address, 2, &word) && (word & 0xffef) == 0xbf20;
}

static bool executable(uint32_t address)
{
    uint32_t offset = 0;
    return bus_flash_offset(address, 2, &offset) ||
           (address >= CHIP_SRAM_BASE && address - CHIP_SRAM_BASE < CHIP_SRAM_SIZE);
}

enum cpu_stop cpu_run(struct cpu *cpu, uint64_t budget, const uint32_t *breakpoints,
                      unsigned count)
{
    uint32_t pc = cpu_get(cpu, CPU_PC) & ~1u;
    if (!executable(pc)) {
        return CPU_FAULT;
    }
    drop_changed_code(cpu);
    cpu->budget = budget;
    cpu->breakpoints = breakpoints;
    cpu->breakpoint_count = count;
    cpu->stopping = false;
    cpu->why = CPU_BUDGET;
    cpu->running = true;
    uc_err error = uc_emu_start(cpu->engine, pc | 1, UINT64_C(1) << 33, 0, 0);
    cpu->running = false;
    mend_stores(cpu);
    if (cpu->stopping) {
        return cpu->why;
    }
    bool spent = error == UC_ERR_OK && cpu->budget == 0;
    if (spent || faults_chip_dead(cpu->bus->flash->faults)) {
        return CPU_BUDGET;
    }
    return behind_wait(cpu) ? CPU_ASLEEP : CPU_FAULT;
}

void cpu_stop(struct cpu *cpu)
{
    if (cpu->running) {
        cpu->stopping = true;
    }
}

uint64_t cpu_instructions(const struct cpu *cpu)
{
    return cpu->instructions;
}
