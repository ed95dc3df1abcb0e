# SPDX-License-Identifier: BSD-2-Clause
"""Thousands of images with hostile contents and right CRCs: both readers say the same.

Some are good vectors with a few bytes changed, some have relocations, tags or symbols made
up at random, near enough to good ones that every check is reached. MODFMT_HOSTILE sets
how many (30000), MODFMT_HOSTILE_SEED others (2)."""

import collections
import os
import random
import re

import vectorset
from vectorset import modref
from encoder import (APART, BLOCK, CODE_IN_DATA, IN_DATA, IN_PLACE, LINKED, WEAK, Image, Symbol, head, mov_bytes,
                     seal, tag, u16, u32)

ODD_NUMBERS = [0, 1, 2, 3, 4, 5, 7, 8, 15, 16, 31, 32, 63, 64, 65, 96, 127, 128, 255, 256,
               0x7fff, 0x8000, 0xffff, 0x10000, 0xfffffff, 0x10000000, 0x7fffffff,
               0x80000000, 0x80000001, 0xfffffffc, 0xfffffffe, 0xffffffff]
# Errors that the images shall reach; the others cannot come with a right CRC, or need a file.
UNREACHABLE = {"MODFMT_E_CRC", "MODFMT_E_HEADER_CHECK", "MODFMT_E_NO_SPACE", "MODFMT_E_TRAILING"}


def sealed(image):
    """CRCs made right, and bytes beyond total_size dropped: the batch reads memory."""
    image = bytearray(image)
    total = int.from_bytes(image[8:12], "little")
    seal(image, total)
    return bytes(image[:total] if total >= 64 else image)


def change_header(rng, image):
    field = rng.choice([f for f in modref.LAYOUT["header"]
                        if f["name"] not in ("crc", "header_check")])
    offset, size = field["offset"], field["size"]
    old = int.from_bytes(image[offset:offset + size], "little")
    new = rng.choice([rng.choice(ODD_NUMBERS), old + 1, old - 1, old ^ 1 << rng.randrange(8 * size),
                      old + 4, old - 4, old + 32])
    image[offset:offset + size] = (new % (1 << 8 * size)).to_bytes(size, "little")


def change_body(rng, image, areas):
    """A few bytes of one area (or of anything after the header)."""
    spans = [(area.start, area.size) for area in areas.values()
             if area.size and area.start < len(image)] or [(0, len(image))]
    start, size = rng.choice(spans)
    for _ in range(rng.randint(1, 3)):
        offset = min(start + rng.randrange(min(size, 400)), len(image) - 1)
        image[offset] = rng.choice([rng.randrange(256), image[offset] ^ 1 << rng.randrange(8),
                                    (image[offset] + rng.choice((-1, 1))) % 256,
                                    rng.choice((0, 1, 8, 0x7f, 0x80, 0xff))])


def changed_vector(rng, good):
    vector, areas = rng.choice(good)
    image = bytearray(vector)
    for _ in range(rng.randint(1, 3)):
        if rng.random() < 0.3:
            change_header(rng, image)
        elif len(image) > 64:
            change_body(rng, image, areas)
    return sealed(image)


# --- Relocations made up at random ----------------------------------------------------

MOVW, MOVT = mov_bytes(False, 0x1234, 3), mov_bytes(True, 0x5678, 3)


def random_text(rng):
    """Mostly MOVW and MOVT, so that lists of kind mov find some."""
    return b"".join(rng.choice((MOVW, MOVT, MOVW + MOVT, MOVW + MOVT, b"\0\xbf"))
                    for _ in range(rng.randint(0, 40)))


def mov_starts(memory):
    return [offset for offset in range(0, len(memory) - 3, 2) if memory[offset:offset + 4] == MOVW]


def random_skip(rng):
    return rng.choice([0, 0, 0, 1, 1, 2, 3, rng.randrange(40), rng.randrange(40),
                       rng.randrange(1 << rng.randint(1, 34))])


def random_word_group(rng, most):
    """Long runs are rare; and most of those fit."""
    n = rng.choice((1, 1, 1, 2, 3, 6, 7))
    count = bytes([rng.choice((0, 0, 1, 2, max(0, most - 7), rng.randrange(256)))])
    return head(random_skip(rng), n) + (count if n == 7 else b"")


def random_word_groups(rng, size):
    return b"".join(random_word_group(rng, min(size // 4, 262))
                    for _ in range(rng.choice((0, 1, 1, 2, 3))))


def random_mov_groups(rng, starts):
    """Groups at MOVWs that are there, most of the time."""
    groups, cursor = b"", 0
    for start in sorted(rng.sample(starts, min(len(starts), rng.choice((0, 1, 1, 2, 4))))):
        skip, cursor = (start - cursor) // 2, start
        if rng.random() < 0.1:
            skip = random_skip(rng)
        alone = head(skip + rng.choice((0, 2)), 7) + u16(rng.randrange(65536))
        groups += rng.choice([head(skip, 1), head(skip, 1), head(skip, rng.randint(1, 7)),
                              alone, alone])
    return groups


def random_groups(rng, memory, size, kind):
    """What follows the descriptor and the index: groups and an end mark."""
    return (random_mov_groups(rng, mov_starts(memory)) if kind == modref.KIND["mov"]
            else random_word_groups(rng, size)) + b"\0"


def random_list(rng, memories, sizes, imports):
    """((descriptor, index), bytes) of a list that is fit to be accepted, most of the time."""
    place = rng.randrange(2)
    target = rng.choice((0, 0, 1, 3, 4, 4, 5, 5, rng.randrange(8)))
    kind = rng.choice((0, 0, 1, 1, 2, 2, rng.randrange(8)))
    if target == modref.TARGET["imports"] and rng.random() < 0.9:
        kind = rng.choice((modref.KIND["word_any"], modref.KIND["word"]))
    absolute = target == modref.TARGET["absolute"]
    relative = absolute or rng.random() < 0.3
    if rng.random() < 0.03:
        relative = not relative
    descriptor = kind << 5 | relative << 4 | place << 3 | target
    index = None
    if target in (modref.TARGET["import"], modref.TARGET["imports"]):
        index = rng.randrange(imports) if imports and rng.random() < 0.9 else imports
    data = (bytes([descriptor]) + (b"" if index is None else u16(index))
            + random_groups(rng, memories[place], sizes[place], kind))
    return (descriptor, index or 0), data[:-1] if rng.random() < 0.03 else data


def random_relocs(rng):
    memories = [random_text(rng), random_text(rng) + bytes(rng.randrange(4))]
    sizes = [len(memory) + rng.choice((0, 0, 1, 2, 3, 4, 40)) for memory in memories]
    imports = rng.choice((0, 1, 2, 3, 3, 12, 80))
    lists = [random_list(rng, memories, sizes, imports) for _ in range(rng.randint(0, 4))]
    if rng.random() < 0.9:
        lists = sorted(dict(lists).items())
    relocs = bytearray(b"".join(data for _, data in lists))
    if relocs and rng.random() < 0.2:
        relocs[rng.randrange(len(relocs))] = rng.randrange(256)
    if relocs and rng.random() < 0.1:
        del relocs[rng.randrange(len(relocs)):]
    tags = [tag("compression", u32(0, 0, 0))] if rng.random() < 0.1 else []
    return Image(memories[0], memories[1], sizes[0], sizes[1], relocs=[(bytes(relocs), "")],
                 imports=[Symbol("", 0, rng.choice((0, 0, WEAK)), hash=i)
                          for i in range(imports)], tags=tags,
                 header={"data_align": rng.choice((2, 2, 2, 0, 1, 3, 4, 5, 6, 10))},
                 flags=rng.choice((BLOCK | APART,) * 3 + (APART | IN_PLACE,))).bytes


# --- Tags made up at random -----------------------------------------------------------

def random_place(rng):
    return rng.choice((0, IN_DATA)) | rng.choice((0, 1, 2, 4, 8, 12, 16, 0x7fffffff))


def random_value(rng, name, symbols):
    """A value that is right, or nearly."""
    word = rng.choice((0, 4, 8, 15, 16, 17, 0xffffffff))
    text = bytes(rng.choice(b"abc\xc3 \x7f\x1f\x00"[:rng.choice((3, 4, 5, 8))])
                 for _ in range(rng.choice((0, 1, 5, 63, 64))))
    if name in ("params", "init_array", "fini_array"):
        return u32(random_place(rng), rng.choice((0, 4, 8, word)))
    if name == "static_base":
        return u32(random_place(rng), rng.choice((0, 0, 0, 4)))
    if name in ("origin", "compression"):
        return u32(word, rng.choice((0, 4, word)), rng.choice((0, 4, word)))
    if name in ("version", "api_version"):
        return bytes(rng.choice((6, 6, 6, 5, 7)))
    if name == "dependency":
        return bytes(12) + text
    if name in ("import_names", "export_names"):
        names = [symbol.name for symbol in symbols]
        if rng.random() < 0.3:
            rng.shuffle(names)
            names = names[:rng.randint(0, len(names))] + rng.choice(([], ["x"], [""]))
        return b"".join(name.encode() + b"\0" for name in names)[:rng.choice((999, 999, -1))]
    return text or bytes(rng.choice((0, 4, 16, 80)))


def random_tags(rng):
    symbols = sorted((Symbol(name) for name in rng.sample(
        ["a", "b", "c d", "malloc", "free", ""], rng.randint(0, 3))), key=lambda s: s.hash)
    exports = sorted((Symbol(symbol.name, value=1) for symbol in symbols),
                     key=lambda s: s.hash)[:rng.choice((0, 9))]
    kinds = [rng.choice(list(modref.TAG)) if rng.random() < 0.9 else rng.randrange(256)
             for _ in range(rng.randint(0, 5))]
    kinds = [kind for kind in kinds if kind or rng.random() < 0.1]
    if kinds and rng.random() < 0.15:
        kinds.append(rng.choice(kinds) ^ rng.choice((0, 0x80)))
    if rng.random() < 0.9:
        kinds.sort(key=lambda kind: (kind < 128, kind))
    tags = []
    for kind in kinds:
        name = modref.TAG[kind]["name"] if kind in modref.TAG else None
        value = random_value(rng, name, exports if name == "export_names" else symbols)
        length = None if rng.random() < 0.97 else len(value) + rng.choice((1, 4, 32, 1 << 23))
        padding = None if rng.random() < 0.97 else b"\1" * (-len(value) % 4)
        tags.append(tag(kind, value, length, padding))
    text_mem = rng.choice((14, 15, 16, 16))
    return Image(bytes(12), bytes(8), text_mem, 16, imports=symbols, exports=exports, tags=tags,
                 header=random_tag_header(rng)).bytes


def random_linked(rng):
    """An image that says it is linked, with a tag that is right but for one thing or so."""
    text, data = bytes(rng.choice((0, 4, 8, 20))), bytes(rng.choice((0, 4, 8)))
    code = rng.choice((0, CODE_IN_DATA))
    align = rng.choice((0, 2, 3, 6, 7 if rng.random() < 0.1 else 4))
    at = rng.choice((0, 64, 0x08000040, 0xffffffc0))
    data_align = rng.choice((0, 0, 2, 3, 5))
    data_at = rng.choice((at + len(text), at - len(data), 0x20000000, 0xfffffff8)) if data else 0
    if data and rng.random() < 0.6:
        data_at += (len(text) - data_at) % (1 << data_align)
    fields = [at, data_at, data_at + len(data), rng.choice((0, 0x10000)),
              APART | code | rng.choice((0, 0, BLOCK, IN_PLACE)), rng.choice((96, 128, 0xfffffe0)),
              rng.randrange(1 << 32)]
    if rng.random() < 0.5:
        k = rng.randrange(6)
        fields[k] = rng.choice((fields[k] ^ 1 << rng.randrange(32), fields[k] + rng.choice((-4, 4)),
                                rng.choice(ODD_NUMBERS)))
    imports = [Symbol("", 0, 0, hash=i) for i in range(rng.choice((0, 0, 1, 2)))]
    tags = [tag("linked", u32(*fields) + bytes(rng.choice((0, 0, 1, 20, 64))))]
    if imports or rng.random() < 0.05:
        count = len(imports) if rng.random() < 0.9 else rng.randrange(3)
        tags.append(tag("bound", u32(*range(count))))
    if rng.random() < 0.1:
        tags.pop(rng.randrange(len(tags)))
    flags = rng.choice((LINKED,) * 9 + (LINKED | IN_PLACE, APART, LINKED | APART)) | code
    return Image(text, data, flags=flags, imports=imports, tags=tags,
                 header={"text_align": align, "data_align": data_align}).bytes


def random_tag_header(rng):
    header = {"minor": rng.choice((0, 0, 0, 1, 255))}
    if rng.random() < 0.1:
        header["critical_count"] = rng.choice((0, 1, 2, 3, 4, 5, 65535))
    return header


def random_symbols(rng):
    """Tables of imports and exports: hashes in order most of the time, flags, values."""
    def symbols(values):
        hashes = [rng.choice((i, i, i, 0, 0x7fffffff, 0x80000000, 0xffffffff)) for i in
                  range(rng.randint(0, 5))]
        if rng.random() < 0.8:
            hashes = sorted(set(hashes))
        flags = [rng.choice((0, 1, 2, 3, 3, 4, 0x80) if rng.random() < 0.2 else (0, 1, 2, 3))
                 for _ in hashes]
        kinds = (0, 0, 0, 0, 0, 0, 1, WEAK, WEAK | 1)
        return [Symbol("", flag, rng.choice(kinds), rng.choice(values) if values else None, hash=value)
                for value, flag in zip(hashes, flags)]
    return Image(bytes(12), bytes(8), imports=symbols(None),
                 exports=symbols((1, 1, 1, 3, 5, 7, 0, 8, 9, 11, 12, 13, 0xffffffff)),
                 header={"minor": rng.choice((0, 0, 1, 255))}).bytes


def hostile(count, seed):
    rng = random.Random(seed)
    good = [(vector.bytes, modref.read(vector.bytes).areas) for vector in
            vectorset.good_vectors()]
    makers = (lambda: changed_vector(rng, good), lambda: changed_vector(rng, good),
              lambda: random_relocs(rng), lambda: random_relocs(rng), lambda: random_tags(rng),
              lambda: random_symbols(rng), lambda: random_linked(rng))
    for i in range(count):
        yield f"hostile {i}", makers[i % len(makers)]()


def main():
    count = int(os.environ.get("MODFMT_HOSTILE", "30000"))
    images = list(hostile(count, int(os.environ.get("MODFMT_HOSTILE_SEED", "2"))))
    seen = collections.Counter(vectorset.verdict(image) for _, image in images)
    for name, times in sorted(seen.items()):
        print(f"{times:7} {name}")
    wrong = 0
    for name in modref.ERROR:
        if re.match("MODFMT_E_(?!STORE_)", name) and name not in UNREACHABLE | set(seen):
            wrong += 1
            print(f"no hostile image reaches {name}")
    return wrong or vectorset.compare(images)


if __name__ == "__main__":
    vectorset.finish(main())
