#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
# From nothing to a module that runs: install what is needed, build, pack examples/hello,
# look at it, run it on an emulated STM32F405.
set -euo pipefail

top=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
build=$top/build
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
quietly ninja -C "$build"
echo "done"

cd "$top"
say "Pack examples/hello, an ELF that GCC has linked"
show "$build/mkmod/mkmod" --version 1.0.0 --description "Says hello" \
    "$build/examples/hello.elf" -o "$build/hello.bin"
ls -l "$build/examples/hello.elf" "$build/hello.bin" |
    awk -v top="$top/" '{ sub(top, "", $9); printf "%8d bytes  %s\n", $5, $9 }'

say "Look at it"
show "$build/moddump/moddump" "$build/hello.bin"

say "Put it into the flash of an emulated STM32F405, load it, run it"
show "$top/scripts/run-qemu.sh" "$build/hello.bin"

say "It works: the module was packed, placed, loaded, relocated and run"
