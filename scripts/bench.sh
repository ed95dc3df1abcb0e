#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
# Print what the loader costs, beside the budgets: sizes, instructions, image sizes, times.
# --json gives the figures for programs, --check makes the exit status 1 if a count of bytes
# or instructions is over its budget. What is measured how: tests/bench/bench.py.
set -euo pipefail

top=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
build=$top/build

"$top/scripts/setup.sh" >&2
log=$(mktemp)
trap 'rm -f "$log"' EXIT
run() {
    "$@" >"$log" 2>&1 || { cat "$log" >&2; echo "bench: failed: $*" >&2; exit 1; }
}
[ -f "$build/build.ninja" ] || run meson setup "$build" "$top"
run ninja -C "$build"
/usr/bin/python3 "$top/tests/bench/bench.py" --mkmod "$build/mkmod/mkmod" "$@"
