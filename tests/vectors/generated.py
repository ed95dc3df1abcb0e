# SPDX-License-Identifier: BSD-2-Clause
"""specs/vectors is what specs/vectors.py makes; every error has a vector; the README shows
two of them as they are."""

import re
import runpy
import sys

import vectorset

# Errors that no image can have.
WRITER_ONLY = {"MODFMT_E_NO_SPACE"}


def main():
    generator = runpy.run_path(str(vectorset.SOURCE / "specs" / "vectors.py"))
    wrong = generator["compare"](vectorset.FOLDER)
    if generator["files"]() != generator["files"]():
        wrong += 1
        print("vectors.py does not make the same files twice")
    shown = {vector.expect for vector in vectorset.vectors()}
    for name in sorted(vectorset.modref.ERROR):
        if re.match("MODFMT_E_(?!STORE_)", name) and name not in shown | WRITER_ONLY:
            wrong += 1
            print(f"no vector for {name}")
    readme = (vectorset.FOLDER / "README.md").read_text(encoding="utf-8")
    for name in ("words", "imports"):
        text = (vectorset.FOLDER / "good" / f"{name}.txt").read_text(encoding="utf-8")
        hexdump = text.split("\n\n", 1)[1]
        if "".join(f"    {line}\n" for line in hexdump.splitlines()) not in readme:
            wrong += 1
            print(f"README.md does not show good/{name}.txt as it is")
    return wrong


if __name__ == "__main__":
    sys.dont_write_bytecode = sys.pycache_prefix is None
    vectorset.finish(main())
