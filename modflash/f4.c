/* SPDX-License-Identifier: BSD-2-Clause */
/** STM32F4: the chips of RM0090 (F405 to F417), RM0383 (F411) and RM0390 (F446). */
#include "chip.h"
#include "f4_flash.h"
#include "modfmt_layout.h"

#define KIB 1024u

/* Main SRAM only, as far as it goes on without a gap; the F405's CCM cannot run code. */
static const struct chip_row rows[] = {
    {"stm32f405", 0x413, 1024 * KIB, 128 * KIB, 0x08060000, 128 * KIB},
    {"stm32f411", 0x431, 512 * KIB, 128 * KIB, 0x08060000, 128 * KIB},
    {"stm32f446", 0x421, 512 * KIB, 128 * KIB, 0x08060000, 128 * KIB},
    {0},
};

static uint32_t sector_size(uint32_t index)
{
    return index < 4 ? 16 * KIB : index == 4 ? 64 * KIB : 128 * KIB;
}

const struct chip_family chip_f4 = {
    .rows = rows,
    .flash = &f4_flash,
    .flash_base = 0x08000000,
    .ram_base = 0x20000000,
    .unit = 4,
    .provides = MODFMT_NEED_V6M | MODFMT_NEED_V7M | MODFMT_NEED_DSP | MODFMT_NEED_FPU_SP |
                MODFMT_NEED_ABI_SOFT | MODFMT_NEED_ABI_HARD,
    .sector_size = sector_size,
    .info_address = 0x1FFF7A10,
    .info_size = 0x14,
    .uid_offset = 0,
    .kib_offset = 0x12,
};
