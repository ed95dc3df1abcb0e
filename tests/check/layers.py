#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""Who may include whom: the table of CONTRIBUTING.md, held against every #include."""
import pathlib
import re
import sys

ROOT = pathlib.Path(sys.argv[1])
COMPILER = {"stdint.h", "stddef.h", "stdbool.h"}
# Folder: the project's headers it may use (by folder), and the libraries' headers.
LAYERS = {
    "libmodfmt": (set(), COMPILER | {"zlib.h"}),
    "target-loader": ({"libmodfmt"}, COMPILER),
    "cli": (set(), None),
    "interface": ({"libmodfmt", "cli"}, None),
    "mkmod": ({"libmodfmt", "cli", "interface"}, None),
    "modapi": ({"libmodfmt", "cli", "interface"}, None),
    "moddump": ({"libmodfmt", "cli", "target-loader"}, None),
    "modflash": ({"libmodfmt", "cli", "interface"}, None),
    "virtual-board": (set(), None),
}
LIBRARIES = {  # headers that are no part of libc: who may have them
    "libelf.h": {"mkmod", "modflash", "interface"}, "gelf.h": {"mkmod", "modflash", "interface", "moddump"}, "elf.h": {"mkmod"},
    "elfutils/libdw.h": {"mkmod", "interface", "moddump"}, "elfutils/libdwfl.h": {"mkmod"},
    "dwarf.h": {"mkmod", "interface", "moddump"}, "jansson.h": {"modapi"},
    "elfutils/libdwelf.h": {"moddump"},
    "capstone/capstone.h": {"moddump"}, "capstone.h": {"moddump"}, "zlib.h": {"libmodfmt"},
    "umockdev.h": {"virtual-board"}, "glib.h": {"virtual-board"},
    "unicorn/unicorn.h": {"virtual-board"},
    "stlink.h": {"modflash"}, "libusb.h": {"modflash"}, "libusb-1.0/libusb.h": {"modflash"},
}
# One file of each may include more; everything else of that folder may not.
EXCEPTIONS = {
    ("libmodfmt", "zlib.h"): "modfmt_crc_zlib.c",
    ("modflash", "stlink.h"): "probe_stlink.c", ("modflash", "libusb.h"): "probe_usb.c",
    ("modflash", "libusb-1.0/libusb.h"): "probe_usb.c",
    ("moddump", "gelf.h"): "addr2line.c", ("moddump", "dwarf.h"): "addr2line.c",
    ("moddump", "elfutils/libdw.h"): "addr2line.c",
    ("moddump", "elfutils/libdwelf.h"): "addr2line.c",
    ("modflash", "libelf.h"): "region_elf.c", ("modflash", "gelf.h"): "region_elf.c",
}
# Ports and firmware are built with newlib; the loader's core beside them is not.
HOSTED = ("target-loader/port/", "target-loader/firmware/")


def main():
    owner = {}
    for folder in LAYERS:
        for path in (ROOT / folder).rglob("*.h"):
            owner.setdefault(path.name, set()).add(folder)
    problems, seen = [], 0
    for folder, (layers, system) in LAYERS.items():
        for path in sorted((ROOT / folder).rglob("*.[ch]")):
            name = path.relative_to(ROOT).as_posix()
            for kind, header in re.findall(r'^\s*#\s*include\s*([<"])([^>"]+)', path.read_text(),
                                           re.M):
                seen += 1
                if kind == '"':
                    owners = owner.get(pathlib.Path(header).name, set())
                    if not owners & (layers | {folder}):
                        problems.append(f"{name}: may not include {header} of {owners or 'nobody'}")
                    continue
                if header in LIBRARIES and folder not in LIBRARIES[header]:
                    problems.append(f"{name}: may not include <{header}>")
                if EXCEPTIONS.get((folder, header), path.name) != path.name:
                    problems.append(f"{name}: only {EXCEPTIONS[folder, header]} may include <{header}>")
                if system is not None and header not in system and not name.startswith(HOSTED):
                    problems.append(f"{name}: may not include <{header}>")
    print(*problems, f"{seen} includes looked at", sep="\n")
    sys.exit(bool(problems) or seen < 50)


main()
