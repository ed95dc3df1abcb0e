#!/usr/bin/env bash
# Install what the project needs on Debian 12. Quiet, idempotent, and over in a
# blink when nothing is missing. scripts/demo.sh and scripts/test.sh call it.
set -euo pipefail

packages=(
    build-essential git ca-certificates pkg-config meson ninja-build
    libelf-dev libdw-dev libjansson-dev zlib1g-dev libcmocka-dev libcapstone-dev
    gcc-arm-none-eabi libnewlib-arm-none-eabi libstdc++-arm-none-eabi-newlib
    gdb-multiarch qemu-system-arm
    clang lld libclang-rt-14-dev
    libstlink-dev libusb-1.0-0-dev stlink-tools openocd
    libumockdev-dev umockdev libunicorn-dev
    python3 python3-pyelftools
    mandoc
    cmake rustc rust-src
)

missing=()
for p in "${packages[@]}"; do
    # An exact status: a removed package that left its configuration behind
    # is known to dpkg-query as well, but not installed.
    status=$(dpkg-query -W -f '${db:Status-Status}' "$p" 2>/dev/null || true)
    [ "$status" = installed ] || missing+=("$p")
done
[ ${#missing[@]} -eq 0 ] && exit 0

sudo=()
if [ "$(id -u)" -ne 0 ]; then
    command -v sudo >/dev/null || {
        echo "setup: not root and no sudo; install as root: ${missing[*]}" >&2
        exit 3
    }
    sudo=(sudo)
fi

log=$(mktemp)
trap 'rm -f "$log"' EXIT
apt() {
    "${sudo[@]}" env DEBIAN_FRONTEND=noninteractive apt-get "$@" >"$log" 2>&1 || {
        cat "$log" >&2
        echo "setup: apt-get $1 failed; wanted: ${missing[*]}" >&2
        exit 3
    }
}
echo "setup: installing ${missing[*]}"
# A bare Debian has empty package lists; and old lists name files that are gone.
apt update
apt install -y --no-install-recommends "${missing[@]}"
