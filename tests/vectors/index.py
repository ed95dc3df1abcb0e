# SPDX-License-Identifier: BSD-2-Clause
"""modref.py agrees with index.json: every verdict, all memory after loading, every linked
image and that unlinking gives back what was linked, as its functions and as a program."""

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


def link_result(vector, link):
    """What comes of linking; what was linked for elsewhere before comes out the same."""
    try:
        made = modref.link(*vectorset.link_arguments(vector, link))
    except modref.Refused as refused:
        return {"error": refused.name}
    if modref.unlink(made) != vector.bytes:
        return {"error": "unlinks to something else"}
    return {"size": len(made), "sha256": hashlib.sha256(made).hexdigest()}


def check_links(vector):
    wrong = 0
    for link in vector.links:
        result = link_result(vector, link)
        if any(link.get(key) != value for key, value in result.items()):
            wrong += 1
            print(f"{vector.file} at {link['at']:#x}: {result}, expected {link}")
    return wrong


def check_link_program(vector):
    """The fourth link of good/linkable.bin; and back again."""
    link = vector.links[3]
    with tempfile.TemporaryDirectory() as folder:
        linked, back = pathlib.Path(folder) / "linked", pathlib.Path(folder) / "back"
        result = run("link", vector.path, "--at", hex(link["at"]), "--data-at", link["data_at"],
                     *(f"--import={name}={address}" for name, address in link["imports"].items()),
                     "--api", link["api"], "--build-id", link["build_id"], "-o", linked)
        again = run("unlink", linked, "-o", back)
        if result.returncode or again.returncode:
            print(result.stderr, again.stderr)
            return 1
        return ((hashlib.sha256(linked.read_bytes()).hexdigest() != link["sha256"])
                + (back.read_bytes() != vector.bytes))


def check_program(vectors):
    """`check` on all files at once, `dump`, `load`, `link` and `unlink` on good ones."""
    result = run("check", *(vector.path for vector in vectors))
    lines = result.stdout.splitlines()
    wrong = int(result.returncode != 1) + int(len(lines) != len(vectors))
    for vector, line in zip(vectors, lines):
        if not (line + " ").startswith(f"{vector.path}: {vector.expect} "):
            wrong += 1
            print(f"{vector.file}: {line}")
    wrong += run("check", vectors[0].path).returncode != 0
    wrong += check_dump(next(v for v in vectors if v.file == "good/words.bin"))
    wrong += check_load_program(next(v for v in vectors if v.file == "good/imports.bin"))
    return wrong + check_link_program(next(v for v in vectors if v.file == "good/linkable.bin"))


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
        wrong += check_loads(vector) + check_links(vector)
    loads = sum(len(vector.loads) for vector in vectors)
    links = sum(len(vector.links) for vector in vectors)
    print(f"{len(vectors)} vectors, {loads} loads, {links} links")
    return wrong + check_program(vectors)


if __name__ == "__main__":
    vectorset.finish(main())
