#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""verify FILE: is that very image on the board? What is there is told by comparing bytes of the
flash here, and by specs/modref.py's undoing of links."""
import os

from installing import collision
from modflash_run import (FLASH, IO, OK, REFUSED, REGION, TARGET, FlashTest, encoder, image, main)
from xip import XipTest, imports_of, modref


def with_params(block, version="1.0.0", text=b""):
    """The last 8 bytes of data are parameters."""
    return encoder.Image(
        text=b"\x00\x20\x70\x47" + bytes(60) + text, data=bytes(40) + block, data_mem=96, entry=1,
        fixes=[encoder.word("data", 8, "text", 1), encoder.word("text", 12, "data", 4)],
        tags=[encoder.tag("name", b"plug"),
              encoder.tag("version", encoder.version(*map(int, version.split(".")))),
              encoder.tag("params", encoder.u32(0x80000000 | 40, 8))],
        header={"data_align": 3}).build()


class Verifying(FlashTest):
    def same(self, file, name="plug", more=""):
        """It is that very image, and nothing is written to find out."""
        row = {row["name"]: row for row in self.listing()["modules"]}[name]
        for call in (file, f"./{file}", self.folder / file):
            done = self.good(self.keeps_flash(self.file, "verify", call))
            self.assertEqual(done.out, f"{name}: the same as {call}{more}, {row['size']} bytes at "
                             f"{row['address']}\n")
        self.assertEqual(self.good(self.file("verify", "-q", file)).out, "")
        at = int(row["address"], 0) - FLASH
        return self.bytes()[at:at + row["size"]]

    def other(self, text, *arguments, status=REFUSED):
        for quiet in ((), ("-q",)):
            done = self.keeps_flash(self.file, "verify", *quiet, *arguments)
            self.refused(status, text, done)
        return done


class Files(Verifying):
    def setUp(self):
        super().setUp()
        self.plug = self.module(version="1.2.0")
        self.good(self.file(self.plug, self.module("second", size=5000)))

    def test_the_same(self):
        for name, file in (("plug", self.plug), ("second", "second-1.0.0.bin")):
            self.assertEqual(self.same(file, name), (self.folder / file).read_bytes())
        done = self.good(self.file("verify", self.plug, "second", "second-1.0.0.bin"))
        self.assertEqual([line.split(",")[0] for line in done.out.splitlines()],
                         [f"plug: the same as {self.plug}", "second: good",
                          "second: the same as second-1.0.0.bin"])
        # What a file has behind its image is no part of it.
        self.write("padded.bin", (self.folder / self.plug).read_bytes() + bytes(16))
        self.assertEqual(self.file("verify", "padded.bin").status,
                         self.file("install", "-n", "padded.bin").status)

    def test_another_version(self):
        for version in ("1.1.9", "1.2.1"):
            file = self.module(version=version)
            self.other([f"{file}: error: is plug {version}, and what is in flash is 1.2.0"], file)
        self.module(version=None, file="plain.bin")
        self.other("is plug -, and what is in flash is 1.2.0", "plain.bin")

    def test_other_contents(self):
        """Of the same version; longer, shorter, or another byte somewhere."""
        files = [self.module(version="1.2.0", file=f"size{size}.bin", size=size)
                 for size in (64, 92, 100, 9000)]
        files += [self.module(version="1.2.0", file="seed.bin", seed=1)]
        for at in (4, 50, 95):
            text = bytearray(image(version="1.2.0")[64:64 + 96])
            text[at] ^= 0x10
            tags = [encoder.tag("name", b"plug"), encoder.tag("version", encoder.version(1, 2, 0))]
            self.write(f"byte{at}.bin", encoder.Image(text=bytes(text), entry=1, tags=tags).build())
            files.append(f"byte{at}.bin")
        for file in files:
            self.other([file, "is not what is in flash: plug 1.2.0 there has other contents"], file)
        # All is looked at, whatever comes first.
        done = self.file("verify", "seed.bin", self.plug, "second")
        self.assertEqual(done.status, REFUSED)
        self.assertEqual(len(done.out.splitlines()), 2, str(done))

    def test_other_parameters(self):
        for name, block in (("a.bin", b"DEFAULTS"), ("b.bin", b"SETTINGS")):
            self.write(name, with_params(block, "2.0.0"))
        self.write("c.bin", with_params(b"DEFAULTS", "2.0.0", text=bytes(8)))
        self.write("d.bin", with_params(b"DEFAULTS", "2.0.0").replace(bytes(30), b"x" * 30))
        self.write("values", b"SETTINGS")
        self.good(self.file("a.bin"))
        self.same("a.bin")
        self.good(self.file("params", "plug", "--set", "values"))
        self.same("b.bin")
        self.other("plug 2.0.0 there has other parameters, and all else is the same", "a.bin")
        self.other("plug 2.0.0 there has other contents", "c.bin")
        self.other("is no module that can be loaded", "d.bin")      # its CRC is wrong

    def test_no_such_module(self):
        self.other(["third-1.0.0.bin: error: is third, and there is no module of that name"],
                   self.module("third"))
        self.good(self.file("remove", "plug"))
        self.other("there is no module of that name", self.plug)
        first, second = collision()
        self.good(self.file(self.module(first)))
        self.other([f"is {second}, and there is no module of that name"], self.module(second))

    def test_damaged_in_flash(self):
        row = {row["name"]: row for row in self.listing()["modules"]}["second"]
        self.put(int(row["address"], 0) + 100, b"\0\0\0\0")
        self.other("second: damaged at 0x0806", "second-1.0.0.bin", status=TARGET)
        done = self.file("verify", "second-1.0.0.bin", self.module("third"), self.plug)
        self.assertEqual(done.status, TARGET, str(done))
        self.assertEqual(len(done.err.splitlines()), 3, str(done))      # with the region's note
        self.assertIn("plug: the same as", done.out)

    def test_a_file_that_is_none(self):
        """Said before the target is asked at all."""
        self.write("text.bin", b"MODF, but no image")
        self.write("cut.bin", (self.folder / self.plug).read_bytes()[:-1])
        self.write("nameless.bin", image(None))
        os.mkdir(self.folder / "folder.bin")
        self.flash.unlink()
        for file, text, status in (("text.bin", "is no module that can be loaded", REFUSED),
                                   ("cut.bin", "'moddump cut.bin' tells more", REFUSED),
                                   ("nameless.bin", "has no name", REFUSED),
                                   ("folder.bin", "folder.bin", IO)):
            self.other([file, text], self.plug, file, status=status)

    def test_bare(self):
        """As st-flash leaves it at the region's beginning."""
        self.flash.unlink()
        self.put(REGION, (self.folder / self.plug).read_bytes())
        self.same(self.plug)
        self.other("other contents", self.module(version="1.2.0", file="x.bin", seed=2))


class Operands(Verifying):
    """What has a slash or ends in .bin, and what begins as an image does, is a file."""

    def setUp(self):
        super().setUp()
        self.module(file="plug.bin")
        self.good(self.file("plug.bin"))
        self.listing()

    def test_image_without_a_suffix(self):
        self.module(file="plug")
        self.assertIn("plug: the same as plug,", self.good(self.file("verify", "plug")).out)
        self.module(file="plug", seed=3)
        self.other("other contents", "plug")

    def test_other_file_of_a_modules_name(self):
        for content in (b"", b"MOD", b"\x7fELF and so on"):
            self.write("plug", content)
            self.assertIn("plug: good, ", self.good(self.file("verify", "plug")).out)
        (self.folder / "plug").unlink()
        (self.folder / "plug").mkdir()
        self.assertIn("plug: good, ", self.good(self.file("verify", "plug")).out)
        self.write("a.out", b"\x7fELF")
        self.other("there is no module 'a.out'; there is plug", "a.out")

    def test_no_such_file(self):
        for path in ("gone.bin", "./gone", "gone/plug.bin"):
            self.other([path, "there is no such file, and no module of that name in flash"], path,
                       status=IO)
        self.other("plug.bin/x", "plug.bin/x", status=IO)
        self.other("there is no module 'gone'; there is plug", "gone")

    def test_name_that_looks_like_a_path(self):
        for name in ("led.bin", "a/b"):
            self.good(self.file(self.module(name, file="file.bin")))
            self.assertIn(f"{name}: good, ", self.good(self.file("verify", name)).out)

    def test_pipe(self):
        done = self.run_command(["bash", "-c", f"'{os.environ['MODFLASH']}' -p file:flash.img "
                                 "verify <(cat plug.bin)"])
        self.assertRegex(self.good(done).out, r"^plug: the same as /dev/fd/\d+, ")

    def test_help_and_manual_say_it(self):
        self.assertRegex(self.good(self.modflash("--help")).out, r"verify \[NAME\|FILE\.\.\.\]")


class Linked(XipTest, Verifying):
    """A linked copy is the file if what linking did is undone."""

    def test_linked(self):
        file = self.module(imports=imports_of("fw_put", "fw_any"))
        self.install(self.module("other"), file)
        for name in ("plug", "other"):
            stored = self.same(f"{name}-1.0.0.bin", name, more=", linked for its place")
            plain = (self.folder / f"{name}-1.0.0.bin").read_bytes()
            self.assertNotEqual(stored, plain)
            self.assertEqual(modref.unlink(stored), plain)
            # The linked image itself, as read from flash.
            self.write("linked.bin", stored)
            self.same("linked.bin", name)

    def test_other(self):
        self.install(self.module(imports=imports_of("fw_put")))
        self.other("plug 1.0.0 there has other contents",
                   self.module(imports=imports_of("fw_get")))
        self.other("is plug 1.0.1, and what is in flash is 1.0.0", self.module(version="1.0.1"))

    def test_plain_copy_and_linked_file(self):
        file = self.module()
        self.install(file)
        self.write("linked.bin", self.image_at(self.rows()["plug"]))
        self.good(self.linked("update", "--no-xip-link", file))
        self.same(file)
        self.other("other contents", "linked.bin")

    def test_parameters(self):
        self.write("a.bin", with_params(b"DEFAULTS"))
        self.write("b.bin", with_params(b"SETTINGS"))
        self.write("values", b"SETTINGS")
        self.install("a.bin")
        self.good(self.file("params", "plug", "--set", "values"))
        self.same("b.bin", more=", linked for its place")
        self.other("other parameters, and all else is the same", "a.bin")

    def test_for_another_place(self):
        """Not good wherever it came from."""
        self.install(file := self.module())
        row = self.rows()["plug"]
        at = int(row["address"], 0)
        self.flash.unlink()
        stored = modref.link((self.folder / file).read_bytes(), at + 0x1040, 0x20010000,
                             self.offered, **self.identity)
        self.put(at, stored)
        self.other("was linked for another place", file, status=TARGET)

    def test_damaged(self):
        """A CRC that fits does not make it the file."""
        self.install(file := self.module())
        row = self.rows()["plug"]
        whole = bytearray(self.image_at(row))
        whole[64 + 30] ^= 1
        self.replace(row, whole)
        self.other("plug: damaged at ", file, status=TARGET)


class Board(Verifying):
    """Through an ST-LINK: nothing is halted, nothing written."""

    def test_board(self):
        file = self.module(size=3000)
        self.good(self.board(file))
        done = self.good(self.keeps_flash(self.board, "verify", file))
        self.assertIn(f"plug: the same as {file}, ", done.out)
        self.left_well(done)
        self.assertEqual((done.stats["erases"], done.stats["programs"]), ("0", "0"), str(done))
        other = self.module(size=3000, seed=4, file="other.bin")
        done = self.keeps_flash(self.board, "verify", other)
        self.refused(REFUSED, "plug 1.0.0 there has other contents", done)
        self.left_well(done)
        self.assertEqual(self.board("verify", "plug", file).status, OK)


if __name__ == "__main__":
    main()
