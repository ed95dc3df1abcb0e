/* SPDX-License-Identifier: BSD-2-Clause */
/** The core as a debugger sees it: halt, run, step, registers, breakpoints, reset. The
 *  debug registers are those of ARM DDI 0403, part C1. */
#include "core.h"

#include <string.h>
#include <time.h>

#include "chip.h"

#define DHCSR         0xe000edf0u
#define DCRSR         0xe000edf4u
#define DCRDR         0xe000edf8u
#define DEMCR         0xe000edfcu
#define CPUID         0xe000ed00u
#define AIRCR         0xe000ed0cu
#define CFSR          0xe000ed28u
#define HFSR          0xe000ed2cu
#define DFSR          0xe000ed30u
#define MVFR0         0xe000ef40u
#define MVFR1         0xe000ef44u
#define SCS_BASE      0xe000e000u
#define FP_CTRL       0xe0002000u
#define FP_COMP0      0xe0002008u
#define DWT_CTRL      0xe0001000u
#define DWT_CYCCNT    0xe0001004u
#define DBGMCU_IDCODE 0xe0042000u

#define C_DEBUGEN   (1u << 0)
#define C_HALT      (1u << 1)
#define C_STEP      (1u << 2)
#define C_MASKINTS  (1u << 3)
#define S_REGRDY    (1u << 16)
#define S_HALT      (1u << 17)
#define S_SLEEP     (1u << 18)
#define S_LOCKUP    (1u << 19)
#define S_RETIRE_ST (1u << 24)
#define S_RESET_ST  (1u << 25)

#define VC_CORERESET (1u << 0)
#define VC_HARDERR   (1u << 10)

#define DFSR_HALTED (1u << 0)
#define DFSR_BKPT   (1u << 1)
#define DFSR_VCATCH (1u << 3)

#define LOCKUP_PC 0xfffffffeu

/* Instructions that a core gets between two commands of the probe. The least is what
 * makes one poll enough for the stubs that program flash. The most is what a host that is
 * slow has to make up for: all the time that went by would make it later still. */
enum {
    BUDGET_LEAST = 20000,
    BUDGET_MOST = 200000,
    BUDGET_SETTLE = 2000000,
    BUDGET_PER_MICROSECOND = 20
};

static uint64_t microseconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
}

static bool powered(const struct core *core)
{
    return !faults_chip_dead(core->bus->flash->faults);
}

bool core_is_running(const struct core *core)
{
    return powered(core) && !core->halted && !core->locked_up && !core->asleep &&
           !core->held;
}

/* ---- stopping and starting ------------------------------------------------------ */

static void enter_debug(struct core *core, uint32_t cause)
{
    if (core->locked_up) {
        cpu_set(core->cpu, CPU_PC, LOCKUP_PC);
    }
    core->locked_up = false;
    core->asleep = false;
    core->halted = true;
    core->dfsr |= cause;
    cpu_stop(core->cpu);
    trace_line(core->trace, "core halted at 0x%08x", cpu_get(core->cpu, CPU_PC) & ~1u);
}

/* What a core does that faults where no handler is. */
static void lock_up(struct core *core)
{
    trace_line(core->trace, "core locked up at 0x%08x", cpu_get(core->cpu, CPU_PC) & ~1u);
    core->scs[(HFSR - SCS_BASE) / 4] |= 1u << 30; /* FORCED */
    if (core->debug_enabled && (core->demcr & VC_HARDERR) != 0) {
        enter_debug(core, DFSR_VCATCH);
    } else {
        core->locked_up = true;
    }
}

void core_halt(struct core *core)
{
    if (!core->halted) {
        enter_debug(core, DFSR_HALTED);
    }
}

void core_resume(struct core *core)
{
    if (core->halted) {
        trace_line(core->trace, "core runs from 0x%08x",
                   cpu_get(core->cpu, CPU_PC) & ~1u);
        core->last = microseconds();
    }
    core->halted = false;
}

void core_set_debug(struct core *core, bool enabled)
{
    core->debug_enabled = enabled;
    if (!enabled) {
        core_resume(core);
    }
}

/* ---- running -------------------------------------------------------------------- */

/* The flash patch unit, version 1: one or both halfwords of a word below 0x20000000. */
static unsigned list_breakpoints(const struct core *core,
                                 uint32_t list[2 * CORE_COMPARATORS])
{
    unsigned count = 0;
    for (unsigned i = 0; core->fpb_enabled && i < CORE_COMPARATORS; i++) {
        uint32_t comparator = core->comparator[i];
        uint32_t address = comparator & 0x1ffffffc;
        if ((comparator & 1) == 0) {
            continue;
        }
        if ((comparator & 1u << 30) != 0) {
            list[count++] = address;
        }
        if ((comparator & 1u << 31) != 0) {
            list[count++] = address + 2;
        }
    }
    return count;
}

static void run(struct core *core, uint64_t budget)
{
    uint32_t breakpoints[2 * CORE_COMPARATORS];
    unsigned count = list_breakpoints(core, breakpoints);
    core->running = true;
    enum cpu_stop why = cpu_run(core->cpu, budget, breakpoints, count);
    core->running = false;
    core->retired = true;
    if (!powered(core)) {
        return;
    }
    if (core->reset_asked) {
        core_reset(core);
    } else if (why == CPU_FAULT) {
        lock_up(core);
    } else if (why == CPU_ASLEEP) {
        core->asleep = true;
    } else if (why != CPU_BUDGET && core->debug_enabled) {
        enter_debug(core, DFSR_BKPT);
    } else if (why != CPU_BUDGET) {
        lock_up(core); /* BKPT without a debugger is a fault */
    }
}

void core_step(struct core *core)
{
    if (!core->halted || !powered(core)) {
        return;
    }
    core->halted = false;
    run(core, 1);
    if (!core->halted) {
        enter_debug(core, DFSR_HALTED);
    }
}

void core_advance(struct core *core)
{
    uint64_t budget = (microseconds() - core->last) * BUDGET_PER_MICROSECOND;
    if (core_is_running(core)) {
        budget = budget < BUDGET_LEAST ? BUDGET_LEAST : budget;
        run(core, budget > BUDGET_MOST ? BUDGET_MOST : budget);
    }
    core->last = microseconds(); /* its own slowness does not count */
}

void core_settle(struct core *core)
{
    if (core_is_running(core)) {
        run(core, core->bus->flash->faults->cut ? BUDGET_SETTLE : BUDGET_LEAST);
    }
}

/* ---- reset ---------------------------------------------------------------------- */

static void start_program(struct core *core)
{
    const struct flash *flash = core->bus->flash;
    uint32_t vectors[2];
    memcpy(vectors, flash->cells, sizeof vectors);
    cpu_clear(core->cpu);
    cpu_set(core->cpu, CPU_SP, vectors[0] & ~3u);
    cpu_set(core->cpu, CPU_PC, vectors[1]);
    trace_line(core->trace, "core reset, sp 0x%08x, pc 0x%08x", vectors[0], vectors[1]);
    if (core->debug_enabled && (core->demcr & VC_CORERESET) != 0) {
        enter_debug(core, DFSR_VCATCH);
    } else if ((vectors[1] & 1) == 0) {
        lock_up(core); /* that is no Thumb code, and this core knows no other */
    }
}

void core_reset(struct core *core)
{
    core->reset_asked = false;
    core->halted = false;
    core->locked_up = false;
    core->asleep = false;
    core->reset_seen = true;
    core->resets++;
    core->last = microseconds();
    memset(core->scs, 0, sizeof core->scs);
    flash_reset(core->bus->flash);
    peripherals_reset(&core->bus->peripherals);
    start_program(core);
}

void core_hold_reset(struct core *core, bool low)
{
    if (core->held && !low) {
        core->held = false;
        core_reset(core);
    } else if (low) {
        core->held = true;
    }
}

/* ---- registers ------------------------------------------------------------------ */

uint32_t core_get(struct core *core, unsigned number)
{
    return number == CPU_PC && core->locked_up ? LOCKUP_PC : cpu_get(core->cpu, number);
}

void core_set(struct core *core, unsigned number, uint32_t value)
{
    cpu_set(core->cpu, number, value);
}

static uint32_t read_dhcsr(struct core *core)
{
    uint32_t value = S_REGRDY;
    value |= core->debug_enabled ? C_DEBUGEN : 0;
    value |= core->halted ? C_HALT | S_HALT : 0;
    value |= core->masked ? C_MASKINTS : 0;
    value |= core->asleep ? S_SLEEP : 0;
    value |= core->locked_up ? S_LOCKUP : 0;
    value |= core->retired ? S_RETIRE_ST : 0;
    value |= core->reset_seen ? S_RESET_ST : 0;
    core->retired = false;
    core->reset_seen = core->held;
    return value;
}

static void write_dhcsr(struct core *core, uint32_t value)
{
    if (value >> 16 != 0xa05f) {
        return;
    }
    core_set_debug(core, (value & C_DEBUGEN) != 0);
    core->masked = (value & C_MASKINTS) != 0;
    if (!core->debug_enabled) {
        return;
    }
    if ((value & C_HALT) != 0) {
        core_halt(core);
    } else if ((value & C_STEP) != 0) {
        core_step(core);
    } else {
        core_resume(core);
    }
}

static void write_dcrsr(struct core *core, uint32_t value)
{
    if ((value & 1u << 16) != 0) {
        core_set(core, value & 0x7f, core->dcrdr);
    } else {
        core->dcrdr = core_get(core, value & 0x7f);
    }
}

static void write_aircr(struct core *core, uint32_t value)
{
    if (value >> 16 != 0x05fa || (value & 5) == 0) {
        return; /* neither SYSRESETREQ nor VECTRESET */
    }
    if (core->running) {
        core->reset_asked = true;
        cpu_stop(core->cpu);
    } else {
        core_reset(core);
    }
}

static bool is_comparator(uint32_t address)
{
    return address >= FP_COMP0 && address < FP_COMP0 + 4 * CORE_COMPARATORS;
}

static uint32_t read_private(void *context, uint32_t address)
{
    struct core *core = context;
    switch (address) {
    case CPUID:
        return 0x410fc241; /* Cortex-M4 r0p1 */
    case AIRCR:
        return 0xfa050000;
    case DHCSR:
        return read_dhcsr(core);
    case DCRDR:
        return core->dcrdr;
    case DEMCR:
        return core->demcr;
    case DFSR:
        return core->dfsr;
    case MVFR0:
        return 0x10110021;
    case MVFR1:
        return 0x11000011;
    case FP_CTRL:
        return CORE_COMPARATORS << 4 | (core->fpb_enabled ? 1 : 0);
    case DWT_CTRL: /* no comparators: there are no watchpoints */
        return core->dwt_control;
    case DWT_CYCCNT:
        return (uint32_t)cpu_instructions(core->cpu);
    case DBGMCU_IDCODE:
        return CHIP_IDCODE;
    default:
        break;
    }
    if (is_comparator(address)) {
        return core->comparator[(address - FP_COMP0) / 4];
    }
    return address - SCS_BASE < 0x1000 ? core->scs[(address - SCS_BASE) / 4] : 0;
}

static void write_private(void *context, uint32_t address, uint32_t value)
{
    struct core *core = context;
    switch (address) {
    case AIRCR:
        write_aircr(core, value);
        return;
    case CFSR:
    case HFSR:
        core->scs[(address - SCS_BASE) / 4] &= ~value;
        return;
    case DFSR:
        core->dfsr &= ~value;
        return;
    case DHCSR:
        write_dhcsr(core, value);
        return;
    case DCRSR:
        write_dcrsr(core, value);
        return;
    case DCRDR:
        core->dcrdr = value;
        return;
    case DEMCR:
        core->demcr = value;
        return;
    case FP_CTRL:
        if ((value & 2) != 0) { /* KEY */
            core->fpb_enabled = (value & 1) != 0;
        }
        return;
    case DWT_CTRL:
        core->dwt_control = value & 0x0fffffff;
        return;
    default:
        break;
    }
    if (is_comparator(address)) {
        core->comparator[(address - FP_COMP0) / 4] = value;
    } else if (address - SCS_BASE < 0x1000) {
        core->scs[(address - SCS_BASE) / 4] = value;
    }
}

bool core_init(struct core *core, struct bus *bus, const struct trace *trace,
               const char **ret_problem)
{
    *core = (struct core){.bus = bus, .trace = trace};
    core->cpu = cpu_new(bus, ret_problem);
    if (core->cpu == NULL) {
        return false;
    }
    bus->private = (struct bus_private){read_private, write_private, core};
    core_reset(core);
    core->resets = 0;
    return true;
}

void core_free(struct core *core)
{
    cpu_free(core->cpu);
}
