#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""A region of one sector is rewritten from a journal on this machine; a cut on the way costs
nothing but `modflash recover`."""
import json
import shutil

from cutting import CutTest
from modflash_run import FLASH, IO, OK, REFUSED, TARGET, FlashTest, main

WAIT = "finish it first: modflash recover"


class JournalTest(CutTest):
    """The region is one sector of 16 KiB: small enough to be filled often."""

    def setUp(self):
        super().setUp()
        self.use_region(FLASH, 0x4000)
        self.state = self.home / ".local/state/modflash"

    def journals(self):
        return sorted(self.state.glob("*")) if self.state.exists() else []

    def dead_bytes(self):
        """Two tiny modules behind more than a KiB that is dead."""
        self.good(self.file(self.module("old", size=2000)))
        self.good(self.file(self.tiny("a"), self.tiny("b")))
        self.good(self.file("remove", "old"))
        return {"a": "1.0.0", "b": "1.0.0"}

    def nearly_full(self, slots=False):
        self.good(self.file(self.tiny("a"), self.module("old", size=13000)))
        self.good(self.file("remove", "old"))
        return {"a": "1.0.0"}

    def adopt(self):
        """Make the board's journal the file's: the same region of the same flash."""
        uid = json.loads(self.file("probe", "--json").out)["uid"]
        journal, = self.journals()
        region = f"{self.base:08x}-{self.size:x}.journal"
        self.assertTrue(journal.name.endswith("-" + region), journal)
        journal.rename(self.state / f"{uid}-{region}")

    def forget(self):
        shutil.rmtree(self.state, ignore_errors=True)


class Rewriting(JournalTest):
    def test_compact(self):
        modules = self.dead_bytes()
        room = self.listing()["region"]
        plan = self.keeps_flash(self.file, "compact", "-n")
        self.assertRegex(self.good(plan).out, "the region would be rewritten: 1 sector erased, ")
        self.assertEqual(self.journals(), [])
        done = self.good(self.file("compact"))
        self.assertIn("must be erased as a whole: its modules are kept in ", done.out)
        self.assertIn(".journal meanwhile", done.out)
        self.expect(modules)
        self.assertEqual(self.journals(), [])
        self.assertGreater(self.listing()["region"]["room_now"], room["room_now"])

    def test_install_that_needs_it(self):
        modules = self.nearly_full()
        file = self.module("new", size=9000)
        self.assertIn("rewritten", self.good(self.keeps_flash(self.file, "-n", file)).out)
        self.good(self.file(file))
        self.expect({**modules, "new": "1.0.0"})
        self.assertEqual(self.journals(), [])

    def test_updates_for_ever(self):
        """One sector, and nobody has to think of it."""
        self.good(self.file(self.tiny("a")))
        rewritten = 0
        for i in range(1, 24):
            done = self.good(self.file(self.module("b", f"1.{i}.0", size=3000)))
            rewritten += "kept in" in done.out
            self.assertEqual(self.modules(), {"a": "1.0.0", "b": f"1.{i}.0"})
        self.assertGreater(rewritten, 3)

    def test_room_is_what_fits(self):
        self.nearly_full()
        room = self.listing()["region"]
        self.assertGreater(room["room"], room["room_now"])
        self.assertIn("after rewriting the region", self.good(self.file("list")).out)
        over = len((self.folder / self.module("x", size=1000)).read_bytes()) - 1000
        self.good(self.file("-n", self.module("x", size=room["room"] - over)))
        self.refused(REFUSED, [str(room["room"] + 32), str(room["room"]), "of the region's 16384"],
                     self.file("-n", self.module("x", size=room["room"] - over + 32)))

    def test_pinned_stops_it(self):
        self.good(self.file("--pin", self.tiny("a")))
        self.good(self.file(self.module("old", size=13000)))
        self.good(self.file("remove", "old"))
        for verb in (("compact",), (self.module("new", size=9000),)):
            self.keeps_flash(lambda: self.refused(REFUSED, ["'a' must not move"],
                                                  self.file(*verb)))
        self.assertEqual(self.journals(), [])

    def test_damaged_stops_it(self):
        self.dead_bytes()
        row = [row for row in self.listing()["modules"] if row["name"] == "b"][0]
        self.put(int(row["address"], 0) + 65, b"\0")
        self.keeps_flash(lambda: self.refused(REFUSED, [row["address"], "damaged", "remove it"],
                                              self.file("compact")))

    def test_two_sectors_with_the_option(self):
        self.use_region(FLASH, 0x8000)
        for i in range(4):
            self.good(self.file(self.module("b", f"1.{i}.0", size=5000)))
        self.good(self.file(self.tiny("a")))
        self.good(self.file("compact", "--journal"))
        self.expect({"a": "1.0.0", "b": "1.3.0"})
        self.assertEqual(self.journals(), [])

    def test_no_home(self):
        self.dead_bytes()
        self.environment.pop("HOME")
        done = self.keeps_flash(self.file, "compact")
        self.refused(REFUSED, ["no place to keep the modules", "HOME or XDG_STATE_HOME"], done)
        for relative in ("", "state", "./state"):
            self.environment["XDG_STATE_HOME"] = relative
            self.refused(REFUSED, "XDG_STATE_HOME", self.keeps_flash(self.file, "compact"))
        self.good(self.file("list"))
        self.good(self.file(self.tiny("c")))
        self.environment["XDG_STATE_HOME"] = str(self.folder / "a/b/c")
        self.good(self.file("compact"))
        self.assertEqual(list((self.folder / "a/b/c/modflash").iterdir()), [])

    def test_home_that_cannot_be_written(self):
        self.dead_bytes()
        self.write("home", b"a file")
        done = self.keeps_flash(self.file, "compact")
        self.refused(IO, ["home", "XDG_STATE_HOME"], done)
        self.environment["XDG_STATE_HOME"] = "/proc"
        self.refused(IO, "/proc/modflash", self.keeps_flash(self.file, "compact"))


class Pending(JournalTest):
    """Between the cut and `modflash recover`."""

    def setUp(self):
        super().setUp()
        self.want = self.dead_bytes()
        done = self.board("compact", options=("--cut-after", 30))
        self.assertEqual((done.status, done.stats["cut"]), (TARGET, "1"), str(done))
        self.adopt()
        self.journal, = self.journals()

    def test_list_says_so(self):
        done = self.good(self.file("list"))
        self.assertIn(f"a compaction was cut short: 2 modules are kept in {self.journal}; "
                      "'modflash recover' puts them back", done.out)
        listing = json.loads(self.file("list", "--json").out)
        self.assertEqual(listing["region"]["journal"], str(self.journal))

    def test_other_verbs_refuse(self):
        for verb in ((self.tiny("c"),), ("update", self.tiny("a", "2.0.0")), ("remove", "a"),
                     ("compact",), ("erase",), ("-n", self.tiny("c"))):
            self.keeps_flash(lambda: self.refused(REFUSED, [WAIT, str(self.journal)],
                                                  self.file(*verb)))
        self.assertEqual(self.journals(), [self.journal])
        for verb in (("list",), ("verify",), ("read", "out"), ("probe",)):
            self.good(self.keeps_flash(self.file, *verb))

    def test_other_regions_are_free(self):
        self.use_region(0x08020000, 0x40000)
        self.good(self.file(self.tiny("c")))
        self.expect({"c": "1.0.0"})

    def test_recover(self):
        plan = self.keeps_flash(self.file, "recover", "-n")
        self.assertIn("2 modules would be put back", self.good(plan).out)
        self.assertEqual(self.journals(), [self.journal])
        done = self.good(self.file("recover"))
        self.assertRegex(done.out, r"(?m)^a 1\.0\.0: at 0x0800")
        self.expect(self.want)
        self.assertEqual(self.journals(), [])
        self.assertEqual(self.good(self.file("recover")).out, "nothing to recover\n")

    def test_discard(self):
        before = self.bytes()
        plan = self.good(self.file("recover", "--discard-journal", "-n"))
        self.assertIn("would be deleted", plan.out)
        self.assertEqual(self.journals(), [self.journal])
        done = self.good(self.file("recover", "--discard-journal"))
        self.assertIn("deleted", done.out)
        self.assertEqual((self.journals(), self.bytes()), ([], before))
        self.good(self.file("recover", "--discard-journal"))
        self.good(self.file("erase"))
        self.good(self.file(self.tiny("c")))
        self.expect({"c": "1.0.0"})

    def test_damaged_journal(self):
        good = self.journal.read_bytes()
        region_of = bytearray(good)
        for what, data, text in (
                ("flipped", good[:100] + bytes([good[100] ^ 1]) + good[101:], "CRC is wrong"),
                ("cut", good[:-40], "CRC is wrong"), ("empty", b"", "no journal of modflash"),
                ("text", b"hello " * 30, "no journal of modflash"),
                ("short", good[:20], "no journal of modflash")):
            self.journal.write_bytes(data)
            for verb in (("recover",), ("list",)):
                done = self.keeps_flash(self.file, *verb)
                self.refused(REFUSED, [str(self.journal), text, "--discard-journal"], done)
        del region_of
        self.assertEqual(self.file("list", "--json").status, OK)
        self.good(self.file("recover", "--discard-journal"))
        self.assertEqual(self.journals(), [])

    def test_journal_of_another_region(self):
        self.use_region(FLASH + 0x4000, 0x4000)
        other = self.journal.with_name(self.journal.name.replace("08000000", "08004000"))
        shutil.copy(self.journal, other)
        self.refused(REFUSED, [str(other), "is of another region"], self.file("recover"))

    def test_with_no_module_inside_that_is_one(self):
        """The journal's own CRC is right, an image's is not."""
        import zlib
        data = bytearray(self.journal.read_bytes()[:-4])
        data[31 + 8 + 70] ^= 1
        self.journal.write_bytes(bytes(data) + zlib.crc32(data).to_bytes(4, "little"))
        self.refused(REFUSED, "holds something that is no module", self.file("recover"))


class Cuts(JournalTest):
    """At every operation, and then at some of the recovery's."""

    def recover(self, n, want):
        if n % 16 == 1:
            done = self.good(self.board("recover"))
            self.left_well(done)
        else:
            if self.journals():
                self.adopt()
            self.good(self.file("recover"))
        self.expect(want)
        self.assertEqual(self.journals(), [])

    def pending(self, n):
        """All is safe in the journal, and who would write is told. @return is it?"""
        if not self.journals():
            return False
        if n % 16 == 1:
            done = self.keeps_flash(self.board, self.tiny("z"))
            self.refused(REFUSED, WAIT, done)
            done = self.board("list")
            self.assertIn("'modflash recover' puts", self.good(done).out)
        return True

    def everywhere_rewriting(self, want, *arguments, most):
        flash = self.bytes()
        count, after = self.operations(*arguments)
        self.assertEqual(after, want)
        pending = 0
        for n in self.sample(count, most):
            self.flash.write_bytes(flash)
            self.forget()
            done = self.board(*arguments, options=("--cut-after", n, "--seed", n))
            self.assertEqual((done.status, done.stats["cut"]), (TARGET, "1"), str(done))
            self.assertEqual(done.err.count("error: "), 1, done.err)
            self.assertIn("the modules are safe in", done.err)
            self.assertTrue(self.pending(n), f"no journal after {n}")
            pending += 1
            self.recover(n, want)
        print(f"{arguments}: {pending} cuts of {count} operations")

    def test_compact(self):
        """At each of them, with MODFMT_ALL=1."""
        self.good(self.file(self.module("old", size=2000)))
        self.good(self.file(self.tiny("a")))
        self.good(self.file("remove", "old"))
        self.everywhere_rewriting({"a": "1.0.0"}, "compact", most=1000)

    def test_install(self):
        self.good(self.file(self.tiny("a"), self.module("old", size=14500)))
        self.good(self.file("remove", "old"))
        file = self.module("c", size=700)
        self.everywhere_rewriting({"a": "1.0.0", "c": "1.0.0"}, file, most=14)

    def test_recover(self):
        """A cut, then one in the recovery, then one in that one's."""
        want = self.dead_bytes()
        flash = self.bytes()
        for first in (2, 60):
            self.flash.write_bytes(flash)
            self.forget()
            self.cut_rewriting(first, "compact")
            torn, journal = self.bytes(), self.journals()[0].read_bytes()
            whole = int(self.good(self.board("recover")).stats["operations"])
            for n in self.sample(whole, 5):
                self.flash.write_bytes(torn)
                self.state.mkdir(parents=True, exist_ok=True)
                self.restore(journal)
                self.cut_rewriting(n, "recover")
                self.cut_rewriting(3 + n // 3, "recover")
                self.recover(0, want)

    def cut_rewriting(self, n, verb):
        done = self.board(verb, options=("--cut-after", n, "--seed", n))
        self.assertEqual((done.status, done.err.count("error: ")), (TARGET, 1), str(done))
        self.path, = self.journals()

    def restore(self, journal):
        self.path.write_bytes(journal)


if __name__ == "__main__":
    main()
