#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""qemu_test.py CASE: modules on the demo firmware, on QEMU, through scripts/run-qemu.sh.

Environment: MODFMT_SOURCE, MODFMT_BUILD, MKMOD. A case is a function of this file that
starts with case_; its first line of text says what it proves.
"""
import os
import pathlib
import re
import subprocess
import sys
import tempfile
import zlib

SOURCE = pathlib.Path(os.environ["MODFMT_SOURCE"])
BUILD = pathlib.Path(os.environ["MODFMT_BUILD"])
MKMOD = os.environ["MKMOD"]
MODULES = SOURCE / "tests/qemu/modules"
FREE = re.compile(r"(\d+) bytes of module RAM free")


class Failure(Exception):
    pass


def expect(truth, what, shown=""):
    if not truth:
        raise Failure(f"{what}\n{shown}")


class Run:
    """What run-qemu.sh said and how it ended."""

    def __init__(self, *arguments, cwd=None):
        command = [SOURCE / "scripts/run-qemu.sh", *arguments]
        done = subprocess.run(command, capture_output=True, cwd=cwd, timeout=60)
        self.status = done.returncode
        self.text = done.stdout.decode().replace("\r\n", "\n")
        self.lines = self.text.splitlines()
        self.errors = done.stderr.decode()

    def __str__(self):
        return f"status {self.status}\n{self.text}{self.errors}"

    def ended(self, status):
        expect(self.status == status, f"wanted exit status {status}", self)
        return self

    def has(self, *lines):
        """These whole lines, in this order."""
        at = 0
        for line in lines:
            expect(line in self.lines[at:], f"wanted the line {line!r}", self)
            at = self.lines.index(line, at) + 1
        return self

    def matches(self, pattern):
        expect(any(re.fullmatch(pattern, line) for line in self.lines),
               f"wanted a line like {pattern!r}", self)
        return self

    def memory_as_before(self):
        free = FREE.findall(self.text)
        expect(len(free) == 2 and free[0] == free[1] and int(free[0]) >= 65536,
               "module RAM is not as before, or less than promised", self)
        return self

    def modules(self):
        """What the modules printed and the line on each, without the frame."""
        return self.lines[1:-1]


def make(folder, name, flags=("-mcpu=cortex-m4",), mkmod=(), as_name=None):
    """Compile, link and pack tests/qemu/modules/NAME.c."""
    elf = pathlib.Path(folder) / f"{as_name or name}.elf"
    image = elf.with_suffix(".bin")
    subprocess.run(["arm-none-eabi-gcc", "-mthumb", "-Os", "-g", "-Wall", "-Wextra", "-Werror",
                    *flags, f"-I{SOURCE}/target-loader/firmware/include", "-nostdlib",
                    "-T", SOURCE / "examples/module.ld",
                    "-Wl,--emit-relocs,--unresolved-symbols=ignore-all",
                    MODULES / f"{name}.c", "-o", elf, "-lgcc"], check=True)
    subprocess.run([MKMOD, "--version", "1.2.3", *mkmod, elf, "-o", image], check=True)
    return image


def example(name):
    return BUILD / f"examples/{name}.bin"


def good(name, version="1.2.3"):
    return f"module {name} {version}: returned 0"


def case_hello(folder):
    """The trivial example and the one with a string and a call run, and print."""
    run = Run(example("trivial"), example("hello"), cwd=folder).ended(0)
    expect(run.modules() == [good("trivial", "1.0.0"), "Hello from a module",
                             good("hello", "1.0.0")], "other lines were wanted", run)
    run.memory_as_before()


def case_several(folder):
    """Many modules in one region, each aligned as it asks, all run in order."""
    names = ["memory", "unended", "heap", "weak_import"]
    images = [make(folder, name) for name in names]
    run = Run(*images, example("average"), *images).ended(0).memory_as_before()
    run.has("memory is as it should be", *[good(name) for name in names],
            "smallest   -7", "average    38", *[good(name) for name in names])
    run.has("[-7|   -7|-7   |-0007|beef|0000BEEF|c|text|ab  |  cd|%|4000000000]", "12345",
            good("unended"))


def case_returned_one(folder):
    """A module that returns 1 makes the run fail, and the others still run."""
    run = Run(make(folder, "returns_one"), example("hello")).ended(1).memory_as_before()
    run.has("module returns_one 1.2.3: returned 1", good("hello", "1.0.0"))


def broken(folder, name, change):
    """hello's image with a change of its bytes."""
    image = bytearray(example("hello").read_bytes())
    change(image)
    path = pathlib.Path(folder) / name
    path.write_bytes(image)
    return path


def flip(at):
    def change(image):
        image[at] ^= 0x40
    return change


def case_corrupt(folder):
    """A flipped bit in text or header is refused with numbers; the others run."""
    text = broken(folder, "text.bin", flip(70))
    header = broken(folder, "header.bin", flip(29))
    run = Run(text, example("hello"), header, example("trivial")).ended(1)
    run.matches(r"module at 0x08060000: refused: MODFMT_E_CRC: .* "
                r"\(offset 0x[0-9a-f]+, got 0x[0-9a-f]+, want 0x[0-9a-f]+\)")
    run.matches(r"module at 0x0806[0-9a-f]{4}: refused: MODFMT_E_HEADER_CHECK: .*")
    run.has(good("hello", "1.0.0"), good("trivial", "1.0.0"))
    run.matches(r"firmware: 4 modules, 2 returned 0; .*").memory_as_before()


def case_newer_version(folder):
    """An image of a later major version is refused and stepped over as a whole."""
    inner = example("trivial").read_bytes()

    def change(image):
        image[4] = 2
        # A whole image inside it must not be found by the scan.
        image += bytes(-len(image) % 32) + inner
        image[8:12] = len(image).to_bytes(4, "little")
        image[60:64] = zlib.crc32(image[:56]).to_bytes(4, "little")

    run = Run(broken(folder, "newer.bin", change), example("hello")).ended(1)
    run.matches(r"module at 0x08060000: refused: MODFMT_E_VERSION: .*")
    run.matches(r"firmware: 2 modules, 1 returned 0; .*").memory_as_before()


def case_endless(folder):
    """A module that does not return is stopped by the time-out."""
    run = Run("--timeout", "2", example("hello"), make(folder, "endless")).ended(4)
    run.has(good("hello", "1.0.0"))
    expect("does not return" in run.errors, "no word of why", run)


def case_missing_import(folder):
    """An import that the firmware lacks is refused by name, or by hash if names are gone."""
    named = make(folder, "missing_import")
    bare = make(folder, "missing_import", mkmod=["--strip-names"], as_name="bare")
    run = Run(named, bare, example("hello")).ended(1).memory_as_before()
    run.has("module missing_import 1.2.3: refused: MODLOAD_E_IMPORT: "
            "the firmware does not offer no_such_function (hash 0xb18ae409)",
            "module bare 1.2.3: refused: MODLOAD_E_IMPORT: "
            "the firmware does not offer what has no name here (hash 0xb18ae409)", good("hello", "1.0.0"))


def case_order(folder):
    """Constructors run in order before the entry, destructors backwards after it."""
    Run(make(folder, "order"), example("cxx")).ended(0).memory_as_before().has(
        "1 first", "2 second", "3 third", "4 fourth", "5 entry", "6 seventh", "7 last",
        good("order"), "constructed", "square of area 49", "rectangle of area 15",
        "destructed after 2 shapes", good("cxx", "1.0.0"))


def same_in_all_ways(folder, *ways):
    images = [make(folder, name) for name in ("memory", "order", "heap", "weak_import")]
    images += [example(name) for name in ("hello", "average", "cxx")]
    block = Run(*images).ended(0).memory_as_before()
    for way in ways:
        other = Run(*way, *images).ended(0).memory_as_before()
        expect(other.modules() == block.modules(), f"{way}: other lines", other)


def case_apart(folder):
    """Text and data placed apart give the same as one block."""
    same_in_all_ways(folder, ["--apart"])


def case_read(folder):
    """Images read in chunks give the same as mapped ones, also apart, also broken ones."""
    same_in_all_ways(folder, ["--read"], ["--read", "--apart"])
    run = Run("--read", broken(folder, "text.bin", flip(70)),
              make(folder, "missing_import")).ended(1).memory_as_before()
    run.matches(r"module at 0x08060000: refused: MODFMT_E_CRC: .*")
    run.matches(r"module missing_import 1\.2\.3: refused: MODLOAD_E_IMPORT: .*")


def case_bookkeeping(folder):
    """Failures of every kind leave module RAM as it was, so that all of it is there next."""
    failures = [make(folder, "huge"), make(folder, "missing_import"),
                broken(folder, "text.bin", flip(70)), make(folder, "leak")]
    for way in ([], ["--apart"], ["--read"]):
        run = Run(*way, *failures, *failures, example("hello")).ended(1).memory_as_before()
        run.matches(r"module huge 1\.2\.3: refused: MODLOAD_E_MEMORY: .*got 0x30[0-9a-f]+, .*")
        run.has("module leak 1.2.3: returned 0; 100 bytes that it had not freed were taken back",
                good("hello", "1.0.0"))


def case_fault(folder):
    """A fault is told with the module and the offset in it, and ends the run."""
    run = Run(example("hello"), make(folder, "fault"), example("trivial")).ended(1)
    run.matches(r"module fault 1\.2\.3: faulted: pc fault\+0x[0-9a-f]+ \(0x2000[0-9a-f]{4}\), "
                r"lr 0x0800[0-9a-f]{4}, CFSR 0x[0-9a-f]{8}, .*")
    expect("trivial" not in run.text, "it went on", run)


def case_deep(folder):
    """A module that uses up the stack faults instead of writing over the firmware's data."""
    run = Run(make(folder, "deep")).ended(1)
    run.matches(r"module deep 1\.2\.3: faulted: .*")


def case_clock(folder):
    """Time goes on; with --icount two runs are the same to the byte."""
    image = make(folder, "clock")
    Run(image).ended(0)
    Run("--icount", image).ended(0)
    once, again = (Run("--icount", example("average"), image) for _ in range(2))
    expect(once.text == again.text, "two runs differ", f"{once}\n{again}")


def case_needs(folder):
    """Code of smaller cores runs on the M4, code of larger ones is refused."""
    small = make(folder, "memory", ["-mcpu=cortex-m0"], as_name="small")
    fpu = make(folder, "heap", ["-mcpu=cortex-m4", "-mfloat-abi=hard", "-mfpu=fpv4-sp-d16"])
    large = make(folder, "memory", ["-mcpu=cortex-m33"], as_name="large")
    run = Run(small, fpu, large).ended(1).memory_as_before()
    run.has(good("small"), good("heap"))
    run.matches(r"module large 1\.2\.3: refused: MODLOAD_E_NEEDS: .*")


def case_cores(folder):
    """Cores of ARMv6-M, v7-M and v8-M run images for themselves and for smaller ones, and
    refuse those for larger ones."""
    boards = (("cortex-m0", "microbit"), ("cortex-m3", "mps2-an385"),
              ("cortex-m4", "stm32f405"), ("cortex-m33", "mps2-an505"))
    runs_on = {"cortex-m0": 4, "cortex-m3": 3, "cortex-m4": 2, "cortex-m33": 1}
    for index, (core, board) in enumerate(boards):
        firmware = BUILD / f"cross/{core}/target-loader/firmware/{board}.elf"
        images, lines = [], []
        for maker, cores in runs_on.items():
            names = ("memory", "heap", "order")
            images += [make(folder, name, [f"-mcpu={maker}"], as_name=f"{name}-{maker}")
                       for name in names]
            fits = index >= len(boards) - cores
            lines += [f"module {name}-{maker} 1.2.3: " + ("returned 0" if fits else "refused")
                      for name in names]
        all_run = index == len(boards) - 1
        for way in ([], ["--apart", "--read"]):
            run = Run("--firmware", firmware, *way, *images).ended(0 if all_run else 1)
            got = [line.split(": MODLOAD_E_NEEDS")[0] for line in run.lines
                   if re.match(r"module \S+ 1\.2\.3: ", line)]
            expect(got == lines, f"{board}: wanted {lines}", run)
            free = FREE.findall(run.text)
            expect(len(free) == 2 and free[0] == free[1], "module RAM is not as before", run)


def case_static_base(folder):
    """Code that counts on r9 gets its static base, in constructors as well."""
    flags = ["-mcpu=cortex-m4", "-fpic", "-msingle-pic-base", "-mpic-register=r9",
             "-mno-pic-data-is-text-relative"]
    image = make(folder, "base", flags)
    for way in ([], ["--apart"], ["--read"]):
        Run(*way, image).ended(0).memory_as_before().has(good("base"))


def case_messages(folder):
    """run-qemu.sh says what is wrong with its arguments, each with the right status."""
    large = pathlib.Path(folder) / "large.bin"
    large.write_bytes(bytes(200000))
    empty = pathlib.Path(folder) / "empty.bin"
    empty.write_bytes(b"")
    hello = example("hello")
    for arguments, status, words in (
            ([], 2, "no module given"), (["--no-such"], 2, "unknown option --no-such"),
            (["--timeout"], 2, "wants an argument"),
            (["--timeout", "x", hello], 2, "number of seconds"),
            (["no.bin"], 3, "no.bin: no such file"), ([folder], 3, "no such file"),
            (["--firmware", "no.elf", hello], 3, "no.elf: no such file"),
            (["--firmware", hello, hello], 3, "not an ELF file"),
            ([large], 1, "no room")):
        run = Run(*arguments, cwd=folder).ended(status)
        lines = [line for line in run.errors.splitlines() if line.startswith("run-qemu: ")]
        expect(len(lines) == 1 and words in lines[0], f"{arguments}: wanted {words!r}", run)
    expect("usage" in Run("--help").ended(0).text, "no usage in --help")
    run = Run(empty).ended(1)
    run.matches(r"firmware: 0 modules, 0 returned 0; .*")


def case_boards(folder):
    """All three boards have a firmware, in its place and with the RAM that is promised."""
    for core, board, ram, size in (("cortex-m4", "stm32f405", 0x20000000, 128),
                                   ("cortex-m4", "stm32f411", 0x20000000, 128),
                                   ("cortex-m7", "stm32h753", 0x24000000, 512)):
        elf = BUILD / f"cross/{core}/target-loader/firmware/{board}.elf"
        out = subprocess.run(["arm-none-eabi-nm", elf], capture_output=True, check=True)
        at = {name: int(value, 16) for value, _, name in
              (line.split() for line in out.stdout.decode().splitlines() if len(line.split()) == 3)}
        expect(at["_modules_begin"] == 0x08060000 and at["_modules_end"] == 0x08080000,
               f"{board}: module region", at)
        expect(at["_stack_limit"] == ram and at["_stack_top"] - ram >= 8192, f"{board}: stack")
        expect(at["_module_ram_end"] == ram + size * 1024, f"{board}: end of RAM")
        expect(at["_module_ram_end"] - at["_module_ram_begin"] >= 65536, f"{board}: module RAM")
        head = elf.read_bytes()
        expect(head[:4] == b"\x7fELF" and head[18] == 40, f"{board}: not an ARM ELF")


def main():
    case = globals().get("case_" + sys.argv[1])
    if not case:
        sys.exit(f"no such case: {sys.argv[1]}")
    with tempfile.TemporaryDirectory() as folder:
        try:
            case(folder)
        except Failure as failure:
            print(f"FAILED: {case.__doc__}\n{failure}")
            sys.exit(1)
    print(f"ok: {case.__doc__}")


if __name__ == "__main__":
    main()
