/* SPDX-License-Identifier: BSD-2-Clause */
/* A firmware that reads what answers with a fault, and goes on: port/cortex-m/read.h. */
#include <string.h>

#include "board.h"
#include "console.h"
#include "emulation.h"
#include "firmware.h"
#include "modules.h"
#include "read.h"

/* For faults.c. */
void modules_print_current(void)
{
    fw_print("read_fault");
}

void modules_print_address(uint32_t address)
{
    fw_printf("0x%08x", (unsigned)address);
}

static const char good[] = "0123456789abcdef0123456789abcdef";

/** Read `size` bytes from an address; show what was read from byte `shown` on. */
static void try_read(uint32_t address, uint32_t size, uint32_t shown, int wanted)
{
    struct modfmt_flash flash = {.base = address - 3};
    char bytes[64];
    int rc;

    memset(bytes, '.', sizeof(bytes));
    rc = modload_cortex_m_read(&flash, 3, bytes, size);
    bytes[34] = '\0';
    fw_printf("%s %s\n", rc == wanted ? "good" : "BAD", bytes + shown);
}

int main(void)
{
    uint32_t readable = (uint32_t)(uintptr_t)good;

    board_begin();
    for (int i = 0; i < 3; i++) {
        try_read(readable, 32, 0, 0);
        try_read(NOTHING_THERE, 32, 0, -1);
        try_read(readable + 1, 5, 0, 0);
        try_read(readable, 0, 0, 0);
        /* The first bytes can be read, those behind the end cannot. */
        try_read(NOTHING_THERE - 8, 16, 8, -1);
    }
    fw_print("now a fault that is none of ours\n");
    fw_printf("%u", (unsigned)*(volatile uint32_t *)NOTHING_THERE);
    emulation_end(0);
}
