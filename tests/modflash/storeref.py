# SPDX-License-Identifier: BSD-2-Clause
"""A second reader of the module store, written from specs/store.md alone: which images live
in a region? (Do not mend it by looking at the C.)

    storeref.py FLASH.IMG BASE:SIZE[,SIZE...] [UNIT]

FLASH.IMG is the region's bytes, or a whole flash that begins at 0x08000000.
"""
import pathlib
import struct
import sys
import tomllib
import zlib

SPECS = pathlib.Path(__file__).resolve().parents[2] / "specs"
sys.path.insert(0, str(SPECS))

import modref   # noqa: E402

LAYOUT = tomllib.loads((SPECS / "layout.toml").read_text(encoding="utf-8"))
STORE = LAYOUT["store"]
VERSION, RECORD, SHORT = STORE["version"], STORE["record_size"], STORE["short_size"]
SLOT_MAX, BLANK_SLOTS = STORE["slot_max"], STORE["blank_slots"]
SECTOR_MAX = STORE["sector_max"]
TYPES = {row["type"]: row["name"] for row in LAYOUT["store_record"]}
NUMBERS = {row["name"]: row["type"] for row in LAYOUT["store_record"]}
FORMS = {row["name"]: row["form"] for row in LAYOUT["store_record"]}
IS_SHORT, CONFIRMS = 0x10, 0x01   # bits of a record's type
PINNED, FILLED = 1, 2
NAME, MODULE_VERSION = modref.TAG_TYPE["name"], modref.TAG_TYPE["version"]
LINKED = modref.TAG_TYPE["linked"]
LINKED_FLAG = 1 << next(row["bit"] for row in LAYOUT["flag"] if row["name"] == "linked")
FLASH_BASE = 0x08000000


class Damaged(Exception):
    """The directory stands on a record that is not there."""


class Record:
    def __init__(self, raw):
        kind, self.argument, self.base, self.slot, self.count, self.generation = \
            struct.unpack_from("<BBHHHI", raw)
        self.name = TYPES.get(kind, "unknown") if kind != 0 else None
        self.kind = kind
        self.words = struct.unpack_from("<4I", raw, 12)
        self.raw = raw

    def is_checked(self, geometry_check):
        if self.name is None:
            return False
        size = SHORT - 4 if self.kind & IS_SHORT else RECORD - 4
        assert self.name == "unknown" or (FORMS[self.name] == "short") == (size < RECORD - 4)
        return zlib.crc32(self.raw[:size], geometry_check) == \
            int.from_bytes(self.raw[size:size + 4], "little")


class Image:
    """An image as a record names it, and later as it was found."""

    def __init__(self, offset, size, hash_, crc, argument=0, bare=False):
        self.offset, self.size, self.hash, self.crc = offset, size, hash_, crc
        self.pinned, self.bare = bool(argument & PINNED), bare
        self.name = self.version = self.linked = None

    def identity(self):
        return self.size, self.crc


class Region:
    def __init__(self, data, base, sectors, unit):
        assert len(data) == sum(sectors), "the sectors are not the region"
        self.data, self.base, self.sectors, self.unit = data, base, sectors, unit
        geometry = struct.pack(f"<{2 + len(sectors)}I", base, unit, *sectors)
        self.geometry_check = zlib.crc32(geometry, VERSION)
        self.starts = [sum(sectors[:i]) for i in range(len(sectors))]

    def slot(self, sector, i):
        """Its 32 bytes; None where the sector has no such slot."""
        at = self.starts[sector] + self.sectors[sector] - RECORD * (i + 1)
        return self.data[at:at + RECORD] if at >= self.starts[sector] else None

    def header(self, offset):
        """The open checks of an image there: the module, or None."""
        if not 0 <= offset < len(self.data):
            return None
        try:
            return modref.open_image(self.data[offset:])
        except modref.Refused:
            return None


# --- Directories: section 4, steps 1 to 3 ----------------------------------------------

class Directory:
    """A candidate: its valid records in rising order of slots."""

    def __init__(self, region, sector, head):
        self.sector, self.generation = sector, head.generation
        self.records = {}
        blank = 0
        for i in range(SLOT_MAX):
            raw = region.slot(sector, i)
            if raw is None or blank == BLANK_SLOTS:
                break
            blank = blank + 1 if raw == b"\xff" * RECORD else 0
            record = Record(raw)
            if record.slot == i and record.is_checked(region.geometry_check) and \
                    record.generation == self.generation:
                self.records[i] = record
        order = [self.records[slot] for slot in sorted(self.records)]
        self.last = order[-1]
        self.is_retired = self.last.name == "retired" and self.last.base == 0
        said = [record for record in order if record.name != "retired" or record.base != 0]
        self.base = said[-1].base if said else 0
        self.stands = self.base != 0
        self.is_confirmed = any(record.kind & CONFIRMS and record.base != 0 for record in order)

    def pending_erase(self):
        return self.last.argument % SECTOR_MAX if self.last.name == "erase" else None


def read_head(region, sector):
    record = Record(region.slot(sector, 0))
    good = record.slot == 0 and record.is_checked(region.geometry_check) and \
        record.generation != 0
    return record if good else None


def find_directory(region):
    """(the directory or None, the candidates that were looked at)"""
    heads = [(i, read_head(region, i)) for i in range(len(region.sectors))]
    found = sorted(((head.generation, i, head) for i, head in heads if head is not None),
                   reverse=True)
    chosen, looked_at, newest = None, [], 0
    for generation, sector, head in found:
        if generation < newest:
            break
        candidate = Directory(region, sector, head)
        looked_at.append(candidate)
        if candidate.stands and not candidate.is_retired:
            chosen = candidate
        if candidate.is_confirmed:
            newest = generation
    return chosen, looked_at


# --- Images: steps 4 to 7 ----------------------------------------------------------------

def chain_of(directory):
    """The records that count, in rising order of slots."""
    chain, base, count = [], directory.last.base, directory.last.count
    while base != 0:
        first = base - count
        if first < 0:
            raise Damaged(f"a transaction begins before slot 0: {base}, {count}")
        for slot in range(base - 1, first - 1, -1):
            if slot not in directory.records:
                raise Damaged(f"slot {slot} is not valid")
            chain.append(directory.records[slot])
        stood = {(record.base, record.count) for record in chain[-count:]} if count else set()
        if len(stood) != 1:
            raise Damaged(f"records of one transaction stand on several: {stood}")
        base, count = stood.pop()
        if base > first:
            raise Damaged(f"a transaction stands on itself: {base}")
    return chain[::-1]


def is_erased(region, directory, image, slot):
    """Was a sector that it covers erased after its record was written?"""
    return any(record.name == "erase" and record.argument % SECTOR_MAX < len(region.sectors)
               and covers(region, image, record.argument % SECTOR_MAX)
               for at, record in directory.records.items() if at > slot)


def applied(region, directory, chain):
    """hash -> Image: what the records say, in the order in which it was put there."""
    images = {}
    for record in chain:
        offset, size, hash_, crc = record.words
        if record.name != "image":
            continue
        images.pop(hash_, None)
        image = Image(offset, size, hash_, crc, record.argument)
        if offset % 32 == 0 and offset + size <= len(region.data) and \
                not is_erased(region, directory, image, record.slot):
            images[hash_] = image
    return images


def take_identity(region, image):
    """Is it there? Then note what it calls itself."""
    module = region.header(image.offset)
    if module is None or (module.h.total_size, module.h.crc) != image.identity():
        return False
    tags = tags_of(module)
    image.name, image.version = tags.get(NAME), tags.get(MODULE_VERSION)
    if module.h.flags & LINKED_FLAG:
        image.linked = tags.get(LINKED)
    return True


def tags_of(module):
    """Of an image whose contents nobody has checked: as far as they can be read."""
    tags, area = {}, module.image[module.areas["tags"].start:]
    while len(area) >= 4 and area[0] != 0:
        size = int.from_bytes(area[1:4], "little")
        if size > len(area) - 4:
            break
        tags.setdefault(area[0], area[4:4 + size])
        area = area[4 + modref.up4(size):]
    return tags


def knows(directory, image):
    """Does it know what lies at offset 0, live or not?"""
    known, order = None, [directory.records[slot] for slot in sorted(directory.records)]
    for record, following in zip(order, [*order[1:], None]):
        if record.name in ("image", "dead") and record.words[0] == 0:
            adoption = record.name == "image" and record.argument & FILLED
            open_ended = adoption and record.slot >= directory.base
            known = None if open_ended else (record.words[1], record.words[3])
        elif record.name == "clean" and record.argument % SECTOR_MAX == 0:
            known = None
        elif record.name == "erase" and record.argument % SECTOR_MAX == 0 and \
                following is not None and following.name == "retired":
            known = None
    return known == image.identity()


def covers(region, image, sector):
    return image.offset < region.starts[sector] + region.sectors[sector] and \
        region.starts[sector] < image.offset + image.size


def is_intact(module):
    return modref.image_crc(module.image, module.h.total_size) == module.h.crc


def bare_image(region, directory, looked_at):
    module = region.header(0)
    if module is None:
        return None
    image = Image(0, module.h.total_size, None, module.h.crc, bare=True)
    if any(candidate.stands and knows(candidate, image) for candidate in looked_at):
        return None
    pending = directory.pending_erase() if directory is not None else None
    if pending is not None and covers(region, image, pending) and not is_intact(module):
        return None
    take_identity(region, image)
    image.hash = modref.name_hash(image.name or b"")
    return image


def live_images(region):
    """(live images in the order of their addresses, number of lost ones)"""
    directory, looked_at = find_directory(region)
    images = applied(region, directory, chain_of(directory)) if directory is not None else {}
    live = {key: image for key, image in images.items() if take_identity(region, image)}
    lost = len(images) - len(live)
    bare = bare_image(region, directory, looked_at)
    if bare is not None:
        live[bare.hash] = bare
    return sorted(live.values(), key=lambda image: image.offset), lost


def linked_row(value):
    """What a linked image is linked for, as modflash list --json has it."""
    if value is None or not 28 <= len(value) <= 92:
        return None
    text, data, data_end, api = struct.unpack_from("<4I", value)
    return {"text": f"0x{text:08x}", "data": f"0x{data:08x}", "data_end": f"0x{data_end:08x}",
            "api": f"0x{api:08x}", "build_id": value[28:].hex()}


def rows(region):
    """As modflash list --json has them, but for what only the firmware can tell."""
    result = []
    for image in live_images(region)[0]:
        version = struct.unpack("<3H", image.version) if len(image.version or b"") == 6 else None
        result.append({
            "name": (image.name or b"").decode("utf-8", "replace"),
            "version": ".".join(map(str, version)) if version is not None else None,
            "address": f"0x{region.base + image.offset:08x}", "size": image.size,
            "crc": f"0x{image.crc:08x}", "pinned": image.pinned, "bare": image.bare,
            "linked": linked_row(image.linked)})
    return result


def main(path, where, unit="4"):
    base, sizes = where.split(":")
    sectors, data = [int(size, 0) for size in sizes.split(",")], pathlib.Path(path).read_bytes()
    if len(data) != sum(sectors):
        data = data[int(base, 0) - FLASH_BASE:][:sum(sectors)]
    for row in rows(Region(data, int(base, 0), sectors, int(unit))):
        print(row)


if __name__ == "__main__":
    main(*sys.argv[1:])
