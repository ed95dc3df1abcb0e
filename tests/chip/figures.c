/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * figures PROGRAM.bin: what the store costs on a Cortex-M4, in instructions and bytes of
 * stack, a line each: NAME, UNIT: VALUE. Instructions, not clocks: flash's wait states
 * and what the controller takes come on top.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <cmocka.h>

#include "twin.h"

static struct twin twin;

static void print(const char *name, const char *unit, uint64_t value)
{
    printf("%s, %s: %llu\n", name, unit, (unsigned long long)value);
}

/** Carry out a verb; all must go well. */
static struct chip_call carry_out(struct chip_call call)
{
    if (machine_call(&twin.machine, &call) != MACHINE_DONE || call.rc != 0)
        fail_msg("verb %u: %d", call.verb, call.rc);
    return call;
}

static void install(uint32_t number, uint32_t payload, uint32_t value)
{
    static struct image image;
    struct chip_call call = twin_call(&twin, CHIP_INSTALL);

    twin_image(&image, number, payload, value);
    twin_source(&twin, &call, &image, 1);
    (void)carry_out(call);
}

static void remove_module(uint32_t number)
{
    struct chip_call call = twin_call(&twin, CHIP_REMOVE);
    struct image image;

    twin_image(&image, number, 0, 0);
    call.count = 1;
    call.hash[0] = image.hash;
    (void)carry_out(call);
}

/** @return instructions; *ret_slots are the directory's */
static uint64_t open_store(uint32_t *ret_slots)
{
    struct chip_call call = carry_out(twin_call(&twin, CHIP_OPEN));

    *ret_slots = call.next_slot;
    return twin.machine.instructions;
}

static void print_scans(void)
{
    uint64_t empty, few, many;
    uint32_t slots, more;

    twin_region(&twin, &twin_regions[2]);
    empty = open_store(&slots);
    print("scan, nothing there", "instr.", empty);
    install(0, 100, 1);
    few = open_store(&slots);
    print("scan, one module just installed", "instr.", few);
    print("stack of a scan, all from the call on", "B", twin.machine.stack);
    for (uint32_t i = 0; i < 100; i++)
        install(0, 100, i);
    many = open_store(&more);
    print("scan, per record of updates since", "instr.", (many - few) / (more - slots));
    for (uint32_t i = 1; i < 33; i++)
        install(i, 100, i);
    empty = open_store(&more);
    print("scan after 100 updates, 33 modules", "instr.", empty);
    print("  slots of the directory by then", "", more);
}

static void print_verbs(void)
{
    twin_region(&twin, &twin_regions[1]);
    install(0, 8000, 1);
    install(1, 8000, 1);
    print("install of 8 KB", "instr.", twin.machine.instructions);
    print("stack of an install, all from the call on", "B", twin.machine.stack);
    remove_module(1);
    print("stack of a remove", "B", twin.machine.stack);
    install(0, 8000, 2);
    install(0, 8000, 3);
    (void)carry_out(twin_call(&twin, CHIP_COMPACT));
    print("stack of a compact", "B", twin.machine.stack);
}

int main(int argc, char **argv)
{
    if (argc != 2)
        return 2;
    twin_begin(&twin, argv[1]);
    print_scans();
    print_verbs();
    twin_end(&twin);
    return 0;
}
