# SPDX-License-Identifier: BSD-2-Clause
"""Running mkmod on ELF files that are made for the purpose."""

import os
import pathlib
import struct
import subprocess
import sys
import tempfile
import unittest

sys.path.append(str(pathlib.Path(__file__).resolve().parents[2]))
import objects      # noqa: E402
from tap import main    # noqa: E402, F401

MKMOD = os.environ["MKMOD"]
MODDUMP = os.environ["MODDUMP"]
OK, REFUSED, USAGE, IO = 0, 1, 2, 3
GCC = ["arm-none-eabi-gcc", "-mcpu=cortex-m4", "-mthumb"]
CLANG = ["clang", "--target=thumbv7em-none-eabi", "-mcpu=cortex-m4", "-mfloat-abi=soft",
         "-ffreestanding"]
LINK = ["--emit-relocs", "--unresolved-symbols=ignore-all", "--no-warn-rwx-segments",
        "--build-id=none"]
SCRIPT = """ENTRY(module_entry)
SECTIONS {
  . = %s;
  .text : { *(.text .text.*) }
  .rodata : { *(.rodata .rodata.*) }
  .ARM.extab : { *(.ARM.extab*) }
  .ARM.exidx : { *(.ARM.exidx*) }
  %s
  .init_array : ALIGN(4) { KEEP(*(.init_array)) }
  .fini_array : { KEEP(*(.fini_array)) }
  .got : { *(.got.plt) *(.got) }
  .data : { *(.data .data.*) }
  .bss : { *(.bss .bss.* COMMON) }
}
"""
HEAD = """.syntax unified
.thumb
.text
.global module_entry
.type module_entry, %function
module_entry:
    bx lr
"""


class ToolTest(unittest.TestCase):
    # Most sources here are assembler or compiled without -g, so nobody knows their types.
    allowed = ["--untyped"]

    def setUp(self):
        scratch = tempfile.TemporaryDirectory()
        self.addCleanup(scratch.cleanup)
        self.folder = pathlib.Path(scratch.name)

    def path(self, name):
        return self.folder / name

    def command(self, arguments, ok=True):
        done = subprocess.run([str(a) for a in arguments], cwd=self.folder, text=True,
                              capture_output=True, timeout=900, stdin=subprocess.DEVNULL)
        if ok and done.returncode != 0:
            self.fail(f"{arguments}: {done.stderr}")
        return done

    def mkmod(self, *arguments):
        return self.command([MKMOD, *arguments], ok=False)

    def object(self, source, *flags, name="m", suffix=None, compiler=GCC):
        """Compile C, or assembler if it does not look like C."""
        suffix = suffix or (".s" if source.startswith(".syntax") else ".c")
        self.path(name + suffix).write_text(source)
        command, target = [*compiler, *flags, "-c", name + suffix], name + ".o"

        def compile_it():
            self.command([*command, "-o", target])

        if "#include \"" in source or any(str(f).startswith(("-i", "-I")) for f in flags):
            compile_it()    # a file that it includes may have changed
        else:
            objects.compiled(command, self.path(name + suffix), (), self.path(target), compile_it)
        return target

    def link(self, *objects, base="0x10000", flags=(), data="", linker="arm-none-eabi-ld",
             script=SCRIPT, options=LINK):
        self.path("m.ld").write_text(script % (base, data) if script is SCRIPT else script)
        options = [o for o in options if linker != "ld.lld" or "rwx" not in o]
        self.command([linker, "-T", "m.ld", *options, *flags, *objects, "-o", "m.elf"])
        return self.path("m.elf")

    def elf(self, source, *flags, **options):
        """An ELF of one source."""
        linking = {k: options.pop(k) for k in ("base", "data", "linker", "script", "options")
                   if k in options}
        linking["flags"] = options.pop("link", ())
        return self.link(self.object(source, *flags, **options), **linking)

    def good(self, elf, *arguments):
        """Packed without a word. Returns the image."""
        done = self.mkmod(elf, "-o", "m.bin", *self.allowed, *arguments)
        self.assertEqual((done.returncode, done.stderr), (OK, ""))
        return self.path("m.bin").read_bytes()

    def refused(self, elf, *texts, arguments=(), status=REFUSED):
        """Refused with every text in some message, and nothing written. Returns stderr."""
        done = self.mkmod(elf, "-o", "refused.bin", *self.allowed, *arguments)
        self.assertEqual(done.returncode, status, done.stderr)
        for text in texts:
            self.assertIn(text, done.stderr)
        self.assertEqual(done.stdout, "")
        self.assertTrue(done.stderr.startswith("mkmod: "), done.stderr)
        self.assertFalse(self.path("refused.bin").exists())
        return done.stderr

    def dumped(self, *arguments):
        return self.command([MODDUMP, *arguments, "m.bin"]).stdout


class Elf:
    """Just enough of an ELF to change one."""

    def __init__(self, path):
        self.path = path
        self.bytes = bytearray(path.read_bytes())
        self.table, = struct.unpack_from("<I", self.bytes, 32)
        self.count, names = struct.unpack_from("<HH", self.bytes, 48)
        start = self.field(names, 4)
        self.names = [self.bytes[start + self.field(i, 0):].split(b"\0")[0].decode()
                      for i in range(self.count)]

    def at(self, section, field):
        """Where a field of a section header is: 0 name, 1 type, 2 flags, 3 address, 4 offset,
        5 size, 6 link, 7 info, 8 align."""
        return self.table + 40 * section + 4 * field

    def field(self, section, field):
        if isinstance(section, str):
            section = self.names.index(section)
        return struct.unpack_from("<I", self.bytes, self.at(section, field))[0]

    def set(self, section, field, value):
        section = self.names.index(section)
        struct.pack_into("<I", self.bytes, self.at(section, field), value)

    def record(self, section, number):
        """Where record `number` of a relocation section is in the file."""
        return self.field(section, 4) + 8 * number

    def set_type(self, section, number, kind):
        self.bytes[self.record(section, number) + 4] = kind

    def write(self):
        self.path.write_bytes(self.bytes)
        return self.path
