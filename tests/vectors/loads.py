# SPDX-License-Identifier: BSD-2-Clause
"""moddump --load-at writes what index.json says (and modref.py load, by index.py) for every
good vector, and refuses what cannot be loaded."""

import hashlib
import pathlib
import subprocess
import tempfile

import vectorset
from vectorset import modref


def expected(vector, load):
    """What moddump writes: memory from the prefix on, and data if it is apart."""
    offered = {modref.name_hash(name.encode()): address
               for name, address in load["imports"].items()}
    text, data = modref.load(vector.bytes, load["at"], load["data_at"], offered)
    for name, memory in (("text", text), ("data", data)):
        assert hashlib.sha256(memory).hexdigest() == load[f"{name}_sha256"], vector.file
    if load["data_at"] is None:
        text, data = text + data, None
    return text[vector.record["prefix"]:], data


def run(vector, load, folder):
    """moddump's exit status, message, and the two files or None."""
    text, data = folder / "text", folder / "data"
    command = [vectorset.program("MODDUMP"), "--load-at",
               hex(load["at"] + vector.record["prefix"]), str(vector.path), "-o", str(text)]
    if load["data_at"] is not None:
        command += ["--data-at", hex(load["data_at"]), "--data-out", str(data)]
    for name, address in load["imports"].items():
        command += ["--import", f"{name}={address:#x}"]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    return (result.returncode, result.stderr,
            *(path.read_bytes() if path.exists() else None for path in (text, data)))


def complaint(vector, load):
    with tempfile.TemporaryDirectory() as folder:
        status, message, text, data = run(vector, load, pathlib.Path(folder))
    if "error" in load:
        if status != 1 or f"[{load['error']}]" not in message:
            return f"exit {status}, should be refused with [{load['error']}]: {message!r}"
        return None
    if status:
        return f"exit {status}: {message!r}"
    for name, got, want in zip(("text", "data"), (text, data), expected(vector, load)):
        if (got or b"") != (want or b""):
            return f"{name} differs: {(got or b'')[:64].hex()}, not {(want or b'')[:64].hex()}"
    return None


def main():
    wrong = count = 0
    for vector in vectorset.good_vectors():
        for load in vector.loads:
            count += 1
            found = complaint(vector, load)
            if found:
                wrong += 1
                print(f"{vector.file} at {load['at']:#x}, data {load['data_at']}: {found}")
    print(f"{count} loads, {wrong} wrong")
    return wrong


if __name__ == "__main__":
    vectorset.finish(main())
