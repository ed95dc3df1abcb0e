/* SPDX-License-Identifier: BSD-2-Clause */
#include "machine.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/** More than any call takes: 128K are looked through several times at most. */
#define BUDGET 100000000u

static const uint32_t paint = 0xc5c5c5c5u;

static _Noreturn void give_up(const char *what, const char *why)
{
    fprintf(stderr, "machine: %s: %s\n", what, why);
    exit(1);
}

static uint32_t vector(const struct machine *machine, enum chip_vector number)
{
    return modfmt_get32(machine->cells + 4u * number);
}

/** Registers of the core: none that anything here turns on. */
static uint32_t read_zero(void *context, uint32_t address)
{
    (void)context;
    (void)address;
    return 0;
}

static void write_nothing(void *context, uint32_t address, uint32_t value)
{
    (void)context;
    (void)address;
    (void)value;
}

/** The core as it comes out of reset, at a function of the program. @return did it
 *  come back? */
static enum machine_end run(struct machine *machine, enum chip_vector function)
{
    uint64_t before = cpu_instructions(machine->cpu);
    enum cpu_stop stop;

    cpu_clear(machine->cpu);
    cpu_set(machine->cpu, CPU_MSP, vector(machine, CHIP_VECTOR_STACK));
    cpu_set(machine->cpu, CPU_SP, vector(machine, CHIP_VECTOR_STACK));
    cpu_set(machine->cpu, CPU_LR, vector(machine, CHIP_VECTOR_RETURN));
    cpu_set(machine->cpu, CPU_PC, vector(machine, function));
    stop = cpu_run(machine->cpu, BUDGET, NULL, 0);
    machine->instructions = cpu_instructions(machine->cpu) - before;
    if (faults_chip_dead(&machine->faults))
        return MACHINE_CUT;
    if (stop == CPU_BKPT)
        return MACHINE_DONE;
    fprintf(stderr, "machine: stopped (%d) at 0x%08x\n", (int)stop,
            cpu_get(machine->cpu, CPU_PC));
    return MACHINE_STUCK;
}

void machine_power_on(struct machine *machine)
{
    uint64_t random = machine->faults.random;

    faults_init(&machine->faults, random + 1u);
    flash_reset(&machine->flash);
    memset(machine->bus.sram, 0xa5, CHIP_SRAM_SIZE);
    machine->bus.sram_changed = true;
    if (run(machine, CHIP_VECTOR_BEGIN) != MACHINE_DONE)
        give_up("the program", "does not start");
}

void machine_begin(struct machine *machine, const char *program)
{
    FILE *in = fopen(program, "rb");
    const char *problem = "there is no memory";

    if (!in)
        give_up(program, "cannot be read");
    *machine = (struct machine){.cells = malloc(CHIP_FLASH_SIZE)};
    if (!machine->cells)
        give_up("flash", problem);
    memset(machine->cells, 0xff, CHIP_FLASH_SIZE);
    if (fread(machine->cells, 1, CHIP_FLASH_SIZE, in) < 4u * CHIP_VECTORS)
        give_up(program, "is no program");
    fclose(in);
    faults_init(&machine->faults, 1);
    flash_init(&machine->flash, machine->cells, &machine->faults, &machine->trace);
    if (bus_init(&machine->bus, &machine->flash)) {
        machine->bus.private.read = read_zero;
        machine->bus.private.write = write_nothing;
        machine->cpu = cpu_new(&machine->bus, &problem);
    }
    if (!machine->cpu)
        give_up("the CPU", problem);
    machine_power_on(machine);
}

void machine_end(struct machine *machine)
{
    cpu_free(machine->cpu);
    bus_free(&machine->bus);
    free(machine->cells);
}

void machine_set(struct machine *machine, uint32_t offset, const void *bytes,
                 uint32_t size)
{
    memcpy(machine->cells + offset, bytes, size);
    machine->flash.changed(machine->flash.context, offset, size);
}

void machine_put(struct machine *machine, uint32_t address, const void *bytes,
                 uint32_t size)
{
    memcpy(machine->bus.sram + (address - CHIP_SRAM_BASE), bytes, size);
    machine->bus.sram_changed = true;
}

static uint8_t *stack_limit(struct machine *machine)
{
    return machine->bus.sram + (vector(machine, CHIP_VECTOR_LIMIT) - CHIP_SRAM_BASE);
}

static uint32_t stack_size(struct machine *machine)
{
    return vector(machine, CHIP_VECTOR_STACK) - vector(machine, CHIP_VECTOR_LIMIT);
}

/** How far down the paint is gone. */
static uint32_t stack_used(struct machine *machine)
{
    const uint8_t *limit = stack_limit(machine);
    uint32_t free_bytes = 0, size = stack_size(machine);

    while (free_bytes < size && modfmt_get32(limit + free_bytes) == paint)
        free_bytes += 4;
    return size - free_bytes;
}

enum machine_end machine_call(struct machine *machine, struct chip_call *call)
{
    uint32_t place = vector(machine, CHIP_VECTOR_PLACE);
    enum machine_end end;

    machine_put(machine, place, call, sizeof(*call));
    memset(stack_limit(machine), (int)(paint & 0xff), stack_size(machine));
    end = run(machine, CHIP_VECTOR_CALL);
    machine->stack = stack_used(machine);
    if (end == MACHINE_DONE)
        memcpy(call, machine->bus.sram + (place - CHIP_SRAM_BASE), sizeof(*call));
    return end;
}
