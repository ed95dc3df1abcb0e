#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""Power, plug, chip and probe that go away in the middle of a verb, over USB: one clear
message in time, wholly the state before or wholly the state after, and the same verb then
does it. (Every cut in every geometry, in process: tests/store.)"""
import os

from modflash_run import OK, REFUSED, SLOWNESS, TARGET, FlashTest, main
from clock import in_time, with_patience

SECONDS = 3.0                 # from the client's start to its end, time-out included
LOST = {"power": "gone from USB", "usb": "gone from USB", "target": "chip",
        "hang": "does not answer"}


class CutTest(FlashTest):
    def tiny(self, name, version="1.0.0", seed=None):
        """96 bytes."""
        file = self.module(name, version, size=4 if seed is None else 8, seed=seed)
        self.assertEqual(len((self.folder / file).read_bytes()), 96)
        return file

    def operations(self, *arguments):
        """How many the verb takes; the flash stays."""
        before = self.bytes()
        done = self.good(self.board(*arguments))
        after = self.modules()
        self.flash.write_bytes(before)
        return int(done.stats["operations"]), after

    def in_time(self, *arguments, kind, options):
        """Run it on a board with a cut; nobody waits for ever, and only for one that hangs is
        there a time-out to be waited for."""
        flash = self.bytes()

        def run(*cut):
            self.flash.write_bytes(flash)
            done = self.board(*arguments, options=cut)
            done.flash = self.bytes()
            return done

        def cut(patience=1):
            return in_time(lambda: run("--cut-kind", kind, *options), run,
                           seconds=SECONDS * patience)

        done = with_patience(self.environment, cut, lambda done: done.stats["cut"] == "1") \
            if kind == "hang" else cut()
        self.flash.write_bytes(done.flash)
        return done

    def cut(self, n, *arguments, kind="power"):
        done = self.in_time(*arguments, kind=kind, options=("--cut-after", n, "--seed", n))
        self.assertEqual(done.stats["cut"], "1", str(done))
        self.refused(TARGET, LOST[kind], done)
        return done

    def sample(self, count, most):
        """1 to count, not more than `most`: the ends wholly, and some of the middle. A third of
        these, or all with MODFMT_ALL=1. With sanitizers, which are slow and look for other
        things, fewer."""
        most = max(3, int(min(most, count) / SLOWNESS / (1 if os.environ.get("MODFMT_ALL") else 3)))
        if count <= most:
            return range(1, count + 1)
        ends = most // 3
        middle = range(ends + 1, count - ends, max(1, (count - 2 * ends) // (most - 2 * ends)))
        return sorted({*range(1, ends + 1), *middle, *range(count - ends + 1, count + 1)})

    def again(self, n, after, state, arguments):
        """The same verb, on the board now and then, else (the same code) on the file."""
        on_board = n % 8 == 1
        done = (self.board if on_board else self.file)(*arguments)
        if arguments[0] == "remove" and state == after:
            self.refused(REFUSED, "no module", done)
        else:
            self.good(done)
        if on_board:
            self.left_well(done)
            self.assertEqual(done.stats["overprograms"], "0")
        self.expect(after)

    def everywhere(self, *arguments, most=1000, kinds=("power",)):
        before, flash = self.modules() if self.flash.exists() else {}, self.bytes()
        count, after = self.operations(*arguments)
        self.assertNotEqual(before, after)
        seen = []
        for kind in kinds:
            for n in self.sample(count, most):
                self.flash.write_bytes(flash)
                done = self.cut(n, *arguments, kind=kind)
                self.assertEqual(done.out, "", "done, and not done")
                state = self.modules(self.board if n % 8 == 0 else self.file)
                self.assertIn(state, (before, after), f"{kind} at {n} of {count}")
                seen.append(state == after)
                self.again(n, after, state, arguments)
        print(f"{arguments}: {len(seen)} cuts of {count} operations, "
              f"{sum(seen)} of them after the change")
        return seen


class Power(CutTest):
    def setUp(self):
        super().setUp()
        self.good(self.file(self.tiny("a"), self.tiny("b")))

    def test_install(self):
        self.assertIn(True, self.everywhere(self.tiny("c"), most=20))

    def test_update(self):
        self.everywhere("update", self.tiny("a", "1.0.1"))

    def test_update_with_the_same_version(self):
        before = self.listing()["modules"]
        file = self.tiny("a", seed=5)
        self.good(self.file(file))
        after = self.listing()["modules"]
        self.assertNotEqual(before, after)

    def test_remove(self):
        self.assertIn(True, self.everywhere("remove", "b"))

    def test_remove_two(self):
        self.everywhere("remove", "b", "a", most=12)

    def test_install_three(self):
        self.everywhere(self.tiny("a", "2.0.0"), self.tiny("c"), self.tiny("d"), most=18)

    def test_last_one_settled_nothing(self):
        """After a cut, any other verb finds the state as list does."""
        flash, file = self.bytes(), self.tiny("a", "1.0.1")
        count, after = self.operations(file)
        for n in range(count - 8, count + 1):
            self.flash.write_bytes(flash)
            self.cut(n, file)
            state = self.modules()
            cut_short = self.bytes()
            for verb, change in (((self.tiny("z"),), {"z": "1.0.0"}), (("recover",), {}),
                                 (("compact",), {})):
                self.flash.write_bytes(cut_short)
                self.good(self.file(*verb))
                self.assertEqual(self.modules(), {**state, **change}, f"{verb} after {n}")
                self.assertEqual(self.good(self.file("recover")).out, "nothing to recover\n")


class First(CutTest):
    def test_first_install(self):
        """On flash that has nothing, not even a file."""
        self.flash.write_bytes(b"\xff" * (1 << 20))
        self.everywhere(self.tiny("a"), most=12)

    def test_over_rubbish(self):
        """And on flash with anything in it."""
        self.use_region(0x08000000, 0x4000)
        self.put(0x08000000, bytes(range(256)) * 64)
        self.everywhere(self.tiny("a"), most=12)


class Otherwise(CutTest):
    """Not the power but the plug, the chip, or the probe's mind."""

    def setUp(self):
        super().setUp()
        self.good(self.file(self.tiny("a"), self.tiny("b")))

    def test_usb(self):
        self.everywhere("update", self.tiny("a", "1.0.1"), most=6, kinds=("usb",))

    def test_target(self):
        self.everywhere("update", self.tiny("a", "1.0.1"), most=6, kinds=("target",))

    def test_hang(self):
        self.everywhere("remove", "b", most=3, kinds=("hang",))

    def test_reading(self):
        """list, when the probe goes at some command."""
        whole = int(self.board("list").stats["commands"])
        for kind in ("usb", "target", "hang"):
            for n in (1, whole // 2, whole - 2):
                done = self.keeps_flash(self.in_time, "list", kind=kind,
                                        options=("--cut-after-command", n))
                if done.status != OK:
                    self.refused(TARGET, "", done)
                    self.assertEqual(done.out, "", "half a list")

    def test_each_command_of_an_update(self):
        flash, file = self.bytes(), self.tiny("a", "1.0.1")
        whole = int(self.board(file).stats["commands"])
        before, after = {"a": "1.0.0", "b": "1.0.0"}, {"a": "1.0.1", "b": "1.0.0"}
        for n in range(1, whole + 1, 11):
            self.flash.write_bytes(flash)
            done = self.board(file, options=("--cut-after-command", n, "--cut-kind", "usb"))
            self.refused(TARGET, "", done)
            state = self.modules()
            self.assertIn(state, (before, after))
            self.again(n, after, state, (file,))


class Sectors(CutTest):
    """Where sectors are erased and the directory moves."""

    def setUp(self):
        super().setUp()
        self.use_region(0x08000000, 0x10000)       # four of 16 KiB

    def test_update_that_must_make_room(self):
        """The largest cannot lie beside its predecessor for ever: sectors are erased."""
        self.good(self.file("--pin", self.tiny("a")))
        flash, erased = None, 0
        for i in range(1, 40):
            before = self.bytes()
            done = self.good(self.file("-n", self.module("b", f"1.{i}.0", size=9000)))
            if " 0 sectors erased" not in done.out and i > 4:
                flash, erased = before, i
                break
            self.good(self.file(self.module("b", f"1.{i}.0", size=9000)))
        self.assertIsNotNone(flash, "nothing was ever erased")
        self.everywhere(self.module("b", f"1.{erased}.0", size=9000), most=15)


if __name__ == "__main__":
    main()
