#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""bench.py [--json] [--check] [--no-times] [--sections]
         [--mkmod PATH] [--modflash PATH] [--board PATH] [--source DIR] [--work DIR]

Measures what the loader costs, and prints it beside the budgets. Bytes come from the
linker's map, instructions from QEMU with -icount (exact, every run the same), times from
the clock (best of some runs; they depend on the machine), what happens to a board from
virtual-board (flash.py).

--json   figures as JSON
--check  exit 1 if a count of bytes or instructions is over its budget, or, where a budget is
         known not to be met (OVER, below), worse than what was reached; times never count
--no-times  leave them out
--sections  print the loader's functions with their sizes, nothing else
"""
import argparse
import json
import os
import pathlib
import re
import subprocess
import sys
import tempfile
import time
import tomllib

import flash
import modes

BENCH = pathlib.Path(__file__).resolve().parent
# As in cross/cortex-m4.ini.
CORE = ["-mcpu=cortex-m4", "-mfloat-abi=softfp", "-mfpu=fpv4-sp-d16", "-mthumb"]
SHAPE = ["-Os", "-std=c11", "-ffreestanding", "-ffunction-sections", "-fdata-sections"]
SWITCHES = ("MODFMT_WITH_MOV", "MODFMT_WITH_IMPORTS", "MODFMT_WITH_RELATIVE",
            "MODFMT_WITH_REFILL", "MODLOAD_WITH_CRC",
            "MODLOAD_WITH_READ", "MODLOAD_WITH_APART", "MODLOAD_WITH_ARRAYS",
            "MODLOAD_WITH_IN_PLACE", "MODLOAD_WITH_LINKED", "MODLOAD_WITH_DEPENDENCIES")
XIP = ["-fpic", "-msingle-pic-base", "-mpic-register=r9", "-mno-pic-data-is-text-relative"]
# What is on in each configuration of the loader.
WORDS = {"MODLOAD_WITH_CRC"}
PLACES = {"MODLOAD_WITH_IN_PLACE", "MODLOAD_WITH_LINKED"}
CONFIGURATIONS = {
    "words": WORDS,
    "imports": WORDS | {"MODFMT_WITH_IMPORTS"},
    "mov": WORDS | {"MODFMT_WITH_IMPORTS", "MODFMT_WITH_MOV"},
    "all": set(SWITCHES) - {"MODLOAD_WITH_DEPENDENCIES"} - PLACES,
    "tables": set(SWITCHES) - {"MODLOAD_WITH_DEPENDENCIES"} - PLACES,
    "alone": set(SWITCHES) - {"MODLOAD_WITH_DEPENDENCIES"} - PLACES,
    "life": set(SWITCHES) - PLACES,
}
# What a firmware uses of it; see smallest.c.
SMALLEST = {"tables": 1, "alone": 2, "life": 2}
# Budgets that are not met, with the most that the figure may be until they are: --check fails
# if one gets worse, and if one is met and still stands here.
OVER = {
    "  with imports and MOVW/MOVT": 1410,
    "  with chunked reads, apart placement, init arrays": 2054,
    "  with modules that need and export to others": 4374,
    # Groups have more cases than before rows and long runs, and imports with many places have
    # lists of their own: 14.08 and 27,610 then, when the plain load took 19,968.
    "relocation per word fix-up, plain build, 551 internal ones": 15.85,
    "load without CRC and import search, plain build": 19230,
    "load without CRC and import search, -mlong-calls": 32650,
}
LIBRARY = ("libmodfmt/modfmt_header.c", "libmodfmt/modfmt_reloc.c", "libmodfmt/modfmt_crc.c",
           "libmodfmt/modfmt_hash.c",
           *(f"target-loader/modload{part}.c"
             for part in ("", "_scan", "_tables", "_life", "_start", "_tags", "_exports", "_debug")))
NANO = "libc_nano.a"
LAYOUT = tomllib.loads((BENCH.parent.parent / "specs/layout.toml").read_text())
HEADER = {x["name"]: (x["offset"], x["size"]) for x in LAYOUT["header"]}
MOV, IMPORT, IMPORTS = (
    next(x["number"] for x in LAYOUT[table] if x["name"] == name)
    for table, name in (("reloc_kind", "mov"), ("reloc_target", "import"),
                        ("reloc_target", "imports")))
RUN_LONG = LAYOUT["reloc"]["run_long"]


def run(*command, **options):
    done = subprocess.run([str(part) for part in command], capture_output=True, text=True,
                          **options)
    if done.returncode != 0:
        sys.exit(f"bench: failed: {' '.join(map(str, command))}\n{done.stdout}{done.stderr}")
    return done.stdout


# ---- bytes of code -------------------------------------------------------------

def map_sizes(text):
    """(section, object, bytes) of every input section that the linker kept."""
    text = text[text.index("Linker script and memory map"):]
    text = re.sub(r"^ (\.\S+)\n\s+0x", r" \1 0x", text, flags=re.M)
    for m in re.finditer(r"^ (\.\S+)\s+0x[0-9a-f]+\s+(0x[0-9a-f]+) (\S+)$", text, flags=re.M):
        yield m[1], os.path.basename(m[3]), int(m[2], 16)


OBJECTS = {}


def loader_object(path, work, command):
    """The object of a source of the loader. Most switches are nothing to most sources, so most
    are there already: what the preprocessor leaves tells."""
    text = run(*command, "-E", "-P", path)
    if text not in OBJECTS:
        OBJECTS[text] = work / f"loader-{len(OBJECTS)}-{path.name}.o"
        run(*command, "-c", path, "-o", OBJECTS[text])
    return OBJECTS[text]


def loader_sections(source, work, configuration):
    """{section: bytes} of what the loader brings into a firmware in a configuration."""
    on = CONFIGURATIONS[configuration]
    flags = [f"-D{switch}={int(switch in on)}" for switch in SWITCHES]
    name = work / f"loader-{configuration}"
    command = ["arm-none-eabi-gcc", *CORE, *SHAPE, *flags, f"-I{source}/libmodfmt",
               f"-I{source}/target-loader"]
    objects = [loader_object(source / path, work, command) for path in LIBRARY]
    run(*command, "-nostartfiles", "-T", BENCH / "smallest.ld",
        f"-DSMALLEST={SMALLEST.get(configuration, 0)}", "-Wl,--gc-sections", f"-Wl,-Map={name}.map", BENCH / "smallest.c", *objects,
        "-o", f"{name}.elf")
    sections = {}
    for section, owner, size in map_sizes(pathlib.Path(f"{name}.map").read_text()):
        if owner.startswith("loader-") and size != 0:
            sections[section] = sections.get(section, 0) + size
    if ".text.modload_image_load" not in sections:
        sys.exit("bench: nothing of the loader was found in the linker's map")
    return sections


def trusted_size(source, work):
    """The loader without checks is a function of its own, and needs nothing else."""
    obj = work / "trusted.o"
    run("arm-none-eabi-gcc", *CORE, *SHAPE, f"-I{source}/libmodfmt", "-c",
        source / "target-loader/modload_trusted.c", "-o", obj)
    sizes = run("arm-none-eabi-size", "-A", obj)
    return sum(int(n) for n in re.findall(r"^\.(?:text|rodata)\S*\s+(\d+)", sizes, re.M))


def size_of(sections, *kinds):
    return sum(size for name, size in sections.items() if name.startswith(kinds))


def print_sections(source, work):
    """For who wants to make the loader smaller."""
    for configuration in CONFIGURATIONS:
        sections = loader_sections(source, work, configuration)
        print(f"{configuration}: {size_of(sections, '.text', '.rodata')} bytes")
        for name, size in sorted(sections.items(), key=lambda x: -x[1]):
            if name.startswith((".text", ".rodata", ".data", ".bss")):
                print(f"  {size:5} {name}")


# ---- images --------------------------------------------------------------------

class Tools:
    def __init__(self, source, work, mkmod):
        self.source, self.work, self.mkmod = source, work, mkmod

    def gen(self, *arguments):
        run("/usr/bin/python3", BENCH / "gen.py", *arguments)
        return arguments[-1]

    def link(self, name, *arguments):
        elf = self.work / f"{name}.elf"
        run("arm-none-eabi-gcc", "-mcpu=cortex-m4", "-mthumb", "-Os", "-w", "-nostdlib",
            "-T", self.source / "examples/module.ld",
            "-Wl,--emit-relocs,--unresolved-symbols=ignore-all,--no-warn-rwx-segments",
            *arguments, "-o", elf)
        return elf

    def pack(self, elf, *options):
        image = elf.with_suffix(".bin")
        run(self.mkmod, "--untyped", *options, elf, "-o", image)
        return image

    def best_time(self, elf, runs=7):
        """Milliseconds of mkmod, the best of some runs."""
        best = 1e9
        for _ in range(runs):
            start = time.perf_counter()
            self.pack(elf)
            best = min(best, time.perf_counter() - start)
        return best * 1000


def up4(n):
    return (n + 3) & ~3


def field(image, name):
    """Of the header."""
    at, size = HEADER[name]
    return int.from_bytes(image[at:at + size], "little")


def relocation_lists(image):
    """(target, fix-ups, bytes) of each list. From specs/modfmt.md, 3; words only, which is
    all that GCC gives without -mslow-flash-data."""
    at = 64 + up4(field(image, "text_stored")) + up4(field(image, "data_stored"))
    end = at + field(image, "reloc_size")
    while at < end:
        start, target, kind = at, image[at] & 7, image[at] >> 5
        if kind == MOV:
            sys.exit("bench: an image has MOVW/MOVT fix-ups, which are not counted here")
        count, at = group_run(image, at + (3 if target in (IMPORT, IMPORTS) else 1))
        yield target, count, at - start
    if at != end:
        sys.exit("bench: the last relocation list runs over")


def group_run(image, at):
    """(fix-ups up to the end mark, offset behind it)."""
    count = skip = 0
    while image[at] != 0 or skip != 0:
        n = image[at] & 7
        skip = 0 if n else skip * 32 + (image[at] >> 3)
        at += 1
        if n == RUN_LONG:
            n, at = n + image[at], at + 1
        count += n
    return count, at + 1


def relocation_figures(image):
    """(internal fix-ups, the bytes of their lists, fix-ups in all)."""
    lists = list(relocation_lists(image))
    internal = [x for x in lists if x[0] not in (IMPORT, IMPORTS)]
    return (sum(x[1] for x in internal), sum(x[2] for x in internal),
            sum(x[1] for x in lists))


def instance_overhead(tools, elf, image):
    """Bytes of data's RAM that are not the ELF's, nor a word of an import, nor a function's
    trampoline."""
    sections = run("arm-none-eabi-readelf", "-SW", elf)
    data = [(int(at, 16), int(at, 16) + int(size, 16)) for at, size in re.findall(
        r"(?:PROGBITS|NOBITS|\w+_ARRAY) +(\w+) \w+ (\w+) \w+ +WA ", sections)]
    said = run(tools.mkmod, "--untyped", "--xip", "-v", elf, "-o", image)
    trampolines, words = re.search(r"(\d+) trampolines .* (\d+) words of imports", said).groups()
    return (field(image.read_bytes(), "data_mem") - 8 * int(trampolines) - 4 * int(words) -
            (max(end for _, end in data) - min(start for start, _ in data)))


# ---- instructions --------------------------------------------------------------

def bench_firmware(tools):
    """The firmware that measures itself."""
    s, work = tools.source, tools.work
    port, firmware = s / "target-loader/port", s / "target-loader/firmware"
    tools.gen("exports", work / "exports.S")
    flags = [*CORE, *SHAPE, "-DBOARD_STM32F405", f"-I{s}/libmodfmt", f"-I{s}/target-loader",
             f"-I{port}/cortex-m", f"-I{port}/stm32", f"-I{firmware}", f"-I{firmware}/include"]
    parts = []
    for path, name in (("libmodfmt/modfmt_crc.c", "crc_nibbles"),
                       ("libmodfmt/modfmt_crc_table.c", "crc_bytes"),
                       ("target-loader/port/stm32/crc.c", "crc_unit")):
        parts.append(work / f"{name}.o")
        run("arm-none-eabi-gcc", *flags, f"-Dmodfmt_crc32={name}", "-c", s / path,
            "-o", parts[-1])
    for path in LIBRARY:
        parts.append(work / f"firmware-{os.path.basename(path)}.o")
        run("arm-none-eabi-gcc", *flags, "-c", s / path, "-o", parts[-1])
    elf = work / "bench-firmware.elf"
    run("arm-none-eabi-gcc", *flags, "-nostartfiles", "-Wl,--gc-sections",
        "-Wl,--wrap=modfmt_relocate", "-Wl,--build-id=sha1", "-T", firmware / "boards/stm32f405.ld", f"-L{firmware}",
        BENCH / "firmware.c", *[firmware / name for name in
                                ("console.c", "emulation.c", "start.c",
                                 "descriptor.c", "boards/stm32f4.c")],
        port / "stm32/flash_f4.c", *sorted((s / "libmodfmt").glob("modfmt_store*.c")),
        *[port / "cortex-m" / name for name in ("port.c", "sync.c", "call.S", "arena.c")],
        work / "exports.S", *parts, "-o", elf)
    return elf


COPIED = ("load", "load_crc", "load_search", "load_apart", "load_read", "load_all")


def instruction_counts(tools, elf, *what, ways):
    """{image number: {figure: value}}; `what` run-qemu.sh is to run, and in which ways each
    of the images is to be loaded."""
    out = run(tools.source / "scripts/run-qemu.sh", "--firmware", elf, "--icount", *what)
    counts = {}
    for line in out.splitlines():
        m = re.fullmatch(r"(\d+) (\w+) (\d+)", line.strip())
        if not m:
            sys.exit(f"bench: the firmware said: {line}")
        counts.setdefault(int(m[1]), {})[m[2]] = int(m[3])
    for number, names in enumerate(ways):
        for way in names:
            if counts.get(number, {}).get(way + "_rc") != 0:
                sys.exit(f"bench: image {number}: {way} failed: {counts.get(number)}")
            if counts[number][way + "_returned"] != counts[0][ways[0][0] + "_returned"]:
                sys.exit(f"bench: image {number}: {way}: the module did not do what it should")
    return counts


def linked_counts(tools, elf, modflash, image):
    """The same of an image that modflash links to the first place in flash."""
    flash_image = tools.work / "linked.img"
    run(modflash, "--probe", f"file:{flash_image}", "--firmware", elf, "--xip-link", "--no-check",
        "install", image)
    return instruction_counts(tools, elf, "--flash", flash_image, ways=[["load_linked"]])[0]


# ---- the table -----------------------------------------------------------------

class Table:
    def __init__(self):
        self.figures = []

    def add(self, name, value, unit, budget=None, counts=True):
        """`counts`: --check holds it against the budget."""
        self.figures.append({"name": name, "value": round(value, 3), "unit": unit,
                             "budget": budget, "asserted": counts and budget is not None})

    def problems(self):
        """What --check has to say."""
        for f in self.figures:
            most = OVER.get(f["name"])
            if not f["asserted"]:
                continue
            if f["value"] <= f["budget"]:
                if most is not None:
                    yield f"{f['name']}: meets its budget now; take it out of OVER"
            elif most is None:
                yield f"{f['name']}: {f['value']} {f['unit']}, over its budget of {f['budget']}"
            elif f["value"] > most:
                yield (f"{f['name']}: {f['value']} {f['unit']}, worse than the {most} that was "
                       f"reached; its budget is {f['budget']}")

    def text(self):
        lines = [f"{'figure':<60}{'measured':>12}{'at most':>12}  ",
                 "-" * 86]
        for f in self.figures:
            value, budget = (("" if v is None else f"{v:,.2f}".rstrip("0").rstrip("."))
                             for v in (f["value"], f["budget"]))
            mark = "  over" if f["budget"] is not None and f["value"] > f["budget"] else ""
            lines.append(f"{f['name'] + ', ' + f['unit']:<60}{value:>12}{budget:>12}{mark}")
        return "\n".join(lines)


# All that a firmware may want of a loader whose images are mapped, and each left out. None has
# images in pieces, a registry of modules, or modules that need others.
WHOLE = set(SWITCHES) - {"MODFMT_WITH_REFILL", "MODLOAD_WITH_READ", "MODLOAD_WITH_DEPENDENCIES"}
COMBINATIONS = (
    ("RAM alone", WHOLE - PLACES - {"MODFMT_WITH_IMPORTS"}, 0, None),
    ("RAM, imports", WHOLE - PLACES, 0, None),
    ("RAM, imports, exports", WHOLE - PLACES, 1, None),
    ("RAM, XIP, imports, exports", WHOLE - {"MODLOAD_WITH_LINKED"}, 1, None),
    ("RAM, flash-linked, imports, exports", WHOLE - {"MODLOAD_WITH_IN_PLACE"}, 1, None),
    ("RAM, XIP, flash-linked, imports, exports", WHOLE, 1, None),
    ("RAM, XIP, flash-linked, imports, store scan", WHOLE, 3, None),
    ("RAM, XIP, flash-linked, exports, store scan, no imports", WHOLE - {"MODFMT_WITH_IMPORTS"},
     4, None),
    ("RAM, XIP, imports, exports, store scan", WHOLE - {"MODLOAD_WITH_LINKED"}, 4, None),
    ("RAM, flash-linked, imports, exports, store scan", WHOLE - {"MODLOAD_WITH_IN_PLACE"}, 4,
     None),
    ("RAM, XIP, flash-linked, imports, exports, store scan", WHOLE, 4, 2560),
    ("  the same, fix-ups of words only, RAM as one block",
     WHOLE - {"MODFMT_WITH_MOV", "MODFMT_WITH_RELATIVE", "MODLOAD_WITH_APART"}, 4, None),
    ("  of that the store scan (modload_scan.c)", None, None, None),
)


def add_combinations(table, source, work):
    for number, (title, on, smallest, budget) in enumerate(COMBINATIONS):
        if on is None:
            value = scan
        else:
            name = f"combination{number}"
            CONFIGURATIONS[name], SMALLEST[name] = on, smallest
            sections = loader_sections(source, work, name)
            value = size_of(sections, ".text", ".rodata")
            scan = sum(size for section, size in sections.items()
                       if section in (".text.modload_scan", ".text.get_", ".text.walk_"))
            title = title if title.startswith(" ") else f"loader: {title}"
        table.add(title, value, "B", budget)


def add_sizes(table, source, work):
    for name, title, budget in (
            ("words", "loader: mapped, one block, words, all checks, CRC", 1024),
            ("imports", "  with imports", None),
            ("mov", "  with imports and MOVW/MOVT", 1280),
            ("all", "  with chunked reads, apart placement, init arrays", 1664),
            ("tables", "  with the search in a table of exports", None),
            ("alone", "  with the life of modules that need no others", None),
            ("life", "  with modules that need and export to others", 2048)):
        sections = loader_sections(source, work, name)
        table.add(title, size_of(sections, ".text", ".rodata"), "B", budget)
    table.add("loader: copy and relocate trusted images, words only",
              trusted_size(source, work), "B", 224)
    return size_of(loader_sections(source, work, "all"), ".data", ".bss")


def add_places(table, plain, xip, linked):
    """What runs in place: the same module, made for that, and any module, linked there."""
    if xip["load_in_place_placement"] != 2 or linked["load_linked_placement"] != 3:
        sys.exit("bench: an image does not run in place")
    if linked["load_linked_returned"] != plain["load_returned"]:
        sys.exit("bench: linked, the module did not do what it should")
    table.add("load in place, without CRC and import search", xip["load_in_place"], "instr.",
              plain["load"] / 2)
    table.add("  the same image copied", xip["load"], "instr.")
    table.add("  stack", xip["load_in_place_stack"], "B", 256)
    bare = linked["load_linked_bare"]
    table.add("load of a linked image, without CRC", linked["load_linked"], "instr.",
              1.2 * bare + 1200)
    table.add("  of that copying and clearing data", bare, "instr.")
    table.add("  stack", linked["load_linked_stack"], "B", 256)


def add_loads(table, counts, images, memory):
    plain, long_calls, closed = counts[0], counts[1], counts[2]
    image_size = len(images[0])
    # The same functions with what they import inside the module: all fix-ups are words.
    closed_fixups = relocation_figures(images[2])[2]
    table.add(f"relocation per word fix-up, plain build, {closed_fixups} internal ones",
              closed["load_relocate"] / closed_fixups, "instr.", 12)
    table.add("binding per import, plain build, search not counted",
              (plain["load_relocate"] - closed["load_relocate"]) /
              field(images[0], "import_count"), "instr.")
    table.add("load without CRC and import search, plain build", plain["load"], "instr.", 15000)
    table.add("load without CRC and import search, -mlong-calls", long_calls["load"],
              "instr.", 19000)
    table.add("  the same, plain, apart", plain["load_apart"], "instr.")
    table.add("  the same, plain, in chunks", plain["load_read"], "instr.")
    table.add("import search per import, among 128 names",
              (plain["load_search"] - plain["load"]) / field(images[0], "import_count"), "instr.",
              80)
    table.add("export table, per symbol", plain["export_entry"], "B", 12)
    table.add("CRC in a load, per byte, reading in pieces included",
              (plain["load_crc"] - plain["load"]) / image_size, "instr.")
    for figure, title, budget in (("crc_nibbles", "CRC per byte, default, 64 B table", 11),
                                  ("crc_bytes", "CRC per byte, 1 KB table", 8),
                                  ("crc_unit", "CRC per byte, the STM32F4's CRC unit", 2)):
        table.add(title, counts[0][f"{figure}_per_4096"] / 4096, "instr.", budget)
    table.add("loader's RAM: struct modload_image and variables",
              plain["module_struct"] + memory, "B", 64)
    table.add("  with its life: struct modload_module", plain["life_struct"], "B")
    # Not the ways with a search: its stack is the port's.
    table.add("stack of a load, the deepest way, port not counted",
              max(c[way + "_stack"] for c in counts.values()
                  for way in ("load", "load_crc", "load_apart", "load_read")), "B", 256)


def add_images(table, tools, plain_elf, images):
    stripped = tools.pack(plain_elf, "--strip-names").read_bytes()
    table.add("image, plain build, import names stripped", len(stripped), "B", 11200)
    table.add("  of that text and data", field(stripped, "text_stored") + field(stripped, "data_stored"), "B")
    table.add("image, -mlong-calls build, with names", len(images[1]), "B")
    count, size, _ = relocation_figures(images[0])
    table.add(f"relocation per internal fix-up, {count} in the plain build",
              size / count, "B", 0.5)
    count, size, _ = relocation_figures(images[1])
    table.add(f"relocation per internal fix-up, {count} with -mlong-calls",
              size / count, "B")
    libc = tools.link("libc", tools.gen("module", tools.work / "libc.c"), "-Wl,--whole-archive",
                      f"-l:{NANO}", "-Wl,--no-whole-archive", "-lgcc")
    count, size, _ = relocation_figures(tools.pack(libc).read_bytes())
    table.add(f"relocation per internal fix-up, {count} with all of {NANO}",
              size / count, "B", 0.6)


def add_store(table, source, build):
    """What the store costs on the chip; tests/chip has the programs that measure it."""
    chip = build / "tests/chip"
    for text in (run("/usr/bin/python3", source / "tests/chip/sizes.py", source),
                 run(chip / "figures", chip / "chip_flash.bin")):
        for line in text.splitlines():
            title, value = line.rsplit(": ", 1)
            title, unit = title.rsplit(", ", 1)
            table.add(title, float(value.replace(",", "")), unit)


def add_times(table, tools, plain_elf):
    table.add("mkmod, bench module", tools.best_time(plain_elf, 15), "ms", 5, False)
    times = []
    for count in (250000, 500000):
        source = tools.work / f"fixups{count}.S"
        elf = tools.link(f"fixups{count}", tools.gen("fixups", count, source))
        times.append(tools.best_time(elf, 5))
    table.add("mkmod, 500,000 fix-ups", times[1], "ms", 150, False)
    table.add("  how often the time of 250,000", times[1] / times[0], "times", 2.4, False)


def measure(source, work, programs, times):
    tools, table = Tools(source, work, programs["mkmod"]), Table()
    memory = add_sizes(table, source, work)
    add_combinations(table, source, work)
    module = tools.gen("module", work / "module.c")
    plain = tools.link("plain", module)
    long_calls = tools.link("long_calls", "-mlong-calls", module)
    closed = tools.link("closed", module, tools.gen("inside", work / "inside.c"))
    paths = [tools.pack(plain), tools.pack(long_calls), tools.pack(closed)]
    images = [path.read_bytes() for path in paths]
    xip_elf = tools.link("in_place", *XIP, module)
    xip = tools.pack(xip_elf, "--xip")
    firmware = bench_firmware(tools)
    counts = instruction_counts(tools, firmware, *paths, xip,
                                ways=[COPIED] * 3 + [(*COPIED, "load_in_place")])
    add_loads(table, {n: counts[n] for n in range(3)}, images, memory)
    add_places(table, counts[0], counts[3],
               linked_counts(tools, firmware, programs["modflash"], paths[0]))
    build = pathlib.Path(programs["modflash"]).resolve().parent.parent
    modes.add(table, tools, programs["modflash"],
              build / "cross/cortex-m4/target-loader/firmware/stm32f405.elf")
    table.add("instance in place: RAM beyond data, 4 B an import, 8 B a callback",
              instance_overhead(tools, xip_elf, xip), "B", 64)
    add_images(table, tools, plain, images)
    add_store(table, source, pathlib.Path(programs["modflash"]).resolve().parent.parent)
    flash.add(table, tools, programs["board"], programs["modflash"])
    if times:
        add_times(table, tools, plain)
    return table


def main():
    parser = argparse.ArgumentParser(usage=__doc__)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--check", action="store_true")
    parser.add_argument("--no-times", action="store_true")
    parser.add_argument("--sections", action="store_true")
    for name in ("mkmod", "modflash", "board"):
        parser.add_argument(f"--{name}", default=os.environ.get(name.upper()))
    parser.add_argument("--source", type=pathlib.Path, default=BENCH.parent.parent)
    parser.add_argument("--work", type=pathlib.Path)
    arguments = parser.parse_args()
    source = arguments.source.resolve()
    programs = {"mkmod": arguments.mkmod or source / "build/mkmod/mkmod",
                "modflash": arguments.modflash or source / "build/modflash/modflash",
                "board": arguments.board or source / "build/virtual-board/virtual-board"}
    with tempfile.TemporaryDirectory() as folder:
        work = arguments.work or pathlib.Path(folder)
        if arguments.sections:
            print_sections(source, work)
            return
        table = measure(source, work, programs, not arguments.no_times)
    if arguments.json:
        print(json.dumps({"schema": 1, "figures": table.figures}, indent=2))
    else:
        print(table.text())
    problems = list(table.problems()) if arguments.check else []
    print(*problems, sep="\n", end="")
    sys.exit(bool(problems))


if __name__ == "__main__":
    main()
