# SPDX-License-Identifier: BSD-2-Clause
"""moddump --load-at writes what index.json says (and modref.py load, by index.py) for every
good vector, and refuses what cannot be loaded. Then both load random images that are
accepted, at random addresses."""

import hashlib
import os
import pathlib
import random
import subprocess
import tempfile

import vectorset
from vectorset import modref
from hostile import random_relocs

# Sanitizers are slow and look for other things: fewer with them.
RANDOM_LOADS = 600 // int(os.environ.get("SLOWNESS", "1"))


def expected(vector, load):
    """What moddump writes: memory from the prefix on, and data if it is apart."""
    text, data = modref.load(vector.bytes, load["at"], load["data_at"],
                             vectorset.offered_by_hash(load["imports"]))
    for name, memory in (("text", text), ("data", data)):
        assert hashlib.sha256(memory).hexdigest() == load[f"{name}_sha256"], vector.file
    if load["data_at"] is None:
        text, data = text + data, None
    return text[vector.record["prefix"]:], data


def run(path, prefix, load, folder):
    """moddump's exit status, message, and the two files or None."""
    text, data = folder / "text", folder / "data"
    command = [vectorset.program("MODDUMP"), "--load-at", hex(load["at"] + prefix), str(path),
               "-o", str(text)]
    if load["data_at"] is not None:
        command += ["--data-at", hex(load["data_at"]), "--data-out", str(data)]
    for name, address in load["imports"].items():
        command += ["--import", f"{name}={address:#x}"]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    return (result.returncode, result.stderr,
            *(path.read_bytes() if path.exists() else None for path in (text, data)))


def difference(got, want):
    for name, mine, theirs in zip(("text", "data"), got, want):
        if (mine or b"") != (theirs or b""):
            return f"{name} differs: {(mine or b'')[:64].hex()}, not {(theirs or b'')[:64].hex()}"
    return None


def refusal_complaint(error, status, message, memory):
    """A load that shall fail. That 2.3 does not allow an address has no error of its own;
    modref.py says that there is no memory, and moddump may say it in words alone."""
    named = f"[{error}]" in message or error == "MODLOAD_E_MEMORY"
    if status != 1 or not named or len(message.splitlines()) != 1 or memory != [None, None]:
        return f"exit {status}, should be refused with [{error}]: {message!r}"
    return None


def complaint(vector, load):
    with tempfile.TemporaryDirectory() as folder:
        status, message, *memory = run(vector.path, vector.record["prefix"], load,
                                       pathlib.Path(folder))
    if "error" in load:
        return refusal_complaint(load["error"], status, message, memory)
    return f"exit {status}: {message!r}" if status else difference(memory,
                                                                   expected(vector, load))


def check_vectors():
    wrong = count = 0
    for vector in vectorset.good_vectors():
        for load in vector.loads:
            count += 1
            found = complaint(vector, load)
            if found:
                wrong += 1
                print(f"{vector.file} at {load['at']:#x}, data {load['data_at']}: {found}")
    print(f"{count} loads of vectors, {wrong} wrong")
    return wrong


# --- Random images --------------------------------------------------------------------

def random_load(rng, m):
    """Addresses that 2.3 allows, as a block or apart; imports bound by their hashes, weak
    ones not always."""
    text_at = rng.randrange(1 << 28) << 2 | rng.choice((0, 0x20000000, 0x40000000))
    block, apart = (m.h.flags & modref.FLAG[name] for name in ("block", "apart"))
    data_at, align = None, 1 << m.h.data_align
    if not block or (apart and rng.random() < 0.5):
        data_at = (text_at ^ 0x80000000) + 4 * rng.randrange(1 << 16)
        data_at += (m.h.text_mem - data_at) % align
    else:
        text_at -= text_at % align
    imports = {f"{entry.hash:#x}": rng.randrange(1 << 32) for entry in m.imports
               if not entry.type & modref.WEAK or rng.random() < 0.5}
    return {"at": text_at, "data_at": data_at, "imports": imports}


def random_complaint(rng, image, folder):
    m = modref.read(image)
    load = random_load(rng, m)
    offered = {int(key, 0): address for key, address in load["imports"].items()}
    text, data = modref.load(image, load["at"], load["data_at"], offered)
    want = (text + data, None) if load["data_at"] is None else (text, data)
    path = folder / "image"
    path.write_bytes(image)
    status, message, *memory = run(path, 0, load, folder)
    found = f"exit {status}: {message!r}" if status else difference(memory, want)
    return found and f"{load}: {found}\n    {image.hex()}"


def loadable(image):
    """Accepted, with something to fix, and not compressed."""
    if modref.check(image):
        return False
    m = modref.read(image)
    return m.h.reloc_size > 2 and not m.tag("compression")


def check_random():
    rng = random.Random(3)
    wrong = count = 0
    while count < RANDOM_LOADS:
        image = random_relocs(rng)
        if not loadable(image):
            continue
        count += 1
        with tempfile.TemporaryDirectory() as folder:
            found = random_complaint(rng, image, pathlib.Path(folder))
        if found:
            wrong += 1
            print(found)
    print(f"{count} loads of random images, {wrong} wrong")
    return wrong


if __name__ == "__main__":
    vectorset.finish(check_vectors() + check_random())
