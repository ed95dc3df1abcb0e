#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""build.py BOARD OUT STAMP: a firmware with the loader and the cases of firmware/cases.c, and
its modules, as OUT/firmware.elf.

Environment: MODFMT_SOURCE, MODFMT_BUILD, MKMOD, MODAPI.
"""
import os
import pathlib
import subprocess
import sys

SOURCE = pathlib.Path(os.environ["MODFMT_SOURCE"])
HERE = SOURCE / "tests/callbacks"
LOADER = SOURCE / "target-loader"
PORT = LOADER / "port/cortex-m"
GCC = "arm-none-eabi-gcc"
WARNINGS = ["-Wall", "-Wextra", "-Wconversion", "-Wshadow", "-Wvla", "-Wundef", "-Werror"]
C_WARNINGS = ["-std=gnu11", "-Wstrict-prototypes", "-Wmissing-prototypes"]
# Core of the static libraries, flags, where code and RAM are, bytes of RAM.
BOARDS = {
    "m0": ("cortex-m0", ["-mcpu=cortex-m0"], 0, 0x20000000, 0x4000),
    "m3": ("cortex-m3", ["-mcpu=cortex-m3"], 0, 0x20000000, 0x10000),
    "m4": ("cortex-m4", ["-mcpu=cortex-m4", "-mfloat-abi=hard", "-mfpu=fpv4-sp-d16"], 0,
           0x20000000, 0x10000),
    "m33": ("cortex-m33", ["-mcpu=cortex-m33", "-mfloat-abi=hard", "-mfpu=fpv5-sp-d16"],
            0x10000000, 0x38000000, 0x10000),
}
R9 = ["-fpic", "-msingle-pic-base", "-mpic-register=r9", "-mno-pic-data-is-text-relative"]
# Name, source, the compiler's options, mkmod's.
MODULES = [
    ("callbacks", "callbacks.c", ["-g"], ["--xip", "--write-api", "callbacks.api"]),
    ("bare", "callbacks.c", ["-g0"], ["--untyped"]),
    ("rwpi", "callbacks.c", ["-g0"], ["--untyped"]),
    ("caller", "caller.c", ["-g"], ["--xip", "--api", "callbacks.api"]),
    ("shapes", "shapes.cpp", ["-g", "-fno-exceptions", "-fno-rtti", "-fno-threadsafe-statics"],
     ["--xip"]),
]


def run(*command):
    done = subprocess.run([str(c) for c in command], capture_output=True, text=True)
    if done.returncode:
        sys.exit(f"{' '.join(map(str, command))}\n{done.stdout}{done.stderr}")


def by_gcc(cpu, source, elf, cflags):
    cxx = source.suffix == ".cpp"
    run("arm-none-eabi-g++" if cxx else GCC, *cpu, "-mthumb", "-Os", *R9, *WARNINGS,
        *([] if cxx else C_WARNINGS), *cflags, "-Wno-psabi", f"-I{HERE}/firmware",
        f"-I{SOURCE}/examples/include", "-nostdlib", "-T", SOURCE / "examples/module.ld",
        "-Wl,--emit-relocs,--unresolved-symbols=ignore-all", source, "-lgcc", "-o", elf)


def by_clang(cpu, source, elf, cflags):
    """r9 points to the start of data; only LLD links that, and not with debug information."""
    libgcc = subprocess.run([GCC, *cpu, "-mthumb", "-print-libgcc-file-name"], check=True,
                            capture_output=True, text=True).stdout.strip()
    run("clang", "--target=arm-none-eabi", *cpu, "-mthumb", "-Os", "-frwpi", "-ffreestanding",
        *WARNINGS, *C_WARNINGS, *cflags, "-Wno-sign-conversion", f"-I{HERE}/firmware",
        f"-I{SOURCE}/examples/include", "-c", source, "-o", elf.with_suffix(".o"))
    run("ld.lld", "-T", SOURCE / "examples/module.ld", "--emit-relocs",
        "--unresolved-symbols=ignore-all", elf.with_suffix(".o"), "-o", elf, libgcc)


def module(cpu, out, name, source, cflags, mkmod):
    elf, image = out / f"{name}.elf", out / f"{name}.bin"
    (by_clang if name == "rwpi" else by_gcc)(cpu, HERE / "modules" / source, elf, cflags)
    run(os.environ["MKMOD"], "--name", name, "--version", "1.0.0", "--api",
        out / "firmware.api",
        *[out / o if o.endswith(".api") else o for o in mkmod], elf, "-o", image)


def images(out):
    lines = ['.section .images, "a"']
    for name, *_ in MODULES:
        lines += [".p2align 6", f".global image_{name}", f"image_{name}:",
                  f'.incbin "{name}.bin"']
    # The test writes there what is to run; nothing: all.
    lines += [".global image_end", "image_end:", '.ascii "case to be run:\\0"',
              ".global case_name", "case_name: .space 32"]
    source = out / "images.s"
    source.write_text("\n".join(lines) + "\n")
    return source


def main():
    core, cpu, code, ram, ram_size = BOARDS[sys.argv[1]]
    out = pathlib.Path(sys.argv[2])
    out.mkdir(parents=True, exist_ok=True)
    includes = [f"-I{folder}" for folder in (HERE / "firmware", PORT, LOADER,
                                             SOURCE / "libmodfmt")]
    run(os.environ["MODAPI"], "build", HERE / "firmware/offered.h", "-o", out / "table.c",
        "--api", out / "firmware.api", "--api-version", "1.0.0", "--name", "firmware", "--",
        *cpu, "-mthumb", *includes)
    for m in MODULES:
        module(cpu, out, *m)
    cross = pathlib.Path(os.environ["MODFMT_BUILD"]) / "cross" / core
    sources = [*(HERE / "firmware" / n for n in ("main.c", "cases.c", "board.c", "border.S")),
               *(PORT / n for n in ("port.c", "sync.c", "call.S", "arena.c")), out / "table.c"]
    # The libraries pass no floating-point numbers, so the convention does not matter.
    run(GCC, *cpu, "-mthumb", "-Os", "-g", "-ffixed-r9", "-ffunction-sections",
        *WARNINGS, *C_WARNINGS, "-Wno-psabi", *includes, f"-I{out}", "-specs=nano.specs",
        "-nostartfiles",
        "-Wl,--gc-sections,--no-warn-mismatch,--no-warn-rwx-segments", "-T",
        HERE / "firmware/board.ld",
        f"-Wl,--defsym=_code={code},--defsym=_ram={ram},--defsym=_ram_size={ram_size}",
        f"-Wa,-I{out}", *sources, images(out), cross / "target-loader/libmodload.a",
        cross / "libmodfmt/libmodfmt.a", "-o", out / "firmware.elf")
    pathlib.Path(sys.argv[3]).touch()


main()
