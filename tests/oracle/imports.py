# SPDX-License-Identifier: BSD-2-Clause
"""Make the linker the judge of imports.

A module calls an import through a veneer and refers to it as data by its address; to the
linker it is one symbol. So for the judge's link each object is changed: branches refer to
`NAME__call`, which is a veneer in a section laid in front of the module, everything else
to NAME, which --defsym sets.
"""
import pathlib
import struct

from build import Failure, run
from elf import SHN_UNDEF, SHT_REL, SHT_SYMTAB, STB_WEAK, THM_CALL, THM_JUMP24, Elf

CALL = "__call"


def addresses(names):
    """An address for each import: functions odd, far from everything, all different."""
    return {name: 0x08000101 + 0x24 * i if not name.endswith("_object")
            else 0x2f000204 + 0x30 * i for i, name in enumerate(sorted(names))}


def undefined(elf):
    return sorted({s.name for s in elf.symbols if s.shndx == SHN_UNDEF and s.name})


def weak(elf):
    """Undefined symbols that may stay so. A strong reference anywhere is stronger."""
    return sorted({s.name for s in elf.symbols
                   if s.shndx == SHN_UNDEF and s.name and s.bind == STB_WEAK})


def split_calls(obj, names, cwd):
    """A copy of an object whose branches to `names` refer to NAME__call instead."""
    names = [n for n in undefined(Elf(obj)) if n in names]
    copy = pathlib.Path(cwd) / (pathlib.Path(obj).stem + ".judge.o")
    adding = [f"--add-symbol={n}{CALL}=0,global" for n in names]
    run(["arm-none-eabi-objcopy", *adding, obj, copy], cwd, "objcopy")
    data, elf = bytearray(copy.read_bytes()), Elf(copy)
    table = next(s for s in elf.sections if s.type == SHT_SYMTAB)
    calls = {}
    for i, symbol in enumerate(elf.symbols):
        if symbol.name.endswith(CALL) and symbol.name[:-len(CALL)] in names:
            calls[symbol.name[:-len(CALL)]] = i
            struct.pack_into("<H", data, table.offset + 16 * i + 14, SHN_UNDEF)
    for s in elf.sections:
        if s.type != SHT_REL:
            continue
        for at in range(s.offset, s.offset + s.size, 8):
            info, = struct.unpack_from("<I", data, at + 4)
            name = elf.symbols[info >> 8].name
            if info & 0xff in (THM_CALL, THM_JUMP24) and name in calls:
                struct.pack_into("<I", data, at + 4, calls[name] << 8 | info & 0xff)
    copy.write_bytes(data)
    return copy


def called(objects, names):
    """The imports that some object branches to."""
    found = set()
    for obj in objects:
        for _, r in Elf(obj).relocations():
            if r.type in (THM_CALL, THM_JUMP24) and r.symbol.name in names:
                found.add(r.symbol.name)
    return found


def veneers(prefix, where, needed):
    """Offsets in the prefix of the veneer of each called import, by the address in it.

    Veneers are laid one after the other from the prefix's start, and the last word of
    each is its import's address.
    """
    by_address = {where[name]: name for name in needed}
    found, start, at = {}, 0, 0
    while len(found) < len(needed):
        if at + 4 > len(prefix):
            raise Failure(f"no veneer in the prefix for {sorted(needed - set(found))}")
        name = by_address.get(struct.unpack_from("<I", prefix, at)[0])
        at += 4
        if name and name not in found:
            found[name] = start
            start = at
    if prefix[start:].strip(b"\0"):
        raise Failure("something other than zeros follows the veneers")
    return found


def check_veneers(prefix, offsets, where, maybe, core):
    """The veneers' instructions, from the architecture manual by hand. Those of `maybe`,
    the weak ones, return if the address is 0."""
    for name, start in offsets.items():
        code = prefix[start:]
        if name in maybe and core in ("m0", "m23"):
            # push {r0, r1}; ldr r0, [pc, #12]; cmp r0, #0; beq 1f; str r0, [sp, #4]
            # pop {r0, pc}; 1: pop {r0, r1}; bx lr
            expected = struct.pack("<8HI", 0xb403, 0x4803, 0x2800, 0xd001, 0x9001, 0xbd01,
                                   0xbc03, 0x4770, where[name])
        elif name in maybe:
            # ldr.w ip, [pc, #12]; cmp.w ip, #0; it eq; moveq ip, lr; bx ip; nop
            expected = struct.pack("<8HI", 0xf8df, 0xc00c, 0xf1bc, 0x0f00, 0xbf08, 0x46f4,
                                   0x4760, 0xbf00, where[name])
        elif core in ("m0", "m23"):
            # push {r0, r1}; ldr r0, [pc, #4]; str r0, [sp, #4]; pop {r0, pc}
            expected = struct.pack("<HHHHI", 0xb403, 0x4801, 0x9001, 0xbd01, where[name])
        else:
            expected = struct.pack("<HHI", 0xf8df, 0xf000, where[name])  # ldr.w pc, [pc]
        if code[:len(expected)] != expected:
            raise Failure(f"veneer of {name}: {code[:len(expected)].hex()}, "
                          f"expected {expected.hex()}")


def veneer_section(prefix, offsets, cwd, flags):
    """An object with the prefix as a section, and NAME__call at each veneer."""
    # Not executable to the linker: lld would make unwinding tables for it.
    lines = [".syntax unified", ".thumb", '.section .prefix, "a"', ".balign 4"]
    starts = {start: name for name, start in offsets.items()}
    for at in range(0, len(prefix), 4):
        if at in starts:
            name = starts[at] + CALL
            lines += [f".global {name}", ".thumb_func", f".type {name}, %function", f"{name}:"]
        lines.append(f".word 0x{struct.unpack_from('<I', prefix, at)[0]:08x}")
    source = pathlib.Path(cwd) / "prefix.s"
    source.write_text("\n".join(lines) + "\n")
    target = source.with_suffix(".o")
    run(["arm-none-eabi-gcc", *flags, "-c", source, "-o", target], cwd, "assembling")
    return target
