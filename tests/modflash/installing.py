#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""install, update, remove and their kin on a flash file: what they do and what they say."""
import json
import re

from modflash_run import (FLASH, IO, MODFLASH, OK, REFUSED, REGION, SIZE, TARGET, USAGE, FlashTest,
                          encoder, image, main)


def numbers(text):
    """Sectors erased and bytes programmed, of a plan."""
    return tuple(map(int, re.search(r"(\d+) sectors? erased, (\d+) bytes programmed",
                                    text).groups()))


class Versions(FlashTest):
    def setUp(self):
        super().setUp()
        self.good(self.file(self.module(version="1.2.0")))

    def test_newer_replaces(self):
        done = self.good(self.file(self.module(version="1.3.0")))
        self.assertRegex(done.out, r"^plug 1\.2\.0 -> 1\.3\.0: updated at 0x0806[0-9a-f]{4}, ")
        self.expect({"plug": "1.3.0"})
        for version in ("1.3.1", "2.0.0", "2.0.65535"):
            self.good(self.file("update", self.module(version=version)))
            self.expect({"plug": version})

    def test_same_version_other_content_replaces(self):
        before = self.listing()["modules"]
        done = self.good(self.file(self.module(version="1.2.0", seed=2)))
        self.assertIn("updated", done.out)
        self.expect({"plug": "1.2.0"})
        self.assertNotEqual(self.listing()["modules"][0]["crc"], before[0]["crc"])

    def test_identical_is_not_written(self):
        for verb in ((), ("install",), ("update",), ("install", "--dry-run"), ("--no-reset",)):
            done = self.keeps_flash(self.file, *verb, self.module(version="1.2.0"))
            self.assertIn("plug 1.2.0: unchanged at 0x08060000", self.good(done).out)

    def test_force_writes_the_same_again(self):
        before = self.bytes()
        self.good(self.file("--force", self.module(version="1.2.0")))
        self.assertNotEqual(self.bytes(), before)
        self.expect({"plug": "1.2.0"})
        self.assertNotEqual(self.listing()["modules"][0]["address"], "0x08060000")

    def test_identical_beside_a_new_one(self):
        done = self.good(self.file(self.module(version="1.2.0"), self.module("other")))
        self.assertIn("plug 1.2.0: unchanged", done.out)
        self.assertIn("other 1.0.0: installed", done.out)
        self.expect({"plug": "1.2.0", "other": "1.0.0"})

    def test_older_is_refused(self):
        for version in ("1.1.9", "0.65535.0", "1.1.65535"):
            file = self.module(version=version)
            for verb in ((), ("update",), ("--force",), ("--dry-run",)):
                self.keeps_flash(lambda *a: self.refused(
                    REFUSED, [file, version, "1.2.0", "--allow-downgrade"], self.file(*a)),
                    *verb, file)
        self.good(self.file("--allow-downgrade", self.module(version="1.1.9")))
        self.expect({"plug": "1.1.9"})

    def test_one_older_stops_all(self):
        files = self.module("other"), self.module(version="1.0.0")
        self.keeps_flash(lambda: self.refused(REFUSED, "older", self.file(*files)))
        self.expect({"plug": "1.2.0"})

    def test_without_a_version(self):
        """No version counts as 0.0.0."""
        file = self.module(version=None, file="bare.bin")
        self.refused(REFUSED, "older than the 1.2.0", self.file(file))
        done = self.good(self.file("--allow-downgrade", file))
        self.assertIn("plug 1.2.0 -> -: updated", done.out)
        self.assertEqual(self.modules(), {"plug": None})
        self.good(self.file(self.module(version="0.0.1")))

    def test_update_of_what_is_not_there(self):
        file = self.module("other")
        for files in ((file,), (self.module(version="1.3.0"), file)):
            self.keeps_flash(lambda: self.refused(
                REFUSED, [file, "no module 'other' to update", "modflash install"],
                self.file("update", *files)))

    def test_reserved_word_as_a_file(self):
        """./list is a file, list is a verb."""
        self.module("other", file="list")
        self.good(self.file("./list"))
        self.good(self.file("install", "list"))
        self.expect({"plug": "1.2.0", "other": "1.0.0"})


class Several(FlashTest):
    def test_three_at_once(self):
        files = [self.module(name, size=size) for name, size in
                 (("a", 96), ("b", 5000), ("c", 20000))]
        done = self.good(self.file("install", *files))
        self.assertEqual([line.split()[0] for line in done.out.splitlines()], ["a", "b", "c"])
        self.expect({"a": "1.0.0", "b": "1.0.0", "c": "1.0.0"})

    def test_as_in_their_files(self):
        data = {name: image(name, size=300) for name in ("a", "b")}
        self.good(self.file(*(self.write(f"{name}.bin", data[name]) for name in data)))
        for row in self.listing()["modules"]:
            start = int(row["address"], 0) - FLASH
            self.assertEqual(self.bytes()[start:start + row["size"]], data[row["name"]])
            self.assertEqual(start % 64, 0)

    def test_nothing_outside_the_region(self):
        noise = bytes(range(256)) * (SIZE // 256)
        self.flash.write_bytes(noise)
        self.good(self.file("erase"))
        self.good(self.file(self.module(), self.module("other", size=9000)))
        self.good(self.file("remove", "plug"))
        at, size = REGION - FLASH, 0x20000
        self.assertEqual(self.bytes()[:at], noise[:at])
        self.assertEqual(self.bytes()[at + size:], noise[at + size:])
        self.expect({"other": "1.0.0"})

    def test_one_name_twice(self):
        a, b = self.module("plug"), self.module("plug", "1.1.0")
        done = self.refused(REFUSED, [b, a, "'plug'"], self.file(a, b))
        self.assertIn("two modules of one name", done.err)
        self.assertFalse(self.flash.exists())

    def test_names_of_one_hash(self):
        """Both have the FNV-1a 0x5e4daa9d."""
        first, second = collision()
        one, two = self.module(first), self.module(second)
        self.assertEqual(encoder.fnv(first), encoder.fnv(second))
        self.good(self.file(one))
        self.keeps_flash(lambda: self.refused(
            REFUSED, [two, first, second, "the same hash", "rename"], self.file(two)))
        self.keeps_flash(lambda: self.refused(REFUSED, f"no module '{second}'",
                                              self.file("remove", second)))
        self.refused(REFUSED, f"no module '{second}'", self.file("info", second))
        self.expect({first: "1.0.0"})
        self.good(self.file("remove", first))
        self.refused(REFUSED, [first, second], self.file(one, two))
        self.good(self.file(two))
        self.expect({second: "1.0.0"})


def collision():
    """Two names with one 32-bit FNV-1a."""
    return "costarring", "liquid"


class Removing(FlashTest):
    def setUp(self):
        super().setUp()
        self.good(self.file(*(self.module(name) for name in ("alpha", "beta", "gamma"))))

    def test_one(self):
        self.assertEqual(self.good(self.file("remove", "beta")).out, "beta: removed\n")
        self.expect({"alpha": "1.0.0", "gamma": "1.0.0"})

    def test_several(self):
        self.good(self.file("remove", "beta", "alpha"))
        self.expect({"gamma": "1.0.0"})
        self.good(self.file("remove", "gamma"))
        self.expect({})

    def test_and_back(self):
        self.good(self.file("remove", "beta"))
        self.good(self.file(self.module("beta", "0.1.0")))
        self.expect({"alpha": "1.0.0", "beta": "0.1.0", "gamma": "1.0.0"})

    def test_unknown_names_what_is_there(self):
        for verb in ("remove", "info", "verify"):
            self.keeps_flash(lambda: self.refused(
                REFUSED, ["no module 'aplha'", "alpha, beta, gamma"], self.file(verb, "aplha")))

    def test_one_unknown_stops_all(self):
        self.keeps_flash(lambda: self.refused(REFUSED, "delta",
                                              self.file("remove", "alpha", "delta")))

    def test_twice(self):
        self.keeps_flash(lambda: self.refused(REFUSED, "'beta' is named twice",
                                              self.file("remove", "beta", "beta")))

    def test_of_an_empty_region(self):
        self.good(self.file("erase"))
        self.refused(REFUSED, "no module 'beta'; there are none", self.file("remove", "beta"))


class DryRun(FlashTest):
    """Says what would be done; the very same is done then."""

    def same(self, *arguments, programmed=None):
        had = self.flash.exists()
        plan = self.keeps_flash(self.file, *arguments, "--dry-run")
        self.good(plan)
        self.assertEqual(self.flash.exists(), had)
        self.assertIn("would be", plan.out)
        self.assertNotRegex(plan.out, r"(?m): (installed|updated|removed|erased)\b")
        erased, bytes_programmed = numbers(plan.out)
        before = self.bytes() if had else b"\xff" * SIZE
        done = self.good(self.file(*arguments))
        after = self.bytes()
        if not erased:
            changed = {i // 4 for i in range(SIZE) if before[i] != after[i]} \
                if before != after else set()
            self.assertLessEqual(4 * len(changed), bytes_programmed)
            self.assertLessEqual(bytes_programmed, 4 * len(changed) + 48)
        self.assertEqual([line.split()[-4:] for line in done.out.splitlines()
                          if " at 0x" in line],
                         [line.split()[-4:] for line in plan.out.splitlines() if " at 0x" in line])
        return erased, bytes_programmed

    def test_install_on_new_flash(self):
        self.assertEqual(self.same(self.module())[0], 1)

    def test_everything(self):
        self.good(self.file(self.module("first")))
        size = len(image())
        self.assertEqual(self.same(self.module()), (0, size + 64))
        self.assertEqual(self.same("update", self.module(version="1.1.0")), (0, size + 64))
        self.assertEqual(self.same(self.module("a"), self.module("b")), (0, 2 * size + 96))
        self.assertEqual(self.same("remove", "a"), (0, 64))
        self.assertEqual(self.same("remove", "b", "plug"), (0, 96))

    def test_on_the_board(self):
        """The plan's numbers are what the board counts."""
        self.good(self.board(self.module("first"), "--region", "0x08060000:256K"))
        for arguments in ((self.module(size=2000),), ("update", self.module(version="2.0.0")),
                          ("remove", "plug"), ("compact",)):
            plan = self.good(self.board("--region", "0x08060000:256K", *arguments, "-n"))
            self.assertEqual((plan.stats["operations"], plan.stats["resets"]), ("0", "0"))
            done = self.good(self.board("--region", "0x08060000:256K", *arguments))
            counted = int(done.stats["sectors_erased"]), int(done.stats["bytes_programmed"])
            planned = numbers(plan.out) if "would be" in plan.out else (0, 0)
            self.assertEqual(planned, counted, plan.out)
            self.assertEqual(done.stats["overprograms"], "0")

    def test_refusals_are_the_same(self):
        self.good(self.file(self.module(version="2.0.0")))
        for arguments in ((self.module(version="1.0.0"),), ("update", self.module("other")),
                          ("remove", "other"), (self.module("big", size=140000),)):
            plan = self.keeps_flash(self.file, *arguments, "-n")
            done = self.keeps_flash(self.file, *arguments)
            self.assertEqual((plan.status, plan.err), (done.status, done.err))
            self.assertEqual(plan.status, REFUSED)


class Quiet(FlashTest):
    def test_every_verb(self):
        file = self.module()
        for arguments in ((file,), (file,), ("update", self.module(version="2.0.0")),
                          ("verify",), ("remove", "plug"), ("compact",), ("recover",),
                          ("read", "out.img"), ("erase",), (file, "-n"), ("erase", "-n"),
                          ("remove", "plug", "-n")):
            if arguments == ("remove", "plug", "-n"):
                self.good(self.file("-q", file))
            done = self.file("-q", *arguments)
            self.assertEqual((done.status, done.out, done.err), (OK, "", ""), arguments)

    def test_errors_are_printed(self):
        self.refused(REFUSED, "no module", self.file("-q", "remove", "plug"))
        self.refused(IO, "cannot be opened", self.file("-q", "nothing.bin"))


class Others(FlashTest):
    def test_read(self):
        self.good(self.file(self.module()))
        done = self.good(self.file("read", "out.img"))
        self.assertIn("131072 bytes from 0x08060000 on: out.img", done.out)
        region = self.bytes()[REGION - FLASH:][:0x20000]
        self.assertEqual((self.folder / "out.img").read_bytes(), region)
        done = self.run_command(["sh", "-c", '"$0" -p file:flash.img read - | cmp - out.img',
                                 MODFLASH])
        self.assertEqual((done.status, done.out), (OK, ""))

    def test_read_to_where_nothing_can_be(self):
        self.good(self.file(self.module()))
        self.refused(IO, "nowhere", self.file("read", "nowhere/out.img"))
        self.refused(IO, "/dev/full", self.file("read", "/dev/full"))

    def test_erase(self):
        self.good(self.file(self.module()))
        done = self.keeps_flash(self.file, "erase", "--dry-run")
        self.assertIn("1 sector from 0x08060000 on would be erased", self.good(done).out)
        self.assertIn("1 sector from 0x08060000 on erased", self.good(self.file("erase")).out)
        self.assertEqual(self.bytes(), b"\xff" * SIZE)

    def test_verify(self):
        self.good(self.file(self.module("a"), self.module("b")))
        self.assertEqual(len(self.good(self.file("verify")).out.splitlines()), 2)
        self.assertIn("b: good", self.good(self.file("verify", "b")).out)
        row = {row["name"]: row for row in self.listing()["modules"]}["b"]
        self.put(int(row["address"], 0) + 100, b"\0\0\0\0")
        done = self.file("verify")
        self.assertEqual(done.status, TARGET)
        self.assertIn("a: good", done.out)
        self.assertRegex(done.err, r"modflash: .*: error: b: damaged at 0x0806[0-9a-f]{4}: ")
        self.assertEqual(self.file("verify", "a").status, OK)
        self.assertEqual(self.file("verify", "b").status, TARGET)
        done = self.file("info", "b")
        self.assertEqual(done.status, TARGET)
        self.assertIn("damaged", done.out)
        done = self.file("info", "b", "--json")
        self.assertEqual(done.status, TARGET)
        self.assertFalse(json.loads(done.out)["valid"])

    def test_recover_with_nothing_to_do(self):
        self.good(self.file(self.module()))
        done = self.keeps_flash(self.file, "recover")
        self.assertEqual(self.good(done).out, "nothing to recover\n")

    def test_compact_with_nothing_to_do(self):
        self.good(self.file(self.module()))
        done = self.keeps_flash(self.file, "compact")
        self.assertRegex(self.good(done).out, "^nothing ")

    def test_pin(self):
        self.good(self.file("--pin", self.module()))
        self.assertTrue(self.listing()["modules"][0]["pinned"])
        self.assertIn("pinned", self.good(self.file("list")).out)
        self.good(self.file("remove", "plug"))

    def test_pin_later(self):
        """The same content, but now it must not move: that is a change."""
        self.good(self.file(self.module()))
        self.good(self.file("--pin", self.module()))
        self.assertTrue(self.listing()["modules"][0]["pinned"])

    def test_bundle(self):
        files = [self.module("a", size=300), self.module("b", size=9000)]
        self.good(self.modflash("bundle", "-o", "region.img", *files))
        data = (self.folder / "region.img").read_bytes()
        self.assertEqual(len(data), 0x20000)
        self.put(REGION, data)
        self.expect({"a": "1.0.0", "b": "1.0.0"})
        self.good(self.file("update", self.module("a", "1.1.0")))
        self.expect({"a": "1.1.0", "b": "1.0.0"})

    def test_bundle_is_what_install_gives(self):
        files = [self.module("a", size=300), self.module("b", size=9000)]
        self.use_region(0x08040000, 0x40000)
        self.good(self.file(*files))
        self.good(self.modflash(*self.region, "bundle", "--output=region.img", *files))
        self.assertEqual((self.folder / "region.img").read_bytes(),
                         self.bytes()[0x40000:0x80000])

    def test_bundle_to_stdout(self):
        done = self.run_command(["sh", "-c", '"$0" bundle -o - "$1" > region.img',
                                 MODFLASH, self.module()])
        self.good(done)
        self.assertEqual((self.folder / "region.img").stat().st_size, 0x20000)

    def test_bundle_refusals(self):
        big = self.module("big", size=140000)
        done = self.modflash("bundle", "-o", "x", big)
        self.assertEqual(done.status, REFUSED)
        self.assertIn("0x08060000:128K", done.err)
        self.refused(REFUSED, "two modules of one name",
                     self.modflash("bundle", "-o", "x", self.module(), self.module(seed=3, file="y")))
        self.refused(USAGE, "'stm32f999' is not known",
                     self.modflash("bundle", "-o", "x", "--chip", "stm32f999", self.module()))
        self.refused(IO, "nowhere/x", self.modflash("bundle", "-o", "nowhere/x", self.module()))
        self.assertFalse((self.folder / "x").exists())

    def test_other_chips(self):
        """F411 (512 KiB) and F446 in files; the region and the sectors are the chip's."""
        for chip, size in (("stm32f411", 512), ("stm32f446", 512)):
            self.flash.unlink(missing_ok=True)
            self.file("--chip", chip, self.module())
            self.assertEqual(self.flash.stat().st_size, size * 1024)
            done = self.file("--chip", chip, "list", "--json")
            self.assertEqual(json.loads(done.out)["chip"], chip)


if __name__ == "__main__":
    main()
