#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""callbacks_test.py BOARD FIRMWARE [CASE]: a case of firmware/cases.c on QEMU, or all of them.

The last one, "figures", prints what a call through a trampoline costs; specs/trampolines.md has
these numbers, and a test that both agree.
"""
import pathlib
import re
import subprocess
import sys
import tempfile

MACHINES = {"m0": "microbit", "m3": "mps2-an385", "m4": "mps2-an386", "m33": "mps2-an505"}
# What specs/trampolines.md says of the core; both kinds of tails.
ROWS = {"m0": "ARMv6-M, ARMv8-M Baseline", "m3": "ARMv7-M, ARMv8-M Mainline",
        "m4": "ARMv7-M, ARMv8-M Mainline", "m33": "ARMv7-M, ARMv8-M Mainline"}
SPEC = pathlib.Path(__file__).parents[2] / "specs/trampolines.md"


def qemu(board, firmware, case):
    image = bytearray(pathlib.Path(firmware).read_bytes())
    # The name's place in the ELF: the one that the build left for it.
    at = image.index(b"case to be run:")
    image[at + 16:at + 16 + len(case) + 1] = case.encode() + b"\0"
    with tempfile.TemporaryDirectory() as folder:
        elf = pathlib.Path(folder) / "firmware.elf"
        elf.write_bytes(image)
        # Time is counted in instructions: a busy host changes nothing.
        return subprocess.run(
            ["qemu-system-arm", "-M", MACHINES[board], "-display", "none", "-monitor", "none",
             "-serial", "none", "-semihosting-config", "enable=on,target=native",
             "-icount", "shift=0,sleep=off", "-kernel", elf],
            stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=200)


def check_spec(board, text):
    """The row of the core and the numbers that were measured: instructions, stack."""
    failures = 0
    for tail in ("tail0", "tail8"):
        measured = [int(re.search(rf"^{tail} {what} (\d+)$", text, re.M)[1])
                    for what in ("instructions", "stack")]
        row = re.search(rf"^\| {tail} \| {ROWS[board]} \| \d+ \| (\d+) \| (\d+) \|",
                        SPEC.read_text(), re.M)
        if not row or [int(n) for n in row.groups()] != measured:
            print(f"{SPEC.name}: {tail}, {ROWS[board]}: {row and row.groups()}, "
                  f"but measured {measured}")
            failures += 1
    return failures


def main():
    board, firmware = sys.argv[1:3]
    case = sys.argv[3] if len(sys.argv) > 3 else ""
    done = qemu(board, firmware, case)
    text = done.stdout + done.stderr
    print(text, end="")
    good = done.returncode == 0 and f"{case or 'figures'}: good" in text
    if good and case in ("", "figures"):
        good = check_spec(board, text) == 0
    sys.exit(not good)


main()
