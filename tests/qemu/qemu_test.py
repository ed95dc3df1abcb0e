#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""qemu_test.py CASE: modules on the demo firmware, on QEMU, through scripts/run-qemu.sh.

Environment: MODFMT_SOURCE, MODFMT_BUILD, MKMOD, STORE_FILE. A case is a function of this file that
starts with case_; its first line of text says what it proves.
"""
import os
import pathlib
import re
import struct
import subprocess
import sys
import tempfile
import zlib

from elftools.elf.elffile import ELFFile

SOURCE = pathlib.Path(os.environ["MODFMT_SOURCE"])
sys.dont_write_bytecode = sys.pycache_prefix is None
sys.path[:0] = [str(SOURCE / "specs"), str(SOURCE / "specs/vectors")]

import encoder   # noqa: E402

BUILD = pathlib.Path(os.environ["MODFMT_BUILD"])
MKMOD = os.environ["MKMOD"]
STORE_FILE = os.environ["STORE_FILE"]
FIRMWARE = BUILD / "cross/cortex-m4/target-loader/firmware/stm32f405.elf"
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
        done = subprocess.run(command, capture_output=True, cwd=cwd, timeout=900)
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


# It has no data, and nothing to be fixed in its text.
TRIVIAL = good("trivial", "1.0.0") + " (in place, 0 bytes of RAM)"


def case_hello(folder):
    """The trivial example and the one with a string and a call run, and print."""
    run = Run(example("trivial"), example("hello"), cwd=folder).ended(0)
    expect(run.modules() == [TRIVIAL, "Hello from a module",
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
    run.has("module returns_one 1.2.3: returned 1 (in place, 0 bytes of RAM)",
            good("hello", "1.0.0"))


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
    run.has(good("hello", "1.0.0"), TRIVIAL)
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


def lies_at(folder, text_mem, align):
    """A module that returns 0 if its data lies at text_mem modulo the alignment, 2^align; fix-ups
    are at any byte of it."""
    mask = min(1 << align, 256) - 1
    code = struct.pack("<6HI", 0x4802, 0x2100 | mask, 0x4008, 0x3800 | text_mem & mask, 0x4770,
                       0x46c0, 0)   # ldr r0, =data; movs r1, #; ands r0, r1; subs r0, #; bx lr
    name = f"at-{text_mem}-{1 << align}"
    image = encoder.Image(
        code.ljust(text_mem, b"\xaa"), bytes(40), data_mem=60, entry=1, flags=3,
        fixes=[encoder.word("text", 12, "data", 0), encoder.word("data", 0, "text", 1),
               encoder.word("data", 4, "data", 0), encoder.word("data", 29, "data", 0)],
        header={"needs": 1, "data_align": align}, tags=[encoder.tag("name", name.encode())])
    path = pathlib.Path(folder) / f"{name}.bin"
    path.write_bytes(image.build())
    return name, path


def case_remainders(folder):
    """Data lies at text_mem modulo its alignment, also at odd addresses on a core that cannot
    read words there, and all memory is given back."""
    modules = dict(lies_at(folder, *how) for how in (
        (16, 2), (20, 3), (52, 5), (36, 10), (17, 2), (22, 3), (31, 5), (16, 0), (19, 0)))
    for firmware in (BUILD / "cross/cortex-m0/target-loader/firmware/microbit.elf", FIRMWARE):
        for ways in ([], ["--apart"], ["--apart", "--read"]):
            run = Run("--firmware", firmware, *ways, *modules.values()).ended(0)
            run.has(*(good(name, "0.0.0") for name in modules))
            free = FREE.findall(run.text)
            expect(len(free) == 2 and free[0] == free[1], "module RAM is not as before", run)


def case_two_memories(folder):
    """Text and data of one image go into different memories where the firmware has them."""
    firmware = BUILD / "cross/cortex-m3/target-loader/firmware/mps2-an385.elf"
    image = make(folder, "where", ["-mcpu=cortex-m3"])
    for ways, data in (([], "20"), (["--apart"], "21"), (["--apart", "--read"], "21")):
        run = Run("--firmware", firmware, *ways, image).ended(0).memory_as_before()
        run.has(f"text at 20, data at {data}, 42", good("where"))


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
    for way, place in (["--copy"], "2000"), ([], "0806"):
        run = Run(*way, example("hello"), make(folder, "fault"), example("trivial")).ended(1)
        run.matches(r"module fault 1\.2\.3: faulted: pc fault\+0x[0-9a-f]+ "
                    rf"\(0x{place}[0-9a-f]{{4}}\), lr 0x0800[0-9a-f]{{4}}, CFSR 0x[0-9a-f]{{8}}, .*")
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
    names = ("memory", "heap", "order")
    images = [make(folder, name, [f"-mcpu={maker}"], as_name=f"{name}-{maker}")
              for maker in runs_on for name in names]
    for index, (core, board) in enumerate(boards):
        firmware = BUILD / f"cross/{core}/target-loader/firmware/{board}.elf"
        lines = []
        for maker, cores in runs_on.items():
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
    for way in (["--copy"], ["--copy", "--apart"], ["--read"]):
        Run(*way, image).ended(0).memory_as_before().has(good("base"))
    Run(image).ended(0).memory_as_before().matches(r"module base .* \(in place, \d+ bytes of RAM\)")


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
        expect(at["_arena_end"] == ram + size * 1024, f"{board}: end of RAM")
        expect(at["_arena_end"] - at["_arena_begin"] >= 16384 and
               at["_arena_begin"] == at["_module_ram_end"], f"{board}: arena")
        expect(at["_module_ram_end"] - at["_module_ram_begin"] >= 65536, f"{board}: module RAM")
        head = elf.read_bytes()
        expect(head[:4] == b"\x7fELF" and head[18] == 40, f"{board}: not an ARM ELF")


def flash_of(folder, *, firmware=False):
    """A flash of 1 MiB, erased, or with the demo firmware in it."""
    path = pathlib.Path(folder) / "flash.img"
    content = b""
    if firmware:
        binary = pathlib.Path(folder) / "firmware.bin"
        subprocess.run(["arm-none-eabi-objcopy", "-O", "binary", FIRMWARE, binary], check=True)
        content = binary.read_bytes()
    path.write_bytes(content + b"\xff" * (0x100000 - len(content)))
    return path


def store(flash, *verb, status=0):
    """A verb on the store of the region 0x08060000:128K, by libmodfmt on the host."""
    done = subprocess.run([STORE_FILE, flash, "0x60000:131072", *verb], capture_output=True,
                          text=True)
    expect(done.returncode == status, f"store_file {verb}", done.stderr)
    return done.stdout


def offset_of(flash, image):
    """Where the image lies in the flash."""
    at = flash.read_bytes().find(image.read_bytes())
    expect(at >= 0x60000, "the image is not there")
    return at


def overwrite(flash, at, content):
    whole = bytearray(flash.read_bytes())
    whole[at:at + len(content)] = content
    flash.write_bytes(whole)


def case_flash_file(folder):
    """--flash boots a flash file, with its own firmware or with ours put in, and leaves it
    alone."""
    image = example("hello").read_bytes()
    for firmware in (False, True):
        flash = flash_of(folder, firmware=firmware)
        overwrite(flash, 0x60000, image)
        before = flash.read_bytes()
        run = Run("--flash", flash, cwd=folder).ended(0).memory_as_before()
        expect(run.modules() == ["Hello from a module", good("hello", "1.0.0")], "lines", run)
        expect(flash.read_bytes() == before, "the file was changed")
    # What the file has is what runs: a text of the firmware, changed in the file only.
    at = before.find(b"firmware on %s")
    overwrite(flash, at, b"FIRMWARE")
    expect(Run("--flash", flash).ended(0).lines[0].startswith("FIRMWARE on"), "not that very flash")
    short = pathlib.Path(folder) / "short.img"
    short.write_bytes(before[:0x60000 + len(image)])
    Run("--flash", short).ended(0).has(good("hello", "1.0.0"))
    overwrite(flash, 0x60000 - 32, b"other")
    for arguments, status, words in (
            (["--flash"], 2, "wants an argument"), (["--flash", "no.img"], 3, "no such file"),
            (["--flash", flash, example("hello")], 2, "either modules or --flash"),
            (["--flash", flash], 1, "something else than the demo firmware")):
        run = Run(*arguments, cwd=folder).ended(status)
        expect(words in run.errors, f"{arguments}: wanted {words!r}", run)


def case_stored(folder):
    """What the store says is live runs, the oldest change first; nothing else does."""
    one, two = (example("hello"), example("trivial"))
    newer = make(folder, "memory")
    older = make(folder, "memory", ["-mcpu=cortex-m0"], ["--version", "0.9.0"], as_name="older")
    older = make_named(folder, older, "older", "memory")
    flash = flash_of(folder)
    store(flash, "install", older, one, two)
    Run("--flash", flash).ended(0).memory_as_before().has(
        good("memory", "0.9.0"), good("hello", "1.0.0"), TRIVIAL)
    store(flash, "install", newer)
    run = Run("--flash", flash).ended(0).memory_as_before()
    run.has(good("hello", "1.0.0"), TRIVIAL, good("memory"))
    expect("0.9.0" not in run.text, "the old version ran", run)
    offset_of(flash, older)
    store(flash, "remove", "hello", "trivial")
    Run("--flash", flash).ended(0).has(good("memory")).matches(r"firmware: 1 modules, 1 .*")
    store(flash, "remove", "memory")
    Run("--flash", flash).ended(1).matches(r"firmware: 0 modules, 0 returned 0; .*")
    # Chunked reads and text apart see the same images.
    store(flash, "install", one)
    Run("--flash", flash, "--read", "--apart").ended(0).has(good("hello", "1.0.0"))


def case_retired(folder):
    """A region whose directory was retired is empty, although images lie in it; and a bare
    image that st-flash writes there counts again."""
    flash = flash_of(folder)
    store(flash, "install", example("hello"), example("trivial"))
    expect(offset_of(flash, example("hello")) == 0x60000, "not at the region's start")
    store(flash, "retire")
    Run("--flash", flash).ended(1).matches(r"firmware: 0 modules, 0 returned 0; .*")
    overwrite(flash, 0x60000, example("average").read_bytes())
    run = Run("--flash", flash).ended(0).has(good("average", "1.0.0"))
    run.matches(r"firmware: 1 modules, 1 .*")


def case_store_errors(folder):
    """A damaged directory, lost images and more than the firmware has room for are told in
    a line, and nothing crashes."""
    images = [make_named(folder, example("trivial"), "trivial", f"m{i:06}") for i in range(65)]
    flash = flash_of(folder)
    store(flash, "install", *images[:64])
    Run("--flash", flash).ended(0).matches(r"firmware: 64 modules, 64 .*")
    lost = offset_of(flash, images[3])
    overwrite(flash, lost, bytes(64))
    run = Run("--flash", flash).ended(0).matches(r"firmware: 63 modules, 63 .*")
    run.matches(r"module store: 1 of its modules are gone: .*")
    overwrite(flash, lost, images[3].read_bytes())
    store(flash, "install", images[64])
    run = Run("--flash", flash).ended(1).matches(r"firmware: 0 modules, 0 .*")
    run.matches(r"module store: there are more modules .* \(got 0x41, want 0x40\)")
    # The slots are counted from the end.
    whole, slot = flash.read_bytes(), 0
    while whole[0x80000 - 32 * slot - 32] != layout("MODFMT_STORE_IMAGE"):
        slot += 1
    overwrite(flash, 0x80000 - 32 * slot - 32, bytes(32))
    Run("--flash", flash).ended(1).matches(r"module store: a record of the directory .*")


def layout(name):
    """The header's value of that name."""
    text = (SOURCE / "libmodfmt/modfmt_layout.h").read_text()
    return int(re.search(rf"^#define {name} (\w+?)u?(?: |$)", text, re.M)[1], 0)


class Firmware:
    """A firmware's ELF: its symbols, and what lies at an address."""

    def __init__(self, path):
        self.file = open(path, "rb")
        elf = ELFFile(self.file)
        self.symbols = {s.name: s["st_value"] for s in elf.get_section_by_name(".symtab").iter_symbols()}
        self.segments = [(s["p_paddr"], s.data()) for s in elf.iter_segments()
                         if s["p_type"] == "PT_LOAD"]
        self.build_id = bytes.fromhex(next(
            note["n_desc"] for section in elf.iter_sections() if section["sh_type"] == "SHT_NOTE"
            for note in section.iter_notes() if note["n_type"] == "NT_GNU_BUILD_ID"))

    def at(self, address, size):
        for base, content in self.segments:
            if base <= address and address + size <= base + len(content):
                return content[address - base:address - base + size]
        raise Failure(f"nothing is loaded at 0x{address:08x}")

    def words(self, address, count):
        return struct.unpack(f"<{count}I", self.at(address, 4 * count))


def check_descriptor(path, core):
    firmware = Firmware(path)
    here = path.name
    names = ("MAGIC", "SELF", "SIZE", "VERSION", "REGION_BEGIN", "REGION_END", "FEATURES",
             "EXPORTS", "EXPORT_COUNT", "BUILD_ID", "BUILD_ID_SIZE", "ARENA_BEGIN", "ARENA_END",
             "API_VERSION")
    vector = firmware.symbols["_flash_begin"] + 4 * layout("MODFMT_HOST_VECTOR")
    at = firmware.words(vector, 1)[0]
    size = firmware.words(at + layout("MODFMT_HOST_OFF_SIZE"), 1)[0]
    d = {name: firmware.words(at + layout(f"MODFMT_HOST_OFF_{name}"), 1)[0] for name in names}
    expect(d["MAGIC"] == layout("MODFMT_HOST_MAGIC") and d["SELF"] == at, f"{here}: not there")
    expect(at % 4 == 0 and size == 4 * len(names) and d["VERSION"] == 1, f"{here}: shape")
    expect(firmware.at(at, 4) == b"MODH", f"{here}: magic")
    expect(d["REGION_BEGIN"] == firmware.symbols["_modules_begin"] and
           d["REGION_END"] == firmware.symbols["_modules_end"], f"{here}: region")
    expect(d["FEATURES"] == FEATURES[core], f"{here}: features 0x{d['FEATURES']:x}")
    expect(firmware.at(d["BUILD_ID"], d["BUILD_ID_SIZE"]) == firmware.build_id and
           d["BUILD_ID_SIZE"] == 20, f"{here}: build id")
    expect(d["ARENA_BEGIN"] == firmware.symbols["_arena_begin"] < d["ARENA_END"] ==
           firmware.symbols["_arena_end"], f"{here}: arena")
    described = (SOURCE / "target-loader/firmware/firmware.api").read_text()
    major, minor = map(int, re.search(r"^version (\d+)\.(\d+)\.", described, re.M).groups())
    expect(d["API_VERSION"] == major << 16 | minor, f"{here}: version of the interface")
    # Linked modules are for one build id: so it may not tell where the firmware was built.
    expect(not any(str(where).encode() in path.read_bytes() for where in (SOURCE, BUILD)),
           f"{here}: says in which folder it was built")
    behind = dict(re.findall(r'^"(\w+)=(\w+)"', (SOURCE / "target-loader/firmware/exports.csv")
                             .read_text(), re.M))
    wanted = {fnv1a(name): (int(tag, 16), firmware.symbols[behind.get(name, name)])
              for name, tag in re.findall(r"^function (\S+) (\w{8})$", described, re.M)}
    table = firmware.words(d["EXPORTS"], 3 * d["EXPORT_COUNT"])
    hashes, types, addresses = table[::3], table[1::3], table[2::3]
    expect(len(wanted) > 40 and list(hashes) == sorted(wanted), f"{here}: hashes")
    expect(all(wanted[h] == (t, a) and a & 1 for h, t, a in zip(hashes, types, addresses)),
           f"{here}: types, and addresses with the Thumb bit")


def fnv1a(name):
    value = 0x811c9dc5
    for byte in name.encode():
        value = (value ^ byte) * 0x01000193 & 0xffffffff
    return value


# By the cores' reference manuals, in the numbers of specs/modfmt.md: M0; M3; M4 with
# FPv4-SP; M7 with double precision; M33 with DSP and FPv5-SP. Both ABIs.
FEATURES = {"cortex-m0": 0xc01, "cortex-m3": 0xc03, "cortex-m4": 0xc87, "cortex-m7": 0xf87,
            "cortex-m33": 0xe9f}


def case_descriptor(folder):
    """Every firmware's descriptor says what its ELF says, word for word."""
    seen = 0
    for core in FEATURES:
        for path in sorted((BUILD / f"cross/{core}/target-loader/firmware").glob("*.elf")):
            check_descriptor(path, core)
            seen += 1
    expect(seen == 9, f"{seen} firmwares")


# Core, board, its file and switch, and an address where nothing is, behind memory.
READERS = (("cortex-m0", "microbit", "nrf51", "BOARD_MICROBIT", 0x20004000),
           ("cortex-m3", "mps2-an385", "mps2", "BOARD_MPS2_AN385", 0x24000000),
           ("cortex-m4", "stm32f405", "stm32f4", "BOARD_STM32F405", 0x08100000),
           ("cortex-m33", "mps2-an505", "mps2", "BOARD_MPS2_AN505", 0x81000000))


def case_read_fault(folder):
    """A read that faults, as one of a torn unit of ECC flash does, returns an error on every
    core; other faults are told as before."""
    loader, firmware = SOURCE / "target-loader", SOURCE / "target-loader/firmware"
    for core, board, file, switch, nothing in READERS:
        elf = pathlib.Path(folder) / f"{board}.elf"
        subprocess.run(
            ["arm-none-eabi-gcc", f"-mcpu={core}", "-mthumb", "-Os", "-std=c11", "-ffreestanding",
             "-ffunction-sections", "-Wall", "-Wextra", "-Werror", f"-D{switch}",
             f"-DNOTHING_THERE=0x{nothing:x}u", f"-I{SOURCE}/libmodfmt", f"-I{loader}",
             f"-I{loader}/port/cortex-m", f"-I{loader}/port/stm32", f"-I{firmware}",
             f"-I{firmware}/include", "-nostartfiles", "-Wl,--gc-sections,--build-id=sha1",
             "-T", firmware / f"boards/{board}.ld", f"-L{firmware}",
             SOURCE / "tests/qemu/read_fault.c", firmware / f"boards/{file}.c",
             *[firmware / f"{name}.c" for name in ("start", "faults", "console", "emulation", "clock")],
             loader / "port/cortex-m/read.c", loader / "port/cortex-m/read.S", "-o", elf],
            check=True)
        run = Run("--firmware", elf, example("hello")).ended(1)
        text = "0123456789abcdef0123456789abcdef.."
        expect(run.lines[:5] == run.lines[5:10] == run.lines[10:15], f"{board}: not the same", run)
        expect(run.lines[:5] == [f"good {text}", "good " + "." * 34, "good 12345" + "." * 29,
                                 "good " + "." * 34, "good " + "." * 26], board, run)
        expect(run.lines[15] == "now a fault that is none of ours", board, run)
        run.matches(r"read_fault: faulted: pc 0x[0-9a-f]{8}, lr .*")


def make_named(folder, image, old, new):
    """The same image under another name of the same length."""
    content = bytearray(image.read_bytes())
    at = content.find(old.encode())
    expect(at > 0 and len(old) <= len(new) <= -(-len(old) // 4) * 4, "cannot rename")
    content[at:at + len(new)] = new.encode()
    content[at - 3] = len(new)
    content[56:60] = bytes(4)
    content[56:60] = zlib.crc32(content).to_bytes(4, "little")
    path = pathlib.Path(folder) / f"{new}-{old}.bin"
    path.write_bytes(content)
    return path


def main(cases):
    """Run the case that the command line names, one of a module's globals()."""
    case = cases.get("case_" + sys.argv[1])
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
    main(globals())
