# SPDX-License-Identifier: BSD-2-Clause
"""Linking, unlinking and linking anew: libmodfmt against the vectors, and against modref.py
over images made up at random, hostile ones too, by windows of every size."""

import hashlib
import os
import random

import linkset
from linkset import BACKWARDS, LINK, RELINK, UNLINK, Job, modref, vectorset
from encoder import (APART, BLOCK, CODE_IN_DATA, WEAK, Image, Symbol, mov_bytes, movt, movw, pair,
                     tag, u32, word)
import hostile

COUNT = int(os.environ.get("MODFMT_LINKS", "400")) // int(os.environ.get("SLOWNESS", "1"))
WHOLE = BACKWARDS - 1


def vector_job(vector, link, **how):
    image, *rest = vectorset.link_arguments(vector, link)
    text, data, imports, api, build_id = rest
    return Job(LINK, image, text, data, imports, api, build_id, **how)


def check_index():
    """Each link of index.json, and back."""
    wrong, linked = 0, []
    for vector in vectorset.good_vectors():
        jobs = [vector_job(vector, link) for link in vector.links]
        for link, result in zip(vector.links, linkset.run(jobs) if jobs else ()):
            good = (result == link["error"] if "error" in link else not isinstance(result, str)
                    and hashlib.sha256(result).hexdigest() == link["sha256"])
            if not good:
                wrong += 1
                print(f"{vector.file}: {linkset.show(result)}, not {link}")
            elif "error" not in link:
                linked.append((vector, result))
    back = linkset.run([Job(UNLINK, image) for _, image in linked])
    wrong += sum(vector.bytes != image for (vector, _), image in zip(linked, back))
    print(f"{len(linked)} linked images of vectors, {wrong} wrong")
    return wrong


def check_windows(name, most, stride=1):
    """Every size of read up to most, in both orders, every buffer from the least (or one in
    stride of them): the same bytes."""
    vector = next(v for v in vectorset.good_vectors() if v.file == f"good/{name}.bin")
    link = vector.links[0]
    steps = range(1, most, stride)
    jobs = [(f"{step} at once", vector_job(vector, link, buffer_size=128, step=step | order))
            for step in steps for order in (0, BACKWARDS)]
    jobs += [(f"buffer of {size}", vector_job(vector, link, buffer_size=size))
             for size in range(128, 300, stride)]
    made = linkset.run([jobs[0][1]])[0]
    jobs += [(f"unlink, {step} at once", Job(UNLINK, made, step=step, buffer_size=128))
             for step in steps]
    expected = {LINK: jobs[0][1].expected(), UNLINK: vector.bytes}
    print(f"{name}: ", end="")
    return linkset.compare(jobs, lambda job: expected[job.what])


def check_all_windows():
    """With borders in rows of imports and in long runs, too."""
    return (check_windows("linkable", 140) + check_windows("rows_and_more", 140)
            + check_windows("row_groups", 140) + check_windows("row_long", 1200, 29)
            + check_windows("import_run", 1200, 29) + check_windows("runs_long", 1200, 29))


def check_small_buffer():
    vector = next(v for v in vectorset.good_vectors() if v.file == "good/words.bin")
    result = linkset.run([vector_job(vector, vector.links[0], buffer_size=127)])[0]
    print("a buffer of 127 bytes:", linkset.show(result))
    return result != "MODFMT_E_NO_SPACE"


# --- Random images that can be linked -----------------------------------------------------

def random_run(rng, memory, segment, at, count, imports):
    """Words one behind the other, for one target or for imports in a row."""
    target, relative = rng.choice(("text", "data", "import", "row")), rng.random() < 0.2
    first = rng.randrange(len(imports)) if imports else 0
    fixes = []
    for k in range(count):
        how = {"relative": relative}
        if target in ("import", "row") and imports:
            how["imp"] = min(first + k * (target == "row"), len(imports) - 1)
        memory[at + 4 * k:at + 4 * k + 4] = bytes(4)
        fixes.append(word(segment, at + 4 * k, "import" if "imp" in how else
                          "data" if target == "data" else "text", k, **how))
    return fixes


def random_fixes(rng, segment, size, imports):
    """Fix-ups that do not overlap, as close together as they may be; and the code there."""
    memory, fixes, at = bytearray(rng.randbytes(size)), [], rng.choice((0, 0, 1, 2, 3))
    while at + 4 <= size:
        count = rng.choice((0, 0, 0, 0, 2, 6, 7, 8, 30, 261, 262, 263))
        if count and at + 4 * count <= size:
            fixes += random_run(rng, memory, segment, at, count, imports)
            at += 4 * count + rng.choice((0, 0, 1, 4, 150))
            continue
        target = rng.choice(("text", "data", "absolute") + ("import",) * bool(imports))
        how = {"relative": target == "absolute" or rng.random() < 0.2}
        if target == "import":
            how["imp"] = rng.randrange(len(imports))
        addend, kind = rng.choice((0, 1, 0xfffc, 0x8000, rng.randrange(1 << 32))), rng.random()
        distance = rng.randint(2, 7)
        if at % 2 == 0 and kind < 0.3 and at + 2 * distance + 4 <= size:
            fixes.append(pair(segment, at, target, addend, distance=distance, rd=rng.randrange(15),
                              **how))
            at += 2 * distance + 4
        elif at % 2 == 0 and kind < 0.6:
            fixes.append(rng.choice((movw, movt))(segment, at, target, addend, rd=rng.randrange(15),
                                                  **how))
            at += 4
        else:
            memory[at:at + 4] = bytes(4)
            fixes.append(word(segment, at, target, addend, **how))
            at += 4
        at += rng.choice((0, 0, 0, 1, 2, 3, rng.randrange(40)))
    return bytes(memory), fixes


def random_image(rng):
    imports = [Symbol("", 0, rng.choice((0, 0, WEAK)), hash=3 * i)
               for i in range(rng.choice((0, 1, 2, 5, 40, 90)))]
    text, text_fixes = random_fixes(rng, "text", rng.choice((0, 4, 16, 60, 61, 200, 1100)), imports)
    data, data_fixes = random_fixes(rng, "data", rng.choice((0, 3, 4, 17, 60, 130, 1100)), imports)
    tags = [tag("init_array", u32(0, 0))] * rng.choice((0, 1)) + [tag("name", b"n")]
    tags += [tag(0x60, bytes(rng.randrange(9)))] * rng.choice((0, 1))
    return Image(text, data, data_mem=len(data) + rng.choice((0, 0, 5)),
                 fixes=text_fixes + data_fixes, imports=imports, tags=tags,
                 total=rng.choice((None, None, None, 1 << 14)),
                 header={"data_align": rng.choice((2, 2, 0, 3, 5, 10))},
                 flags=APART | rng.choice((0, BLOCK)) | rng.choice((0, CODE_IN_DATA))).bytes


def random_job(rng, image):
    """Addresses that are right, mostly; imports bound, mostly."""
    text = rng.randrange(1 << 26) << 6
    data = (text ^ 0x80000000) + 4 * rng.randrange(1 << 16)
    if len(image) >= 64 and image[53] < 16:
        data += (modref.number(image, 32, 4) - data) % (1 << image[53])
    data &= 0xffffffff
    if rng.random() < 0.05:
        text, data = rng.choice(((text + 2, data), (text, data + 1), (text, text),
                                 (0xffffffc0, data), (text, 0xfffffff8)))
    count = modref.number(image, 48, 2) if len(image) >= 64 else 0
    hashes = [modref.number(image, find, 4) for find in import_places(image, count)]
    imports = {value: rng.randrange(1 << 32) for value in hashes if rng.random() < 0.97}
    return Job(LINK, image, text, data, imports, rng.randrange(1 << 32),
               rng.randbytes(rng.choice((0, 0, 1, 20, 64))), rng.choice((128, 129, 200, 300, 4096)),
               rng.choice((WHOLE, WHOLE, 4, 7, 32, 100, BACKWARDS | 5, BACKWARDS | 64)))


def import_places(image, count):
    if not 0 < count < 300 or modref.check(image):
        return ()
    start = modref.read(image).areas["imports"].start
    return range(start, start + 8 * count, 8)


def check_random():
    """Made to be linked: link, unlink, and link what was linked elsewhere once more."""
    rng = random.Random(7)
    jobs = [(f"random {i}", random_job(rng, random_image(rng))) for i in range(COUNT)]
    wrong = linkset.compare(jobs)
    made = [(job, result) for (_, job), result in zip(jobs, linkset.run([j for _, j in jobs]))
            if not isinstance(result, str)]
    origin = {image: job.image for job, image in made}
    wrong += linkset.compare((("unlink", Job(UNLINK, image, buffer_size=job.buffer_size,
                                             step=job.step)) for job, image in made),
                             lambda job: origin[job.image])
    again = [(first.image, image, random_job(rng, first.image)) for first, image in made]
    for _, image, job in again:
        job.what, job.straight, job.image = RELINK, job.image, image
    wrong += linkset.compare((("relink", job) for _, _, job in again),
                             lambda job: Job(LINK, job.straight, job.text, job.data, job.imports,
                                             job.api, job.build_id).expected())
    print(f"{len(made)} of {COUNT} can be linked")
    return wrong + (len(made) < COUNT // 2)


def check_hostile():
    """Images that pass the full check but were not made for it: refused alike."""
    rng = random.Random(11)
    images = [image for _, image in hostile.hostile(4 * COUNT, 5) if modref.check(image) is None]
    images += [image for image in (hostile.random_relocs(rng) for _ in range(2 * COUNT))
               if modref.check(image) is None]
    return linkset.compare(("hostile", random_job(rng, image)) for image in images)


# The linker is no full check: what these say is not for it to find.
NOT_LOOKED_AT = {"MODFMT_E_" + name for name in (
    "NEEDS", "ALIGN", "PADDING", "IMPORT", "EXPORT", "NAMES", "TAG_ORDER", "TAG_VALUE",
    "TAG_CRITICAL", "RELOC_LIST", "RELOC_INSN", "TRAILING", "FLAGS", "IN_PLACE")}


def check_bad():
    """Bad vectors are refused, or linked in a way that can be undone; never read beyond."""
    vectors = [vector for vector in vectorset.vectors() if vector.expect != "OK"]
    jobs = [random_job(random.Random(1), vector.bytes) for vector in vectors]
    for job in jobs:
        job.text, job.data = 0x08000040, 0x20000000
        job.imports = {modref.number(job.image, at, 4): 0x08000001
                       for at in range(64, len(job.image) - 4, 4)}
    linked = [(vector, result) for vector, result in zip(vectors, linkset.run(jobs))
              if not isinstance(result, str)]
    back = linkset.run([Job(UNLINK, result) for _, result in linked])
    wrong = 0
    for (vector, _), before in zip(linked, back):
        total = modref.number(vector.bytes, 8, 4)
        if vector.expect not in NOT_LOOKED_AT or before != vector.bytes[:total]:
            wrong += 1
            print(f"{vector.file}: linked")
    print(f"{len(linked)} bad vectors linked, {wrong} wrong")
    return wrong


def check_refusals():
    """Fix-ups that share a byte, whatever they are; and what must not come back as zeros."""
    movs = mov_bytes(False, 0) + mov_bytes(True, 0)
    overlaps = {
        "a word twice": [word("text", 0, "text"), word("text", 0, "data")],
        "words at 0 and 3": [word("text", 0, "text"), word("text", 3, "text")],
        "a MOVT of a pair and alone": [pair("text", 0, "text"), movt("text", 4, "data")],
        "a MOVT of two pairs": [pair("text", 0, "text", distance=4),
                                pair("text", 4, "data", distance=2)],
        "a word over a MOVT": [pair("text", 0, "text"), word("text", 7, "data")],
        "a pair between a pair": None}
    wrong = 0
    for name, fixes in overlaps.items():
        text = bytearray(movs * 2)
        fixes, want = (fixes, "MODFMT_E_RELOC_PLACE") if fixes else (
            [pair("text", 0, "text", distance=6), pair("text", 4, "data", distance=2)], "")
        image = Image(bytes(text), bytes(4), fixes=fixes).bytes
        result, = linkset.run([Job(LINK, image, 0x08000040, 0x20000000)])
        if (result if isinstance(result, str) else "") != want:
            wrong += 1
            print(f"{name}: {linkset.show(result)}")
    image = Image(bytes(4), tags=[tag("name", b"x")], patch={90: b"\1"}).bytes
    result, = linkset.run([Job(LINK, image, 0x08000040)])
    print("a byte behind END:", linkset.show(result))
    return wrong + (result != "MODFMT_E_PADDING")


def check_damaged():
    """A linked image with any bit flipped is no linked image."""
    vector = next(v for v in vectorset.good_vectors() if v.file == "good/linked.bin")
    jobs = []
    for bit in range(8 * len(vector.bytes)):
        image = bytearray(vector.bytes)
        image[bit // 8] ^= 1 << bit % 8
        jobs.append(Job(UNLINK, bytes(image)))
    results = linkset.run(jobs)
    wrong = sum(not isinstance(result, str) for result in results)
    print(f"{len(jobs)} damaged images, {wrong} unlinked")
    return wrong


def check_lies():
    """A right CRC on a linked image that was never linked: the crc in the tag tells."""
    vector = next(v for v in vectorset.good_vectors() if v.file == "good/linked.bin")
    jobs = []
    for offset in range(64, len(vector.bytes)):
        image = bytearray(vector.bytes)
        image[offset] ^= 0x10
        jobs.append((f"byte {offset}", Job(UNLINK, hostile.sealed(image))))
    total = modref.read(vector.bytes).areas["tags"].start + 4 + 20
    for size in (0, 32, 64, 320, 1 << 16):
        image = vector.bytes[:total] + u32(size) + vector.bytes[total + 4:]
        jobs.append((f"total_size {size}", Job(UNLINK, hostile.sealed(image))))
    return linkset.compare(((what, job) for what, job in jobs if modref.check(job.image) is None))


if __name__ == "__main__":
    vectorset.finish(check_index() + check_all_windows() + check_small_buffer() + check_random()
                     + check_hostile() + check_bad() + check_refusals() + check_damaged()
                     + check_lies())
