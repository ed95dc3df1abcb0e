# SPDX-License-Identifier: BSD-2-Clause
"""A firmware for images to be linked for: an ELF with a descriptor (specs/firmware.md), a build
id, and a table of exports at addresses that the caller says. Made by the assembler and GNU ld."""
import pathlib

from build import run

BUILD_ID = bytes(range(0xa0, 0xb4))
SOURCE = """
    .section .vectors, "a"
    .word 0x20001000, 1, 1, 1, 1, 1, 1, 1, 1, 1, descriptor
descriptor:
    .word 0x48444f4d, descriptor, 56, 1, _modules_begin, _modules_end, 0xfff
    .word exports, {count}, build_id, {build_id_size}, {arena}, {arena} + {arena_size}, 0x10002
exports:
    {entries}
    .global _modules_begin, _modules_end
    .set _modules_begin, {region}
    .set _modules_end, {region} + {region_size}
"""
# A note's name and type come before what it says.
SCRIPT = """
SECTIONS
{
    .vectors 0x08000000 : { *(.vectors) }
    .note.gnu.build-id : { build_id = . + 16; *(.note.gnu.build-id) }
}
"""


def make(cwd, name_hash, region, arena, exports):
    """`region` and `arena` are (address, size), `exports` is {name: address}. The ELF's path."""
    cwd = pathlib.Path(cwd)
    table = sorted((name_hash(name.encode()), address) for name, address in exports.items())
    (cwd / "firmware.s").write_text(SOURCE.format(
        count=len(table), region=region[0], region_size=region[1], arena=arena[0],
        arena_size=arena[1], build_id_size=len(BUILD_ID),
        entries="\n    ".join(f".word {h:#x}, 0, {a:#x}" for h, a in table)))
    run(["arm-none-eabi-as", "firmware.s", "-o", "firmware.o"], cwd, "assembling")
    (cwd / "firmware.ld").write_text(SCRIPT)
    run(["arm-none-eabi-ld", "--no-warn-rwx-segments", "-T", "firmware.ld",
         f"--build-id=0x{BUILD_ID.hex()}", "firmware.o", "-o", "firmware.elf"], cwd,
        "linking the firmware")
    return cwd / "firmware.elf"
