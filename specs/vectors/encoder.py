# SPDX-License-Identifier: BSD-2-Clause
"""Encodes small images for the vectors, from short descriptions, right or wrong at will.

Written from modfmt.md; it shares nothing with modref.py but layout.toml. What memory
holds after loading is not found by undoing the encoding: each fix-up says what its place
is to hold in the end ("the address of data, plus 4"), and both the stored bytes and the
expected memory are made from that.
"""

import collections
import hashlib
import pathlib
import tomllib
import zlib

HERE = pathlib.Path(__file__).resolve().parent
LAYOUT = tomllib.loads((HERE.parent / "layout.toml").read_text(encoding="utf-8"))
HEADER = {field["name"]: field for field in LAYOUT["header"]}
TARGET = {target["name"]: target["number"] for target in LAYOUT["reloc_target"]}
TAG_TYPE = {tag["name"]: tag["type"] for tag in LAYOUT["tag_type"]}
BLOCK, APART, IN_PLACE, LINKED, CODE_IN_DATA = (1 << flag["bit"] for flag in LAYOUT["flag"])
OBJECT, UNVERIFIED = (1 << flag["bit"] for flag in LAYOUT["import_flag"])
WEAK = LAYOUT["import"]["weak"]         # in the type word
KIND = {kind["name"]: kind["number"] for kind in LAYOUT["reloc_kind"]}
EXPORT_DATA, EXPORT_OBJECT = (1 << flag["bit"] for flag in LAYOUT["export_flag"])
NONE = LAYOUT["format"]["no_entry"]
IN_DATA = LAYOUT["format"]["place_data"]
V6M, V7M = 1, 2


def u16(*values):
    return b"".join((value & 0xffff).to_bytes(2, "little") for value in values)


def u32(*values):
    return b"".join((value & 0xffffffff).to_bytes(4, "little") for value in values)


def pad4(data):
    return data + bytes(-len(data) % 4)


def fnv(name):
    value = LAYOUT["format"]["hash_basis"]
    for byte in name.encode():
        value = (value ^ byte) * LAYOUT["format"]["hash_prime"] & 0xffffffff
    return value


# --- Fix-ups: what a place is to hold once the module is loaded -----------------------

class Fix:
    """The place's final value is target + addend, minus the place's own address if
    relative. distance (half-words) is given for a MOVW/MOVT pair, alone for one of them."""

    def __init__(self, place, offset, target, addend=0, relative=False, imp=None,
                 distance=None, alone=None, rd=0):
        self.place, self.offset, self.target, self.addend = place, offset, target, addend
        self.relative, self.imp = relative, imp
        self.distance, self.alone, self.rd = distance, alone, rd
        self.mov = distance is not None or alone is not None

    def descriptor(self):
        """The first byte of the list that holds it."""
        name = "mov" if self.mov else "word_any" if self.offset % 4 else "word"
        return (KIND[name] << 5 | self.relative << 4 | (self.place == "data") << 3
                | TARGET[self.target])

    def stored(self):
        """Section 3.3: target and place count from the starts of their segments."""
        return self.addend - (self.offset if self.relative else 0) & 0xffffffff

    def final(self, bases, imports):
        target = {"absolute": 0}.get(self.target)
        if target is None:
            target = bases[self.target] if self.target in bases else imports[self.imp]
        here = bases[self.place] + self.offset if self.relative else 0
        return target + self.addend - here & 0xffffffff


def word(place, offset, target, addend=0, **how):
    return Fix(place, offset, target, addend, **how)


def pair(place, offset, target, addend=0, distance=2, **how):
    return Fix(place, offset, target, addend, distance=distance, **how)


def movw(place, offset, target, addend=0, **how):
    return Fix(place, offset, target, addend, alone="movw", **how)


def movt(place, offset, target, addend=0, **how):
    return Fix(place, offset, target, addend, alone="movt", **how)


def mov_bytes(top, imm, rd=0):
    """MOVW (T3) or MOVT (T1): imm16 is imm4:i:imm3:imm8."""
    first = 0xf2c0 if top else 0xf240
    first |= imm >> 12 | (imm >> 11 & 1) << 10
    return u16(first, (imm >> 8 & 7) << 12 | rd << 8 | imm & 0xff)


def write_value(memory, fix, value, bare):
    """Puts a value where a fix-up's place is; words add, so that two may share one.
    bare: the instruction itself is not there (unstored bytes), only its immediate."""
    if not fix.mov:
        old = int.from_bytes(memory[fix.offset:fix.offset + 4], "little")
        memory[fix.offset:fix.offset + 4] = u32(old + value)
        return
    parts = []
    if fix.alone != "movt":
        parts.append((fix.offset, mov_bytes(False, value & 0xffff, fix.rd)))
    if fix.alone != "movw":
        parts.append((fix.offset + 2 * (fix.distance or 0), mov_bytes(True, value >> 16, fix.rd)))
    for offset, instruction in parts:
        if bare:
            opcode = (0xf2c0 if instruction[0] & 0x80 else 0xf240)
            first = int.from_bytes(instruction[:2], "little") & ~opcode
            instruction = u16(first) + instruction[2:]
        memory[offset:offset + 4] = instruction


# --- Relocation lists -----------------------------------------------------------------

def head(skip, n):
    """The bytes that start a group: base 32, highest digit first, n in the last one."""
    digits = [skip & 31]
    while skip > 31:
        skip >>= 5
        digits.append(skip & 31)
    return bytes(digit << 3 for digit in digits[:0:-1]) + bytes([digits[0] << 3 | n])


def words_head(skip, n):
    """The same for a group of words: from 7 words on, one more byte goes on counting."""
    return head(skip, n) if n < 7 else head(skip, 7) + bytes([n - 7])


def word_groups(fixes):
    """(bytes, note) of each group: skip some words (word_any: bytes), fix 1 to 262."""
    groups, cursor, i = [], 0, 0
    unit = 1 << (fixes[0].descriptor() >> 5)
    while i < len(fixes):
        n, start = 1, fixes[i].offset
        while n < 7 + 255 and i + n < len(fixes) and fixes[i + n].offset == start + 4 * n:
            n += 1
        skip = (start - cursor) // unit
        note = f"skip {skip}, fix {n} from {start:#x}"
        groups.append((words_head(skip, n), note))
        cursor, i = start + 4 * n, i + n
    return groups


def mov_groups(fixes):
    groups, cursor = [], 0
    for fix in fixes:
        skip = (fix.offset - cursor) // 2
        cursor = fix.offset
        if fix.alone:
            low = fix.stored() & 0xffff if fix.alone == "movt" else 0
            code, what = head(skip, 7) + u16(low), f"{fix.alone.upper()} alone, low {low:#x}"
        else:
            code, what = head(skip, fix.distance - 1), f"pair, distance {fix.distance}"
        groups.append((code, f"skip {skip}, {what}, at {fix.offset:#x}"))
    return groups


def rows(fixes):
    """Fix-ups of imports, sorted: a row is of consecutive imports with one word each, and
    each word behind the one before. What belongs to no row goes by its import."""
    count = collections.Counter(fix.imp for fix in fixes)
    result = []
    for fix in fixes:
        last = result[-1][-1] if result else None
        in_row = (last and not fix.mov and count[fix.imp] == count[last.imp] == 1
                  and fix.imp == last.imp + 1 and fix.offset >= last.offset + 4)
        if in_row or last and fix.imp == last.imp:
            result[-1].append(fix)
        else:
            result.append([fix])
    return result


def lists_of(descriptor, fixes):
    """(descriptor, import index or None, fix-ups) of each list for one kind of fix-up."""
    fixes = sorted(fixes, key=lambda fix: (fix.imp or 0, fix.offset))
    if descriptor & 7 != TARGET["import"]:
        return [(descriptor, None, fixes)]
    return [(descriptor + (TARGET["imports"] - TARGET["import"] if row[-1].imp > row[0].imp
                           else 0), row[0].imp, row) for row in rows(fixes)]


def list_note(descriptor, imp):
    names = {value: name for name, value in TARGET.items()}
    kinds = {value: name for name, value in KIND.items()}
    row = descriptor & 7 == TARGET["imports"]
    return (f"list: {kinds[descriptor >> 5]} in {('text', 'data')[descriptor >> 3 & 1]}, "
            f"{'relative to ' if descriptor & 16 else ''}{names[descriptor & 7]}"
            + ("" if imp is None else f" from {imp} on" if row else f" {imp}"))


def reloc_pieces(fixes):
    """All lists, as (bytes, note): in ascending order of descriptor and index."""
    pieces, lists = [], []
    for descriptor in {fix.descriptor() for fix in fixes}:
        lists += lists_of(descriptor, [fix for fix in fixes if fix.descriptor() == descriptor])
    for descriptor, imp, members in sorted(lists, key=lambda each: (each[0], each[1] or 0)):
        index = b"" if imp is None else u16(imp)
        pieces.append((bytes([descriptor]) + index, list_note(descriptor, imp)))
        pieces += (mov_groups if members[0].mov else word_groups)(members)
        pieces.append((b"\0", "end mark"))
    return pieces


# --- Tags, symbols --------------------------------------------------------------------

def tag(name, value=b"", length=None, padding=None):
    """name: one of the table's, or a type number. length and padding: to lie about them."""
    kind = TAG_TYPE[name] if isinstance(name, str) else name
    length = len(value) if length is None else length
    rest = bytes(-len(value) % 4) if padding is None else padding
    note = f"tag {name if isinstance(name, str) else hex(name)}"
    return bytes([kind]) + length.to_bytes(3, "little") + value + rest, note


def version(major, minor, patch):
    return u16(major, minor, patch)


def strings(*names):
    return b"".join(name.encode() + b"\0" for name in names)


class Symbol:
    """An import (name, type, flags) or an export (also a value). hash: to lie about it."""

    def __init__(self, name, flags=0, kind=0, value=None, hash=None):
        self.name, self.flags, self.kind, self.value = name, flags, kind, value
        self.hash = fnv(name) if hash is None else hash

    def entry(self):
        return u32(self.hash, self.kind) + (b"" if self.value is None else u32(self.value))


def by_hash(*symbols):
    return sorted(symbols, key=lambda symbol: symbol.hash)


# --- Images ---------------------------------------------------------------------------

class Image:
    """One image. Everything that is not given follows from what is; what is given wins.

    relocs, tables, tags replace what fix-ups and symbols would give; header replaces
    fields; patch replaces bytes (offset -> bytes) and late does so after the CRCs are
    made; cut and append change the length last. at: (addresses of segments, of imports)
    for which the stored bytes are linked."""

    def __init__(self, text=b"", data=b"", text_mem=None, data_mem=None, fixes=(), entry=NONE,
                 imports=(), exports=(), tags=(), relocs=None, header=None, patch=None,
                 late=None, cut=None, append=b"", total=None, bare=False, flags=BLOCK | APART,
                 memory=None, at=None):
        self.fixes, self.imports, self.exports = list(fixes), list(imports), list(exports)
        self.bare, self.memory_rule, self.at = bare, memory, at
        self.segments = {"text": text, "data": data}
        self.sizes = {"text": len(text) if text_mem is None else text_mem,
                      "data": len(data) if data_mem is None else data_mem}
        self.relocs = reloc_pieces(self.fixes) if relocs is None else relocs
        self.tags, self.entry, self.flags = list(tags), entry, flags
        self.header, self.patch, self.late = header or {}, patch or {}, late or {}
        self.cut, self.append, self.total = cut, append, total
        self.pieces = []
        self.bytes = self.build()

    def initial(self, segment):
        """Memory of one segment before anything is fixed, as far as it goes."""
        return bytearray(self.segments[segment].ljust(self.sizes[segment], b"\0"))

    def stored(self, segment):
        memory = self.initial(segment)
        for fix in self.fixes:
            if fix.place == segment:
                value = fix.final(*self.at) if self.at else fix.stored()
                write_value(memory, fix, value, self.bare)
        return bytes(memory[:len(self.segments[segment])])

    def memory(self, text_at, data_at, imports):
        """What memory shall hold after loading, without a look at the image."""
        bases = {"text": text_at, "data": data_at}
        if self.memory_rule:
            return self.memory_rule(bases, imports)
        result = []
        for segment in ("text", "data"):
            memory = self.initial(segment)
            for fix in self.fixes:
                if fix.place == segment:
                    write_value(memory, fix, fix.final(bases, imports), self.bare)
            result.append(bytes(memory))
        return result

    def header_fields(self, total):
        reloc_size = sum(len(data) for data, _ in self.relocs)
        fields = {
            "magic": LAYOUT["format"]["magic"], "major": 1, "minor": 0, "header_size": 64,
            "total_size": total, "flags": self.flags, "machine": 40, "needs": V6M | V7M,
            "entry": self.entry, "stack_size": 0,
            "text_stored": len(self.segments["text"]), "text_mem": self.sizes["text"],
            "data_stored": len(self.segments["data"]), "data_mem": self.sizes["data"],
            "reloc_size": reloc_size, "import_count": len(self.imports),
            "export_count": len(self.exports), "text_align": 2, "data_align": 2,
            "critical_count": sum(data[:1] >= b"\x80" for data, _ in self.tags), "crc": 0, "header_check": 0}
        fields.update(self.header)
        return fields

    def body(self):
        """Everything after the header, as (bytes, note)."""
        areas = [[(self.stored("text"), "text")], [(self.stored("data"), "data")], self.relocs,
                 [(symbol.entry(), f"import {i}: {symbol.name}")
                  for i, symbol in enumerate(self.imports)],
                 [(bytes(symbol.flags for symbol in self.imports), "import flags")],
                 [(symbol.entry(), f"export {i}: {symbol.name}")
                  for i, symbol in enumerate(self.exports)],
                 [(bytes(symbol.flags for symbol in self.exports), "export flags")],
                 self.tags]
        pieces = []
        for area in areas:
            pieces += [piece for piece in area if piece[0]]
            size = sum(len(data) for data, _ in area)
            if size % 4:
                pieces.append((bytes(-size % 4), "zeros up to a multiple of 4"))
        return pieces

    def build(self):
        body = self.body()
        used = 64 + sum(len(data) for data, _ in body)
        total = self.total or used + -used % 32
        fields = self.header_fields(total)
        header = [(fields[name].to_bytes(field["size"], "little"), name)
                  for name, field in HEADER.items()]
        self.pieces = header + body
        if total > used:
            self.pieces.append((bytes(total - used), "zeros up to total_size (tag: end)"))
        image = bytearray(b"".join(data for data, _ in self.pieces))
        for offset, data in self.patch.items():
            image[offset:offset + len(data)] = data
        seal(image, fields["total_size"])
        for offset, data in self.late.items():
            image[offset:offset + len(data)] = data
        return bytes(image[:self.cut]) + self.append

    def annotated(self):
        """The image in hex, one line for each thing in it."""
        lines, offset = [], 0
        for data, note in self.pieces:
            data = self.bytes[offset:offset + len(data)]
            for start in range(0, len(data), 16):
                row = data[start:start + 16]
                lines.append(f"{offset + start:06x}  {row.hex(' '):<47}  "
                             f"{note if not start else ''}".rstrip())
                note = note if not start else ""
            offset += len(data)
        return squeeze(lines)


def squeeze(lines):
    """Long runs of lines without a note (big areas) become one line of dots."""
    result, quiet = [], 0
    for line in lines:
        quiet = quiet + 1 if len(line) <= 55 else 0
        if quiet <= 8:
            result.append(line)
        elif quiet == 9:
            result.append("        ...")
    return "\n".join(result) + "\n"


def seal(image, total):
    """Makes crc and header_check right."""
    image[60:64] = u32(zlib.crc32(image[:56]))
    image[56:60] = bytes(4)
    crc = zlib.crc32(image[:56] + bytes(4) + image[60:total])
    image[56:60] = u32(crc)


class Load:
    """Where to load: T, D (None: one block), addresses of imports by name; or the error
    that stops it."""

    def __init__(self, at, data_at=None, imports=None, error=None):
        self.at, self.data_at, self.imports, self.error = at, data_at, imports or {}, error


class Link:
    """What to link for: T, D, addresses of imports by name, the firmware's interface and
    build id."""

    def __init__(self, at, data_at, imports=None, api=0, build_id=b""):
        self.at, self.data_at, self.imports = at, data_at, imports
        self.api, self.build_id = api, build_id

    def address(self, name):
        """All imports are bound, unless it is said which: to where their names say."""
        if self.imports is None:
            return 0x08000001 | fnv(name) & 0xffffe
        return self.imports.get(name, 0)


FIRMWARE = Link(0x08060040, 0x20010000, None, 0x10002, bytes(range(100, 120)))


def link_error(image, link):
    """Why an image cannot be linked, or None (2.6, 1 to 5)."""
    fields, names = image.header_fields(0), {data[0] for data, _ in image.tags}
    data_at = link.data_at if image.sizes["data"] else 0
    if (not image.flags & APART or fields["text_align"] > 6
            or image.sizes["text"] > len(image.segments["text"])
            or names & {TAG_TYPE["linked"], TAG_TYPE["compression"]}):
        return "MODFMT_E_IN_PLACE"
    behind = data_at - image.sizes["text"] if image.sizes["data"] else 0
    if link.at % (1 << fields["text_align"]) or behind % (1 << fields["data_align"]):
        return "MODFMT_E_ALIGN"
    spans = sorted((at, at + size) for at, size in ((link.at, image.sizes["text"]),
                                                    (data_at, image.sizes["data"])) if size)
    if any(end > 1 << 32 for _, end in spans) or (len(spans) == 2 and spans[0][1] > spans[1][0]):
        return "MODFMT_E_SEGMENT"
    places = [(fix.place, fix.offset + part + byte) for fix in image.fixes
              for part in ({0, 2 * fix.distance} if fix.distance else {0}) for byte in range(4)]
    if (any(offset >= len(image.segments[place]) for place, offset in places)
            or len(set(places)) < len(places)):
        return "MODFMT_E_RELOC_PLACE"
    return None


def linked(image, link):
    """The image linked, not by changing it but by making it for that place."""
    data_at = link.data_at if image.sizes["data"] else 0
    addresses = [link.address(symbol.name) for symbol in image.imports]
    crc = int.from_bytes(image.bytes[56:60], "little")
    first = tag("linked", u32(link.at, data_at, data_at + image.sizes["data"], link.api, image.flags,
                              len(image.bytes), crc) + link.build_id)
    tags = [first] + image.tags
    if image.imports:
        later = [i for i, (data, _) in enumerate(tags) if TAG_TYPE["bound"] < data[0] < 0x80]
        tags.insert((later + [len(tags)])[0], tag("bound", u32(*addresses)))
    return Image(image.segments["text"], image.segments["data"], image.sizes["text"],
                 image.sizes["data"], image.fixes, image.entry, image.imports, image.exports, tags,
                 image.relocs, {key: value for key, value in image.header.items()
                                if key != "critical_count"},
                 flags=LINKED | image.flags & CODE_IN_DATA, bare=image.bare,
                 at=({"text": link.at, "data": data_at}, addresses))


class Vector:
    """links: what to link the image for, besides FIRMWARE."""

    def __init__(self, name, shows, image, error=None, loads=(), prefix=0, links=()):
        self.name, self.shows, self.image, self.error = name, shows, image, error
        self.loads, self.prefix, self.links = list(loads), prefix, [FIRMWARE, *links]

    def file(self):
        return f"{'bad' if self.error else 'good'}/{self.name}.bin"

    def record(self):
        record = {"file": self.file(), "shows": self.shows, "expect": self.error or "OK",
                  "size": len(self.image.bytes)}
        if not self.error:
            record["prefix"] = self.prefix
            record["loads"] = [self.load_record(load) for load in self.loads]
            if not self.image.memory_rule:
                record["links"] = [self.link_record(link) for link in self.links]
        return record

    def link_record(self, link):
        addresses = {symbol.name: link.address(symbol.name) for symbol in self.image.imports}
        record = {"at": link.at, "data_at": link.data_at, "imports": addresses, "api": link.api,
                  "build_id": link.build_id.hex()}
        error = link_error(self.image, link)
        if error:
            return record | {"error": error}
        made = linked(self.image, link).bytes
        return record | {"size": len(made), "sha256": hashlib.sha256(made).hexdigest()}

    def load_record(self, load):
        record = {"at": load.at, "data_at": load.data_at, "imports": load.imports}
        if load.error:
            return record | {"error": load.error}
        text_at, data_at = load.at, load.data_at
        if data_at is None:
            data_at = load.at + self.image.sizes["text"]
        else:  # apart, what has no bytes is not placed
            text_at = text_at if self.image.sizes["text"] else 0
            data_at = data_at if self.image.sizes["data"] else 0
        addresses = [load.imports.get(symbol.name, 0) for symbol in self.image.imports]
        text, data = self.image.memory(text_at, data_at, addresses)
        return record | {"text_size": len(text), "text_sha256": hashlib.sha256(text).hexdigest(),
                         "data_size": len(data), "data_sha256": hashlib.sha256(data).hexdigest()}
