#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""sizes.py SOURCE: bytes of code of the store on a Cortex-M4 (-Os), a line each: what
modfmt_store_open() needs, and all verbs; and of linking, besides those. The format's core, CRC and libc not counted, for a
firmware that loads modules has them already."""
import pathlib
import re
import subprocess
import sys
import tempfile

SOURCE = pathlib.Path(sys.argv[1])
FLAGS = ["-mcpu=cortex-m4", "-mthumb", "-Os", "-std=c11", "-ffreestanding",
         "-ffunction-sections", "-fdata-sections", f"-I{SOURCE}/libmodfmt",
         f"-I{SOURCE}/target-loader", f"-I{SOURCE}/target-loader/port/stm32"]
PARTS = [SOURCE / f"libmodfmt/modfmt_{name}.c" for name in
         ("header", "hash", "crc", "reloc", "store", "store_log", "store_place", "store_room",
          "store_verbs", "areas", "link", "link_window", "linked")] + [SOURCE / f"target-loader/{name}.c" for name in
                             ("modload", "modload_store", "modload_link",
                              "modload_tables", "port/stm32/flash_f4")]
OPEN = ["modfmt_store_open", "modfmt_store_find"]
VERBS = OPEN + [f"modfmt_store_{verb}" for verb in ("install", "remove", "compact", "settle", "retire")]


def size(folder, roots, counted):
    """Bytes of the sections that are kept for `roots`, of objects whose names match."""
    elf, table = folder / "sizes.elf", folder / "sizes.map"
    subprocess.run(["arm-none-eabi-gcc", *FLAGS, "-nostartfiles", "-Wl,--gc-sections",
                    "-Wl,-e," + roots[0], *[f"-Wl,-u,{root}" for root in roots],
                    f"-Wl,-Map={table}", *[folder / f"{p.stem}.o" for p in PARTS], "-o", elf],
                   check=True)
    text = table.read_text()
    text = text[text.index("Linker script and memory map"):]
    text = re.sub(r"^ (\.\S+)\n\s+0x", r" \1 0x", text, flags=re.M)
    return sum(int(m[2], 16) for m in
               re.finditer(r"^ (\.text\S*|\.rodata\S*)\s+0x[0-9a-f]+\s+(0x[0-9a-f]+) (\S+)$",
                           text, re.M)
               if re.search(counted, pathlib.Path(m[3]).stem))


def main():
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        for part in PARTS:
            subprocess.run(["arm-none-eabi-gcc", *FLAGS, "-c", part, "-o",
                            folder / f"{part.stem}.o"], check=True)
        for title, roots, counted in (
                ("store: find modules (open, find)", OPEN, "^modfmt_store"),
                ("store: all verbs", VERBS, "^modfmt_store"),
                ("store: load by name (modload_store.c)", ["modload_store_load", "modload_store_read"],
                 "^modload_store$"),
                ("linking on the chip (modload_link.c, modfmt_link*.c)",
                 ["modload_link_install", "modload_link_again"],
                 "^(modload_link|modfmt_(areas|link|linked|link_window))$"),
                ("STM32F4 flash driver", ["modload_flash_f4_begin"], "^flash_f4$")):
            value = size(folder, roots, counted)
            print(f"{title}, B: {value}")
            if value < 20:
                sys.exit("nothing was counted")


main()
