#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
# build.sh SOURCE OUT.elf OUT.bin [FLAGS…]: the program that runs on the chip, built as
# firmware is (cross/cortex-m4.ini).
set -euo pipefail

source=$1
elf=$2
bin=$3
shift 3
parts=("$source"/libmodfmt/modfmt_{header,reloc,hash,crc,read,store,store_log,store_place,store_room,store_verbs}.c
    "$source"/target-loader/{modload,modload_store}.c
    "$source"/target-loader/port/cortex-m/{arena,port,sync}.c
    "$source"/target-loader/port/cortex-m/call.S
    "$source"/target-loader/port/stm32/flash_f4.c)
arm-none-eabi-gcc -mcpu=cortex-m4 -mfloat-abi=softfp -mfpu=fpv4-sp-d16 -mthumb -Os -std=c11 \
    -ffreestanding -ffunction-sections -fdata-sections -Wall -Wextra -Wconversion -Wshadow \
    -Wstrict-prototypes -Wmissing-prototypes -Wvla -Wundef -Werror \
    -I"$source/libmodfmt" -I"$source/target-loader" \
    -I"$source/target-loader/port/cortex-m" -I"$source/target-loader/port/stm32" \
    -nostartfiles -Wl,--gc-sections -T "$source/tests/chip/program.ld" "$@" \
    "$source/tests/chip/program.c" "${parts[@]}" -o "$elf"
arm-none-eabi-objcopy -O binary "$elf" "$bin"
