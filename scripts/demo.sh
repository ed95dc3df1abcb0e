#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
# From nothing to modules in the flash of a board: install what is needed, build, pack
# examples/hello, put it onto a virtual STM32F405 over a virtual ST-LINK, boot that very flash
# on QEMU; update it, cut the power meanwhile, remove it; run modules in place and linked.
set -euo pipefail

top=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
build=${MODFMT_BUILD:-$top/build} # tests have built it elsewhere
log=$(mktemp)
trap 'rm -f "$log"' EXIT

say() {
    printf '\n== %s\n' "$*"
}
# Compilers talk a lot; only a failure makes that worth reading.
quietly() {
    "$@" >"$log" 2>&1 || { cat "$log"; echo "demo: failed: $*" >&2; exit 1; }
}
show() {
    local line
    printf -v line ' %q' "$@"
    echo "\$${line//$top\//}"
    "$@"
}

say "Install what is needed"
"$top/scripts/setup.sh"
echo "done"

say "Build the tools, the loader and the firmware (into build/)"
[ -f "$build/build.ninja" ] || quietly meson setup "$build" "$top"
[ -n "${MODFMT_BUILD:-}" ] || quietly ninja -C "$build"
echo "done"

cd "$top"
say "Pack examples/hello, an ELF that GCC has linked"
show "$build/mkmod/mkmod" --version 1.0.0 --description "Says hello" \
    "$build/examples/hello.elf" -o "$build/hello.bin"
ls -l "$build/examples/hello.elf" "$build/hello.bin" |
    awk -v top="$top/" '{ sub(top, "", $9); printf "%8d bytes  %s\n", $5, $9 }'

say "Look at it"
show "$build/moddump/moddump" "$build/hello.bin"

flash=$build/demo/flash.img
mkdir -p "$build/demo"
rm -f "$flash"
firmware=$build/cross/cortex-m4/target-loader/firmware/stm32f405.elf
# What a command on the virtual board looks like; a real board needs only what follows "--".
board() {
    "$build/virtual-board/virtual-board" --flash "$flash" "$@"
}
on_board() {
    local line
    printf -v line ' %q' "$@"
    echo "\$ virtual-board --flash flash.img --${line//$build\//}"
    board -- "$@"
}
modflash=$build/modflash/modflash

say "A board: the firmware goes onto it with st-flash, as ever"
arm-none-eabi-objcopy -O binary "$firmware" "$build/demo/firmware.bin"
echo "\$ virtual-board --flash flash.img -- st-flash write firmware.bin 0x08000000"
quietly board -- st-flash write "$build/demo/firmware.bin" 0x08000000
echo "done"

say "Install modules over the ST-LINK; the firmware says where they go"
on_board "$modflash" "$build/hello.bin" "$build/examples/average.bin"
on_board "$modflash" list

say "Boot that very flash on QEMU: the loader finds, loads and runs them"
show "$top/scripts/run-qemu.sh" --flash "$flash"

say "Update one, and lose the power on the way: the old one is still there"
quietly "$build/mkmod/mkmod" --version 1.1.0 --description "Says hello" \
    "$build/examples/hello.elf" -o "$build/demo/hello.bin"
echo "\$ virtual-board --flash flash.img --cut-after 20 -- modflash demo/hello.bin"
if board --cut-after 20 -- "$modflash" "$build/demo/hello.bin"; then
    echo "demo: failed: the power cut went unnoticed" >&2
    exit 1
fi
on_board "$modflash" list

say "Again, with power; remove the other one; boot"
on_board "$modflash" "$build/demo/hello.bin"
on_board "$modflash" remove average
on_board "$modflash" list
show "$top/scripts/run-qemu.sh" --flash "$flash"

say "A module that was built for another firmware: its header says time has 64 bits"
mkdir -p "$build/demo/other"
sed 's/^uint32_t fw_time_ms/uint64_t fw_time_ms/' target-loader/firmware/include/firmware.h \
    >"$build/demo/other/firmware.h"
cat >"$build/demo/other/late.c" <<'END'
#include "firmware.h"
int module_entry(void *p) { (void)p; return fw_time_ms() < 1000; }
END
quietly arm-none-eabi-gcc -mcpu=cortex-m4 -mthumb -Os -g -nostdlib -T examples/module.ld \
    -Wl,--emit-relocs,--unresolved-symbols=ignore-all "$build/demo/other/late.c" \
    -o "$build/demo/other/late.elf"
quietly "$build/mkmod/mkmod" "$build/demo/other/late.elf" -o "$build/demo/late.bin"
if on_board "$modflash" "$build/demo/late.bin"; then
    echo "demo: failed: it was not refused" >&2
    exit 1
fi

say "Modules in C and C++, two of which use each other: loaded in order, kept while needed"
show "$top/scripts/run-qemu.sh" --keep "$build/examples/sheep.bin" \
    "$build/examples/counter.bin" "$build/examples/cxx.bin"

say "Run in place: the code stays in flash; two instances of it, each called back by the firmware"
show "$top/scripts/run-qemu.sh" --twice "$build/examples/xip.bin"

say "Link for flash: any code, its addresses put in on the host, for this flash and this firmware"
on_board "$modflash" install --xip-link "$build/examples/average.bin" "$build/examples/cxx.bin"
on_board "$modflash" list
show "$top/scripts/run-qemu.sh" --flash "$flash"

say "It works: packed, checked, flashed, linked, listed, updated, removed; loaded, bound, run, unloaded"
