# SPDX-License-Identifier: BSD-2-Clause
"""moddump on every vector: exit status, silence of --check, and one line on stderr with the
error's name for each that is refused."""

import os
import subprocess
import tempfile

import vectorset

# With sanitizers, which are slow, --check is left to its own tests.
ALL = os.environ.get("SLOWNESS", "1") == "1"


def run(*arguments):
    return subprocess.run([vectorset.program("MODDUMP"), *map(str, arguments)],
                          capture_output=True, text=True, check=False, errors="replace")


def complaints(path, expect):
    """What is wrong with moddump's answer on a file."""
    status = 0 if expect == "OK" else 1
    loud = run(path)
    quiet = run("--check", path) if ALL else loud
    if quiet.returncode != status:
        yield f"--check exits {quiet.returncode}, not {status}"
    if ALL and quiet.stdout:
        yield f"--check prints {quiet.stdout!r}"
    if loud.returncode != status:
        yield f"exits {loud.returncode}, not {status}"
    if status:
        if f"[{expect}]" not in loud.stderr or len(loud.stderr.splitlines()) != 1:
            yield f"should say [{expect}] in one line: {loud.stderr!r}"
        if loud.stdout:
            yield f"prints {loud.stdout[:80]!r} of a refused image"
    elif loud.stderr or not loud.stdout:
        yield f"stderr {loud.stderr!r}, {len(loud.stdout)} bytes of output"


def check_erased():
    """0xFF after an image, as in a dump of flash, is accepted, and mentioned."""
    with tempfile.NamedTemporaryFile() as file:
        file.write((vectorset.FOLDER / "good" / "words.bin").read_bytes() + b"\xff" * 100)
        file.flush()
        quiet, loud = run("--check", file.name), run(file.name)
    if quiet.returncode or loud.returncode or "100" not in loud.stdout + loud.stderr:
        print(f"100 bytes of 0xFF after an image: {loud.stdout!r} {loud.stderr!r}")
        return 1
    return 0


def main():
    wrong = check_erased()
    for vector in vectorset.vectors():
        for complaint in complaints(vector.path, vector.expect):
            wrong += 1
            print(f"{vector.file}: {complaint}")
    return wrong


if __name__ == "__main__":
    vectorset.finish(main())
