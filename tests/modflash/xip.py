# SPDX-License-Identifier: BSD-2-Clause
"""What the tests of linked modules share: firmware to link for, modules that can be linked, and
what must hold: each linked module is, byte for byte, what specs/modref.py makes of its file for
where it lies, and no two have the same RAM."""
import os
import random
import subprocess
import zlib

from modflash_run import ERASED, FLASH, OK, REFUSED, REGION, SIZE, FlashTest, encoder, need

import modref   # noqa: E402

need("arm-none-eabi-gcc", "arm-none-eabi-objcopy")
ARENA = 0x20010000, 0x2000
BUILD_ID = bytes(range(0x10, 0x24))
# Import: (type, address) in the table of exports.
EXPORTS = {"fw_put": (0x11, 0x08000201), "fw_get": (0x22, 0x08000301), "fw_any": (0, 0x20000104)}
MADE = {}


def firmware_source(exports, build_id, arena, api, region):
    """A vector table, a descriptor and a table of exports, in assembler."""
    table = sorted((encoder.fnv(name), kind, address)
                   for name, (kind, address) in exports.items())
    size = 44 if arena is None and api is None else 56
    begin, length = arena or (0, 0)
    return f"""
    .section .vectors, "a"
    .word 0x20001000, 1, 1, 1, 1, 1, 1, 1, 1, 1
    .word descriptor
descriptor:
    .word 0x48444f4d, descriptor, {size}, 1, _modules_begin, _modules_end, 0xfff
    .word table, {len(table)}, {"build_id" if build_id else 0}, {len(build_id or b"")}
    .word {begin}, {begin + length}, {api or 0}
table:
    {"".join(f'.word {h:#x}, {kind}, {address:#x}; ' for h, kind, address in table)}
build_id:
    .byte {", ".join(map(str, build_id or b"0"))}
    .balign 4
    .global _modules_begin, _modules_end
    .set _modules_begin, {region[0]:#x}
    .set _modules_end, {sum(region):#x}
"""


def make_firmware(exports, *what, note):
    """(the ELF file, the flash with it); `note`: the build id that the linker writes"""
    if (what := (exports, *what, note)) not in MADE:
        source, folder = firmware_source(dict(exports), *what[1:-1]), os.environ.get("TMPDIR", "/tmp")
        base = os.path.join(folder, f"xip-{os.getpid()}")
        subprocess.run(["arm-none-eabi-gcc", "-mcpu=cortex-m4", "-nostdlib", "-x", "assembler", "-",
                        "-Wl,--section-start=.vectors=0x08000000,-e,0",
                        *([f"-Wl,--build-id=0x{note.hex()}"] if note else []),
                        "-o", base + ".elf"],
                       input=source, text=True, check=True)
        subprocess.run(["arm-none-eabi-objcopy", "-O", "binary", "-j", ".vectors", base + ".elf",
                        base + ".flat"], check=True)
        with open(base + ".elf", "rb") as elf, open(base + ".flat", "rb") as flat:
            MADE[what] = elf.read(), flat.read()
        os.unlink(base + ".elf")
        os.unlink(base + ".flat")
    return MADE[what]


def imports_of(*names, weak=()):
    """As EXPORTS has them."""
    return encoder.by_hash(*(encoder.Symbol(
        name, 0, EXPORTS.get(name, (0x99, 0))[0] | (encoder.WEAK if name in weak else 0))
        for name in names))


def fixes_of(filling, text, data, imports):
    """Some of each kind, at places of their own."""
    fixes, places = [], [("text", i) for i in range(8, text - 4, 4)] + \
        [("data", i) for i in range(0, data - 3, 4)]
    filling.shuffle(places)
    for place, offset in places[:filling.randrange(4, 12)]:
        other = filling.choice(["text", "data"])
        kind = filling.randrange(4 if imports else 3)
        if kind == 0:
            fixes.append(encoder.word(place, offset, other, filling.randrange(64)))
        elif kind == 1:
            fixes.append(encoder.word(place, offset, other, filling.randrange(64),
                                      relative=other != place))
        elif kind == 2:
            fixes.append(encoder.word(place, offset, place, 1))
        else:
            fixes.append(encoder.word(place, offset, "import", 0,
                                      imp=filling.randrange(len(imports))))
    return fixes


def module_bytes(name="plug", version="1.0.0", text=96, data=32, bss=68, align=3, imports=(),
                 tags=(), seed=None, **fields):
    """A module with fix-ups of all kinds; the same words, the same bytes. Text is filled up to a
    multiple of 4, so data lies at a remainder of its alignment if that is larger."""
    filling = random.Random(seed if seed is not None else f"{name} {version}")
    header = {"text_align": 2, "data_align": align, **fields.pop("header", {})}
    own = [*tags, encoder.tag("name", name.encode()),
           encoder.tag("version", encoder.version(*map(int, version.split("."))))]
    last = fields.pop("last", [])
    if imports:
        own.append(encoder.tag("import_names", encoder.strings(*(i.name for i in imports))))
    return encoder.Image(
        text=filling.randbytes((text + 3) // 4 * 4),
        data=filling.randbytes(data), data_mem=data + bss, entry=1, imports=imports,
        fixes=fixes_of(filling, text, data, imports), tags=[*own, *last], header=header,
        **fields).build()


class XipTest(FlashTest):
    """With fw.elf, and fw as the firmware that modules are linked for."""

    def setUp(self):
        super().setUp()
        self.files = {}          # name: bytes of the file that was installed last
        self.use("fw")

    def use(self, name, exports=None, build_id=BUILD_ID, arena=ARENA, api=0x10002,
            region=(REGION, 0x20000), note=None):
        """Make NAME.elf, and link for it."""
        exports = EXPORTS if exports is None else exports
        elf, self.flat = make_firmware(tuple(sorted(exports.items())), build_id, arena, api,
                                       region, note=note)
        self.write(f"{name}.elf", elf)
        self.identity = {"api": api or 0, "build_id": build_id or note or b""}
        self.offered = {encoder.fnv(symbol): address
                        for symbol, (_, address) in exports.items()}
        self.arena, self.elf = arena, f"{name}.elf"

    def put_on_board(self):
        """The firmware into the flash file, instead of what is there."""
        self.put(FLASH, self.flat)

    def module(self, name="plug", version="1.0.0", **how):
        """@return the file"""
        file = f"{name}-{version}.bin"
        self.write(file, module_bytes(name, version, **how))
        return file

    def linked(self, *arguments):
        return self.file("--firmware", self.elf, *arguments)

    def install(self, *files, options=()):
        done = self.linked("install", "--xip-link", *options, *files)
        self.assertEqual(done.status, OK, str(done))
        return done

    def rows(self):
        return {row["name"]: row for row in self.listing()["modules"]}

    def image_at(self, row):
        at = int(row["address"], 0) - FLASH
        return self.bytes()[at:at + row["size"]]

    def replace(self, row, image):
        """Other bytes where an image lies, with the CRCs that go with them: in its header, and in
        the directory's record of it."""
        flash, at = bytearray(self.bytes()), int(row["address"], 0) - FLASH
        old = bytes(flash[at + 56:at + 60])
        image[60:64] = encoder.u32(zlib.crc32(image[:56]))
        image[56:60] = encoder.u32(modref.image_crc(bytes(image), len(image)))
        record = flash.index(old, at + len(image)) - 24
        flash[at:at + len(image)] = image
        flash[record + 24:record + 28] = image[56:60]
        flash[record + 28:record + 32] = encoder.u32(
            zlib.crc32(flash[record:record + 28], self.geometry_check()))
        self.flash.write_bytes(bytes(flash))

    def is_as_it_must_be(self, name, file):
        """The linked module is what the reference makes of the file."""
        row = self.rows()[name]
        plain, linked = (self.folder / file).read_bytes(), row["linked"]
        self.assertIsNotNone(linked, f"{name} is not linked")
        text, data = int(linked["text"], 0), int(linked["data"], 0)
        self.assertEqual(text, int(row["address"], 0) + 64)
        self.assertTrue(row["pinned"])
        want = modref.link(plain, text, data, self.offered, **self.identity)
        self.assertEqual(self.image_at(row), want)
        modref.read(want)
        self.assertEqual(modref.unlink(want), plain)
        return row

    def ranges(self):
        """name: (begin, end) of RAM, which never overlap, as the second reader finds them."""
        found = {}
        for row in self.second_opinion():
            if row["linked"] is not None:
                begin, end = (int(row["linked"][key], 0) for key in ("data", "data_end"))
                if begin != end:
                    for other, (other_begin, other_end) in found.items():
                        self.assertFalse(begin < other_end and other_begin < end,
                                         f"{row['name']} and {other} have the same RAM")
                    found[row["name"]] = begin, end
        return found

    def nothing_written(self, *arguments, status=OK):
        done = self.keeps_flash(self.linked, *arguments)
        self.assertEqual(done.status, status, str(done))
        return done

    def no(self, text, *arguments, status=REFUSED):
        """Refused, and nothing written."""
        done = self.keeps_flash(self.linked, *arguments)
        self.refused(status, text, done)
        self.assertEqual(done.out, "")
        return done
