# SPDX-License-Identifier: BSD-2-Clause
"""What the tests of this folder share: link-batch, and the vectors' helpers."""

import os
import pathlib
import struct
import subprocess
import sys

SOURCE = pathlib.Path(os.environ.get("MODFMT_SOURCE")
                      or pathlib.Path(__file__).resolve().parents[2])
sys.path[:0] = [str(SOURCE / "tests" / "vectors")]

import vectorset                        # noqa: E402
from vectorset import modref            # noqa: E402

LINK, UNLINK, RELINK = range(3)
BACKWARDS = 1 << 31


class Job:
    """One request to link-batch, and how modref does the same."""

    def __init__(self, what, image, text=0, data=0, imports=None, api=0, build_id=b"",
                 buffer_size=1024, step=BACKWARDS - 1):
        self.what, self.image, self.text, self.data = what, image, text, data
        self.imports, self.api, self.build_id = imports or {}, api, build_id
        self.buffer_size, self.step = buffer_size, step

    def record(self):
        imports = b"".join(struct.pack("<II", *item) for item in self.imports.items())
        return (struct.pack("<7I", self.what, self.text, self.data, self.api, self.buffer_size,
                            self.step, len(self.build_id)) + self.build_id
                + struct.pack("<I", len(self.imports)) + imports
                + struct.pack("<I", len(self.image)) + self.image)

    def expected(self):
        """Bytes, or the error's name."""
        try:
            image = self.image if self.what == LINK else modref.unlink(self.image)
            if self.what == UNLINK:
                return image
            return modref.link(image, self.text, self.data, self.imports, self.api, self.build_id)
        except modref.Refused as refused:
            return refused.name


def run(jobs):
    """What C says to each: bytes, or the error's name."""
    answer = subprocess.run([os.environ["LINK_BATCH"]], input=b"".join(job.record() for job in jobs),
                            capture_output=True, check=False)
    if answer.returncode:
        print(answer.stderr.decode(errors="replace"))
        sys.exit(f"link-batch: exit {answer.returncode}")
    results, at = [], 0
    while at < len(answer.stdout):
        code, size = struct.unpack_from("<iI", answer.stdout, at)
        at += 8
        results.append(vectorset.ERROR_NAME[code] if code else answer.stdout[at:at + size])
        at += size
    if len(results) != len(jobs):
        sys.exit(f"link-batch: {len(results)} answers to {len(jobs)} requests")
    return results


def show(result):
    return result if isinstance(result, str) else f"{len(result)} bytes {result[:200].hex()}"


def compare(named_jobs, expect=None):
    """C against modref (or what is expected) on (what it is, job) pairs; how many differ."""
    named_jobs = list(named_jobs)
    wrong = 0
    for (what, job), got in zip(named_jobs, run([job for _, job in named_jobs])):
        want = expect(job) if expect else job.expected()
        if got != want:
            wrong += 1
            if wrong < 10:
                print(f"{what}: {show(got)}\n    expected {show(want)}\n    {job.image[:300].hex()}"
                      f"\n    text {job.text:#x} data {job.data:#x} buffer {job.buffer_size} "
                      f"step {job.step:#x}")
    print(f"{len(named_jobs)} compared, {wrong} differ")
    return wrong
