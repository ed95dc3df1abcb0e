#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""relink: linked modules after an update of the firmware; RAM that never overlaps, whatever is
installed, updated, removed and linked anew; and cuts on the way."""
import operator
import os
import random

from cutting import CutTest
from journals import JournalTest
from modflash_run import OK, REFUSED, TARGET, main
from xip import ARENA, EXPORTS, XipTest, imports_of, modref

MOVED = {name: (kind, address + 0x1000) for name, (kind, address) in EXPORTS.items()}
ALL = os.environ.get("MODFMT_ALL")


class RelinkTest(XipTest):
    def new_firmware(self, **how):
        """Its symbols are elsewhere, and its build id is another."""
        self.use("new", **{"exports": MOVED, "build_id": b"\x77" * 20, "api": 0x10003, **how})

    def three(self):
        """Two linked ones and a plain one. @return {name: file} of the linked ones"""
        files = {"a": self.module("a", imports=imports_of("fw_put", "fw_any")),
                 "b": self.module("b", text=300, align=5, imports=imports_of("fw_get"))}
        self.install(*files.values())
        self.good(self.linked(self.module("plain")))
        return files

    def all_are_as_they_must_be(self, files):
        for name, file in files.items():
            self.is_as_it_must_be(name, file)
        self.ranges()
        done = self.file("verify", "-q")
        self.assertEqual((done.status, done.out), (OK, ""), str(done))


class Relink(RelinkTest):
    def test_after_an_update(self):
        files = self.three()
        ranges, rows = self.ranges(), self.rows()
        self.new_firmware()
        done = self.good(self.linked("relink"))
        self.all_are_as_they_must_be(files)
        self.assertEqual(self.ranges(), ranges)
        self.assertEqual(self.rows()["plain"], rows["plain"])
        row = self.rows()["a"]
        self.assertIn(f"a 1.0.0: relinked at {row['address']}, {row['size']} bytes, linked, RAM "
                      f"{row['linked']['data']}-{row['linked']['data_end']}\n", done.out)
        self.assertNotEqual(row["address"], rows["a"]["address"])

    def test_again_writes_nothing(self):
        self.three()
        self.assertEqual(self.nothing_written("relink").out,
                         "nothing to do: 2 modules are linked for fw.elf\n")
        self.new_firmware()
        self.good(self.linked("relink"))
        self.assertEqual(self.nothing_written("relink").out,
                         "nothing to do: 2 modules are linked for new.elf\n")
        self.assertEqual(self.nothing_written("relink", "-q").out, "")

    def test_nothing_is_linked(self):
        self.good(self.linked(self.module()))
        self.assertEqual(self.nothing_written("relink").out,
                         "nothing to do: no module is linked for a place in flash\n")

    def test_and_back(self):
        """For the first firmware again: what came out first."""
        files = self.three()
        first = {name: self.image_at(row) for name, row in self.rows().items()}
        self.new_firmware()
        self.good(self.linked("relink"))
        self.use("fw")
        self.good(self.linked("relink"))
        self.all_are_as_they_must_be(files)
        self.assertEqual({name: len(self.image_at(row)) for name, row in self.rows().items()},
                         {name: len(image) for name, image in first.items()})

    def test_by_the_firmware_on_the_board(self):
        files = self.three()
        self.new_firmware()
        self.put_on_board()
        self.assertIn("for another firmware", self.file("list").out)
        self.assertIn("relinked", self.good(self.file("relink")).out)
        self.all_are_as_they_must_be(files)
        self.assertNotIn("for another firmware", self.file("list").out)
        self.assertEqual(self.keeps_flash(self.file, "relink").out,
                         "nothing to do: 2 modules are linked for the firmware on the board\n")

    def test_over_usb(self):
        files = self.three()
        self.new_firmware()
        self.put_on_board()
        done = self.good(self.board("relink"))
        self.left_well(done)
        self.assertEqual(done.stats["overprograms"], "0")
        self.all_are_as_they_must_be(files)

    def test_same_code_other_interface_version(self):
        files = self.three()
        self.use("new", api=0x20000)
        self.good(self.linked("relink"))
        self.all_are_as_they_must_be(files)

    def test_longer_build_id(self):
        """The images become larger."""
        files = self.three()
        self.new_firmware(build_id=bytes(range(64)))
        self.good(self.linked("relink"))
        self.all_are_as_they_must_be(files)
        self.new_firmware(build_id=b"1")
        self.good(self.linked("relink"))
        self.all_are_as_they_must_be(files)

    def test_dry_run(self):
        self.three()
        self.new_firmware()
        done = self.nothing_written("relink", "-n")
        self.assertRegex(done.out, r"a 1.0.0: would be relinked at 0x0806\w+, .*\n"
                                   r"b 1.0.0: would be relinked at .*\n"
                                   r"would be: 0 sectors erased, \d+ bytes programmed")

    def test_names(self):
        files = self.three()
        self.new_firmware()
        self.good(self.linked("relink", "b"))
        self.is_as_it_must_be("b", files["b"])
        self.assertTrue(self.file("list", "--json").out.count('"stale"'), 2)
        self.no(["'plain' is not linked for a place in flash"], "relink", "plain")
        self.no(["there is no module 'c'"], "relink", "c")
        self.good(self.linked("relink", "a"))
        self.all_are_as_they_must_be(files)

    def test_arena_moved(self):
        """What still fits stays, and the others move."""
        files = self.three()
        before = self.ranges()
        self.new_firmware(arena=(before["b"][0] & ~31, 0x1000))
        self.good(self.linked("relink"))
        self.all_are_as_they_must_be(files)
        self.assertEqual(self.ranges()["b"], before["b"])
        self.assertGreaterEqual(self.ranges()["a"][0], before["b"][1])

    def test_arena_too_small(self):
        self.three()
        self.new_firmware(arena=(0x20010000, 128))
        done = self.no(["is full", "needs 100 bytes"], "relink")
        self.assertIn("no module was linked anew", done.err)

    def test_import_gone(self):
        """All or none, and the one that cannot be is named; the others on demand."""
        files = self.three()
        gone = {name: offer for name, offer in MOVED.items() if name != "fw_get"}
        self.new_firmware(exports=gone)
        done = self.no(["modflash: b: error", "'fw_get' is not offered"], "relink")
        self.assertIn("modflash relink NAME", done.err)
        self.good(self.linked("relink", "a"))
        self.is_as_it_must_be("a", files["a"])
        self.no(["modflash: b: error"], "relink")

    def test_type_changed(self):
        self.three()
        self.new_firmware(exports={**MOVED, "fw_get": (0x1234, 0x08001301)})
        self.no(["modflash: b: error", "'fw_get'", "is not what the module was built against"],
                "relink")

    def test_no_build_id_or_arena(self):
        self.three()
        self.new_firmware(build_id=None)
        self.no("has no build id", "relink")
        self.new_firmware(arena=None)
        self.no("sets no RAM aside", "relink")

    def test_damaged(self):
        self.three()
        row = self.rows()["b"]
        self.put(int(row["address"], 0) + 70, b"\0\0\0\0")
        self.new_firmware()
        self.no(["'b' is damaged", "install it again, or remove it"], "relink", status=TARGET)

    def test_written_elsewhere_by_another_tool(self):
        """A linked image that lies where it was not linked for."""
        self.install(file := self.module())
        image = self.image_at(self.rows()["plug"])
        self.use_region(0x08040000, 0x20000)
        self.put(0x08040000, image)
        done = self.file("verify")
        self.refused(TARGET, ["lies at 0x08040000, and was linked for another place (0x08060000)",
                              "modflash relink"], done)
        self.assertIn("for another place: modflash relink", self.file("list").out)
        self.good(self.linked("relink"))
        self.is_as_it_must_be("plug", file)

    def test_weak_import_comes_and_goes(self):
        file = self.module("w", imports=imports_of("fw_put", "later", weak=["later"]))
        self.install(file)
        self.new_firmware(exports={**MOVED, "later": (0x99, 0x08002001)})
        self.good(self.linked("relink"))
        self.is_as_it_must_be("w", file)
        self.use("fw")
        self.assertIn("'later' is not offered by fw.elf; it is weak", self.linked("relink").err)
        self.is_as_it_must_be("w", file)


class Room(RelinkTest):
    """Where there is no room for all copies at once."""

    def test_one_after_another(self):
        self.use_region(0x08000000, 0x10000)       # four of 16 KiB, one kept free
        files = {name: self.module(name, text=4000) for name in "abcde"}
        self.install(*files.values())
        self.new_firmware()
        done = self.good(self.linked("relink"))
        self.all_are_as_they_must_be(files)
        self.assertIn("there is no room for all of them at once: one after another\n", done.out)
        self.assertIn("nothing to do", self.nothing_written("relink").out)

    def test_one_sector_is_rewritten(self):
        self.use_region(0x08000000, 0x4000)
        files = {name: self.module(name, text=4000) for name in "abc"}
        self.install(*files.values())
        self.new_firmware()
        plan = self.nothing_written("relink", "-n")
        self.assertIn("the region would be rewritten", plan.out)
        done = self.good(self.linked("relink"))
        self.assertIn("must be erased as a whole", done.out)
        self.all_are_as_they_must_be(files)
        self.assertIn("nothing to do", self.nothing_written("relink").out)

    def test_what_is_replaced_does_not_hold_the_directory(self):
        """It lies beside it, and fills its sector; pinned modules stay, but this one goes."""
        self.use_region(0x08000000, 0x8000)        # two sectors
        self.install(self.module("a", text=14500))
        self.new_firmware()
        self.good(self.linked("relink"))
        self.is_as_it_must_be("a", "a-1.0.0.bin")

    def test_no_room_at_all(self):
        """Where the region cannot be rewritten either."""
        self.use_region(0x08000000, 0x4000)
        self.good(self.linked("--pin", self.module("held")))
        self.install(self.module("a", text=9000))
        self.new_firmware()
        self.no(["'held' must not move, so the region cannot be rewritten"], "relink")

    def scattered(self):
        """A small linked module in each sector but one, and nothing else. @return files"""
        self.use_region(0x08000000, 0x10000)       # four sectors
        files = {}
        for name in "abc":
            files[name] = self.module(name, text=2000)
            self.install(files[name])
            self.good(self.linked(self.module(f"big-{name}", text=12000)))
        self.good(self.file("remove", "big-a", "big-b", "big-c"))
        sectors = {int(row["address"], 0) // 0x4000 for row in self.second_opinion()}
        self.assertEqual(len(sectors), 3)
        return files

    def test_linked_modules_make_room(self):
        """They are linked for other places."""
        files = self.scattered()
        room = self.listing()["region"]["room"]
        self.good(self.linked("-n", self.module("x", text=room - 200)))
        self.refused(REFUSED, ["no room", str(room)], self.linked("-n", self.module("x", text=room)))
        new = self.module("new", text=13000)
        plan = self.nothing_written("install", "-n", new)
        self.assertRegex(plan.out, r"^\d linked modules? would be linked for other places, to make room\n")
        done = self.good(self.linked(new))
        self.assertRegex(done.out, r"^\d linked modules? must be linked for other places, to make "
                                   r"room\n(. 1.0.0: moved at .*\n)+new 1.0.0: installed at ")
        self.all_are_as_they_must_be(files)
        self.assertEqual(self.image_at(self.rows()["new"]), (self.folder / new).read_bytes())

    def test_pinned_by_the_user_they_do_not(self):
        """What the user has pinned keeps its sector; only linked ones move."""
        files = self.scattered()
        self.good(self.linked("--no-xip-link", "--pin", files.pop("a")))
        self.good(self.linked("--no-xip-link", "--pin", files.pop("b")))
        before = {name: self.rows()[name]["address"] for name in "ab"}
        done = self.linked(self.module("new", text=13000))
        self.assertIn(done.status, (OK, REFUSED))
        self.assertEqual({name: self.rows()[name]["address"] for name in "ab"}, before)
        self.all_are_as_they_must_be(files)

    def test_relink_where_they_are_scattered(self):
        files = self.scattered()
        self.install(big := self.module("big", text=12000))
        files["big"] = big
        self.new_firmware()
        self.good(self.linked("relink"))
        self.all_are_as_they_must_be(files)

class Never(RelinkTest):
    """Random installs, updates, removals and updates of the firmware: each module is what it
    must be, and no two have the same RAM."""

    def walk(self, seed, steps):
        filling = random.Random(seed)
        files, refused = {}, 0
        self.good(self.linked(self.module("plain")))
        for step in range(steps):
            action = filling.choice(["install"] * 5 + ["remove", "relink", "plain", "compact"])
            names = filling.sample("abcdefgh", filling.randrange(1, 4))
            if action == "install":
                made = {name: self.module(name, f"1.{step}.0", data=filling.randrange(40),
                                          bss=filling.randrange(900), text=filling.randrange(16, 900),
                                          align=filling.randrange(2, 8),
                                          imports=imports_of(*filling.sample(sorted(EXPORTS), 2)))
                        for name in names}
                done = self.linked("install", "--xip-link", *made.values())
                self.assertIn(done.status, (OK, REFUSED), str(done))
                if done.status == OK:
                    files.update(made)
                else:
                    refused += 1
                    self.assertIn("is full", done.err)
            elif action == "plain":
                self.good(self.linked("--no-xip-link", self.module(names[0], f"1.{step}.0")))
                files.pop(names[0], None)
            elif action == "remove" and names[0] in files:
                self.good(self.file("remove", names[0]))
                del files[names[0]]
            elif action == "compact":
                done = self.file("compact")
                if done.status != OK:
                    self.refused(REFUSED, "these must not move", done)
            elif action == "relink":
                shift = 16 * filling.randrange(9)
                self.use("new", exports={name: (kind, address + 4 * shift) for name, (kind, address)
                                         in EXPORTS.items()}, build_id=bytes([shift]) * 20,
                         arena=(ARENA[0] + shift, ARENA[1] // 2))
                done = self.linked("relink")
                if done.status != OK:
                    self.refused(REFUSED, "is full", done)
                    self.use("fw")
                    self.good(self.linked("relink"))
            self.all_are_as_they_must_be(files)
        return refused

    def test_several_sectors(self):
        self.use_region(0x08000000, 0x10000)
        self.assertGreater(self.walk(3, 400 if ALL else 26), 0)

    def test_one_sector(self):
        self.use_region(0x08000000, 0x4000)
        self.walk(7, 300 if ALL else 16)


class Cuts(CutTest, RelinkTest):
    """Power cuts over USB: each module is the old one or the new one, wholly, and the loader of
    one of the two firmwares takes it."""

    def everything(self, *arguments, most, singly=False):
        """Cut the verb at some of its operations: all modules are what they were before, or what
        they are after; `singly`: each by itself."""
        flash = self.bytes()
        before = self.images()
        done = self.good(self.board(*arguments))
        count, after = int(done.stats["operations"]), self.images()
        self.assertNotEqual(before, after)
        seen = set()
        for n in self.spread(count, most):
            self.flash.write_bytes(flash)
            cut = self.board(*arguments, options=("--cut-after", n, "--cut-kind", "power",
                                                  "--seed", n))
            self.assertEqual(cut.stats["cut"], "1", str(cut))
            self.refused(TARGET, "gone from USB", cut)
            state = self.images()
            for old, new, now in ((state_of(before), state_of(after), state_of(state))
                                  for state_of in self.parts(before, singly)):
                self.assertIn(now, (old, new), f"cut at {n} of {count}")
            seen.add(state == after)
            self.good(self.file(*arguments))
            self.assertEqual(self.images(), after)
        print(f"{arguments}: {count} operations, {seen}")

    def images(self):
        """name: what identifies it and what it is, without its place in flash"""
        found = {}
        for row in self.second_opinion():
            image = self.image_at(row)
            modref.read(image)
            if row["linked"] is not None:
                self.assertEqual(int(row["linked"]["text"], 0), int(row["address"], 0) + 64)
                found[row["name"]] = (row["linked"]["build_id"], row["linked"]["data"],
                                      modref.unlink(image))
            else:
                found[row["name"]] = (None, None, image)
        self.ranges()
        return found

    @staticmethod
    def spread(count, most):
        """Some of 1 to count, in the middle too; the last ones wholly, where the change is
        committed. All with MODFMT_ALL=1."""
        if ALL:
            return range(1, count + 1)
        last = min(most // 2, 8)
        return sorted({1 + i * (count - last) // (most - last) for i in range(most - last)} |
                      set(range(count - last + 1, count + 1)))

    @staticmethod
    def parts(images, singly):
        """What must be wholly old or wholly new."""
        return [operator.itemgetter(name) for name in images] if singly else [lambda state: state]

    def test_relink(self):
        self.three()
        self.new_firmware()
        self.put_on_board()
        self.everything("relink", most=8)

    def test_install(self):
        self.put_on_board()
        self.install(self.module("a"))
        self.everything("install", "--xip-link", self.module("a", "1.1.0"), self.module("c"), most=6)

    def test_one_after_another(self):
        self.use_region(0x08004000, 0xC000)
        self.install(*(self.module(name, text=5000) for name in "abc"))
        self.new_firmware()
        self.region = (*self.region, "--firmware", "new.elf")
        self.everything("relink", most=5, singly=True)

    def test_relink_that_moves_the_directory(self):
        self.use_region(0x08000000, 0x10000)
        self.install(self.module("a", text=9000))
        for i in range(2):
            self.install(self.module("a", f"1.{i}.0", text=9000))
        self.new_firmware()
        # The firmware is not in this flash: the region begins where it would be.
        self.region = (*self.region, "--firmware", "new.elf")
        base = self.region
        for _ in range(6):
            plan = self.file("relink", "-n")
            if " 0 sectors erased" not in plan.out:
                break
            self.good(self.file("relink"))
            self.use("fw" if self.elf == "new.elf" else "new", **(
                {} if self.elf == "new.elf" else {"exports": MOVED, "build_id": b"\x77" * 20}))
            self.region = (*base[:-1], self.elf)
        self.assertNotIn(" 0 sectors erased", plan.out)
        self.everything("relink", most=6)


class Journal(JournalTest, RelinkTest):
    """Power cuts while a region of one sector is rewritten, with modules linked anew."""

    def test_relink(self):
        files = {name: self.module(name, text=3500) for name in "abc"}
        self.install(*files.values())
        self.new_firmware()
        arguments, flash = ("--firmware", self.elf, "relink"), self.bytes()
        count = int(self.good(self.board(*arguments)).stats["operations"])
        self.all_are_as_they_must_be(files)
        for n in range(1, count + 1, 1 if ALL else count // 4):
            self.flash.write_bytes(flash)
            self.forget()
            cut = self.board(*arguments, options=("--cut-after", n, "--seed", n))
            self.assertEqual((cut.status, cut.stats["cut"]), (TARGET, "1"), str(cut))
            self.assertIn("the modules are safe in", cut.err)
            self.adopt()
            self.good(self.file("recover"))
            self.all_are_as_they_must_be(files)
            self.assertEqual(self.journals(), [])


if __name__ == "__main__":
    main()
