#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""ram.py FLASH.elf RAM.elf: what waits for an erase lies in RAM if it was built so, and goes
nowhere else from there but to the hook; else it lies in flash."""
import re
import subprocess
import sys

RAM = 0x20000000


def address(elf, name):
    out = subprocess.run(["arm-none-eabi-nm", elf], capture_output=True, text=True, check=True)
    return int(re.search(rf"^(\w+) \w {name}$", out.stdout, re.M)[1], 16)


def code(elf, name):
    out = subprocess.run(["arm-none-eabi-objdump", "-D", f"--disassemble={name}", elf],
                         capture_output=True, text=True, check=True)
    return out.stdout[out.stdout.index(f"<{name}>:"):]


def main():
    in_flash, in_ram = sys.argv[1:]
    for name in ("erase_and_wait", "kick_the_watchdog"):
        if not address(in_flash, name) < RAM <= address(in_ram, name):
            sys.exit(f"{name} is in the wrong place")
        text = code(in_ram, name)
        if not re.search(r"\tldr", text) or re.search(r"\tbl?(\.w)?\t.*<(?!" + name + ")", text):
            sys.exit(f"{name} goes elsewhere:\n{text}")
    if not re.search(r"\tblx\tr", code(in_ram, "erase_and_wait")):
        sys.exit("no hook is called")


main()
