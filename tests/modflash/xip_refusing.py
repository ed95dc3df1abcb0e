#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""What install --xip-link refuses, by name, with nothing written; and what it only says."""
from modflash_run import OK, REFUSED, USAGE, encoder, main
from xip import EXPORTS, XipTest, imports_of

XIP = ("install", "--xip-link")


class Firmware(XipTest):
    def test_no_build_id(self):
        self.use("fw", build_id=None)
        self.no(["fw.elf", "has no build id", "--build-id"], *XIP, self.module())
        self.put_on_board()
        self.no_board(["the firmware on the board has no build id"], *XIP, self.module())

    def no_board(self, text, *arguments):
        """The same by what is on the board."""
        self.keeps_flash(lambda: self.refused(REFUSED, text, self.file(*arguments)))

    def test_no_arena(self):
        self.use("fw", arena=None)
        self.no(["fw.elf", "sets no RAM aside", "--arena BASE:SIZE"], *XIP, self.module())
        self.put_on_board()
        self.no_board(["the firmware on the board sets no RAM aside"], *XIP, self.module())

    def test_arena_that_is_none(self):
        """In flash, among peripherals, the wrong way round, beyond the end of memory."""
        for arena in ((0x08010000, 0x1000), (0x40000000, 0x1000), (0xE0000000, 0x1000),
                      (0x20010000, -0x100), (0x07FFF000, 0x2000)):
            self.use("fw", arena=arena)
            self.no(["sets no RAM aside"], *XIP, self.module())

    def test_option_that_is_flash(self):
        for arena in ("0x08000000:4K", "0x08060000:4K", "0x080fff00:64K", "0x07fff000:8K"):
            self.no(f"--arena: '{arena}' is flash", *XIP, "--arena", arena, self.module())

    def test_nobody_tells(self):
        self.flash.write_bytes(b"\xff" * (1 << 20))
        done = self.keeps_flash(self.file, "--no-check", *XIP, self.module())
        self.refused(REFUSED, ["no firmware is there that describes itself", "--firmware ELF"], done)

    def test_bundle_for_nobody(self):
        done = self.modflash("bundle", "--xip-link", "--no-check", "-o", "x", self.module())
        self.refused(REFUSED, "for which firmware? Say --firmware ELF", done)

    def test_no_table(self):
        self.use("fw", exports={})
        file = self.module(imports=imports_of("fw_put"))
        self.no(["import 'fw_put'", "table of exports"], "--no-check", *XIP, file)


class Modules(XipTest):
    def test_arena_full(self):
        self.install(self.module("small"), self.module("large", bss=8000))
        done = self.no(["new-1.0.0.bin", "of", "fw.elf", "0x20010000:8192, is full",
                        "'new' needs 200 bytes at a multiple of 8",
                        "the largest gap is 56", "small has 100 bytes at 0x20010000",
                        "large has 8032 bytes at 0x20010068"], *XIP, self.module("new", bss=168))
        self.assertNotIn("note", done.err)

    def test_arena_full_at_a_remainder(self):
        self.install(self.module("large", bss=8100))
        self.no(["is full: 'new' needs 40 bytes at 36 modulo 64, and the largest gap is 56",
                 "large has 8132 bytes at 0x20010000"],
                *XIP, self.module("new", text=100, align=6, bss=8))
        self.install(self.module("fits", text=72, align=6, bss=8))

    def test_arena_full_of_many(self):
        self.install(*(self.module(f"m{i}", bss=700) for i in range(11)))
        self.no(["m0 has 732 bytes", "and 3 more"], *XIP, self.module("new", bss=700))

    def test_larger_than_the_arena(self):
        self.no(["'plug' needs 9032 bytes", "the largest gap is 8192", "nobody has any of it"],
                *XIP, self.module(bss=9000))

    def test_arena_full_but_for_what_is_replaced(self):
        """A module's own former RAM counts as free."""
        self.install(self.module("other"), self.module("plug", bss=7000))
        self.install(file := self.module("plug", "1.1.0", bss=7900))
        self.is_as_it_must_be("plug", file)

    def test_fits_if_all_are_replaced_at_once(self):
        """Where keeping RAM leaves no room for the others, all get other ranges."""
        self.install(*(self.module(f"m{i}", data=0, bss=2048) for i in range(4)))
        files = [self.module(name, "1.1.0", data=0, bss=bss)
                 for name, bss in (("m0", 1024), ("m1", 1024), ("new", 2048))]
        self.install(*files)
        for name, file in zip(("m0", "m1", "new"), files):
            self.is_as_it_must_be(name, file)
        self.assertEqual(len(self.ranges()), 5)

    BASE = [encoder.tag("dependency", encoder.version(1, 0, 0) + encoder.version(2, 0, 0) + b"base")]
    REFUSAL = ["user-1.0.0.bin", "import 'base_f' is not the firmware's", "needs module 'base'",
               "only the firmware's symbols have addresses at flash time",
               "install it without --xip-link"]

    def provider(self, kind=0x99, name="base_f"):
        """The module that exports something."""
        self.write("base.bin", encoder.Image(
            text=bytes(64), entry=1, exports=[encoder.Symbol(name, 0, kind, 1)],
            tags=[encoder.tag("name", b"base"),
                  encoder.tag("version", encoder.version(1, 0, 0)),
                  encoder.tag("export_names", encoder.strings(name))]).build())
        return "base.bin"

    def test_needs_another_module(self):
        """Only the firmware's symbols have addresses at flash time."""
        self.good(self.linked(self.provider()))
        needing = self.module("user", imports=imports_of("fw_put", "base_f"), tags=self.BASE)
        for options in ((), ("--no-check",)):
            self.no(self.REFUSAL, *XIP, *options, needing)

    def weak_user(self, tags=()):
        return self.module("user", imports=imports_of("fw_put", "base_f", weak=["base_f"]), tags=tags)

    def test_weak_import_of_another_module(self):
        """What a loader would bind is not silently left unbound."""
        needing = self.weak_user(self.BASE)
        self.no(self.REFUSAL, *XIP, "--no-check", self.provider(), needing)   # both come now
        self.good(self.linked(self.provider()))
        for options in ((), ("--no-check",)):
            self.no(self.REFUSAL, *XIP, *options, needing)
        self.good(self.linked("install", needing))
        self.assertIsNone(self.rows()["user"]["linked"])

    def test_weak_import_of_nobody(self):
        """It stays unbound if the needed module has it not, or of another type, or if the module
        that has it is none of those that are needed."""
        for base, tags in (({"name": "other"}, self.BASE), ({"kind": 0x98}, self.BASE), ({}, [])):
            self.good(self.linked("--force", self.provider(**base)))
            self.install(file := self.weak_user(tags), options=["--force"])
            self.is_as_it_must_be("user", file)
            self.good(self.linked("remove", "user"))

    def test_weak_import_that_came_later(self):
        """A module that is linked anew goes on as it was, and that is said."""
        self.good(self.linked(self.provider(name="other")))
        self.install(file := self.weak_user(self.BASE))
        self.good(self.linked(self.provider()))
        self.use("fw2", build_id=bytes(20))
        done = self.linked("relink")
        self.assertEqual(done.status, OK, str(done))
        self.assertIn("import 'base_f' is weak, and stays unbound though module 'base' has it",
                      done.err)
        self.is_as_it_must_be("user", file)

    def test_order_of_modules_is_no_import(self):
        """A module may need another one and yet import from the firmware alone."""
        self.good(self.linked(self.module("base")))
        file = self.module("user", imports=imports_of("fw_put"), tags=[
            encoder.tag("dependency", encoder.version(1, 0, 0) + encoder.version(2, 0, 0) + b"base")])
        self.install(file)
        self.is_as_it_must_be("user", file)

    def test_block_only(self):
        self.no(["plug-1.0.0.bin", "can only be loaded as one block", "without --xip-link"],
                *XIP, self.module(flags=encoder.BLOCK))

    def test_text_alignment(self):
        self.no(["its text wants an alignment of 128 bytes", "have 64"],
                *XIP, self.module(header={"text_align": 7}))
        self.install(file := self.module(header={"text_align": 6}))
        self.is_as_it_must_be("plug", file)

    def test_text_that_is_not_stored(self):
        self.no(["its text ends with 32 zero bytes that are not stored"],
                *XIP, self.module(text=96, text_mem=128))

    def test_compressed(self):
        file = self.module(tags=[encoder.tag("compression", encoder.u32(0, 96, 32))])
        self.no("is compressed", *XIP, file)
        self.no(["is compressed", "cannot run where it lies"], "--no-check", *XIP, file)

    def test_fix_up_of_zeros(self):
        self.write("bss.bin", encoder.Image(
            text=bytes(64), data=bytes(8), data_mem=64, entry=1,
            fixes=[encoder.word("data", 32, "text", 0)], header={"data_align": 3},
            tags=[encoder.tag("name", b"bss")]).build())
        self.no(["a fix-up is of bytes that are not stored"], *XIP, "bss.bin")

    def test_import_missing(self):
        file = self.module(imports=imports_of("fw_put", "gone"))
        self.no(["plug-1.0.0.bin", "'gone' is not offered"], *XIP, file)
        self.no(["import 'gone' is not in the table of exports of fw.elf"], "--no-check", *XIP, file)

    def test_import_of_another_type(self):
        self.use("fw2", exports={**EXPORTS, "fw_put": (0x77, 0x08000201)})
        file = self.module(imports=imports_of("fw_put"))
        self.no(["'fw_put'", "is not what the module was built against"], *XIP, file)
        self.no(["import 'fw_put'", "another type"], "--no-check", *XIP, file)

    def test_stripped_import(self):
        file = self.module(imports=imports_of("gone"))
        self.write(file, encoder.Image(text=bytes(64), entry=1, imports=imports_of("gone"),
                                       tags=[encoder.tag("name", b"plug")]).build())
        self.no(f"import with hash {encoder.fnv('gone'):#010x}", "--no-check", *XIP, file)

    def test_all_that_is_wrong_at_once(self):
        done = self.keeps_flash(self.linked, *XIP, self.module("good"),
                                self.module("a", flags=encoder.BLOCK),
                                self.module("b", header={"text_align": 7}))
        self.assertEqual(done.status, REFUSED)
        self.assertEqual(done.err.count("error: "), 2, str(done))

    def test_one_name_twice(self):
        self.no("two modules of one name", *XIP, self.module("plug", "1.0.0"), self.module("plug", "2.0.0"))

    def test_damaged_or_no_module(self):
        self.write("x.bin", b"MODF" + bytes(200))
        self.no("is no module that can be loaded", *XIP, "x.bin")

    def test_no_room(self):
        self.use_region(0x08000000, 0x4000)
        self.no("no room: the largest of these images has", *XIP, self.module(text=17000))

    def test_signed(self):
        """Linked; who has the keys verifies it before."""
        file = self.module(last=[encoder.tag("signature", encoder.u32(1) + bytes(64))])
        done = self.install(file)
        self.assertIn("note: is signed, and modflash has no keys", done.err)
        self.is_as_it_must_be("plug", file)
        self.assertEqual(self.linked("-q", "--xip-link", "--force", file).err, "")


class Usage(XipTest):
    def wrong(self, text, *arguments):
        self.assertEqual(self.refused(USAGE, text, self.modflash(*arguments)).out, "")
        self.assertFalse(self.flash.exists())

    def test_both(self):
        self.wrong("exclude each other", "--xip-link", "--no-xip-link", "x")

    def test_arena(self):
        for text in ("", "x", "0x20000000", "0x20000000:", "0x20000000:0", "0:1K", "0xfffff000:8K"):
            self.wrong(["--arena", "no BASE:SIZE"], "--xip-link", f"--arena={text}", "x")

    def test_verbs(self):
        for switch, verb in (("--xip-link", "list"), ("--xip-link", "relink"),
                             ("--no-xip-link", "bundle"), ("--arena 0x20000000:1K", "verify")):
            self.wrong(" is for ", *switch.split(), verb, *(["-o", "y", "x"] if verb == "bundle" else []))

    def test_region_and_firmware(self):
        self.wrong("exclude each other with compact", "compact", "--region", "0x08060000:128K",
                   "--firmware", "fw.elf")


if __name__ == "__main__":
    main()
