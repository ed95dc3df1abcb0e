# SPDX-License-Identifier: BSD-2-Clause
"""What the tests of this folder share: the vectors, modref.py, and the C reader."""

import functools
import json
import os
import pathlib
import struct
import subprocess
import sys

SOURCE = pathlib.Path(os.environ.get("MODFMT_SOURCE")
                      or pathlib.Path(__file__).resolve().parents[2])
FOLDER = SOURCE / "specs" / "vectors"
sys.path[:0] = [str(SOURCE / "specs"), str(FOLDER)]

import modref   # noqa: E402

ERROR_NAME = {number: name for name, number in modref.ERROR.items()} | {0: "OK"}
SKIP = 77


class Vector:
    def __init__(self, record):
        self.record = record
        self.file, self.expect = record["file"], record["expect"]
        self.path = FOLDER / self.file
        self.bytes = self.path.read_bytes()
        self.loads, self.links = record.get("loads", []), record.get("links", [])


def vectors():
    index = json.loads((FOLDER / "index.json").read_text(encoding="utf-8"))
    return [Vector(record) for record in index["vectors"]]


def good_vectors():
    return [vector for vector in vectors() if vector.expect == "OK"]


def offered_by_hash(imports):
    return {modref.name_hash(name.encode()): address for name, address in imports.items()}


def link_arguments(vector, link):
    """What modref.link() takes for a link of index.json."""
    return (vector.bytes, link["at"], link["data_at"], offered_by_hash(link["imports"]),
            link["api"], bytes.fromhex(link["build_id"]))


@functools.lru_cache(None)
def verdict(image):
    """modref's word on an image in memory."""
    return modref.check(image) or "OK"


def program(variable):
    """The path of a program that an environment variable names; or this test skips."""
    path = os.environ.get(variable)
    if not path:
        print(f"SKIPPED: {variable} is not set, so nothing is compared with the C reader")
        sys.exit(SKIP)
    return path


def batch_verdicts(images):
    """The C reader's word on many images: open and full check, in memory."""
    records = b"".join(struct.pack("<I", len(image)) + image for image in images)
    answer = subprocess.run([program("MODFMT_BATCH")], input=records, capture_output=True,
                            check=False)
    lines = answer.stdout.split()
    if answer.returncode or len(lines) != len(images):
        print(answer.stderr.decode(errors="replace"))
        sys.exit(f"batch: exit {answer.returncode}, {len(lines)} of {len(images)} answers")
    return [ERROR_NAME.get(int(line), line.decode()) for line in lines]


def compare(named_images, most=20):
    """Both readers on (what it is, image) pairs; the number of differences, with the
    first of them shown."""
    named_images = list(named_images)
    answers = batch_verdicts([image for _, image in named_images])
    wrong = 0
    for (what, image), answer in zip(named_images, answers):
        expected = verdict(image)
        if answer != expected:
            wrong += 1
            if wrong <= most:
                print(f"{what}: modref {expected}, C {answer}\n    {image[:400].hex()}")
    print(f"{len(named_images)} images compared with the C reader, {wrong} differ")
    return wrong


def finish(wrong):
    print("FAILED" if wrong else "passed")
    sys.exit(1 if wrong else 0)
