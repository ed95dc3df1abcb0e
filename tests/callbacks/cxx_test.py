#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""cxx_test.py SOURCE OPTION...: a module in C++, in the demo firmware on QEMU: as two instances
that share a text and count on r9, it says what two copies in RAM say that do not.

Environment: MODFMT_SOURCE, MODFMT_BUILD, MKMOD.
"""
import os
import pathlib
import re
import subprocess
import sys
import tempfile

SOURCE = pathlib.Path(os.environ["MODFMT_SOURCE"])
FIRMWARE = SOURCE / "target-loader/firmware"
R9 = ["-fpic", "-msingle-pic-base", "-mpic-register=r9", "-mno-pic-data-is-text-relative"]


def run(*command):
    done = subprocess.run([str(c) for c in command], capture_output=True, text=True, timeout=200)
    if done.returncode:
        print(*command, done.stdout, done.stderr)
        sys.exit(1)
    return done.stdout


def said(folder, source, options, mkmod):
    elf, image = folder / "module.elf", folder / "module.bin"
    run("arm-none-eabi-g++", "-mcpu=cortex-m4", "-mthumb", "-fno-exceptions", "-fno-rtti",
        *options, f"-I{FIRMWARE}/include", "-nostdlib", "-T", SOURCE / "examples/module.ld",
        "-Wl,--emit-relocs,--unresolved-symbols=ignore-all", source, "-o", elf, "-lgcc")
    run(os.environ["MKMOD"], "--version", "1.0.0", "--api", FIRMWARE / "firmware.api", *mkmod,
        elf, "-o", image)
    text = run(SOURCE / "scripts/run-qemu.sh", "--icount", "--keep", "--twice", "--timeout", 100,
               image)
    in_place = text.count("(in place")
    # Sizes and places may differ.
    lines = [re.sub(r" ?\(.*\)", "", line) for line in text.splitlines()
             if "bytes of module RAM" not in line]
    return lines, in_place


def main():
    source, options = sys.argv[1], sys.argv[2:]
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        wanted, none = said(folder, source, options, [])
        got, both = said(folder, source, [*options, *R9], ["--xip"])
    print("\n".join(got))
    good = got == wanted and len(got) > 10 and (none, both) == (0, 2)
    if not good:
        print("\nbut in RAM:", *wanted, sep="\n")
    sys.exit(not good)


main()
