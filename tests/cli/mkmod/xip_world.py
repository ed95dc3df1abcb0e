# SPDX-License-Identifier: BSD-2-Clause
"""Images that run in place, several instances at once, on an emulated CPU. The loader is
specs/modref.py's; the firmware knows nothing of r9, and says when it is not kept."""

import importlib.util
import os
import pathlib
import struct

from emulated_cpu import R9, Cpu
from mkmod_run import GCC, ToolTest

ROOT = pathlib.Path(os.environ["MODFMT_SOURCE"])
MODULE_LD = (ROOT / "examples" / "module.ld").read_text()
M0 = ["arm-none-eabi-gcc", "-mcpu=cortex-m0", "-mthumb"]
CXX = ["arm-none-eabi-g++", "-mcpu=cortex-m4", "-mthumb", "-fno-exceptions", "-fno-rtti"]
R9_FLAGS = ["-fpic", "-msingle-pic-base", "-mpic-register=r9", "-mno-pic-data-is-text-relative"]
TEXT, DATA, APART, FIRMWARE, STACK = 0x40000, 0x20000000, 0x10000, 0x10000, 0x60000

# What the firmware has in r9 is its own: a number that no function may lose.
FIRMWARE_HEAD = """#include <stdarg.h>
#include <stddef.h>
register unsigned r9_now asm("r9");
unsigned wrong;
#define OWN 0x9e779e77u
#define ENTER unsigned back = r9_now; r9_now = OWN
#define CHECK (wrong += r9_now != OWN)
#define LEAVE CHECK; r9_now = back
void start(void) {}
unsigned fw_wrong(void) { return wrong; }
"""
SORT = FIRMWARE_HEAD + """
void fw_sort(int *base, size_t count, size_t size, int (*compare)(const void *, const void *)) {
    ENTER;
    for (size_t i = 1; i < count; i++)
        for (size_t j = i; j > 0 && compare(&base[j - 1], &base[j]) > 0; j--) {
            CHECK;
            int swap = base[j]; base[j] = base[j - 1]; base[j - 1] = swap;
        }
    (void)size;
    LEAVE;
}
"""


def load_modref():
    spec = importlib.util.spec_from_file_location("modref", ROOT / "specs" / "modref.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


modref = load_modref()


class Image:
    """What the spec's own reader finds in an image."""

    def __init__(self, content):
        self.bytes = content
        failure = modref.check_file(content)
        assert not failure, failure
        self.module = modref.read(content)
        self.header = self.module.h
        sizes = struct.unpack_from("<4I", content, 28)
        self.text_stored, self.text_mem, self.data_stored, self.data_mem = sizes
        self.flags, = struct.unpack_from("<I", content, 12)
        self.entry, = struct.unpack_from("<I", content, 20)
        self.text = content[64:64 + self.text_stored]
        at = 64 + (self.text_stored + 3 & ~3)
        self.data = content[at:at + self.data_stored]

    def data_from(self, address):
        """The first address from there on that suits data placed apart."""
        return address + (self.text_mem - address) % (1 << self.header.data_align)

    def static_base(self):
        """Offset in data that r9 stands for."""
        place, = struct.unpack_from("<I", self.module.tag("static_base").value)
        assert place >> 31
        return place & 0x7fffffff

    def export(self, name):
        """(is it in data, offset)"""
        return next((e.flags & 1, e.value) for e in self.module.exports
                    if e.hash == modref.name_hash(name.encode()))


class Instance:
    """One piece of data of an image whose text others share."""

    def __init__(self, world, number):
        self.world = world
        self.data_at = world.image.data_from(DATA + number * APART)
        self.offered = {modref.name_hash(n.encode()): a for n, a in world.symbols.items()}
        text, data = modref.load(world.image.bytes, TEXT, self.data_at, self.offered)
        if world.image.flags & 4:
            assert text == world.image.text, "text was changed"
        world.cpu.write(TEXT, text)
        self.data = data
        world.cpu.write(self.data_at, data)
        self.base = self.data_at + world.image.static_base()

    def enter(self, argument=0):
        """As a loader does it: with r9."""
        self.world.cpu.set(R9, self.base)
        return self.world.call(TEXT + self.world.image.entry, argument)

    def call_export(self, name, argument=0):
        """As anybody does it: without."""
        in_data, value = self.world.image.export(name)
        self.world.cpu.set(R9, 0x99999999)
        result = self.world.call((self.data_at if in_data else TEXT) + value, argument)
        assert self.world.cpu.get(R9) == 0x99999999, "r9 was not kept"
        return result


class World:
    """A CPU with a firmware and a module's text."""

    def __init__(self, image, symbols, firmware, instances):
        self.image, self.symbols = image, symbols
        self.cpu = Cpu(code=(TEXT, image.text), firmware=(FIRMWARE, firmware),
                       stack=(STACK, b""),
                       **{f"data{i}": (DATA + i * APART, b"") for i in range(instances)})
        self.instances = [Instance(self, i) for i in range(instances)]

    def call(self, address, argument=0):
        return self.cpu.call(address & ~1, argument, STACK + 0x8000, FIRMWARE, 100000)


class XipTest(ToolTest):
    def xip(self, source, *flags, compiler=GCC, arguments=(), linker="arm-none-eabi-ld",
            script=MODULE_LD, suffix=None, more=("-Os", "-g", *R9_FLAGS)):
        """The image of a source that is built as users are told."""
        libgcc = self.command([*compiler, "-print-libgcc-file-name"]).stdout.strip()
        made = self.object(source, *more, *flags, compiler=compiler, suffix=suffix)
        self.module_elf = self.link(made, libgcc, linker=linker, script=script) \
            if "-flto" not in more else self.link_lto(made, compiler, more, script)
        return Image(self.good(self.module_elf, "--xip", *arguments))

    def link_lto(self, made, compiler, flags, script):
        """The compiler has to link, and to be told again how to compile."""
        self.path("m.ld").write_text(script)
        self.command([*compiler, *flags, "-nostdlib", "-T", "m.ld", "-Wl,--emit-relocs",
                      "-Wl,--unresolved-symbols=ignore-all", made, "-lgcc", "-o", "m.elf"])
        return self.path("m.elf")

    def firmware(self, source, compiler=GCC):
        """(symbols, bytes from FIRMWARE on)"""
        name = "fw.cpp" if compiler is CXX else "fw.c"
        self.path(name).write_text(source)
        self.command([*compiler, "-Os", "-ffixed-r9", "-nostdlib", f"-Wl,-Ttext={FIRMWARE:#x}",
                      "-Wl,-e,start,--no-warn-rwx-segments,--section-start=.data=0x18000",
                      name, "-lgcc", "-o", "fw.elf"])
        self.command(["arm-none-eabi-objcopy", "-O", "binary", "fw.elf", "fw.bin"])
        listing = self.command(["arm-none-eabi-nm", "fw.elf"]).stdout.splitlines()
        rows = [line.split() for line in listing if len(line.split()) == 3]
        return ({name: int(value, 16) | (kind in "tT") for value, kind, name in rows},
                self.path("fw.bin").read_bytes())

    def world(self, source, firmware=SORT, instances=2, compiler=GCC, fw_compiler=None, **how):
        image = self.xip(source, compiler=compiler, **how)
        symbols, content = self.firmware(firmware, fw_compiler or compiler)
        return World(image, symbols, content, instances)

    def kept(self, world):
        """The firmware's r9 was always its own."""
        self.assertEqual(world.call(world.symbols["fw_wrong"]), 0)
