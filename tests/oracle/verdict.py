# SPDX-License-Identifier: BSD-2-Clause
"""Compare memory, and say in words where it differs."""
import struct

SHOWN = 4


def word(memory, at):
    return struct.unpack("<I", memory[at:at + 4].ljust(4, b"\0"))[0]


def differences(got, want):
    """Offsets of 4-byte groups that differ, the first few of them, and how many."""
    found, count, at = [], 0, 0
    end = min(len(got), len(want))
    while at < end:
        # Jump over what is equal: comparing slices is much faster than bytes.
        step = 4096
        if got[at:at + step] == want[at:at + step]:
            at += step
            continue
        for i in range(at & ~3, min(at + step, end), 4):
            if got[i:i + 4] != want[i:i + 4]:
                count += 1
                if len(found) < SHOWN:
                    found.append(i)
        at += step
    return found, count


def explain(got, want, address, judge, base, base_first):
    """None if both are equal, else lines that say what differs.

    `judge` is the reference Elf, whose byte at `address` is offset 0; `base` the Elf that
    was packed, whose byte at `base_first` is offset 0 and which has the records.
    """
    if got == want:
        return None
    lines = []
    if len(got) != len(want):
        lines.append(f"{len(got)} bytes, the linker makes {len(want)}")
    found, count = differences(got, want)
    for at in found:
        records = ", ".join(base.records_at(base_first + at)) or "no record"
        where = judge.where(address + at)
        lines.append(f"at 0x{address + at:08x} (offset 0x{at:x}, {where}): "
                     f"got 0x{word(got, at):08x}, want 0x{word(want, at):08x}; {records}")
    if count > SHOWN:
        lines.append(f"and {count - SHOWN} more words")
    return lines or ["differs"]
