#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""libmodfmt and the loader's core compile without a libc, without a warning, by gcc and
clang, for a core of each architecture and for the host, and need nothing but mem* and __aeabi_*;
nor have they writable data."""
import itertools
import pathlib
import re
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(sys.argv[1])
WARNINGS = ["-Wall", "-Wextra", "-Wconversion", "-Wshadow", "-Wstrict-prototypes",
            "-Wmissing-prototypes", "-Wvla", "-Werror"]
ALLOWED = re.compile(r"mem(cpy|set|move|cmp)|__aeabi_\w+|__gnu_thumb1_case_\w+|mod(fmt|load)_\w+|_GLOBAL_OFFSET_TABLE_")
SOURCES = [p for folder in ("libmodfmt", "target-loader") for p in sorted((ROOT / folder).glob("*.c"))
           if "zlib" not in p.name]


def compilers():
    """Each compiler for cores of all architectures; the build itself is gcc's, for all cores."""
    yield "clang", ["clang"]
    for core in ("cortex-m0", "cortex-m33"):
        yield f"gcc {core}", ["arm-none-eabi-gcc", f"-mcpu={core}", "-mthumb"]
    for core in ("cortex-m0", "cortex-m4"):
        yield f"clang {core}", ["clang", "--target=arm-none-eabi", f"-mcpu={core}", "-mthumb",
                                "-mfloat-abi=soft"]


def symbols(objects):
    """(object, kind, name) of all."""
    out = subprocess.run(["nm", "-A", *objects], check=True, capture_output=True, text=True).stdout
    for line in out.splitlines():
        obj, rest = line.split(":", 1)
        *_, kind, name = rest.split()
        yield obj, kind, name


def main():
    problems, built = [], {}
    with tempfile.TemporaryDirectory() as folder:
        for (name, command), source in itertools.product(compilers(), SOURCES):
            obj = f"{folder}/{len(built)}.o"
            done = subprocess.run(
                [*command, "-std=c11", "-Os", "-ffreestanding", "-nostdlib", *WARNINGS,
                 f"-I{ROOT}/libmodfmt", f"-I{ROOT}/target-loader", "-c", source, "-o", obj],
                capture_output=True, text=True)
            where = f"{source.relative_to(ROOT)} ({name})"
            if done.returncode:
                problems.append(f"{where}: {done.stderr}")
                continue
            built[obj] = where
        for obj, kind, symbol in symbols(built):
            if kind in "Uw" and not ALLOWED.fullmatch(symbol):
                problems.append(f"{built[obj]}: needs {symbol}")
            if kind in "DdBbCc" and not symbol.startswith("$"):
                problems.append(f"{built[obj]}: {symbol} is writable data")
    print(*problems, f"{len(built)} objects looked at", sep="\n")
    sys.exit(bool(problems) or len(built) < 12 * 8)


main()
