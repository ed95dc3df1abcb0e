# SPDX-License-Identifier: BSD-2-Clause
"""As much of ELF32 as the oracle needs: sections, symbols, relocations, memory.

Written from the ELF specification, with nothing of mkmod's in it, so that a mistake
of mkmod's reader cannot hide in the judge.
"""
import struct

SHT_SYMTAB, SHT_NOBITS, SHT_REL = 2, 8, 9
SHF_WRITE, SHF_ALLOC, SHF_EXECINSTR = 1, 2, 4
SHN_UNDEF, SHN_ABS = 0, 0xfff1
STB_WEAK = 2
STT_SECTION = 3

RELOCATION_NAMES = {
    0: "NONE", 2: "ABS32", 3: "REL32", 9: "SBREL32", 10: "THM_CALL", 24: "GOTOFF32",
    25: "BASE_PREL", 26: "GOT_BREL", 30: "THM_JUMP24", 38: "TARGET1", 41: "TARGET2",
    42: "PREL31", 47: "THM_MOVW_ABS_NC", 48: "THM_MOVT_ABS", 49: "THM_MOVW_PREL_NC",
    50: "THM_MOVT_PREL", 51: "THM_JUMP19", 87: "THM_MOVW_BREL_NC", 88: "THM_MOVT_BREL",
    96: "GOT_PREL", 102: "THM_JUMP11", 103: "THM_JUMP8", 23: "RELATIVE",
}
ABS32, TARGET1, THM_CALL, THM_JUMP24, RELATIVE = 2, 38, 10, 30, 23
REL32, BASE_PREL, GOT_PREL = 3, 25, 96


class Section:
    def __init__(self, index, name, fields, data):
        self.index, self.name = index, name
        (self.type, self.flags, self.address, self.offset, self.size, self.link,
         self.info, self.align, self.entsize) = fields
        self.data = data


class Symbol:
    def __init__(self, name, value, size, info, shndx):
        self.name, self.value, self.size, self.shndx = name, value, size, shndx
        self.bind, self.type = info >> 4, info & 15


class Relocation:
    def __init__(self, offset, info, symbols):
        self.offset, self.type = offset, info & 0xff
        self.symbol = symbols[info >> 8]

    @property
    def name(self):
        return RELOCATION_NAMES.get(self.type, str(self.type))


class Elf:
    def __init__(self, path):
        with open(path, "rb") as f:
            self.bytes = f.read()
        if self.bytes[:6] != b"\x7fELF\x01\x01":
            raise ValueError(f"{path}: not a little-endian ELF32")
        self.entry, = struct.unpack_from("<I", self.bytes, 24)
        shoff, = struct.unpack_from("<I", self.bytes, 32)
        shentsize, shnum, shstrndx = struct.unpack_from("<HHH", self.bytes, 46)
        headers = [struct.unpack_from("<10I", self.bytes, shoff + i * shentsize)
                   for i in range(shnum)]
        strings = headers[shstrndx][4]
        self.sections = []
        for i, h in enumerate(headers):
            data = b"" if h[1] == SHT_NOBITS else self.bytes[h[4]:h[4] + h[5]]
            self.sections.append(Section(i, self.string(strings + h[0]), h[1:], data))
        self.symbols = self.read_symbols()

    def string(self, at):
        return self.bytes[at:self.bytes.index(0, at)].decode("utf-8", "replace")

    def read_symbols(self):
        for s in self.sections:
            if s.type == SHT_SYMTAB:
                strings = self.sections[s.link].offset
                return [Symbol(self.string(strings + name), value, size, info, shndx)
                        for name, value, size, info, _, shndx
                        in struct.iter_unpack("<IIIBBH", s.data)]
        return []

    def symbol(self, name):
        for s in self.symbols:
            if s.name == name and s.shndx != SHN_UNDEF:
                return s
        raise KeyError(name)

    def allocated(self):
        """What takes memory, by address."""
        return sorted((s for s in self.sections if s.flags & SHF_ALLOC and s.size),
                      key=lambda s: s.address)

    def relocations(self):
        """(section, relocation) of every record whose place takes memory."""
        for s in self.sections:
            if s.type != SHT_REL or s.info >= len(self.sections):
                continue
            place = self.sections[s.info]
            if not place.flags & SHF_ALLOC:
                continue
            for offset, info in struct.iter_unpack("<II", s.data):
                yield place, Relocation(offset, info, self.symbols)

    def first(self):
        return self.allocated()[0].address

    def end(self):
        return max(s.address + s.size for s in self.allocated())

    def alignment(self):
        return max([4] + [s.align for s in self.allocated()])

    def memory(self, first=None, end=None):
        """Memory from the first allocated byte (or `first`) on: gaps and bss are zero."""
        first = self.first() if first is None else first
        end = self.end() if end is None else end
        memory = bytearray(end - first)
        for s in self.allocated():
            if s.type != SHT_NOBITS and first <= s.address and s.address + s.size <= end:
                memory[s.address - first:s.address - first + s.size] = s.data
        return bytes(memory)

    def data_start(self):
        """Address of the first writable section, or None."""
        for s in self.allocated():
            if s.flags & SHF_WRITE:
                return s.address
        return None

    def where(self, address):
        """An address in words: section+offset, and the symbol before it."""
        place = "no section"
        for s in self.allocated():
            if s.address <= address < s.address + s.size:
                place = f"{s.name}+0x{address - s.address:x}"
        best = None
        for s in self.symbols:
            if (s.name and s.name[0] != "$" and s.type != STT_SECTION
                    and 0 < s.shndx < 0xff00 and s.value & ~1 <= address
                    and (best is None or s.value >= best.value)):
                best = s
        if best:
            place += f" ({best.name}+0x{address - (best.value & ~1):x})"
        return place

    def records_at(self, address):
        """The relocation records that touch the four bytes' word at an address."""
        found = []
        for _, r in self.relocations():
            if r.offset - 3 <= address <= r.offset + 3:
                name = r.symbol.name
                if r.symbol.type == STT_SECTION:
                    name = self.sections[r.symbol.shndx].name
                found.append(f"R_ARM_{r.name} {name}@0x{r.offset:x}")
        return found
