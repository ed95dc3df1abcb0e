#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""freertos_test.py FLAVOUR CASE: a case of firmware/cases.c on QEMU.

Environment: FREERTOS_OUT, where build.py has built; empty: there is no kernel to test with.
"""
import os
import pathlib
import subprocess
import sys
import tempfile

MACHINES = {"heap": "mps2-an386", "static": "mps2-an385"}


def main():
    flavour, case = sys.argv[1:]
    if not os.environ.get("FREERTOS_OUT"):
        print("skipped: no FreeRTOS kernel; get a FreeRTOS-Kernel tree, and "
              "meson configure -Dfreertos=DIRECTORY")
        sys.exit(77)
    out = pathlib.Path(os.environ["FREERTOS_OUT"]) / flavour
    with tempfile.TemporaryDirectory() as folder:
        name = pathlib.Path(folder) / "case"
        name.write_bytes(case.encode() + b"\0")
        # Time is counted in instructions: a busy host changes nothing.
        done = subprocess.run(
            ["qemu-system-arm", "-M", MACHINES[flavour], "-display", "none", "-monitor", "none",
             "-serial", "stdio", "-semihosting-config", "enable=on,target=native",
             "-icount", "shift=4,sleep=off", "-kernel", out / "firmware.elf",
             "-device", f"loader,file={out / 'modules.bin'},addr=0x200000,force-raw=on",
             "-device", f"loader,file={name},addr=0x100000,force-raw=on"],
            stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=900)
    print(done.stdout, done.stderr, sep="")
    good = f"case {case}: the heap is as before\n" in done.stdout
    sys.exit(0 if done.returncode == 0 and good else 1)


main()
