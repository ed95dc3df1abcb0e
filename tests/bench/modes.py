# SPDX-License-Identifier: BSD-2-Clause
"""One module (modes.c) loaded in three ways: RAM that it takes, instructions that it runs.
docs/loading.md has these figures."""
import re
import subprocess
import sys

XIP = ["-fpic", "-msingle-pic-base", "-mpic-register=r9", "-mno-pic-data-is-text-relative"]


def run(*command):
    done = subprocess.run([str(part) for part in command], capture_output=True, text=True)
    if done.returncode != 0:
        sys.exit(f"bench: failed: {' '.join(map(str, command))}\n{done.stdout}{done.stderr}")
    return done.stdout


def field(image, offset):
    return int.from_bytes(image.read_bytes()[offset:offset + 4], "little")


def ran(tools, firmware, *what):
    """(instructions, what it computed, what the firmware says of how it was loaded)."""
    out = run(tools.source / "scripts/run-qemu.sh", "--firmware", firmware, "--icount", *what)
    m = re.search(r"sum (\w+) instructions (\d+)\r?\nmodule .*: returned 0(.*)", out)
    if not m:
        sys.exit(f"bench: the firmware said: {out}")
    return int(m[2]), m[1], m[3]


def add(table, tools, modflash, firmware):
    """Rows for each way; the sums are the same, or the ways do not do the same."""
    source = tools.source / "tests/bench/modes.c"
    include = f"-I{tools.source}/target-loader/firmware/include"
    ram = tools.pack(tools.link("modes_ram", "-g", include, source), "--strip-names")
    xip = tools.pack(tools.link("modes_xip", "-g", include, *XIP, source), "--xip", "--strip-names")
    flash = tools.work / "modes.img"
    run(modflash, "--probe", f"file:{flash}", "--firmware", firmware, "--no-check", "--xip-link",
        "install", ram)
    copied, in_place = ran(tools, firmware, ram), ran(tools, firmware, xip)
    linked = ran(tools, firmware, "--flash", flash)
    if len({way[1] for way in (copied, in_place, linked)}) != 1:
        sys.exit(f"bench: the ways do not compute the same: {copied}, {in_place}, {linked}")
    if "in place" not in in_place[2] or "linked" not in linked[2] or copied[2].strip():
        sys.exit(f"bench: not loaded as it should be: {copied}, {in_place}, {linked}")
    text, data, data_xip = field(ram, 32), field(ram, 40), field(xip, 40)
    for name, way, memory in (("loaded into RAM", copied, text + data),
                              ("in place", in_place, data_xip),
                              ("linked for flash", linked, data)):
        table.add(f"modes.c, {name}: RAM", memory, "B")
        table.add("  instructions of its work", way[0], "instr.")
