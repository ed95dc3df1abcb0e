#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""readme.py SOURCE: the code in the firmware's README is the code that chip_test runs; and
flash_f4.c and read.c compile without a warning by clang as well."""
import pathlib
import re
import subprocess
import sys

SOURCE = pathlib.Path(sys.argv[1])
PORT = SOURCE / "target-loader/port"
WARNINGS = ["-Wall", "-Wextra", "-Wconversion", "-Wshadow", "-Wstrict-prototypes",
            "-Wmissing-prototypes", "-Wvla", "-Wundef", "-Werror"]


def main():
    readme = (SOURCE / "target-loader/firmware/README.md").read_text()
    block = re.search(r"<!-- this is code of tests/chip/program\.c -->\n((?:    .*\n|\n)+)", readme)[1]
    code = re.sub(r"^    ", "", block, flags=re.M).strip()
    program = (SOURCE / "tests/chip/program.c").read_text()
    if len(code.splitlines()) < 20 or code not in program:
        sys.exit("README.md and program.c differ")
    for compiler in (["clang", "--target=arm-none-eabi", "-mfloat-abi=soft"], ["arm-none-eabi-gcc"]):
        for core in ("cortex-m4", "cortex-m7", "cortex-m33"):
            for path in (PORT / "stm32/flash_f4.c", PORT / "cortex-m/read.c"):
                subprocess.run([*compiler, f"-mcpu={core}", "-mthumb", "-Os", "-std=c11",
                                "-ffreestanding", *WARNINGS, f"-I{SOURCE}/libmodfmt",
                                f"-I{SOURCE}/target-loader", "-c", path, "-o", "/dev/null"],
                               check=True)


main()
