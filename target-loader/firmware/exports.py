#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""exports.py LIST OUT.S: the firmware's table of exports, sorted by name hash.

Assembler, because the linker then sets the Thumb bit of functions by itself, and no C
declaration of a built-in function has to be contradicted.
"""
import sys


def fnv1a(name):
    h = 0x811c9dc5
    for byte in name.encode():
        h = (h ^ byte) * 0x01000193 & 0xffffffff
    return h


def read(path):
    exports = {}
    with open(path) as lines:
        for number, line in enumerate(lines, 1):
            words = line.split("#")[0].split()
            if not words:
                continue
            if len(words) > 2:
                sys.exit(f"{path}:{number}: a name, and at most a symbol, are wanted")
            name, symbol = words[0], words[-1]
            other = exports.setdefault(fnv1a(name), (name, symbol))
            if other != (name, symbol):
                sys.exit(f"{path}:{number}: {name} has the hash of {other[0]}")
    return exports


def main():
    exports = read(sys.argv[1])
    with open(sys.argv[2], "w") as out:
        print("/* Made by exports.py. */", file=out)
        print('\t.section .rodata.firmware_exports, "a", %progbits', file=out)
        print("\t.balign 4\n\t.global firmware_exports\nfirmware_exports:", file=out)
        for value, (name, symbol) in sorted(exports.items()):
            print(f"\t.word 0x{value:08x}, 0, {symbol}\t@ {name}", file=out)
        # A number that the linker knows, so that the descriptor can have it as a constant.
        print("\t.global firmware_export_count", file=out)
        print(f"\t.equ firmware_export_count, {len(exports)}", file=out)


main()
