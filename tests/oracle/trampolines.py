# SPDX-License-Identifier: BSD-2-Clause
"""Modules that count on r9: what mkmod puts in front of data, taken out again.

Pointers to functions lead to trampolines there, which no linker knows of. Each is checked
(code that a CPU branches by, a word with the address of a function that the ELF has) and
every pointer to it is set to that function; then memory is what the linker makes."""
import struct

from build import Failure
from tools import modref

MOV_IP_PC = 0x46fc
BRANCH = 0x1c  # in bits 11 to 15
LDR_IP_IP, MOV_R5_IP, LDR_R5_R5 = 0xf8dc, 0x4665, 0x682d
DATA = modref.TARGET["data"]


def prefix(image, base):
    """Bytes of data before what the ELF has."""
    start = base.data_start()
    tag = modref.read(image.bytes).tag("origin")
    first, = struct.unpack_from("<I", tag.value, 8)
    if start is None or not first and not image.data_mem:
        return image.data_mem
    return start - first & 0xffffffff if modref.read(image.bytes).tag("static_base") else 0


def functions(base, text_at):
    """Addresses that functions of the ELF have with text where it is, Thumb bit included."""
    return {(s.value - base.first() + text_at) & 0xffffffff for s in base.symbols
            if s.type == 2}


def halves(data, at, count):
    """So many half-words; beyond the end, zeros."""
    return struct.unpack_from(f"<{count}H", data[at:at + 2 * count].ljust(2 * count, b"\0"))


def ahead(data, tail):
    """How far ahead of ip a tail finds the function's address."""
    for at in range(tail, tail + 32, 2):
        first, second = halves(data, at, 2)
        if first == LDR_IP_IP and second >> 12 == 12:
            return second & 0xfff
        if first == MOV_R5_IP and second & ~0x7c0 == LDR_R5_R5:
            return (second >> 6 & 31) * 4
    raise Failure(f"no tail at data+{tail:#x} loads the address of a function")


def tail_of(data, size, head):
    """Where a head's branch leads to, by way of other heads' branches maybe."""
    at, seen = head + 2, set()
    while True:
        seen.add(at)
        branch, = halves(data, at, 1)
        at += 4 + ((branch & 0x7ff) << 1) - ((branch & 0x400) << 2)
        if not 0 <= at < size or at in seen:
            raise Failure(f"the trampoline at data+{head:#x} branches to data+{at:#x}")
        mov, further = halves(data, at - 2, 2) if at >= 2 else (0, 0)
        if mov != MOV_IP_PC or further >> 11 != BRANCH:
            return at


def heads(data, size, data_at, known):
    """Address of each trampoline -> that of its function."""
    found = {}
    for at in range(0, size - 3, 4):
        mov, branch = halves(data, at, 2)
        if mov != MOV_IP_PC or branch >> 11 != BRANCH:
            continue
        tail = tail_of(data, size, at)
        word = at + 4 + ahead(data, tail)
        if word + 4 > size or word % 4:
            raise Failure(f"the trampoline at data+{at:#x} looks for a function at "
                          f"data+{word:#x}")
        target, = struct.unpack_from("<I", data, word)
        if target not in known:
            raise Failure(f"the trampoline at data+{at:#x} leads to {target:#x}, where no "
                          "function starts")
        found[data_at + at + 1 & 0xffffffff] = target
    return found


def lead_back(memory, fix, place_at, found):
    """Set a pointer to a trampoline to its function."""
    bias = place_at if fix.list.relative else 0
    if fix.word is not None:
        value, = struct.unpack_from("<I", memory, fix.word)
        target = found.get(value + bias & 0xffffffff)
        if target is not None:
            struct.pack_into("<I", memory, fix.word, target - bias & 0xffffffff)
    elif fix.movw is not None:
        value = modref.mov_imm(memory, fix.movw) + 65536 * modref.mov_imm(memory, fix.movt)
        target = found.get(value + bias & 0xffffffff)
        if target is not None:
            modref.set_mov_imm(memory, fix.movw, target - bias & 0xffff)
            modref.set_mov_imm(memory, fix.movt, (target - bias & 0xffffffff) >> 16)


def removed(image, base, text_at, data_at, text, data):
    """(bytes that were in front of data, text, data without them). `text_at` is where the
    ELF's first byte is, `text` starts there."""
    size = prefix(image, base)
    if not size:
        return 0, text, data
    found = heads(data, size, data_at, functions(base, text_at))
    memory = [bytearray(text), bytearray(data)]
    for fix in modref.read_fixups(modref.read(image.bytes)):
        if fix.list.target != DATA:
            continue
        # Places in text count from the veneers.
        off = image.prefix if fix.list.place == 0 else 0
        moved = fix._replace(**{k: getattr(fix, k) - off for k in ("word", "movw", "movt")
                                if getattr(fix, k) is not None})
        lead_back(memory[fix.list.place], moved, (text_at - off, data_at)[fix.list.place], found)
    return size, bytes(memory[0]), bytes(memory[1][size:])


def blanked(image, base, at, memory):
    """The same for one block from `at` on, with zeros in front of data: (by how much the ELF's
    data has moved, where it is if it has, memory). It stays where there is room before it."""
    split = image.text_mem - image.prefix
    size, text, data = removed(image, base, at, at + split, memory[:split], memory[split:])
    if not size:
        return 0, None, memory
    moved = split + size - ((base.data_start() or base.end()) - base.first())
    return moved, at + split + size if moved else None, text + bytes(size) + data
