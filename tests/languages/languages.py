#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""languages.py CASE: an example on the demo firmware, on QEMU, and all that it prints.

Environment: MODFMT_SOURCE, MODFMT_BUILD, RUST_MISSING (why there is no Rust, or nothing).
"""
import os
import pathlib
import re
import subprocess
import sys

SOURCE = pathlib.Path(os.environ["MODFMT_SOURCE"])
BUILD = pathlib.Path(os.environ["MODFMT_BUILD"])
FREE = re.compile(r"(\d+) bytes of module RAM free")

# Image: what the modules print, the firmware's line on each included.
CASES = {
    "c": (["hello", "average"], """\
Hello from a module
module hello 1.0.0: returned 0
smallest   -7
average    38
module average 1.0.0: returned 0
"""),
    "cxx": (["cxx"], """\
constructed
square of area 49
rectangle of area 15
destructed after 2 shapes
module cxx 1.0.0: returned 0
"""),
    "rust": (["rust/rust"], """\
   square of area  49
rectangle of area  15
dropped after 2 shapes
module rust 1.0.0: returned 0
"""),
    "newlib": (["newlib"], """\
0: -0.9589
1: -0.7568
2: +0.0000
3: +0.1411
4: +0.8415
5: +0.9093
root of the sum of squares: 1.745593
module newlib 1.0.0: returned 0
"""),
}


def main(case):
    if case == "rust" and os.environ["RUST_MISSING"]:
        print("skipped:", os.environ["RUST_MISSING"])
        return 77
    if case == "rust":
        subprocess.run(["ninja", "-C", BUILD, "examples/rust/rust.bin"], check=True)
    names, wanted = CASES[case]
    images = [BUILD / f"examples/{name}.bin" for name in names]
    done = subprocess.run([SOURCE / "scripts/run-qemu.sh", "--timeout", "60", *images],
                          capture_output=True, text=True)
    lines = done.stdout.replace("\r", "").splitlines(keepends=True)
    printed, free = "".join(lines[1:-1]), FREE.findall(done.stdout)
    print(done.stdout, done.stderr)
    if done.returncode or printed != wanted:
        print(f"exit status {done.returncode}; wanted 0 and\n{wanted}")
        return 1
    return len(free) != 2 or free[0] != free[1]


sys.exit(main(sys.argv[1]))
