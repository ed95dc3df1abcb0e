#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
# core.sh RUSTC DIR: build Rust's core library for Cortex-M4 (soft-float ABI) into DIR, from
# the sources that came with that compiler. Some 20 seconds; when DIR has it already, none.
# core.sh RUSTC: only see whether that can be done. Exit status 3: no, and says why.
#
# Debian packages core for no such target, but its sources (rust-src). They are of use to the
# compiler of the very same version only. RUSTC_BOOTSTRAP=1 has a released compiler accept
# what only core may do. compiler_builtins, which core wants to be there, is empty here: what
# belongs into it the firmware has (memcpy and its like) or libgcc (division and so on).
set -euo pipefail

[ $# -eq 1 ] || [ $# -eq 2 ] || { echo "usage: core.sh RUSTC [DIR]" >&2; exit 2; }
rustc=$1
export RUSTC_BOOTSTRAP=1

[ -x "$rustc" ] || { echo "core.sh: $rustc is missing; install rustc" >&2; exit 3; }
version=$("$rustc" --version | cut -d ' ' -f 2)
sources=$("$rustc" --print sysroot)/lib/rustlib/src/rust
[ -f "$sources/library/core/src/lib.rs" ] || {
    echo "core.sh: $sources: no sources of core; install rust-src" >&2
    exit 3
}
of=none
for file in "$sources/src/version" "$sources/version"; do
    [ -f "$file" ] && read -r of _ <"$file" && break
done
[ "$of" = "$version" ] || {
    echo "core.sh: $rustc is $version, but the sources are of $of" >&2
    exit 3
}
[ $# -eq 2 ] || exit 0

dir=$2
stamp=$dir/core-$version
[ -f "$stamp" ] && exit 0
mkdir -p "$dir"
rm -f "$dir"/core-*
flags=(--edition 2021 --target thumbv7em-none-eabi --crate-type rlib --out-dir "$dir"
    -C opt-level=s -C panic=abort -C embed-bitcode=no -C lto=off -Z force-unstable-if-unmarked
    --cap-lints allow --remap-path-prefix "$(realpath "$sources")=/rustc/$version")
"$rustc" "${flags[@]}" --crate-name core "$sources/library/core/src/lib.rs"
"$rustc" "${flags[@]}" --crate-name compiler_builtins -L "$dir" - <<'END'
#![feature(compiler_builtins, no_core)]
#![no_core]
#![compiler_builtins]
END
touch "$stamp"
