#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""No function is longer than 60 lines. Relies on the brace style of .clang-format: a
function's braces, and nothing else's but those of types and data, stand in column 0."""
import pathlib
import re
import sys

ROOT = pathlib.Path(sys.argv[1])
MOST = 60
FOLDERS = ("libmodfmt", "target-loader", "cli", "mkmod", "moddump", "virtual-board",
           "tests", "examples")


def functions(text):
    start = None
    for number, line in enumerate(text.splitlines(), 1):
        if line.startswith("{"):
            start = number
        elif line.startswith("}") and start:
            yield start, number - start + 1
            start = None


def main():
    problems, seen = [], 0
    for folder in FOLDERS:
        for path in sorted((ROOT / folder).rglob("*.c")):
            if "oracle/sources" in path.as_posix():
                continue  # odd on purpose
            for line, length in functions(path.read_text()):
                seen += 1
                if length > MOST:
                    problems.append(f"{path.relative_to(ROOT)}:{line}: function of {length} lines")
    print(*problems, f"{seen} functions looked at", sep="\n")
    sys.exit(bool(problems) or seen < 200)


main()
