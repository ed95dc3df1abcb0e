#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""install --xip-link, and every verb on what it has made."""
import json
import os
import random

from modflash_run import FLASH, OK, REFUSED, REGION, SOURCE, TARGET, encoder, main
from xip import BUILD_ID, EXPORTS, XipTest, imports_of, modref


class Install(XipTest):
    def test_says_where(self):
        done = self.install(self.module())
        row = self.is_as_it_must_be("plug", "plug-1.0.0.bin")
        self.assertEqual(done.out, f"plug 1.0.0: installed at {row['address']}, "
                         f"{row['size']} bytes, linked, RAM 0x20010000-0x20010064\n")
        self.assertEqual(row["linked"], {
            "text": "0x08060040", "data": "0x20010000", "data_end": "0x20010064",
            "api": "0x00010002", "build_id": BUILD_ID.hex(), "stale": False})

    def test_imports_of_every_kind(self):
        file = self.module(imports=imports_of("fw_put", "fw_get", "fw_any", "gone", weak=["gone"]))
        self.install(file)
        self.is_as_it_must_be("plug", file)

    def test_several_in_one_go(self):
        files = [self.module(f"m{i}", data=8 * i, bss=4 * i, align=2 + i % 4,
                             imports=imports_of("fw_put")) for i in range(6)]
        self.install(*files)
        for i, file in enumerate(files):
            self.is_as_it_must_be(f"m{i}", file)
        self.assertEqual(len(self.ranges()), 5)     # the first one has no data

    def test_alignment_of_data(self):
        self.install(self.module("a", bss=1), self.module("b", align=7), self.module("c"))
        begins = {name: begin for name, (begin, _) in self.ranges().items()}
        self.assertEqual(begins, {"a": 0x20010000, "b": 0x20010060, "c": 0x200100C8})

    def test_remainders(self):
        """Data lies at text_mem modulo its alignment, in the first room where it can."""
        for text, begin in ((64, 0x20010000), (68, 0x20010004), (84, 0x20010014),
                            (124, 0x2001003C), (20, 0x20010014)):
            file = self.module(f"m{text}", text=text, align=6, bss=0, data=24)
            self.install(file, options=["--arena", "0x20010000:1K"])
            self.is_as_it_must_be(f"m{text}", file)
            self.assertEqual(self.ranges()[f"m{text}"], (begin, begin + 24))
            self.good(self.file("remove", f"m{text}"))

    def test_remainders_side_by_side(self):
        """No byte is lost between two that fit."""
        self.install(*(self.module(f"m{i}", text=64 + 24 * i, align=5, bss=0, data=24)
                       for i in range(4)))
        begins = [begin for begin, _ in sorted(self.ranges().values())]
        self.assertEqual(begins, [0x20010000 + 24 * i for i in range(4)])

    def test_update_with_another_remainder(self):
        """It keeps its RAM only where text has grown by a multiple of the alignment; and what it
        had before is the last that it is given."""
        for version, text, begin in (("1.0.0", 64, 0), ("1.1.0", 100, 0x64), ("1.2.0", 228, 0x64),
                                     ("1.3.0", 128, 0), ("1.4.0", 60, 0x7C)):
            file = self.module("plug", version, text=text, align=6)
            self.install(file)
            self.assertEqual(int(self.is_as_it_must_be("plug", file)["linked"]["data"], 0),
                             0x20010000 + begin)

    def test_beside_plain_ones(self):
        plain = self.module("plain")
        self.good(self.linked(plain))
        self.install(self.module("xip"))
        rows = self.rows()
        self.assertIsNone(rows["plain"]["linked"])
        self.assertEqual(self.image_at(rows["plain"]), (self.folder / plain).read_bytes())
        self.is_as_it_must_be("xip", "xip-1.0.0.bin")

    def test_same_again_writes_nothing(self):
        files = [self.module("a"), self.module("b", imports=imports_of("fw_get"))]
        self.install(*files)
        for options in (("--xip-link",), ()):
            done = self.nothing_written("install", *options, *files)
            self.assertEqual(done.out.count(": unchanged at "), 2)

    def test_same_for_another_firmware_is_written(self):
        file = self.module()
        self.install(file)
        self.use("fw2", build_id=b"another")
        self.assertIn("updated at", self.install(file).out)
        self.is_as_it_must_be("plug", file)

    def test_update_stays_linked_and_says_so(self):
        self.install(self.module())
        file = self.module(version="1.1.0", bss=100)
        self.assertIn("plug 1.0.0 -> 1.1.0: updated at ", out := self.linked("update", file).out)
        self.assertIn(", linked as before, RAM 0x20010000-", out)
        self.is_as_it_must_be("plug", file)

    def test_update_that_cannot_stay_linked(self):
        self.install(self.module())
        self.no(["can only be loaded as one block", "install a plain copy with --no-xip-link"],
                "update", file := self.module(version="1.1.0", flags=encoder.BLOCK))
        self.good(self.linked("update", "--no-xip-link", file))
        self.use("fw", build_id=None)
        self.install_plain(file)

    def install_plain(self, file):
        self.assertIn("unchanged", self.good(self.linked(file)).out)
        self.assertIsNone(self.rows()["plug"]["linked"])

    def test_no_xip_link_makes_it_plain(self):
        file = self.module()
        self.install(file)
        self.assertNotIn("linked", self.good(self.linked("update", "--no-xip-link", file)).out)
        row = self.rows()["plug"]
        self.assertEqual((row["linked"], row["pinned"]), (None, False))
        self.assertEqual(self.image_at(row), (self.folder / file).read_bytes())

    def test_xip_link_of_what_is_plain(self):
        file = self.module()
        self.good(self.linked(file))
        self.install(file)
        self.is_as_it_must_be("plug", file)

    def test_downgrade(self):
        self.install(self.module(version="2.0.0"))
        self.no(["older than the 2.0.0", "--allow-downgrade"], "--xip-link", self.module())
        self.install(self.module(), options=["--allow-downgrade"])
        self.is_as_it_must_be("plug", "plug-1.0.0.bin")

    def test_dry_run(self):
        self.install(self.module("there"))
        done = self.nothing_written("install", "--xip-link", "-n", self.module())
        self.assertIn("plug 1.0.0: would be installed at 0x08060140, 288 bytes, linked, "
                      "RAM 0x20010068-0x200100cc\nwould be: 0 sectors erased, ", done.out)

    def test_quiet(self):
        self.assertEqual(self.install(self.module(), options=["-q"]).out, "")


class Firmware(XipTest):
    """Where the build id, the arena and the addresses come from."""

    def test_of_the_board(self):
        self.put_on_board()
        file = self.module(imports=imports_of("fw_put", "fw_any"))
        self.assertEqual(self.good(self.file("--xip-link", file)).err, "")
        self.is_as_it_must_be("plug", file)
        listing = self.listing()
        self.assertEqual(listing["arena"], {"address": "0x20010000", "size": 0x2000,
                                            "taken": 100, "room": 0x2000 - 104})
        self.assertFalse(listing["modules"][0]["linked"]["stale"])
        self.assertIn("RAM for linked modules: 100 of 0x20010000:8192 taken, 8088 for one more",
                      self.file("list").out)

    def test_of_the_board_by_usb(self):
        self.put_on_board()
        file = self.module(imports=imports_of("fw_put", "fw_any"))
        done = self.good(self.board("--xip-link", file))
        self.left_well(done)
        self.is_as_it_must_be("plug", file)
        self.assertIn("unchanged", self.good(self.board("--xip-link", file)).out)

    def test_build_id_of_the_note(self):
        self.use("fw", build_id=None, note=bytes(range(20)))
        self.install(self.module())
        self.is_as_it_must_be("plug", "plug-1.0.0.bin")

    def test_interface_version_not_told(self):
        self.use("fw", api=None)
        self.install(self.module())
        self.is_as_it_must_be("plug", "plug-1.0.0.bin")

    def test_arena_by_option(self):
        self.use("fw", arena=None)
        self.install(self.module(), options=["--arena", "0x10000400:1K"])
        self.is_as_it_must_be("plug", "plug-1.0.0.bin")
        self.assertEqual(self.ranges(), {"plug": (0x10000400, 0x10000464)})

    def test_region_by_option(self):
        for base, size in ((0x08000000, 0x4000), (0x0800C000, 0x14000), (0x080E0000, 0x20000)):
            self.use_region(base, size)
            file = self.module(f"at-{base:x}")
            self.install(file, options=["--arena", f"{0x20000000 + base % 0x1000000:#x}:4K"])
            self.is_as_it_must_be(f"at-{base:x}", file)

    def test_another_one_is_on_the_board(self):
        self.put_on_board()
        self.use("fw2", build_id=b"another")
        text = ["fw2.elf", "is not the firmware on the board", "--no-check"]
        self.no(text, "install", "--xip-link", self.module())
        done = self.linked("install", "--xip-link", "--no-check", self.module())
        self.assertEqual(done.status, OK, str(done))
        self.assertIn("warning: is not the firmware on the board, which will refuse", done.err)
        self.is_as_it_must_be("plug", "plug-1.0.0.bin")
        self.assertTrue(json.loads(self.file("list", "--json").out)["modules"][0]["linked"]["stale"])


class Judges(XipTest):
    """Text and data are what GNU ld makes of the same object at those addresses."""

    SOURCE = """
extern int fw_put(const char *), fw_get(int);
extern int fw_any;
static int counter = 5, zero[40];
const char *const names[] = {"one", "two", "three"};
int (*table[])(const char *) = {fw_put, 0};
int *const place = &counter;
static int twice(int x) { return 2 * x; }
int (*chosen)(int) = twice;
int module_entry(void *p)
{
    zero[fw_any & 31] += counter++;
    return fw_put(names[*(int *)p & 1]) + fw_get(zero[3]) + table[0](names[2]) + chosen(*place);
}
"""

    def compile(self, *options):
        self.write("m.c", self.SOURCE.encode())
        gcc = ["arm-none-eabi-gcc", "-mcpu=cortex-m4", "-mthumb", "-mlong-calls", "-ffreestanding",
               "-fno-common", *options, "-c", "m.c", "-o", "m.o"]
        self.assertEqual((done := self.run_command(gcc)).status, OK, str(done))
        self.ld("m.elf", SOURCE / "examples/module.ld", "--emit-relocs",
                "--unresolved-symbols=ignore-all")
        done = self.run_command([os.environ["MKMOD"], "m.elf", "-o", "m.bin", "--name", "m",
                                 "--untyped"])
        self.assertEqual(done.status, OK, str(done))

    def ld(self, output, script, *options):
        done = self.run_command(["arm-none-eabi-ld", "--no-warn-rwx-segments", "-T", script,
                                 *options, "m.o", "-o", output])
        self.assertEqual(done.status, OK, str(done))

    def link_at(self, text, data):
        """(text, data), as GNU ld has them there"""
        script = (SOURCE / "examples/module.ld").read_text()
        script = script.replace(".text 0x10000 :", f".text {text:#x} :")
        script = script.replace("    .got :\n", f"    . = {data:#x};\n    .got :\n", 1)
        self.write("at.ld", script.encode())
        self.ld("at.elf", "at.ld", *(f"--defsym={name}={address:#x}"
                                     for name, (_, address) in EXPORTS.items()))
        return [self.section(*names) for names in ((".text",), (".data",))]

    def section(self, *names):
        for name in names:
            self.run_command(["arm-none-eabi-objcopy", "-O", "binary", "-j", name, "at.elf", "out"])
        return (self.folder / "out").read_bytes()

    def test_gnu_ld(self):
        for options in (("-Os",), ("-O0",), ("-O2", "-mslow-flash-data"), ("-O2", "-fPIC")):
            with self.subTest(options=options):
                self.compile(*options)
                self.install("m.bin")
                row = self.is_as_it_must_be("m", "m.bin")
                linked = row["linked"]
                text, data = self.link_at(int(linked["text"], 0), int(linked["data"], 0))
                m = modref.read(self.image_at(row))
                stored = [m.image[at:at + size] for at, size in
                          (m.areas[area] for area in ("text", "data"))]
                if "-fPIC" not in options:     # there .got comes first in data
                    self.assertEqual(stored[1][:len(data)].hex(" ", 4), data.hex(" ", 4))
                self.assertEqual(stored[0][:len(text)].hex(" ", 4), text.hex(" ", 4))

    def test_nothing_but_flash_and_arena_counts(self):
        """Random modules, at many places and in many arenas."""
        filling = random.Random(5)
        for i in range(12):
            imports = imports_of(*filling.sample(sorted(EXPORTS), filling.randrange(4)))
            file = self.module(f"r{i}", text=filling.randrange(16, 400), seed=i, imports=imports,
                               data=filling.randrange(0, 90), bss=filling.randrange(0, 90),
                               align=filling.randrange(2, 7))
            arena = 0x20000000 + 64 * filling.randrange(1024)
            self.install(file, options=["--arena", f"{arena:#x}:2K"])
            self.is_as_it_must_be(f"r{i}", file)


class Verbs(XipTest):
    """What the other verbs make of linked modules."""

    def setUp(self):
        super().setUp()
        self.params = encoder.tag("params", encoder.u32(0x80000000 | 40, 8))
        self.file_ = self.with_params()
        self.install(self.file_)

    def with_params(self, version="1.0.0", block=b"\0" * 8, tags=()):
        """The last 8 bytes of data are parameters."""
        data = bytes(40) + block
        image = encoder.Image(
            text=b"\x00\x20\x70\x47" + bytes(60), data=data, data_mem=96, entry=1,
            fixes=[encoder.word("data", 8, "text", 1), encoder.word("text", 12, "data", 4)],
            tags=[encoder.tag("name", b"plug"),
                  encoder.tag("version", encoder.version(*map(int, version.split(".")))),
                  self.params, *tags], header={"data_align": 3})
        self.write(f"plug-{version}.bin", image.build())
        return f"plug-{version}.bin"

    def test_list_and_info(self):
        out = self.good(self.file("list")).out.splitlines()[1]
        self.assertTrue(out.endswith(" linked  RAM 0x20010000-0x20010060"), out)
        out = self.good(self.file("info", "plug")).out
        self.assertIn("flags        linked\nlinked       text 0x08060040, "
                      "RAM 0x20010000-0x20010060\nfor firmware "
                      f"{BUILD_ID.hex()}, interface 1.2\ncontents     good\n", out)
        info = json.loads(self.file("info", "plug", "--json").out)
        self.assertEqual(info["linked"], self.rows()["plug"]["linked"])
        self.assertTrue(info["valid"])

    def test_list_by_the_firmwares_file(self):
        self.assertIn("RAM for linked modules: 96 of 0x20010000:8192", self.linked("list").out)
        self.use("fw2", build_id=b"another")
        for options in ((), ("--region", "0x08060000:128K")):
            self.assertIn("for another firmware: modflash relink",
                          self.linked("list", *options).out)
            self.assertIn("(not as it is now", self.linked("info", "plug", *options).out)

    def test_list_says_what_is_stale(self):
        self.use("fw2", build_id=b"another")
        self.put_on_board()
        self.assertIn("for another firmware: modflash relink", self.good(self.file("list")).out)
        self.assertIn("(not as it is now: modflash relink)", self.good(self.file("info", "plug")).out)

    def test_verify_sees_what_the_crc_does_not(self):
        """A linked image that is whole, but not what the file was."""
        self.good(self.file("verify"))
        row = self.rows()["plug"]
        image = bytearray(self.image_at(row))
        image[64 + 30] ^= 1
        self.replace(row, image)
        done = self.file("verify", "plug")
        self.assertEqual(done.status, TARGET, str(done))
        self.assertIn("plug: damaged at ", done.err)
        self.no(["'plug' is damaged", "install it again"], "relink", "--arena", "0x20000000:1K",
                status=TARGET)

    def test_params(self):
        self.assertIn("8 bytes at data+0x28", self.good(self.file("params", "plug")).out)
        self.write("values", b"SETTINGS")
        done = self.good(self.file("params", "plug", "--set", "values"))
        self.assertIn(", linked as before, RAM 0x20010000-0x20010060\n", done.out)
        file = self.with_params(block=b"SETTINGS")
        self.is_as_it_must_be("plug", file)
        self.good(self.file("params", "plug", "--get", "got"))
        self.assertEqual((self.folder / "got").read_bytes(), b"SETTINGS")
        done = self.keeps_flash(self.file, "params", "plug", "--set", "values")
        self.assertIn("unchanged", done.out)

    def test_remove_frees_its_ram(self):
        self.install(other := self.module("other"))
        self.assertEqual(self.ranges()["other"][0], 0x20010060)
        self.good(self.file("remove", "plug"))
        self.install(self.module("third"))
        self.assertEqual(self.ranges()["third"][0], 0x200100C8)
        self.is_as_it_must_be("other", other)

    def test_compaction_leaves_them(self):
        self.use_region(0x08000000, 0x10000)       # four sectors
        self.flash.unlink()
        self.install(file := self.module())
        for i in range(12):
            self.good(self.linked(self.module("big", f"1.{i}.0", text=6000)))
        before = self.rows()["plug"]
        self.good(self.file("compact"))
        self.assertEqual(self.rows()["plug"], before)
        self.is_as_it_must_be("plug", file)

    def test_bundle(self):
        other = self.module("other", imports=imports_of("fw_put"))
        done = self.modflash("bundle", "--firmware", self.elf, "--xip-link", "-o", "region.img",
                             self.file_, other)
        self.assertEqual(done.status, OK, str(done))
        self.put(REGION, (self.folder / "region.img").read_bytes())
        for name, file in (("plug", self.file_), ("other", other)):
            self.is_as_it_must_be(name, file)
        self.assertEqual(len(self.ranges()), 2)

    def test_a_file_that_is_linked_is_refused(self):
        self.write("linked.bin", self.image_at(self.rows()["plug"]))
        for verb in (("install",), ("install", "--xip-link"), ("update",)):
            self.no(["linked.bin", "is linked already, for text at 0x08060040"], *verb, "linked.bin")
        self.refused(REFUSED, "is linked already",
                     self.modflash("bundle", "-o", "x", "linked.bin", "--firmware", self.elf))


class Hostile(XipTest):
    """Linked images that no tool makes: their CRCs are right, and nothing else need be. No verb
    crashes or hangs, and what is changed is right afterwards."""

    ROUNDS = 400 if os.environ.get("MODFMT_ALL") else 12

    def test_any_byte(self):
        self.use_region(FLASH, 0x4000)
        self.install(*(self.module(name, imports=imports_of("fw_put", "fw_any")) for name in "ab"))
        self.write("values", b"1234")
        flash, row = self.bytes(), self.rows()["a"]
        self.use("new", build_id=b"new")
        filling = random.Random(11)
        for i in range(self.ROUNDS):
            self.flash.write_bytes(flash)
            image = bytearray(self.image_at(row))
            for _ in range(filling.choice((1, 1, 2, 8))):
                at = filling.choice((filling.randrange(8, 64), filling.randrange(64, len(image)),
                                     filling.randrange(240, len(image))))
                image[at] = filling.choice((0, 1, 0x7f, 0x80, 0xff, filling.randrange(256)))
            self.replace(row, image)
            for verb in (("list",), ("list", "--json"), ("info", "a"), ("verify",),
                         ("verify", "a-1.0.0.bin"),
                         ("params", "a", "--set", "values"), ("compact",)):
                done = self.file(*verb)
                self.assertIn(done.status, (OK, REFUSED, TARGET), f"{verb} {i} {done}")
            for verb in (("relink", "-n"), ("relink",), ("--xip-link", "b-1.0.0.bin")):
                done = self.linked(*verb)
                self.assertIn(done.status, (OK, REFUSED, TARGET), f"{verb} {i} {done}")
            for line in self.second_opinion():
                if line["name"] == "b":
                    self.assertEqual(modref.unlink(self.image_at(line)),
                                     (self.folder / "b-1.0.0.bin").read_bytes())


class Rewriting(XipTest):
    """A region of one sector is rewritten from a journal: linked modules are linked for their
    new places."""

    def setUp(self):
        super().setUp()
        self.use_region(FLASH, 0x4000)

    def fill(self):
        old, files = self.module("old", text=5000), [self.module("a"), self.module("b", align=6)]
        self.install(old, *files, self.module("big", text=6000))
        self.good(self.file("remove", "old"))
        return files

    def test_install(self):
        files, before = self.fill(), self.rows()
        done = self.good(self.linked(self.module("new", text=4000)))
        self.assertIn("must be erased as a whole", done.out)
        for name, file in zip("ab", files):
            self.assertNotEqual(self.rows()[name]["address"], before[name]["address"])
            self.is_as_it_must_be(name, file)
        self.assertEqual({name: row["linked"]["data"] for name, row in before.items()
                          if name in "ab"},
                         {name: self.rows()[name]["linked"]["data"] for name in "ab"})

    def test_compact(self):
        files = self.fill()
        plan = self.keeps_flash(self.file, "compact", "-n")
        self.assertIn("the region would be rewritten", self.good(plan).out)
        self.good(self.file("compact"))
        for name, file in zip("ab", files):
            self.is_as_it_must_be(name, file)
        self.assertEqual(self.rows()["a"]["address"], "0x08000000")

    def test_updates_for_ever(self):
        self.install(first := self.module("first"))
        for i in range(14):
            self.install(file := self.module("b", f"1.{i}.0", text=3000))
            self.is_as_it_must_be("b", file)
            self.is_as_it_must_be("first", first)
            self.ranges()

    def test_room_is_what_fits(self):
        self.fill()
        room = self.listing()["region"]
        self.assertGreater(room["room"], room["room_now"])


if __name__ == "__main__":
    main()
