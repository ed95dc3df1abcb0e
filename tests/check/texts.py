#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""Things that must not be in the repository's files: a path out of it, a machine's path,
tabs in C, a missing licence line."""
import pathlib
import re
import subprocess
import sys

ROOT = pathlib.Path(sys.argv[1])
CODE = {".c", ".h", ".S"}


def files():
    out = subprocess.run(["git", "-C", ROOT, "ls-files", "-z"], capture_output=True, text=True)
    names = out.stdout.split("\0") if out.returncode == 0 else []
    return [ROOT / n for n in names if n and (ROOT / n).is_file()]


def main():
    problems, seen = [], 0
    for path in files():
        try:
            text = path.read_text()
        except UnicodeDecodeError:
            continue
        seen += 1
        name = path.relative_to(ROOT).as_posix()
        if re.search(r"\.\./shar" + r"ed|/wor" + r"k/(main|shared)", text):
            problems.append(f"{name}: names a path outside the repository")
        if path.suffix in CODE and "\t" in text:
            problems.append(f"{name}: has tabs")
        if path.suffix in CODE and "oracle/sources" not in name and name != "libmodfmt/modfmt_layout.h" \
                and "SPDX-License-Identifier: BSD-2-Clause" not in text[:200]:
            problems.append(f"{name}: has no licence line")
    print(*problems, f"{seen} files looked at", sep="\n")
    if not seen:
        print("not a git checkout: skipped")
        sys.exit(77)
    sys.exit(bool(problems))


main()
