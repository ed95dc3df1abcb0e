#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""The committed bytes of modflash's RAM stubs are what their sources assemble to, for a
Cortex-M3 and a Cortex-M4 alike. `stub.py --write` makes them anew."""
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(os.environ.get("MODFMT_SOURCE", pathlib.Path(__file__).parents[2]))
STUBS = ("f4_stub",)
CC, OBJCOPY = "arm-none-eabi-gcc", "arm-none-eabi-objcopy"


def assemble(name, core):
    with tempfile.TemporaryDirectory() as folder:
        elf, flat = f"{folder}/stub.elf", f"{folder}/stub.bin"
        subprocess.run([CC, f"-mcpu={core}", "-mthumb", "-nostdlib", "-Wl,-Ttext=0x20000000",
                        ROOT / "modflash" / f"{name}.S", "-o", elf], check=True)
        subprocess.run([OBJCOPY, "-O", "binary", elf, flat], check=True)
        return pathlib.Path(flat).read_bytes()


def header(name, code):
    lines = [", ".join(f"0x{byte:02x}" for byte in code[at:at + 12])
             for at in range(0, len(code), 12)]
    guard = f"MODFLASH_{name.upper()}_H"
    return (f"/* SPDX-License-Identifier: BSD-2-Clause */\n"
            f"/* Made from {name}.S by tests/target/stub.py --write. Do not edit. */\n"
            f"#ifndef {guard}\n#define {guard}\n\n#include <stdint.h>\n\n"
            f"/* clang-format off */\nstatic const uint8_t {name}[] = {{\n    "
            + ",\n    ".join(lines) + ",\n};\n\n#endif\n")


def main():
    if shutil.which(CC) is None:
        print(f"skipped: no {CC}")
        sys.exit(77)
    for name in STUBS:
        code = assemble(name, "cortex-m4")
        if code != assemble(name, "cortex-m3") or len(code) % 4:
            sys.exit(f"{name}.S depends on the core, or is no whole number of words")
        path = ROOT / "modflash" / f"{name}.h"
        if "--write" in sys.argv:
            path.write_text(header(name, code))
        elif path.read_text() != header(name, code):
            sys.exit(f"{path} is not what {name}.S gives: run tests/target/stub.py --write")
        print(f"{name}: {len(code)} bytes")


main()
