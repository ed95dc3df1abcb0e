#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
# build.sh SOURCE CORE DIR STAMP MODAPI: build what a Cortex-M core gets, in a build directory
# DIR of its own; MODAPI is the tool that makes the firmware's export table.
# cross/meson.build calls it from the native build. Says nothing when all went well; STAMP
# changes only when something was built.
set -euo pipefail

source=$1
core=$2
dir=$3
stamp=$4
modapi=$(realpath "$5")
cross_file=$source/cross/$core.ini
log=$dir.log

# Flags for the host (a sanitizer, say) are not meant for the target.
unset CC CXX CFLAGS CXXFLAGS CPPFLAGS LDFLAGS
# The outer ninja's job server and status line are its own.
unset MAKEFLAGS NINJA_STATUS

run() {
    "$@" >"$log" 2>&1 || {
        cat "$log" >&2
        echo "cross/build.sh: $core: failed: $*" >&2
        exit 1
    }
}

# Meson reads a cross file once; a newer one wants a new build directory. So does one that
# was made for another tool, or before there was any.
if [ -f "$dir/build.ninja" ] && [ "$cross_file" -nt "$dir/build.ninja" ] ||
    [ "$(cat "$dir.modapi" 2>/dev/null)" != "$modapi" ]; then
    rm -rf "$dir"
fi
if [ ! -f "$dir/build.ninja" ]; then
    rm -rf "$dir"
    run meson setup --cross-file "$cross_file" "-Dmodapi=$modapi" "$dir" "$source"
    rm -f "$stamp"
    echo "$modapi" >"$dir.modapi"
fi
run ninja -C "$dir" -j 2
if [ ! -f "$stamp" ] || ! grep -q 'no work to do' "$log"; then
    echo "$core" >"$stamp"
fi
