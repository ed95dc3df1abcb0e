#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""life_qemu.py CASE: modules that need each other, compiled with GCC, on the demo firmware on
QEMU: "highest" needs "middle" and "lowest", "middle" needs "lowest", which needs the firmware.

Environment: MODFMT_SOURCE, MODFMT_BUILD, MKMOD, STORE_FILE. A case is a function of this file
that starts with case_; its first line of text says what it proves.
"""
import os
import pathlib
import subprocess
import sys

sys.path.insert(0, os.environ["MODFMT_SOURCE"] + "/tests/qemu")
from qemu_test import BUILD, MKMOD, SOURCE, Run, expect, fnv1a, main  # noqa: E402

MODULES = SOURCE / "tests/life/modules"
API = SOURCE / "target-loader/firmware/firmware.api"
VERSIONS = {"lowest": "1.2.0", "middle": "2.0.0", "highest": "0.1.0"}
USES = {"lowest": (), "middle": ("lowest",), "highest": ("lowest", "middle")}

CONSTRUCTED = ["lowest: constructor", "lowest: entry", "middle: constructor, 42 is 42",
               "middle: entry, 7",
               "highest: entry, scaled 170, added 3 by pointer, 34 by the other's",
               "highest: 42 calls, 4 numbers of sum 17"]
DESTRUCTED = ["highest: destructor, 17", "middle: destructor, 23",
              "lowest: destructor, 205 calls"]


def build(folder, name, *mkmod, flags=("-mcpu=cortex-m4",), define=(), version=None, needs=None):
    """Compile and pack modules/NAME.c into FOLDER, with the descriptions there of what it uses."""
    folder = pathlib.Path(folder)
    elf = folder / f"{name}.elf"
    image = folder / f"{name}.bin"
    subprocess.run(["arm-none-eabi-gcc", "-mthumb", "-Os", "-g", "-Wall", "-Wextra", "-Werror",
                    *flags, *define, f"-I{SOURCE}/target-loader/firmware/include",
                    f"-I{SOURCE}/examples/include", "-nostdlib", "-T", SOURCE / "examples/module.ld",
                    "-Wl,--emit-relocs,--unresolved-symbols=ignore-all", MODULES / f"{name}.c",
                    "-o", elf, "-lgcc"], check=True)
    apis = [API] + [folder / f"{used}.api" for used in (USES[name] if needs is None else needs)]
    subprocess.run([MKMOD, "--version", version or VERSIONS[name],
                    *[word for api in apis for word in ("--api", api)],
                    "--write-api", folder / f"{name}.api", *mkmod, elf, "-o", image], check=True)
    return image


def build_all(folder, **how):
    return {name: build(folder, name, **how) for name in ("lowest", "middle", "highest")}


def in_folder(folder, name):
    path = pathlib.Path(folder) / name
    path.mkdir()
    return path


def run(*arguments):
    return Run("--timeout", "600", *arguments)


def said(run_, *modules):
    """What those modules printed."""
    return [line for line in run_.lines if line.startswith(tuple(f"{m}: " for m in modules))]


def unloaded(name):
    return f"module {name} {VERSIONS[name]}: unloaded"


def in_use(name):
    return (f"module {name} {VERSIONS[name]}: not unloaded: MODLOAD_E_IN_USE: "
            "other modules still need this one")


def all_well(run_):
    """Loaded in order, bound to each other, unloaded in order, nothing left."""
    run_.ended(0).matches(r"firmware: .*; \d+ bytes of module RAM free, as before")
    expect(said(run_, *VERSIONS) == CONSTRUCTED + DESTRUCTED, "another order or result", run_)
    return run_.has(*[line for name, line in zip(("highest", "middle", "lowest"), DESTRUCTED)
                      for line in (line, unloaded(name))])


def case_three(folder):
    """Three modules where A needs B needs firmware: loaded in order; B cannot be unloaded
    before A."""
    image = build_all(folder)
    # Whatever comes first in the flash.
    for order in (("highest", "middle", "lowest"), ("lowest", "middle", "highest"),
                  ("middle", "highest", "lowest")):
        all_well(run("--keep", *[image[name] for name in order]))
    first = run("--keep", *[image[name] for name in ("highest", "middle", "lowest")])
    # The firmware tries the oldest first.
    first.has("module lowest 1.2.0: started, returned 0", in_use("lowest"), in_use("middle"),
              DESTRUCTED[0], unloaded("highest"), in_use("lowest"), DESTRUCTED[1],
              unloaded("middle"), DESTRUCTED[2], unloaded("lowest"))
    expect(sum("not unloaded" in line for line in first.lines) == 3, "other refusals", first)


def case_ways(folder):
    """The same with images read in pieces, with text and data apart, and with both."""
    image = build_all(folder)
    for way in (["--read"], ["--apart"], ["--read", "--apart"]):
        all_well(run("--keep", *way, *[image[name] for name in ("highest", "middle", "lowest")]))


def case_code(folder):
    """The same of code that calls through literals, that has MOVW and MOVT, that is not
    optimised, for another core's instructions, and with a static base."""
    for number, flags in enumerate((["-mlong-calls"], ["-mslow-flash-data"], ["-O0"],
                                    ["-mcpu=cortex-m0"])):
        flags = flags if "-mcpu=cortex-m0" in flags else ["-mcpu=cortex-m4", *flags]
        image = build_all(in_folder(folder, f"flags{number}"), flags=flags)
        all_well(run("--keep", *[image[name] for name in ("middle", "lowest", "highest")]))
    # One that counts on r9 may call the others, who leave r9 as it is.
    image = build_all(folder)
    image["highest"] = build(folder, "highest", flags=[
        "-mcpu=cortex-m4", "-fpic", "-msingle-pic-base", "-mpic-register=r9",
        "-mno-pic-data-is-text-relative"])
    all_well(run("--keep", *image.values()))


# Core, firmware, and what its modules are compiled for.
CORES = (("cortex-m0", "microbit"), ("cortex-m3", "mps2-an385"), ("cortex-m33", "mps2-an505"))


def case_cores(folder):
    """The same on the firmware of other cores."""
    for core, board in CORES:
        image = build_all(in_folder(folder, core), flags=[f"-mcpu={core}"])
        firmware = BUILD / f"cross/{core}/target-loader/firmware/{board}.elf"
        all_well(run("--keep", "--firmware", firmware,
                     *[image[name] for name in ("highest", "lowest", "middle")]))


def case_along(folder):
    """Loaded one after the other, what a module needs comes and goes with it."""
    image = build_all(folder)
    ran = run(image["highest"], image["lowest"]).ended(1)
    ran.matches(r"module highest 0.1.0: refused: MODLOAD_E_DEPENDENCY: .*")
    ran = run(image["highest"], image["middle"], image["lowest"]).ended(0).memory_as_before()
    ran.has(*CONSTRUCTED, *DESTRUCTED, "module highest 0.1.0: returned 0", *CONSTRUCTED[:4],
            "middle: destructor, 23", "lowest: destructor, 101 calls",
            "module middle 2.0.0: returned 0", "lowest: constructor", "lowest: entry",
            "lowest: destructor, 100 calls", "module lowest 1.2.0: returned 0")


def refused(ran, who, code):
    """The line that refuses a module; the others may run."""
    ran.ended(1).memory_as_before()
    lines = [line for line in ran.lines if line.startswith(f"module {who} ") and ": refused: " in line]
    expect(len(lines) == 1 and f": refused: {code}: " in lines[0], f"{who} is not refused", ran)
    return lines[0]


def case_versions(folder):
    """A needed module in too old a version, or one that may have changed, is refused by name."""
    image = build_all(folder)
    for version, good in (("1.2.0", True), ("1.1.65535", False), ("1.2.1", True), ("1.65535.0", True),
                          ("2.0.0", False), ("0.9.0", False)):
        other = build(in_folder(folder, version), "lowest", version=version)
        ran = run("--keep", image["middle"], other)
        if good:
            ran.ended(0).memory_as_before().has("middle: entry, 7")
            continue
        line = refused(ran, "middle", "MODLOAD_E_DEPENDENCY")
        expect("lowest" in line, "the needed module is not named", ran)
        expect(said(ran, "middle") == [], "it ran", ran)
        ran.has(f"module lowest {version}: started, returned 0")


def case_missing(folder):
    """A needed module that is not there is refused by name, also where a needed one needs it."""
    image = build_all(folder)
    line = refused(run(image["middle"]), "middle", "MODLOAD_E_DEPENDENCY")
    expect("lowest" in line, "what it needs is not named", line)
    other = in_folder(folder, "other")
    for name in ("lowest", "middle", "highest"):
        image[name] = build(other, name, *(["--needs", "absent"] if name == "middle" else []))
    ran = run("--keep", image["highest"], image["lowest"]).ended(1)
    expect("middle" in refused(ran, "highest", "MODLOAD_E_DEPENDENCY"), "not named", ran)
    ran = run("--keep", image["highest"], image["lowest"], image["middle"]).ended(1)
    # Both lines are about the one that cannot have what it needs.
    lines = [line for line in ran.lines if "MODLOAD_E_DEPENDENCY" in line]
    expect(len(lines) == 2 and all(line.startswith("module middle 2.0.0: refused: ") and
                                   "absent" in line for line in lines), "not by name", ran)
    expect(said(ran, "middle", "highest") == [], "something ran", ran)
    ran.memory_as_before().has("module lowest 1.2.0: started, returned 0")


def case_types(folder):
    """A module that exports under the same version what has another type is refused by name."""
    image = build_all(folder)
    for define, symbol in ((["-DNUMBERS=5"], "lowest_numbers"),):
        other = build(in_folder(folder, symbol), "lowest", define=define)
        ran = run("--keep", image["middle"], other)
        line = refused(ran, "middle", "MODLOAD_E_TYPE")
        expect(symbol in line and f"{fnv1a(symbol):08x}" in line, f"{symbol} is not named", ran)
        expect(said(ran, "middle") == [], "it ran", ran)


def case_export_gone(folder):
    """A module that exports less than was promised is refused by the name of what is missing."""
    image = build_all(folder)
    other = build(in_folder(folder, "less"), "lowest", define=["-DWITHOUT_VISIT"])
    line = refused(run("--keep", image["middle"], other), "middle", "MODLOAD_E_IMPORT")
    expect("lowest_visit" in line, "not named", line)


def case_cycle(folder):
    """Modules that need each other in a circle are refused, all of them, and others run."""
    build(folder, "lowest")
    lowest = build(folder, "lowest", "--needs", "highest")
    image = {"lowest": lowest, **{name: build(folder, name) for name in ("middle", "highest")}}
    other = BUILD / "examples/hello.bin"
    ran = run("--keep", image["highest"], image["middle"], image["lowest"], other)
    ran.ended(1).memory_as_before().has("Hello from a module")
    expect(said(ran, *VERSIONS) == [], "something ran", ran)
    lines = [line for line in ran.lines if "MODLOAD_E_CYCLE" in line]
    expect(len(lines) == 3, "three refusals were wanted", ran)


def case_damage(folder):
    """A bit that flipped in a needed module is found before anything of it runs."""
    image = build_all(folder)
    for at in (70, 200, -40):
        content = bytearray(image["lowest"].read_bytes())
        content[at] ^= 0x10
        path = pathlib.Path(folder) / "damaged.bin"
        path.write_bytes(content)
        ran = run("--keep", image["highest"], image["middle"], path).ended(1).memory_as_before()
        expect(said(ran, *VERSIONS) == [], "something ran", ran)


if __name__ == "__main__":
    main(globals())
