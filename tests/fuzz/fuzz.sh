#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
# Fuzz the reader and the loader, or linking: fuzz.sh [--mapped | --link] [libFuzzer options].
# New inputs go to build/fuzz/work, findings to build/fuzz; keep what is worth keeping with
#   build/fuzz/target -merge=1 tests/fuzz/corpus build/fuzz/work
set -euo pipefail
cd "$(dirname "$0")/../.."
flags=(-g -O1 -fsanitize=fuzzer,address,undefined -fno-sanitize-recover=all)
name=target
source=target
sources=(target-loader/modload.c libmodfmt/modfmt_reloc.c)
if [ "${1:-}" = --link ]; then
    shift
    name=link
    source=link_target
    sources=(libmodfmt/modfmt_link.c libmodfmt/modfmt_link_window.c)
fi
if [ "${1:-}" = --mapped ]; then
    shift
    name=mapped
    flags+=(-DMODLOAD_WITH_READ=0)
fi
mkdir -p "${FUZZ_WORK:-build/fuzz/work}" build/fuzz/seeds
clang "${flags[@]}" -D_POSIX_C_SOURCE=200809L -Ilibmodfmt -Itarget-loader \
    tests/fuzz/$source.c "${sources[@]}" \
    libmodfmt/modfmt_{header,areas,linked,hash,read,check,crc_zlib}.c -lz \
    -o "build/fuzz/$name"
# Vectors as seeds, with an option byte in front.
for f in specs/vectors/good/*.bin specs/vectors/bad/*.bin; do
    { printf '\0'; cat "$f"; } >"build/fuzz/seeds/$(basename "$f" .bin)-0"
    { printf '\21'; cat "$f"; } >"build/fuzz/seeds/$(basename "$f" .bin)-1"
    { printf '\140'; cat "$f"; } >"build/fuzz/seeds/$(basename "$f" .bin)-2"
done
exec "build/fuzz/$name" -artifact_prefix=build/fuzz/ -max_len=4096 "$@" \
    ${FUZZ_WORK:-build/fuzz/work} tests/fuzz/corpus build/fuzz/seeds
