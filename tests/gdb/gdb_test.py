#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""gdb_test.py CASE: packaging/gdb/modload.py in gdb-multiarch, on QEMU's gdb stub, with the
demo firmware. The judge is gdb: where it stops, which line it names, what it reads.

Environment: MODFMT_SOURCE, MODFMT_BUILD, MKMOD. A case is a function of this file that starts
with case_; its first line of text says what it proves.
"""
import os
import pathlib
import re
import shutil
import socket
import struct
import subprocess
import sys
import tempfile
import time

from elftools.elf.elffile import ELFFile

SOURCE = pathlib.Path(os.environ["MODFMT_SOURCE"])
BUILD = pathlib.Path(os.environ["MODFMT_BUILD"])
MKMOD = os.environ["MKMOD"]
FIRMWARE = BUILD / "cross/cortex-m4/target-loader/firmware/stm32f405.elf"
SCRIPT = SOURCE / "packaging/gdb/modload.py"
HERE = SOURCE / "tests/gdb"
GDB = shutil.which("gdb-multiarch")
PIC = ["-fpic", "-msingle-pic-base", "-mpic-register=r9", "-mno-pic-data-is-text-relative"]
APART, READ, KEEP, COPY = 1, 2, 4, 8  # target-loader/firmware/emulation.h


class Failure(Exception):
    pass


def expect(truth, what, shown=""):
    if not truth:
        raise Failure(f"{what}\n{shown}")


def line_of(text, file=HERE / "plug.c"):
    """Number of the one line of a source that has the text."""
    lines = [n for n, line in enumerate(file.read_text().splitlines(), 1) if text in line]
    expect(len(lines) == 1, f"{file.name} has {text!r} {len(lines)} times")
    return lines[0]


def make(folder, name="plug", flags=(), mkmod=(), source=HERE / "plug.c",
         script=SOURCE / "examples/module.ld"):
    """Compile, link and pack a module; module.elf and module.bin come side by side."""
    folder.mkdir(exist_ok=True)
    elf = folder / f"{name}.elf"
    subprocess.run(["arm-none-eabi-gcc", "-mcpu=cortex-m4", "-mthumb", "-Og", "-g", "-Wall",
                    "-Wextra", "-Werror", f"-I{SOURCE}/target-loader/firmware/include",
                    "-nostdlib", *(["-T", script] if script else []), "-Wl,--build-id=sha1",
                    "-Wl,--emit-relocs,--unresolved-symbols=ignore-all", *flags,
                    source, "-o", elf, "-lgcc"], check=True)
    image = elf.with_suffix(".bin")
    subprocess.run([MKMOD, "--version", "1.2.3", *mkmod, elf, "-o", image], check=True)
    return image


class Board:
    """QEMU with the demo firmware and images in its module region, and a gdb stub."""

    def __init__(self, folder, *images, options=0, stopped=True):
        self.folder = folder
        with FIRMWARE.open("rb") as file:
            table = ELFFile(file).get_section_by_name(".symtab")
            symbols = {s.name: s["st_value"] for s in table.iter_symbols()}
        region = bytearray()
        for image in images:
            region += image.read_bytes() + b"\xff" * (-image.stat().st_size % 32)
        (folder / "region").write_bytes(region)
        (folder / "config").write_bytes(struct.pack("<4sIII", b"QEMU", options, 168000000, 0))
        self.stub = folder / "stub"
        self.console = (folder / "console").open("w+b")
        command = ["qemu-system-arm", "-M", "netduinoplus2", "-display", "none", "-monitor",
                   "none", "-chardev", "stdio,id=console,signal=off", "-serial",
                   "chardev:console", "-semihosting-config", "enable=on,target=native",
                   "-kernel", FIRMWARE, "-gdb", f"unix:{self.stub},server=on,wait=off",
                   "-device", f"loader,file={folder}/region,addr={symbols['_modules_begin']},"
                   "force-raw=on",
                   "-device", f"loader,file={folder}/config,addr={symbols['_config']},"
                   "force-raw=on"]
        self.process = subprocess.Popen(command + ["-S"] * stopped, stdin=subprocess.DEVNULL,
                                        stdout=self.console, stderr=subprocess.STDOUT)
        self.wait(lambda: self.stub.exists(), "QEMU does not start")

    def wait(self, done, what):
        end = time.monotonic() + 900
        while not done():
            expect(time.monotonic() < end and self.process.poll() is None, what, self.text())
            time.sleep(0.02)

    def text(self):
        self.console.flush()
        return (self.folder / "console").read_text().replace("\r\n", "\n")

    def gdb(self, *commands, path=None, firmware=FIRMWARE):
        """Output of gdb with the script, connected, after these commands."""
        start = ["set pagination off", "set confirm off", "set width 0",
                 "set remotetimeout 900",
                 "set print entry-values no",
                 "set breakpoint pending on", f"source {SCRIPT}",
                 *([f"set modload path {path}"] if path else []),
                 f"target remote {self.stub}"]
        lines = [word for c in [*start, *commands] for word in ("-ex", c)]
        done = subprocess.run([GDB, "-nx", "-batch", firmware, *lines], text=True, timeout=900,
                              stdin=subprocess.DEVNULL, cwd=self.folder,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        return done.stdout

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()
        self.console.close()


def has(text, *patterns):
    at = 0
    for pattern in patterns:
        found = re.compile(pattern, re.M).search(text, at)
        expect(found, f"wanted {pattern!r} in", text)
        at = found.end()


def hit(line):
    return rf"^Breakpoint \d+, plug_work \(turn=2\) at .*plug\.c:{line}\b"


def case_break_before_load(folder):
    """Break in a module's function before it is loaded: hit, with the right line."""
    work = line_of("plug_turns += 1")
    second = line_of("here: the second line")
    with Board(folder, make(folder / "m")) as board:
        text = board.gdb("break plug_work", "continue", "next", "info modules", "backtrace",
                         "delete", "continue", path=folder / "m")
        has(text, r"\(plug_work\) pending", hit(work), rf"^{second}\t",
            r"^plug +1\.2\.3 +loaded|^plug +1\.2\.3 +started",
            r"#0 +plug_work \(turn=2\) at .*plug\.c:", r"#1 .* module_entry \(",
            r"#2 .*modload_cortex_m_call")
        board.process.wait(60)  # gdb may or may not see QEMU go
        expect("module plug 1.2.3: returned 0" in board.text(), "it did not go on", board.text())


def case_line_in_a_file(folder):
    """Break at FILE:LINE of a module that is not loaded yet."""
    second = line_of("here: the second line")
    with Board(folder, make(folder / "m")) as board:
        has(board.gdb(f"break plug.c:{second}", "continue", path=folder / "m"), hit(second))


def case_apart(folder):
    """Text and data placed apart: variables are read from where data is."""
    with Board(folder, make(folder / "m"), options=APART) as board:
        text = board.gdb("break plug_work", "continue", "finish", "print plug_total",
                         "print plug_turns", "print plug_greeting",
                         "info modules", path=folder / "m")
        has(text, hit(line_of("plug_turns += 1")), r"Value returned is \$1 = 42",
            r"\$2 = 42", r"\$3 = 1", r'\$4 = "at work"')
        spans = re.search(r"^plug .*-0x(\w+) +0x(\w+)-", text, re.M)
        expect(spans and spans[1] != spans[2], "they were not placed apart", text)


def called(folder, options, *links):
    """Stop in a callback of a module that counts on r9, and behind it."""
    script = (SOURCE / "examples/module.ld").read_text()
    for old, new in links:
        expect(old in script, f"module.ld has no {old}")
        script = script.replace(old, new)
    (folder / "m.ld").write_text(script)
    image = make(folder / "m", "called", ["-T", folder / "m.ld", *PIC], ["--xip"],
                 HERE / "called.c", script=None)
    first, back = (line_of(f"here: {t}", HERE / "called.c")
                   for t in ("first of called_order", "it came back"))
    with Board(folder, image, options=options) as board:
        text = board.gdb("break called_order", "continue", "print called_times",
                         "print called_list", "info symbol called_order", "info modules",
                         "clear called_order", f"break called.c:{back}", "continue",
                         "print called_times > 101", "print called_list", path=folder / "m")
    has(text, rf"^Breakpoint \d+, called_order \(.*\) at .*called\.c:{first}\b", r"\$1 = 100",
        r"\$2 = \{7, 9, 8\}", r"called_order in section \.text of .*called\.elf", r"^called +1",
        rf"^Breakpoint \d+, module_entry \(.*\) at .*called\.c:{back}\b", r"\$3 = 1",
        r"\$4 = \{7, 8, 9\}")
    return text


def case_in_place(folder):
    """Text runs in the image, data has trampolines in front: callbacks, variables, lines."""
    text = called(folder, 0)
    spans = re.search(r"^called .*?(0x0?806\w+)-0x\w+ +(0x2000\w+)-", text, re.M)
    expect(spans, "it does not run in place", text)


def case_trampolines(folder):
    """Copied apart; data in front of what the linker made would begin below address 0."""
    called(folder, APART | COPY, (".text 0x10000 :", ".text 0x8000000 :"),
           ("    .got :", "    . = 0;\n    .got :"))


def case_through(folder):
    """A backtrace goes through trampolines of both kinds, and r9 is the caller's behind it."""
    for name, option in (("tail0", ()), ("tail8", ("--callback", "called_order=4"))):
        made = make(folder / name, "called", PIC, ("--xip", *option), HERE / "called.c")
        (folder / f"on_{name}").mkdir()
        with Board(folder / f"on_{name}", made) as board:
            text = board.gdb("tbreak fw_sort", "continue", "print/x $r9", "break called_order",
                             "continue", "backtrace", "frame function fw_sort", "print/x $r9",
                             "delete", "finish", path=folder / name)
        has(text, r"^#0 +called_order \(", r"^#1 +0x2000\w+ in \?\? \(\)",
            r"^#\d+ .* in fw_sort \(", r"^#\d+ .* in module_entry \(.*called\.c",
            r"^#\d+ .* in modload_cortex_m_call", r"^#\d+ .* main \(")
        r9 = re.findall(r"^\$\d+ = (0x\w+)$", text, re.M)
        expect(len(r9) == 2 and r9[0] == r9[1], "r9 is not what it was", text)
        has(text, r"^module_entry \(param=.*called\.c:")


def case_unload(folder):
    """After a module was unloaded its symbols are gone, and its breakpoint waits again."""
    with Board(folder, make(folder / "m")) as board:
        text = board.gdb("break emulation_end", "break plug_work", "continue",
                         "info symbol plug_work", "disable 2", "continue", "info modules",
                         "print &plug_total", "info breakpoints", path=folder / "m")
        has(text, hit(line_of("plug_turns += 1")), r"plug_work in section \.text of .*plug\.elf",
            r"^Breakpoint 1, emulation_end", r"No modules are loaded", r'No symbol "plug_total"',
            r"<PENDING> +plug_work")


def case_second_visit(folder):
    """The same breakpoint is hit in each of two loads, one behind the other."""
    image = make(folder / "m")
    with Board(folder, image, image) as board:
        text = board.gdb("break plug_work", "continue", "continue", "print plug_turns",
                         path=folder / "m")
        line = line_of("plug_turns += 1")
        has(text, hit(line), hit(line), r"\$1 = 0")


def case_several(folder):
    """Two modules at once, each with its own symbols."""
    one = make(folder / "m")
    source = folder / "other.c"
    source.write_text((HERE / "plug.c").read_text().replace("plug", "other")
                      .replace("plug_total = 40", "x"))
    two = make(folder / "m", "other", source=source)
    with Board(folder, one, two, options=KEEP) as board:
        text = board.gdb("break other_work", "continue", "info modules", "print plug_total",
                         "print other_total", path=folder / "m")
        has(text, r"Breakpoint 1, other_work \(turn=2\)", r"^Name +Version +State +Text",
            r"^plug +1\.2\.3 +started .*plug\.elf$", r"^other +1\.2\.3 .*other\.elf$",
            r"\$1 = 42", r"\$2 = 40")


def case_attach_late(folder):
    """Modules that were loaded before gdb came are found, and have symbols."""
    endless = SOURCE / "tests/qemu/modules/endless.c"
    image = make(folder / "m", "endless", source=endless)
    with Board(folder, image, stopped=False) as board:
        board.wait(lambda: "module" in board.text(), "the firmware says nothing")
        time.sleep(0.5)  # whether the module runs already does not matter to what is shown
        text = board.gdb("info modules", "break modload_debug_event", "backtrace",
                         path=folder / "m")
        has(text, r"^endless +1\.2\.3 +(loaded|started) .*endless\.elf$",
            r"module_entry .*at .*endless\.c:\d+")


def case_chunks(folder):
    """An image that the target reads in pieces: known by module.bin beside module.elf."""
    with Board(folder, make(folder / "m"), options=READ) as board:
        has(board.gdb("break plug_work", "continue", "info modules", path=folder / "m"),
            hit(line_of("plug_turns += 1")), r"^plug +1\.2\.3 .*plug\.elf$")


def case_other_elf(folder):
    """An ELF of the same name but another build id is not taken; the message has the id."""
    image = make(folder / "m")
    with image.with_suffix(".elf").open("rb") as file:
        note = ELFFile(file).get_section_by_name(".note.gnu.build-id").data()
    make(folder / "n", flags=["-DOTHER", "-O2"])
    with Board(folder, image) as board:
        text = board.gdb("break plug_work", "break emulation_end", "continue",
                         path=folder / "n")
        has(text, rf"modload: no symbols for module plug: no ELF has its build id "
            rf"{note[16:].hex()}; see 'show modload path'", r"Breakpoint 2, emulation_end")
        expect("Breakpoint 1, plug_work" not in text, "a wrong ELF was taken", text)


def case_no_build_id(folder):
    """A module without a build id is named, with the way out."""
    with Board(folder, make(folder / "m", flags=["-Wl,--build-id=none"])) as board:
        has(board.gdb("break emulation_end", "continue", path=folder / "m"),
            r"no symbols for module plug: its image has no build id; link it with "
            r"-Wl,--build-id")


def case_path_later(folder):
    """Without a path nothing is found; `set modload path` alone finds it then."""
    with Board(folder, make(folder / "m")) as board:
        text = board.gdb("break modload_start", "continue", "info modules",
                         f"set modload path {folder}/m", "info modules", "show modload path")
        has(text, "modload: no symbols for module plug", r"^plug .*no ELF has its build id",
            r"^plug .*m/plug\.elf$", r"looked for in .*/m\.")


def case_registry(folder):
    """`set modload registry` names one that gdb would not find."""
    with Board(folder, make(folder / "m")) as board:
        text = board.gdb("break modload_start", "continue",
                         "python registries_before = len(registries())",
                         "set modload registry &modules_registry", "info modules",
                         "python print(len(registries()) - registries_before)",
                         "show modload registry", path=folder / "m")
        has(text, r"^plug +1\.2\.3 +loaded", r"^1$", r"registry of modules is &modules_registry")


def case_reset(folder):
    """After a reset of the board modules are followed anew."""
    with Board(folder, make(folder / "m"), options=APART) as board:
        text = board.gdb("break plug_work", "continue", "monitor system_reset", "continue",
                         "print plug_turns", "info modules", path=folder / "m")
        line = line_of("plug_turns += 1")
        has(text, hit(line), hit(line), r"\$1 = 0", r"^plug +1\.2\.3 .*plug\.elf$")
        expect(text.count("plug.elf") == 1, "it is there twice", text)


def case_no_dwarf(folder):
    """A firmware without DWARF is told as such, without a traceback."""
    stripped = folder / "stripped.elf"
    subprocess.run(["arm-none-eabi-objcopy", "--strip-debug", FIRMWARE, stripped], check=True)
    with Board(folder, make(folder / "m")) as board:
        text = board.gdb("break modload_start", "continue", "info modules", path=folder / "m",
                         firmware=stripped)
        has(text, "modload: the firmware's ELF has no DWARF of the loader; build it with -g",
            "Breakpoint 1, ", "^the firmware's ELF has no DWARF")
        expect("Traceback" not in text and "Python Exception" not in text, "a traceback", text)


def case_members(folder):
    """A registry that is part of an RTOS port's struct is found, too."""
    source = folder / "port.c"
    source.write_text("""#include "modload_life.h"
struct modload_rtos { int lock; struct modload_registry registry; };
struct modload_rtos rtos; static struct modload_registry own; struct modload_module slots[2];
int main(void) { return rtos.lock + (own.modules == 0) + slots[0].index; }
""")
    program = folder / "port"
    subprocess.run(["gcc", "-g", f"-I{SOURCE}/target-loader", f"-I{SOURCE}/libmodfmt", source,
                    "-o", program], check=True)
    done = subprocess.run([GDB, "-nx", "-batch", "-ex", f"source {SCRIPT}", "-ex",
                           "python print(sorted(registries()))", program], text=True,
                          capture_output=True, timeout=900)
    expect("['&own', '&rtos.registry']" in done.stdout, "other registries",
           done.stdout + done.stderr)


def case_hostile(folder):
    """Files that only look like ELFs or images do no harm."""
    image = make(folder / "m")
    elf = image.with_suffix(".elf").read_bytes()
    for i, junk in enumerate([b"\x7fELF", elf[:52], elf[:60] + b"\xff" * 90, elf[:-200],
                              b"MODF", image.read_bytes()[:70], b"MODF" + b"\xff" * 200]):
        (folder / "m" / f"a{i}").write_bytes(junk)
    (folder / "m" / "loop").symlink_to(folder / "m")
    with Board(folder, image) as board:
        text = board.gdb("break plug_work", "continue", path=folder / "m")
        has(text, hit(line_of("plug_turns += 1")))
        expect("Traceback" not in text and "Error" not in text, "it stumbled", text)


def case_numbers(_folder):
    """The format's numbers in the script are those of the specification."""
    import tomllib
    layout = tomllib.loads((SOURCE / "specs/layout.toml").read_text())
    scope = {}
    text = SCRIPT.read_text()
    exec(text[text.index("MAGIC ="):text.index("def up4")], scope)
    fields = {row["name"]: row["offset"] for row in layout["header"]}
    tags = {row["name"]: row["type"] for row in layout["tag_type"]}
    for name, offset in scope["OFFSET"].items():
        expect(fields[name] == offset, f"{name} is at {fields[name]}")
    for name, number in scope["TAG"].items():
        expect(tags[name] == number, f"tag {name} is {tags[name]}")
    expect(scope["HEADER_SIZE"] == sum(row["size"] for row in layout["header"]), "header")


def main():
    case = globals()["case_" + sys.argv[1]]
    missing = [name for name, there in (("gdb-multiarch", GDB),
               ("qemu-system-arm", shutil.which("qemu-system-arm"))) if not there]
    if missing:
        print(f"skipped: there is no {', '.join(missing)}")
        sys.exit(77)
    with tempfile.TemporaryDirectory() as folder:
        try:
            case(pathlib.Path(folder))
        except Failure as failure:
            print(f"{sys.argv[1]}: {failure}")
            sys.exit(1)


main()
