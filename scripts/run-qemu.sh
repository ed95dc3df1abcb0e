#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
set -euo pipefail

usage="usage: run-qemu.sh [options] MODULE.bin...
       run-qemu.sh [options] --flash FILE
Put module images into the module region of the demo firmware, boot it on QEMU and print its
console. Or boot a whole flash as it is, such as virtual-board writes; the demo firmware is
put in front where that part of it is erased. Exit status 0: every module was loaded and returned 0; 1: one was not; 2: usage;
3: a file or a program is missing; 4: it did not end in time, or QEMU gave up.

  --firmware ELF   default: build/cross/cortex-m4/target-loader/firmware/stm32f405.elf
  --flash FILE     what is in the flash, from its first byte on
  --icount         count time in instructions, not by the clock: every run is the same
  --apart          have text and data placed apart
  --read           have images read in chunks, as from a file
  --keep           have all modules loaded and started before the first one is unloaded
  --copy           have images copied to RAM that could run in place
  --twice          have each image loaded twice, as NAME and as NAME.2
  --no-execute     as if RAM could not execute code
  --timeout S      end after S seconds, default 30
  -h, --help       this text"

die() {
    echo "run-qemu: $2" >&2
    exit "$1"
}

top=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
firmware=${MODFMT_BUILD:-$top/build}/cross/cortex-m4/target-loader/firmware/stm32f405.elf
extra=()
options=0
limit=30
modules=()
flash=
while [ $# -gt 0 ]; do
    case $1 in
        --firmware | --flash | --timeout) [ $# -ge 2 ] || die 2 "$1 wants an argument" ;;&
        --firmware) firmware=$2; shift ;;
        --flash) flash=$2; shift ;;
        --timeout) limit=$2; shift ;;
        --icount) extra=(-icount shift=0) ;;
        --apart) options=$((options | 1)) ;;
        --read) options=$((options | 2)) ;;
        --keep) options=$((options | 4)) ;;
        --copy) options=$((options | 8)) ;;
        --twice) options=$((options | 16)) ;;
        --no-execute) options=$((options | 32)) ;;
        -h | --help) echo "$usage"; exit 0 ;;
        --) shift; modules+=("$@"); break ;;
        -*) die 2 "unknown option $1; see run-qemu.sh --help" ;;
        *) modules+=("$1") ;;
    esac
    shift
done
[ ${#modules[@]} -gt 0 ] || [ -n "$flash" ] || die 2 "no module given; see run-qemu.sh --help"
[ ${#modules[@]} -eq 0 ] || [ -z "$flash" ] ||
    die 2 "either modules or --flash; to put a module into a flash file is modflash's work"
[[ $limit =~ ^[1-9][0-9]*$ ]] || die 2 "--timeout wants a number of seconds, not $limit"
for program in qemu-system-arm arm-none-eabi-nm timeout; do
    command -v "$program" >/dev/null || die 3 "$program is missing; run scripts/setup.sh"
done
[ -f "$firmware" ] || die 3 "$firmware: no such file; build it, or give one with --firmware"

# The firmware itself says where things are and which machine it is for.
symbols=$(arm-none-eabi-nm "$firmware") || die 3 "$firmware: not an ELF file"
symbol() {
    local value
    value=$(awk -v name="$1" '$3 == name { print $1; exit }' <<<"$symbols")
    [ -n "$value" ] || die 3 "$firmware: has no symbol $1; is it the demo firmware?"
    echo $((16#$value))
}
begin=$(symbol _modules_begin)
end=$(symbol _modules_end)
config=$(symbol _config)
machine=$(sed -n 's/.* _qemu_machine_//p' <<<"$symbols")
[ -n "$machine" ] || die 3 "$firmware: QEMU does not have its board"
machine=${machine//_/-}

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
region=$folder/region
size=$((end - begin))

erased() {
    head -c "$1" /dev/zero | tr '\0' '\377'
}
overwrite() { # FILE OFFSET <BYTES
    dd of="$1" bs=4096 seek="$2" oflag=seek_bytes conv=notrunc status=none
}

# Erased flash, and the images in it: each as its text_align (byte 52) asks, if its text is
# to run in place one day; at a multiple of 32 at least, where the firmware looks.
fill_region() {
    local at=0 module length align log2
    erased "$size" >"$region"
    for module in "${modules[@]}"; do
        [ -f "$module" ] && [ -r "$module" ] || die 3 "$module: no such file"
        length=$(stat -L -c %s "$module")
        align=32
        log2=$(od -An -tu1 -j52 -N1 "$module" 2>/dev/null | tr -d ' ' || true)
        if [ "${log2:-0}" -gt 5 ] && [ "$log2" -le 16 ]; then
            align=$((1 << log2))
        fi
        at=$(((begin + at + align - 1) / align * align - begin))
        [ $((at + length)) -le $size ] ||
            die 1 "$module: no room; the module region has $size bytes"
        overwrite "$region" "$at" <"$module"
        at=$((at + length))
    done
}

# target-loader/firmware/emulation.h: that it is emulated, how, and SysTick's clock.
word() {
    printf "\\x$(printf %02x $(($1 & 255)))\\x$(printf %02x $(($1 >> 8 & 255)))"
    printf "\\x$(printf %02x $(($1 >> 16 & 255)))\\x$(printf %02x $(($1 >> 24 & 255)))"
}
case $machine in
    netduinoplus2) clock=168000000 ;;
    microbit) clock=16000000 ;;
    mps2-an505) clock=20000000 ;;
    *) clock=25000000 ;;
esac
settings() {
    printf QEMU; word $options; word $clock; word 0
}

# A flash file as it is but for those settings, with the firmware where it has none.
copy_flash() {
    local origin length at
    [ -f "$flash" ] && [ -r "$flash" ] || die 3 "$flash: no such file"
    origin=$(symbol _flash_begin)
    length=$((end - origin))
    at=$((config - origin))
    cp "$flash" "$folder/flash"
    chmod u+w "$folder/flash"
    erased "$length" | tail -c +$(($(stat -c %s "$folder/flash") + 1)) >>"$folder/flash"
    if cmp -s -n $at "$folder/flash" <(erased $at); then
        arm-none-eabi-objcopy -O binary "$firmware" "$folder/firmware"
        overwrite "$folder/flash" 0 <"$folder/firmware"
    fi
    cmp -s -i "$at:0" -n 16 "$folder/flash" <(erased 16) ||
        die 1 "$flash: has something else than the demo firmware at $(printf 0x%08x "$config")"
    settings | overwrite "$folder/flash" $at
    parts=(-device loader,file="$folder/flash",addr="$origin",force-raw=on)
}
if [ -n "$flash" ]; then
    copy_flash
else
    fill_region
    settings >"$folder/config"
    parts=(-kernel "$firmware" -device loader,file="$region",addr="$begin",force-raw=on
        -device loader,file="$folder/config",addr="$config",force-raw=on)
fi

status=0
timeout --foreground -k 1 "$limit" qemu-system-arm -M "$machine" -display none -monitor none \
    -chardev stdio,id=console,signal=off -serial chardev:console \
    -semihosting-config enable=on,target=native "${extra[@]}" "${parts[@]}" \
    </dev/null 2>"$folder/errors" || status=$?
case $status in
    0 | 1) ;;
    124 | 137) echo; die 4 "stopped after $limit seconds: a module does not return" ;;
    *) cat "$folder/errors" >&2; die 4 "QEMU ended with status $status" ;;
esac
# QEMU exits with 1 for errors of its own too; then it has said something.
if [ $status -ne 0 ] && [ -s "$folder/errors" ]; then
    cat "$folder/errors" >&2
    exit 4
fi
exit $status
