#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""A second reader and loader of the module format, written from modfmt.md alone.

It explains the format by doing what the text says, section by section, and it shares
nothing with libmodfmt but layout.toml, from which both take their numbers. It is made to
be read, not to be fast.

    modref.py check FILE...                    FILE: OK, or the first failure
    modref.py dump FILE                        everything in it, as JSON
    modref.py load FILE --at T [--data-at D] [--import NAME_OR_HASH=ADDR]...
                   -o OUT [--data-out OUT2]    memory after loading
    modref.py link FILE --at T --data-at D [--import ...] [--api N] [--build-id HEX] -o OUT
    modref.py unlink FILE -o OUT

As a module: check(bytes) and check_file(bytes) give the error's name or None,
read(bytes) a Module, load(bytes, ...) the memory, link(bytes, ...) and unlink(bytes) images.
"""

import argparse
import json
import pathlib
import sys
import tomllib
import zlib
from collections import namedtuple
from types import SimpleNamespace

LAYOUT = tomllib.loads(
    (pathlib.Path(__file__).resolve().parent / "layout.toml").read_text(encoding="utf-8"))
FORMAT = LAYOUT["format"]
RELOC = LAYOUT["reloc"]
MOV = LAYOUT["mov"]
HEADER = {field["name"]: field for field in LAYOUT["header"]}
FLAG = {flag["name"]: 1 << flag["bit"] for flag in LAYOUT["flag"]}
NEED = {need["name"]: 1 << need["bit"] for need in LAYOUT["need"]}
TARGET = {target["name"]: target["number"] for target in LAYOUT["reloc_target"]}
KIND = {kind["name"]: kind["number"] for kind in LAYOUT["reloc_kind"]}
IMPORT_FLAG = {flag["name"]: 1 << flag["bit"] for flag in LAYOUT["import_flag"]}
EXPORT_FLAG = {flag["name"]: 1 << flag["bit"] for flag in LAYOUT["export_flag"]}
TAG = {tag["type"]: tag for tag in LAYOUT["tag_type"]}
TAG_TYPE = {tag["name"]: tag["type"] for tag in LAYOUT["tag_type"]}
ERROR = {error["name"]: error["number"] for error in LAYOUT["error"]}

EM_ARM = 40
TEXT, DATA = 0, 1
SEGMENT_NAME = ("text", "data")
WEAK = LAYOUT["import"]["weak"]         # in the type word
CRITICAL = LAYOUT["tag"]["critical"]    # in a tag's type


class Refused(Exception):
    """The image (MODFMT_E_*) or the loading of it (MODLOAD_E_*) failed one check."""

    def __init__(self, name, offset=None, found=None, allowed=None):
        if name not in ERROR:
            raise KeyError(name)
        super().__init__(name)
        self.name, self.offset, self.found, self.allowed = name, offset, found, allowed

    def __str__(self):
        numbers = (("offset", self.offset), ("found", self.found), ("allowed", self.allowed))
        return " ".join([self.name] + [f"{key}=0x{number:x}" for key, number in numbers
                                       if number is not None])


def require(good, name, offset=None, found=None, allowed=None):
    if not good:
        raise Refused(name, offset, found, allowed)


def number(data, offset, size):
    return int.from_bytes(data[offset:offset + size], "little")


def up4(n):
    return (n + 3) & ~3


def mask(bits):
    """All bits that a table of flags defines."""
    return sum(bits.values())


def names_of(value, bits):
    return [name for name, bit in bits.items() if value & bit]


# --- Section 1: the image and its areas ---------------------------------------------

Area = namedtuple("Area", "start size")
Import = namedtuple("Import", "hash type flags")
Export = namedtuple("Export", "hash type value flags")
Tag = namedtuple("Tag", "offset type name value")


class Module:
    """One image: its bytes, its header's fields, where its areas lie, what they hold."""

    def __init__(self, image):
        self.image = image
        self.h = SimpleNamespace(**{
            name: number(image, field["offset"], field["size"])
            for name, field in HEADER.items()})
        self.areas = find_areas(self.h)
        self.imports, self.exports, self.tags = [], [], []

    def memory_size(self, segment):
        return self.h.data_mem if segment == DATA else self.h.text_mem

    def stored_size(self, segment):
        return self.h.data_stored if segment == DATA else self.h.text_stored

    def area(self, name):
        start, size = self.areas[name]
        return self.image[start:start + size]

    def tag(self, name):
        """The first tag of a name, or None."""
        return next((tag for tag in self.tags if tag.name == name), None)

    def newer(self):
        """Is the minor version higher than the one that this reader was written for?"""
        return self.h.minor > FORMAT["minor"]


def find_areas(h):
    """The table of section 1: each area starts at the next multiple of 4."""
    sizes = (("text", h.text_stored), ("data", h.data_stored), ("relocs", h.reloc_size),
             ("imports", LAYOUT["import"]["size"] * h.import_count),
             ("import_flags", h.import_count),
             ("exports", LAYOUT["export"]["size"] * h.export_count),
             ("export_flags", h.export_count))
    areas, position = {}, FORMAT["header_size"]
    for name, size in sizes:
        areas[name] = Area(position, size)
        position += up4(size)
    areas["tags"] = Area(position, max(h.total_size - position, 0))
    return areas


# --- Section 2 and checks 1 to 15: the header ----------------------------------------

def header_check(image):
    return zlib.crc32(image[:HEADER["crc"]["offset"]])


def image_crc(image, total_size):
    """Section 2, CRC: header_check is the CRC so far; four zeros and the rest follow."""
    after = HEADER["crc"]["offset"] + HEADER["crc"]["size"]
    return zlib.crc32(image[after:total_size], zlib.crc32(bytes(4), header_check(image)))


def refuse_field(m, name, error, allowed=None):
    raise Refused(error, HEADER[name]["offset"], getattr(m.h, name), allowed)


def check_identity(m):
    """Checks 2 to 6: is it an image, and of this major version?"""
    h, total = m.h, m.h.total_size
    if h.magic != FORMAT["magic"]:
        refuse_field(m, "magic", "MODFMT_E_MAGIC", FORMAT["magic"])
    if h.header_check != header_check(m.image):
        refuse_field(m, "header_check", "MODFMT_E_HEADER_CHECK", header_check(m.image))
    if h.major != FORMAT["major"]:
        refuse_field(m, "major", "MODFMT_E_VERSION", FORMAT["major"])
    if h.header_size != FORMAT["header_size"]:
        refuse_field(m, "header_size", "MODFMT_E_HEADER_SIZE", FORMAT["header_size"])
    if total % FORMAT["image_align"] or total > FORMAT["size_max"]:
        refuse_field(m, "total_size", "MODFMT_E_TOTAL_SIZE", FORMAT["size_max"])


def check_fields(m):
    """Checks 7 to 11: each field by itself."""
    if m.h.flags & ~mask(FLAG):
        refuse_field(m, "flags", "MODFMT_E_FLAGS", mask(FLAG))
    if m.h.machine != EM_ARM:
        refuse_field(m, "machine", "MODFMT_E_MACHINE", EM_ARM)
    for name, error, most in (
            ("text_mem", "MODFMT_E_SEGMENT", FORMAT["size_max"]),
            ("data_mem", "MODFMT_E_SEGMENT", FORMAT["size_max"]),
            ("reloc_size", "MODFMT_E_LAYOUT", FORMAT["size_max"]),
            ("text_align", "MODFMT_E_ALIGN", FORMAT["align_log2_max"]),
            ("data_align", "MODFMT_E_ALIGN", FORMAT["align_log2_max"])):
        if getattr(m.h, name) > most:
            refuse_field(m, name, error, most)


def check_sizes(m, size):
    """Checks 12 to 14: all of it is there, and sizes agree with each other."""
    total, end = m.h.total_size, m.areas["tags"].start
    require(size >= total, "MODFMT_E_TRUNCATED", size, size, total)
    for segment, name in enumerate(SEGMENT_NAME):
        if m.stored_size(segment) > m.memory_size(segment):
            refuse_field(m, name + "_stored", "MODFMT_E_SEGMENT", m.memory_size(segment))
    require(end <= total, "MODFMT_E_LAYOUT", HEADER["total_size"]["offset"], end, total)


def check_entry(m):
    """Check 15: none, or a Thumb address inside text."""
    entry = m.h.entry
    if entry != FORMAT["no_entry"] and not (entry & 1 and entry - 1 < m.h.text_mem):
        refuse_field(m, "entry", "MODFMT_E_ENTRY", m.h.text_mem)


def open_image(image):
    """The open checks, 1 to 15. More bytes than total_size may be there."""
    image = bytes(image)
    require(len(image) >= FORMAT["header_size"], "MODFMT_E_TRUNCATED", len(image),
            len(image), FORMAT["header_size"])
    m = Module(image)
    check_identity(m)
    check_fields(m)
    check_sizes(m, len(image))
    check_entry(m)
    m.image = image[:m.h.total_size]
    return m


# --- Checks 17 and 18: the CRC, promises of the header, the zeros between areas -------

def check_promises(m):
    """Checks 17a to 17c: placements that make sense, needs that are known."""
    flags = m.h.flags
    ram, in_place, linked = FLAG["block"] | FLAG["apart"], FLAG["in_place"], FLAG["linked"]
    if (not flags & (ram | linked) or (flags & in_place and not flags & FLAG["apart"])
            or (flags & linked and flags & (ram | in_place))):
        refuse_field(m, "flags", "MODFMT_E_FLAGS", mask(FLAG))
    if m.h.needs & ~mask(NEED):
        refuse_field(m, "needs", "MODFMT_E_NEEDS", mask(NEED))
    if flags & (in_place | linked):
        check_runs_in_place(m)


def check_runs_in_place(m):
    """2.3: what lies in flash has the alignment of images, and no zeros behind it."""
    if m.h.text_align > FORMAT["text_align_in_place_max"]:
        refuse_field(m, "text_align", "MODFMT_E_IN_PLACE", FORMAT["text_align_in_place_max"])
    if m.h.text_stored != m.h.text_mem:
        refuse_field(m, "text_stored", "MODFMT_E_IN_PLACE", m.h.text_mem)


def check_crc(m):
    crc = image_crc(m.image, m.h.total_size)
    if m.h.crc != crc:
        refuse_field(m, "crc", "MODFMT_E_CRC", crc)


def check_zeros(m, start, end):
    for offset in range(start, end):
        require(m.image[offset] == 0, "MODFMT_E_PADDING", offset, m.image[offset], 0)


def check_padding(m):
    for name, area in m.areas.items():
        if name != "tags":
            check_zeros(m, area.start + area.size, area.start + up4(area.size))


# --- Sections 4 and 5, checks 19 and 20: imports and exports -------------------------

def name_hash(name):
    """FNV-1a, 32 bits."""
    value = FORMAT["hash_basis"]
    for byte in name:
        value = (value ^ byte) * FORMAT["hash_prime"] & 0xffffffff
    return value


def check_symbol(m, error, entry, offset, flag_offset, known, last_hash):
    """Flag bits (a later minor version may have more of them), then ascending hashes."""
    require(m.newer() or not entry.flags & ~mask(known), error, flag_offset, entry.flags,
            mask(known))
    require(last_hash is None or entry.hash > last_hash, error, offset, entry.hash, last_hash)


def read_imports(m):
    last, place = None, LAYOUT["import"]
    for i in range(m.h.import_count):
        offset = m.areas["imports"].start + i * place["size"]
        flag_offset = m.areas["import_flags"].start + i
        entry = Import(number(m.image, offset + place["hash"], 4),
                       number(m.image, offset + place["type"], 4), m.image[flag_offset])
        check_symbol(m, "MODFMT_E_IMPORT", entry, offset, flag_offset, IMPORT_FLAG, last)
        m.imports.append(entry)
        last = entry.hash


def check_export_value(m, entry, offset):
    """A type has no bit 31 here. Functions have bit 0 set; the offset without it lies
    inside the segment."""
    require(not entry.type & WEAK, "MODFMT_E_EXPORT", offset, entry.type)
    size = m.memory_size(DATA if entry.flags & EXPORT_FLAG["data"] else TEXT)
    value = entry.value
    if not entry.flags & EXPORT_FLAG["object"]:
        require(value & 1, "MODFMT_E_EXPORT", offset, value, value | 1)
        value -= 1
    require(value < size, "MODFMT_E_EXPORT", offset, entry.value, size)


def read_exports(m):
    last, place = None, LAYOUT["export"]
    for i in range(m.h.export_count):
        offset = m.areas["exports"].start + i * place["size"]
        flag_offset = m.areas["export_flags"].start + i
        entry = Export(number(m.image, offset + place["hash"], 4),
                       number(m.image, offset + place["type"], 4),
                       number(m.image, offset + place["value"], 4), m.image[flag_offset])
        check_symbol(m, "MODFMT_E_EXPORT", entry, offset, flag_offset, EXPORT_FLAG, last)
        check_export_value(m, entry, offset + place["value"])
        m.exports.append(entry)
        last = entry.hash


# --- Section 6, check 21: tags -------------------------------------------------------

def length_range(text):
    """The length column of the table of tags: "6", "1–63" or "≥ 1"."""
    if text.startswith("≥"):
        return int(text[1:]), 0xffffff
    low, _, high = text.partition("–")
    return int(low), int(high or low)


def require_value(good, tag, found=None, allowed=None):
    require(good, "MODFMT_E_TAG_VALUE", tag.offset, found, allowed)


def bad_in_name(byte):
    return byte <= 0x20 or byte == 0x7f


def check_name(m, tag):
    require_value(not any(map(bad_in_name, tag.value)), tag)


def check_description(m, tag):
    require_value(not any(byte != 0x20 and bad_in_name(byte) for byte in tag.value), tag)


def check_origin(m, tag):
    prefix = number(tag.value, 0, 4)
    require_value(prefix <= m.h.text_mem, tag, prefix, m.h.text_mem)


def split_place(place):
    return (DATA if place & FORMAT["place_data"] else TEXT), place & ~FORMAT["place_data"]


def check_place(m, tag):
    """A place, and the size that goes with it where there is one, inside its segment."""
    segment, offset = split_place(number(tag.value, 0, 4))
    end = offset + number(tag.value, 4, 4)
    require_value(end <= m.memory_size(segment), tag, end, m.memory_size(segment))


def check_array(m, tag):
    """As check_place; also the size and the address are multiples of 4. The address of
    text is one; that of data is congruent to text_mem (2.3)."""
    check_place(m, tag)
    segment, offset = split_place(number(tag.value, 0, 4))
    address = offset + (m.h.text_mem if segment == DATA else 0)
    require_value(address % 4 == 0, tag, offset)
    require_value(number(tag.value, 4, 4) % 4 == 0, tag, number(tag.value, 4, 4))


def check_static_base(m, tag):
    check_place(m, tag)
    require_value(number(tag.value, 4, 4) == 0, tag, number(tag.value, 4, 4), 0)


def check_dependency(m, tag):
    require_value(not any(map(bad_in_name, tag.value[12:])), tag)


def check_compression(m, tag):
    for segment in (TEXT, DATA):
        size = number(tag.value, 4 + 4 * segment, 4)
        require_value(size <= m.memory_size(segment), tag, size, m.memory_size(segment))


def check_symbol_names(m, tag, entries):
    """One name an entry, each ended by a zero byte, each hashing to the entry's hash."""
    names = tag.value.split(b"\0")
    rest = names.pop()
    require(tag.value and not rest and len(names) == len(entries), "MODFMT_E_NAMES",
            tag.offset, len(names), len(entries))
    for name, entry in zip(names, entries):
        require(name and not any(map(bad_in_name, name)) and name_hash(name) == entry.hash,
                "MODFMT_E_NAMES", tag.offset, name_hash(name), entry.hash)


LINKED = LAYOUT["linked"]["size"]       # bytes before the build id
LINKED_FIELD = {field["name"]: field for field in LAYOUT["linked_field"]}


def linked_fields(value):
    """What the tag linked says (2.6)."""
    fields = {name: number(value, field["offset"], 4) for name, field in LINKED_FIELD.items()}
    return SimpleNamespace(**fields, build_id=value[LINKED:])


def check_linked(m, tag):
    """2.6: the place is one, and what the image was before can have been linked."""
    said = linked_fields(tag.value)
    require_value(m.h.flags & FLAG["linked"], tag)
    require_value((said.data_end - said.data) % (1 << 32) == m.h.data_mem, tag, said.data_end)
    require_value(m.h.data_mem or said.data == 0, tag, said.data)
    require_value(bad_addresses(m.h, said.text, said.data) is None, tag, said.text)
    require_value(not said.flags & ~mask(FLAG), tag, said.flags)
    require_value(said.flags & FLAG["apart"] and not said.flags & FLAG["linked"], tag, said.flags)
    require_value((said.flags ^ m.h.flags) & FLAG["code_in_data"] == 0, tag, said.flags)
    require_value(said.total_size % FORMAT["image_align"] == 0, tag, said.total_size)
    require_value(said.total_size <= FORMAT["size_max"], tag, said.total_size)


def lies_apart(h, data_at):
    """2.3: may data lie there, apart? As in a block, it is text_mem modulo its alignment."""
    return not h.data_mem or (data_at - h.text_mem) % (1 << h.data_align) == 0


def bad_addresses(h, text_at, data_at):
    """2.6, 2: the error of addresses that segments cannot have, or None."""
    text_end, data_end = text_at + h.text_mem, data_at + h.data_mem
    if text_at % (1 << h.text_align) or not lies_apart(h, data_at):
        return "MODFMT_E_ALIGN"
    if text_end > 1 << 32 or data_end > 1 << 32:
        return "MODFMT_E_SEGMENT"
    if h.text_mem and h.data_mem and text_at < data_end and data_at < text_end:
        return "MODFMT_E_SEGMENT"
    return None


def check_bound(m, tag):
    require_value(m.h.flags & FLAG["linked"], tag)
    require_value(len(tag.value) == 4 * m.h.import_count, tag, len(tag.value))


def check_linked_tags(m):
    """After all tags: those of a linked image are there."""
    if m.h.flags & FLAG["linked"]:
        if not m.tags or m.tags[0].name != "linked":
            refuse_field(m, "flags", "MODFMT_E_FLAGS", FLAG["linked"])
        require(not m.imports or m.tag("bound"), "MODFMT_E_TAG_VALUE", m.tags[0].offset)


VALUE_CHECK = {
    "linked": check_linked, "bound": check_bound,
    "name": check_name, "description": check_description, "origin": check_origin,
    "params": check_place, "init_array": check_array, "fini_array": check_array,
    "static_base": check_static_base, "dependency": check_dependency,
    "compression": check_compression,
    "import_names": lambda m, tag: check_symbol_names(m, tag, m.imports),
    "export_names": lambda m, tag: check_symbol_names(m, tag, m.exports),
}


def check_tag_value(m, tag):
    if tag.name not in ("import_names", "export_names"):
        low, high = length_range(TAG[tag.type]["length"])
        require_value(low <= len(tag.value) <= high, tag, len(tag.value), high)
    if tag.name in VALUE_CHECK:
        VALUE_CHECK[tag.name](m, tag)


def check_tag_count(m, tag):
    """The first critical_count tags are critical, and no other is."""
    critical = tag.type & CRITICAL != 0
    require(critical == (len(m.tags) < m.h.critical_count), "MODFMT_E_TAG_COUNT", tag.offset,
            len(m.tags) + critical, m.h.critical_count)


def check_tag_order(tag, last):
    """Among the critical tags, and among the others, numbers ascend; only a tag with leave
    to repeat may follow its like. Nothing follows a signature."""
    if last is None:
        return
    repeats = TAG.get(tag.type, {}).get("repeat", False)
    good = ((tag.type ^ last.type) & CRITICAL or tag.type > last.type
            or (tag.type == last.type and repeats))
    require(good and last.name != "signature", "MODFMT_E_TAG_ORDER", tag.offset, tag.type,
            last.type)


def read_tag(m, offset, end):
    """The tag at an offset, with its value and padding inside the image."""
    tag_type, length = m.image[offset], number(m.image, offset + 1, 3)
    start = offset + LAYOUT["tag"]["value_offset"]
    require(start + up4(length) <= end, "MODFMT_E_TAG_END", offset, length, end - start)
    name = TAG[tag_type]["name"] if tag_type in TAG else None
    return Tag(offset, tag_type, name, m.image[start:start + length])


def check_tag(m, tag, last):
    check_tag_count(m, tag)
    check_tag_order(tag, last)
    require(tag.name or not tag.type & CRITICAL, "MODFMT_E_TAG_CRITICAL",
            tag.offset, tag.type)
    after = tag.offset + LAYOUT["tag"]["value_offset"] + len(tag.value)
    check_zeros(m, after, up4(after))
    if tag.name:
        check_tag_value(m, tag)


def read_tags(m):
    offset, end, last = m.areas["tags"].start, m.h.total_size, None
    while offset < end:
        require(end - offset >= LAYOUT["tag"]["value_offset"], "MODFMT_E_TAG_END", offset)
        if m.image[offset] == TAG_TYPE["end"]:
            break
        tag = read_tag(m, offset, end)
        check_tag(m, tag, last)
        m.tags.append(tag)
        offset += LAYOUT["tag"]["value_offset"] + up4(len(tag.value))
        last = tag
    require(len(m.tags) >= m.h.critical_count, "MODFMT_E_TAG_COUNT", offset, len(m.tags),
            m.h.critical_count)
    check_zeros(m, offset, end)
    check_linked_tags(m)


# --- Section 3, checks 22 and 23: relocations ----------------------------------------

# index: of the list's import, or of the first of its imports, or None; in a Fixup, of the
# import that this place takes. A Fixup is one word, or one group of a mov list; word; movw and
# movt of a pair; alone: their offsets in the segment, or None. low goes with alone; `at` is
# where the group lies in the image.
List = namedtuple("List", "offset descriptor place target kind relative index")
Fixup = namedtuple("Fixup", "list offset index at word movw movt alone low",
                   defaults=(None,) * 5)


class Bytes:
    """Takes the relocation area's bytes one after the other."""

    def __init__(self, m):
        self.image, self.position = m.image, m.areas["relocs"].start
        self.end = self.position + m.areas["relocs"].size

    def left(self):
        return self.end - self.position

    def take(self, size=1):
        require(self.left() >= size, "MODFMT_E_RELOC_END", self.end)
        self.position += size
        return number(self.image, self.position - size, size)


def check_descriptor(lst):
    """Which combinations of 3.1 mean something."""
    target = lst.target
    good = target in TARGET.values() and lst.kind <= max(KIND.values())
    if target == TARGET["absolute"]:
        good = good and lst.relative
    if target == TARGET["imports"]:
        good = good and lst.kind != KIND["mov"]
    require(good, "MODFMT_E_RELOC_LIST", lst.offset, lst.descriptor)


def read_descriptor(m, source, last):
    """The start of a list: descriptor, then an import's index if it goes on with one; then the
    order, the promise of in_place, and whether there is such an import."""
    offset, byte = source.position, source.take()
    lst = List(offset, byte, DATA if byte & RELOC["place_data"] else TEXT,
               byte & RELOC["target_mask"], byte >> RELOC["kind_shift"],
               bool(byte & RELOC["relative"]), None)
    check_descriptor(lst)
    if has_index(lst):
        lst = lst._replace(index=source.take(2))
    require(last is None or order_of(lst) > order_of(last), "MODFMT_E_RELOC_LIST", offset,
            byte)
    require(not (m.h.flags & FLAG["in_place"] and lst.place == TEXT), "MODFMT_E_IN_PLACE",
            offset, byte)
    if lst.target == TARGET["import"]:
        check_import_index(m, lst.index, offset)
    return lst


def has_index(lst):
    return lst.target in (TARGET["import"], TARGET["imports"])


def order_of(lst):
    return lst.descriptor, lst.index or 0


def check_import_index(m, index, offset):
    require(index < m.h.import_count, "MODFMT_E_RELOC_IMPORT", offset, index,
            m.h.import_count)


def read_head(source, unit, most):
    """A group's head: (bytes to skip, n), n being 0 at the end mark."""
    skip = 0
    while True:
        offset, byte = source.position, source.take()
        n = byte & ((1 << RELOC["run_bits"]) - 1)
        skip = (skip << (8 - RELOC["run_bits"])) + (byte >> RELOC["run_bits"])
        require(skip * unit <= most, "MODFMT_E_RELOC_PLACE", offset, skip * unit, most)
        if n or not skip:
            return skip * unit, n


def read_words(m, source, lst):
    """Groups up to the end mark: skip some words or bytes, fix n words, all of it inside the
    segment. A long group tells its n in one more byte."""
    size, cursor, index = m.memory_size(lst.place), 0, lst.index
    while True:
        at = source.position
        skip, n = read_head(source, 1 << lst.kind, size - cursor)
        if not n:
            return
        if n == RELOC["run_long"]:
            n += source.take()
        cursor += skip
        require(4 * n <= size - cursor, "MODFMT_E_RELOC_PLACE", at, 4 * n, size - cursor)
        for _ in range(n):
            if lst.target == TARGET["imports"]:
                check_import_index(m, index, at)
            yield Fixup(lst, cursor, index, at, word=cursor)
            cursor += 4
            if lst.target == TARGET["imports"]:
                index += 1


def read_movs(m, source, lst):
    """Likewise: skip some half-words, fix the instruction or pair there, stay at it."""
    size, cursor, first = m.memory_size(lst.place), 0, True
    while True:
        at = source.position
        skip, n = read_head(source, 1 << lst.kind, size - cursor)
        if not n:
            return
        require(skip or first, "MODFMT_E_RELOC_CODE", at, skip)
        cursor, first = cursor + skip, False
        if n == MOV["alone"]:
            fix = Fixup(lst, cursor, lst.index, at, alone=cursor, low=source.take(2))
        else:
            fix = Fixup(lst, cursor, lst.index, at, movw=cursor, movt=cursor + 2 * (n + 1))
        for part in (fix.movw, fix.movt, fix.alone):
            require(part is None or part + 4 <= size, "MODFMT_E_RELOC_PLACE", at, part, size)
        yield fix


def read_fixups(m):
    """Every fix-up of an image, in order; refuses as it goes."""
    source, last = Bytes(m), None
    while source.left():
        last = read_descriptor(m, source, last)
        yield from (read_movs if last.kind == KIND["mov"] else read_words)(m, source, last)


MOV_MASK, MOVW_BITS, MOVT_BITS, MOVT_BIT = 0x8000fbf0, 0x0000f240, 0x0000f2c0, 0x80


def check_instructions(m, fix):
    """The full check's look at the stored bytes themselves."""
    start = m.areas[SEGMENT_NAME[fix.list.place]].start
    for offset, good in ((fix.movw, (MOVW_BITS,)), (fix.movt, (MOVT_BITS,)),
                         (fix.alone, (MOVW_BITS, MOVT_BITS))):
        if offset is None or offset + 4 > m.stored_size(fix.list.place):
            continue
        found = number(m.image, start + offset, 4)
        require(found & MOV_MASK in good, "MODFMT_E_RELOC_INSN", start + offset, found,
                good[0])


def check_relocs(m):
    compressed = m.tag("compression") is not None
    for fix in read_fixups(m):
        if not compressed:
            check_instructions(m, fix)


# --- Section 7: all checks in their order --------------------------------------------

def read(image):
    """Open and full check: a Module, or Refused with the first failure."""
    m = open_image(image)
    check_crc(m)
    check_promises(m)
    check_padding(m)
    read_imports(m)
    read_exports(m)
    read_tags(m)
    check_relocs(m)
    return m


def read_file(data):
    """An image in a file: only 0xFF (erased flash) may follow it."""
    m = read(data)
    for offset in range(m.h.total_size, len(data)):
        require(data[offset] == 0xff, "MODFMT_E_TRAILING", offset, data[offset], 0xff)
    return m


def check(image, reader=read):
    """The name of the first failure, or None."""
    try:
        reader(image)
    except Refused as refused:
        return refused.name
    return None


def check_file(data):
    return check(data, read_file)


# --- Loading -------------------------------------------------------------------------

def check_tags_for_loading(m):
    """Nothing here decompresses, nor knows the firmware that an image was linked for."""
    for name in ("compression", "linked"):
        tag = m.tag(name)
        require(tag is None, "MODLOAD_E_UNSUPPORTED", tag and tag.offset)


def check_address(good, address):
    require(good, "MODLOAD_E_MEMORY", None, address)


def place_segments(m, text_at, data_at):
    """2.3: the addresses of text and data. Without data_at: one block."""
    h, apart = m.h, data_at is not None
    require(h.flags & FLAG["apart" if apart else "block"], "MODLOAD_E_PLACEMENT",
            HEADER["flags"]["offset"], h.flags)
    if apart:  # 2.3: nothing is placed for a segment of 0 bytes
        text_at, data_at = text_at if h.text_mem else 0, data_at if h.data_mem else 0
    check_address(text_at % (1 << h.text_align) == 0, text_at)
    if apart:
        check_address(lies_apart(h, data_at), data_at)
    else:
        check_address(not h.data_mem or text_at % (1 << h.data_align) == 0, text_at)
        data_at = text_at + h.text_mem
    text_end, data_end = text_at + h.text_mem, data_at + h.data_mem
    check_address(text_end <= 1 << 32 and data_end <= 1 << 32, text_at)
    if h.text_mem and h.data_mem:
        check_address(text_end <= data_at or data_end <= text_at, data_at)
    return text_at, data_at


def bind(m, offered):
    """The address of each import: offered by hash, or 0 for a weak one."""
    addresses = []
    for i, entry in enumerate(m.imports):
        found = entry.hash in offered or entry.type & WEAK
        require(found, "MODLOAD_E_IMPORT", i, entry.hash)
        addresses.append(offered.get(entry.hash, 0))
    return addresses


def value_of(fix, addresses, imports):
    """3.1: the value v that a fix-up adds."""
    target = fix.list.target
    if target == TARGET["text"]:
        value = addresses[TEXT]
    elif target == TARGET["data"]:
        value = addresses[DATA]
    elif has_index(fix.list):
        value = imports[fix.index]
    else:
        value = 0
    return value - (addresses[fix.list.place] if fix.list.relative else 0)


def mov_imm(memory, offset):
    """imm16 = imm4:i:imm3:imm8 of a MOVW or MOVT."""
    first, second = number(memory, offset, 2), number(memory, offset + 2, 2)
    return ((first & 0xf) << 12 | (first >> 10 & 1) << 11 | (second >> 12 & 7) << 8
            | second & 0xff)


def set_mov_imm(memory, offset, imm):
    first, second = number(memory, offset, 2), number(memory, offset + 2, 2)
    first = first & ~0x040f | imm >> 12 & 0xf | (imm >> 11 & 1) << 10
    second = second & ~0x70ff | (imm >> 8 & 7) << 12 | imm & 0xff
    memory[offset:offset + 4] = first.to_bytes(2, "little") + second.to_bytes(2, "little")


def fix_word(memory, offset, v):
    word = (number(memory, offset, 4) + v) & 0xffffffff
    memory[offset:offset + 4] = word.to_bytes(4, "little")


def fix_pair(memory, fix, v):
    """3.2: the low half carries into the high one."""
    x = mov_imm(memory, fix.movw) + 65536 * mov_imm(memory, fix.movt) + v & 0xffffffff
    set_mov_imm(memory, fix.movw, x & 0xffff)
    set_mov_imm(memory, fix.movt, x >> 16)


def fix_alone(memory, fix, v):
    """3.2: bit 7 of its first half-word tells a MOVT, which brings the low half it needs."""
    imm = mov_imm(memory, fix.alone)
    if number(memory, fix.alone, 2) & MOVT_BIT:
        set_mov_imm(memory, fix.alone, (fix.low + 65536 * imm + v & 0xffffffff) >> 16)
    else:
        set_mov_imm(memory, fix.alone, fix.low + imm + v & 0xffff)


def apply_fixup(memory, fix, v):
    if fix.word is not None:
        fix_word(memory, fix.word, v)
    elif fix.alone is not None:
        fix_alone(memory, fix, v)
    else:
        fix_pair(memory, fix, v)


def load(image, text_at, data_at=None, offered=None):
    """Memory of text and of data after loading. offered: hash of a name -> address."""
    m = read(image)
    check_tags_for_loading(m)
    addresses = place_segments(m, text_at, data_at)
    imports = bind(m, offered or {})
    memory = [bytearray(m.area(name).ljust(m.memory_size(segment), b"\0"))
              for segment, name in enumerate(SEGMENT_NAME)]
    for fix in read_fixups(m):
        v = value_of(fix, addresses, imports)
        apply_fixup(memory[fix.list.place], fix, v)
    return bytes(memory[TEXT]), bytes(memory[DATA])


# --- Linking and unlinking (2.6) -----------------------------------------------------

def check_linkable(m, text_at, data_at):
    """2.6, 1 and 2."""
    require(m.h.flags & FLAG["apart"], "MODFMT_E_IN_PLACE", HEADER["flags"]["offset"])
    check_runs_in_place(m)
    for name in ("linked", "compression"):
        require(m.tag(name) is None, "MODFMT_E_IN_PLACE")
    error = bad_addresses(m.h, text_at, data_at)
    if error:
        raise Refused(error)


def parts_of(fix):
    """Where a fix-up's words and instructions begin: 4 bytes each."""
    return [part for part in (fix.word, fix.movw, fix.movt, fix.alone) if part is not None]


def check_stored(m):
    """2.6, 3: fix-ups of stored bytes only."""
    for fix in read_fixups(m):
        for part in parts_of(fix):
            require(part + 4 <= m.stored_size(fix.list.place), "MODFMT_E_RELOC_PLACE", fix.at)


def check_disjoint(m):
    """2.6, 5: no byte is fixed twice."""
    seen = set()
    for fix in read_fixups(m):
        for part in parts_of(fix):
            own = {(fix.list.place, part + k) for k in range(4)}
            require(not own & seen, "MODFMT_E_RELOC_PLACE", fix.at)
            seen |= own


def undo_fixup(memory, fix, v):
    """2.6: v is subtracted. A MOVT alone: imm16 - (low + v) / 65536."""
    if fix.alone is None:
        apply_fixup(memory, fix, -v)
        return
    x = fix.low + v & 0xffffffff
    if number(memory, fix.alone, 2) & MOVT_BIT:
        x >>= 16
    set_mov_imm(memory, fix.alone, mov_imm(memory, fix.alone) - x & 0xffff)


def fixed_areas(m, addresses, imports, change):
    """Text, data and all up to the tags, with each fix-up applied or undone."""
    body = bytearray(m.image[:m.areas["tags"].start])
    for segment, name in enumerate(SEGMENT_NAME):
        start, size = m.areas[name]
        memory = bytearray(m.area(name))
        for fix in read_fixups(m):
            if fix.list.place == segment:
                change(memory, fix, value_of(fix, addresses, imports))
        body[start:start + size] = memory
    return body


def tag_bytes(tag_type, value):
    return bytes([tag_type]) + len(value).to_bytes(3, "little") + value + bytes(-len(value) % 4)


def set_field(image, name, value):
    offset, size = HEADER[name]["offset"], HEADER[name]["size"]
    image[offset:offset + size] = value.to_bytes(size, "little")


def finish(image, flags, critical_count, total_size):
    """The header made anew, and zeros up to the end."""
    require(total_size >= len(image), "MODFMT_E_TAG_VALUE", None, total_size, len(image))
    require(total_size <= FORMAT["size_max"], "MODFMT_E_TOTAL_SIZE", None, total_size)
    image = bytearray(image.ljust(total_size, b"\0"))
    set_field(image, "flags", flags)
    set_field(image, "critical_count", critical_count)
    set_field(image, "total_size", total_size)
    set_field(image, "header_check", header_check(bytes(image)))
    set_field(image, "crc", image_crc(bytes(image), total_size))
    return bytes(image)


def words_of(value):
    return [number(value, at, 4) for at in range(0, len(value), 4)]


def little_words(*values):
    return b"".join(value.to_bytes(4, "little") for value in values)


def link(image, text_at, data_at, offered=None, api=0, build_id=b""):
    """The linked image. offered: hash of a name -> address."""
    m = read(image)
    data_at = data_at if m.h.data_mem else 0
    check_linkable(m, text_at, data_at)
    check_stored(m)
    imports = bind(m, offered or {})
    check_disjoint(m)
    value = little_words(text_at, data_at, (data_at + m.h.data_mem) % (1 << 32), api, m.h.flags,
                         m.h.total_size, m.h.crc) + build_id
    tags = [(TAG_TYPE["linked"], value)] + [(tag.type, tag.value) for tag in m.tags]
    if imports:
        before = [i for i, tag in enumerate(tags)
                  if not tag[0] & CRITICAL and tag[0] > TAG_TYPE["bound"]] or [len(tags)]
        tags.insert(before[0], (TAG_TYPE["bound"], little_words(*imports)))
    body = fixed_areas(m, (text_at, data_at), imports, apply_fixup)
    body += b"".join(tag_bytes(*tag) for tag in tags)
    return finish(body, FLAG["linked"] | m.h.flags & FLAG["code_in_data"],
                  m.h.critical_count + 1, len(body) + -len(body) % FORMAT["image_align"])


def unlink(image):
    """What the image was before it was linked."""
    m = read(image)
    require(m.h.flags & FLAG["linked"], "MODFMT_E_FLAGS", HEADER["flags"]["offset"])
    require(m.tag("compression") is None, "MODFMT_E_IN_PLACE")
    said = linked_fields(m.tag("linked").value)
    check_stored(m)
    check_disjoint(m)
    imports = words_of(m.tag("bound").value) if m.imports else []
    body = fixed_areas(m, (said.text, said.data), imports, undo_fixup)
    body += b"".join(tag_bytes(tag.type, tag.value) for tag in m.tags
                     if tag.name not in ("linked", "bound"))
    result = finish(body, said.flags, m.h.critical_count - 1, said.total_size)
    require(number(result, HEADER["crc"]["offset"], 4) == said.crc, "MODFMT_E_CRC")
    return result


# --- The command line ----------------------------------------------------------------

def fixup_record(fix):
    names = {value: name for name, value in TARGET.items()} | {TARGET["imports"]: "import"}
    kinds = {value: name for name, value in KIND.items()}
    record = {"place": SEGMENT_NAME[fix.list.place], "offset": fix.offset,
              "kind": kinds[fix.list.kind], "target": names[fix.list.target],
              "relative": fix.list.relative}
    optional = {"import": fix.index, "movw": fix.movw, "movt": fix.movt, "alone": fix.alone,
                "low": fix.low}
    record.update((key, value) for key, value in optional.items() if value is not None)
    return record


def symbol_record(entry, flags, name):
    record = dict(entry._asdict(), flags=names_of(entry.flags, flags))
    if isinstance(entry, Import):
        record.update(type=entry.type & ~WEAK, weak=bool(entry.type & WEAK))
    if name:
        record["name"] = name
    return record


def tag_record(tag):
    record = {"offset": tag.offset, "type": tag.type, "name": tag.name or "unknown",
              "length": len(tag.value), "value": tag.value.hex()}
    if tag.name in ("name", "description"):
        record["text"] = tag.value.decode("utf-8", "backslashreplace")
    elif tag.name in ("import_names", "export_names"):
        record["names"] = symbol_names(tag)
    return record


def symbol_names(tag):
    names = tag.value.split(b"\0")[:-1] if tag else []
    return [name.decode("utf-8", "backslashreplace") for name in names]


def symbol_records(m, entries, flags, tag_name):
    names = symbol_names(m.tag(tag_name)) or [None] * len(entries)
    return [symbol_record(entry, flags, name) for entry, name in zip(entries, names)]


def dump(m):
    header = dict(vars(m.h))
    header["flag_names"] = names_of(m.h.flags, FLAG)
    header["need_names"] = names_of(m.h.needs, NEED)
    return {
        "header": header,
        "areas": {name: area._asdict() for name, area in m.areas.items()},
        "segments": {name: {"stored": m.stored_size(segment),
                            "memory": m.memory_size(segment), "bytes": m.area(name).hex()}
                     for segment, name in enumerate(SEGMENT_NAME)},
        "fixups": [fixup_record(fix) for fix in read_fixups(m)],
        "imports": symbol_records(m, m.imports, IMPORT_FLAG, "import_names"),
        "exports": symbol_records(m, m.exports, EXPORT_FLAG, "export_names"),
        "tags": [tag_record(tag) for tag in m.tags],
    }


def offered_import(text):
    """NAME=ADDR, or HASH=ADDR where HASH is a number (0x... or decimal)."""
    name, _, address = text.rpartition("=")
    if not name:
        raise argparse.ArgumentTypeError(f"not NAME=ADDR: {text}")
    try:
        key = int(name, 0)
    except ValueError:
        key = name_hash(name.encode())
    return key, int(address, 0)


def command_check(arguments):
    status = 0
    for file in arguments.files:
        try:
            read_file(pathlib.Path(file).read_bytes())
            print(f"{file}: OK")
        except Refused as refused:
            print(f"{file}: {refused}")
            status = 1
    return status


def command_dump(arguments):
    json.dump(dump(read_file(pathlib.Path(arguments.file).read_bytes())), sys.stdout, indent=1)
    print()
    return 0


def command_load(arguments):
    image = pathlib.Path(arguments.file).read_bytes()
    read_file(image)
    text, data = load(image, arguments.at, arguments.data_at, dict(arguments.imports))
    if arguments.data_at is None:
        text, data = text + data, b""
    pathlib.Path(arguments.output).write_bytes(text)
    if arguments.data_out:
        pathlib.Path(arguments.data_out).write_bytes(data)
    return 0


def command_link(arguments):
    image = pathlib.Path(arguments.file).read_bytes()
    read_file(image)
    linked = link(image, arguments.at, arguments.data_at, dict(arguments.imports), arguments.api,
                  arguments.build_id)
    pathlib.Path(arguments.output).write_bytes(linked)
    return 0


def command_unlink(arguments):
    image = pathlib.Path(arguments.file).read_bytes()
    read_file(image)
    pathlib.Path(arguments.output).write_bytes(unlink(image))
    return 0


def parse_arguments(arguments):
    def integer(text):
        return int(text, 0)

    parser = argparse.ArgumentParser(prog="modref.py", description=__doc__.split("\n")[0])
    commands = parser.add_subparsers(dest="command", required=True)
    sub = commands.add_parser("check", help="print OK or the first failure of each file")
    sub.add_argument("files", nargs="+", metavar="FILE")
    sub = commands.add_parser("dump", help="print everything in an image as JSON")
    sub.add_argument("file", metavar="FILE")
    sub = commands.add_parser("load", help="write memory as it is after loading")
    sub.add_argument("file", metavar="FILE")
    sub.add_argument("--at", type=integer, required=True, metavar="T", help="address of text")
    sub.add_argument("--data-at", type=integer, metavar="D", help="address of data: apart")
    sub.add_argument("--import", dest="imports", action="append", default=[],
                     type=offered_import, metavar="NAME_OR_HASH=ADDR")
    sub.add_argument("-o", dest="output", required=True, metavar="OUT")
    sub.add_argument("--data-out", metavar="OUT2")
    sub = commands.add_parser("link", help="write the image linked to one place")
    sub.add_argument("file", metavar="FILE")
    sub.add_argument("--at", type=integer, required=True, metavar="T", help="address of text")
    sub.add_argument("--data-at", type=integer, required=True, metavar="D", help="of data")
    sub.add_argument("--import", dest="imports", action="append", default=[],
                     type=offered_import, metavar="NAME_OR_HASH=ADDR")
    sub.add_argument("--api", type=integer, default=0, metavar="N", help="major * 65536 + minor")
    sub.add_argument("--build-id", type=bytes.fromhex, default=b"", metavar="HEX")
    sub.add_argument("-o", dest="output", required=True, metavar="OUT")
    sub = commands.add_parser("unlink", help="write what a linked image was before")
    sub.add_argument("file", metavar="FILE")
    sub.add_argument("-o", dest="output", required=True, metavar="OUT")
    return parser.parse_args(arguments)


def main(arguments):
    arguments = parse_arguments(arguments)
    commands = {"check": command_check, "dump": command_dump, "load": command_load,
                "link": command_link, "unlink": command_unlink}
    try:
        return commands[arguments.command](arguments)
    except Refused as refused:
        print(f"modref.py: {arguments.file}: {refused}", file=sys.stderr)
        return 1
    except OSError as error:
        print(f"modref.py: {error}", file=sys.stderr)
        return 3


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
