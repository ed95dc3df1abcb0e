#!/usr/bin/env bash
# Build and run every test; ends with the line "N passed, N failed, N skipped".
#
#   scripts/test.sh              everything
#   MODFMT_ALL=1 scripts/test.sh all of the oracle, not a quarter, and every cut over USB
#   scripts/test.sh SUITE…       these suites only (acceptance unit check cli vectors oracle qemu gdb stack fault life fuzz store linking board modflash modapi target chip languages packaging freertos callbacks bench)
#
# Two builds: build/ has the plain tools and runs all tests; build-dev/ has the host code
# under ASan and UBSan and runs those that need no Cortex-M build once more.
set -uo pipefail
cd "$(dirname "$0")/.."
scripts/setup.sh || exit 3

suites=()
for s in "$@"; do suites+=(--suite "$s"); done
passed=0 failed=0 skipped=0
jobs=$(($(nproc) + 1)) # many tests wait for something now and then
export MODFMT_OBJECTS=$PWD/build/objects # what tests compile, both builds' tests the same

build() { # directory, meson options
    local dir=$1
    shift
    # Meson's lists of tests and of files are made anew when a meson.build has changed.
    if [ ! -f "$dir/build.ninja" ]; then
        meson setup "$@" "$dir" >"$dir.log" 2>&1 || { cat "$dir.log"; return 1; }
    fi
    ninja -C "$dir" >"$dir.log" 2>&1 || { cat "$dir.log"; return 1; }
}

run() { # directory, meson test options
    local dir=$1 counts status
    shift
    echo "== $dir"
    if ! build "$dir" "${setup[@]}"; then
        echo "$dir: does not build"
        failed=$((failed + 1))
        return
    fi
    rm -f "$dir"/meson-logs/testlog*.json
    meson test -C "$dir" --no-rebuild --print-errorlogs --num-processes "$jobs" "$@" 2>&1 | tee "$dir.log" |
        grep -v -E '^(ninja|Summary|Full log|(Ok|Expected Fail|Fail|Unexpected Pass|Skipped|Timeout):|$)'
    status=${PIPESTATUS[0]}
    counts=$(/usr/bin/python3 scripts/test_counts.py "$dir"/meson-logs/testlog*.json) || {
        echo "$dir: no test ran"
        failed=$((failed + 1))
        return
    }
    read -r p f s <<<"$counts"
    if [ "$status" -ne 0 ] && [ "$f" -eq 0 ]; then
        echo "$dir: meson test ended with $status: not all tests were run"
        f=1
    fi
    passed=$((passed + p)) failed=$((failed + f)) skipped=$((skipped + s))
}

mkdir -p build-dev build
setup=(-Dc_args=-g1) # functions and lines; all that a debugger asks for takes a third of the compilers' time
run build "${suites[@]}"
setup=(--native-file build-dev.ini)
run build-dev "${suites[@]}"

echo "$passed passed, $failed failed, $skipped skipped"
[ "$failed" -eq 0 ] && [ "$passed" -gt 0 ]
