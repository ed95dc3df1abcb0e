# SPDX-License-Identifier: BSD-2-Clause
"""modref.py agrees with index.json: every verdict, and all memory after loading, as its
functions and as a program."""

import hashlib
import json
import pathlib
import subprocess
import sys
import tempfile

import vectorset
from vectorset import modref

PROGRAM = str(vectorset.SOURCE / "specs" / "modref.py")


def run(*arguments):
    return subprocess.run([sys.executable, PROGRAM, *map(str, arguments)], capture_output=True,
                          text=True, check=False)


def load_result(vector, load):
    offered = {modref.name_hash(name.encode()): address
               for name, address in load["imports"].items()}
    try:
        text, data = modref.load(vector.bytes, load["at"], load["data_at"], offered)
    except modref.Refused as refused:
        return {"error": refused.name}
    return {"text_size": len(text), "text_sha256": hashlib.sha256(text).hexdigest(),
            "data_size": len(data), "data_sha256": hashlib.sha256(data).hexdigest()}


def check_loads(vector):
    wrong = 0
    for load in vector.loads:
        result = load_result(vector, load)
        if any(load.get(key) != value for key, value in result.items()):
            wrong += 1
            print(f"{vector.file} at {load['at']:#x}: {result}, expected {load}")
    return wrong


def check_program(vectors):
    """`check` on all files at once, `dump` and `load` on good ones."""
    result = run("check", *(vector.path for vector in vectors))
    lines = result.stdout.splitlines()
    wrong = int(result.returncode != 1) + int(len(lines) != len(vectors))
    for vector, line in zip(vectors, lines):
        if not (line + " ").startswith(f"{vector.path}: {vector.expect} "):
            wrong += 1
            print(f"{vector.file}: {line}")
    wrong += run("check", vectors[0].path).returncode != 0
    wrong += check_dump(next(v for v in vectors if v.file == "good/words.bin"))
    return wrong + check_load_program(next(v for v in vectors if v.file == "good/imports.bin"))


def check_dump(vector):
    dump = json.loads(run("dump", vector.path).stdout)
    places = [(fix["place"], fix["offset"], fix["target"]) for fix in dump["fixups"]]
    expected = [("text", 4, "text"), ("text", 8, "data"), ("text", 12, "data"),
                ("data", 0, "text"), ("data", 4, "data"), ("data", 12, "data")]
    if places != expected:
        print(f"{vector.file}: dump says {places}")
    return int(places != expected)


def check_load_program(vector):
    """The second load of good/imports.bin: apart, an import by name, one left unbound."""
    load = vector.loads[1]
    with tempfile.TemporaryDirectory() as folder:
        text, data = pathlib.Path(folder) / "text", pathlib.Path(folder) / "data"
        result = run("load", vector.path, "--at", hex(load["at"]), "--data-at", load["data_at"],
                     *(f"--import={name}={address}" for name, address in
                       load["imports"].items()), "-o", text, "--data-out", data)
        if result.returncode:
            print(result.stderr)
            return 1
        return sum(hashlib.sha256(path.read_bytes()).hexdigest() != load[f"{path.name}_sha256"]
                   for path in (text, data))


def main():
    vectors = vectorset.vectors()
    wrong = 0
    for vector in vectors:
        verdict = modref.check_file(vector.bytes) or "OK"
        if verdict != vector.expect:
            wrong += 1
            print(f"{vector.file}: {verdict}, expected {vector.expect}")
        wrong += check_loads(vector)
    loads = sum(len(vector.loads) for vector in vectors)
    print(f"{len(vectors)} vectors, {loads} loads")
    return wrong + check_program(vectors)


if __name__ == "__main__":
    vectorset.finish(main())
