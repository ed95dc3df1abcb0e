#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""Regions of several sectors: large images, making room, compaction, and the numbers of a
refusal."""
import random

from modflash_run import ERASED, FLASH, OK, REFUSED, SIZE, SLOWNESS, FlashTest, main


class Sectors(FlashTest):
    def setUp(self):
        super().setUp()
        self.use_region(0x08040000, 0x40000)      # two of 128 KiB

    def install(self, *files):
        return self.good(self.file(*files))

    def test_image_over_two_sectors(self):
        self.use_region(0x08020000, 0x80000)      # four of 128 KiB
        self.install(self.module("small"))
        self.install(self.module("large", size=0x30000 - 0x400))
        self.expect({"small": "1.0.0", "large": "1.0.0"})
        row = [row for row in self.listing()["modules"] if row["name"] == "large"][0]
        start = int(row["address"], 0) - FLASH
        self.assertEqual(self.bytes()[start:start + row["size"]],
                         (self.folder / "large-1.0.0.bin").read_bytes())
        self.assertGreater((start + row["size"] - 1) // 0x20000, start // 0x20000)

    def test_every_region_of_the_chip(self):
        for base, size in ((0x08000000, 0x10000), (0x08008000, 0x18000), (0x08010000, 0x30000),
                           (0x08000000, 0x100000), (0x08004000, 0x4000)):
            self.flash.unlink(missing_ok=True)
            self.use_region(base, size)
            for i in range(4):
                self.install(self.module("a", f"1.{i}.0", 3000), self.module("b", f"2.{i}.0"))
                self.expect({"a": f"1.{i}.0", "b": f"2.{i}.0"})
            self.good(self.file("remove", "a"))
            self.expect({"b": "2.3.0"})

    def test_fills_before_it_erases(self):
        """As long as there is room, an update is the image and a few units."""
        self.install(self.module("a", size=1000))
        for i in range(1, 30):
            file = self.module("a", f"1.0.{i}", 1000)
            plan = self.good(self.file("-n", file)).out
            size = (self.folder / file).stat().st_size
            self.assertIn(f" 0 sectors erased, {size + 64} bytes programmed, 0 images moved", plan)
            self.good(self.file(file))

    def test_updates_for_ever(self):
        """Half a sector, again and again: room is made, nothing is refused."""
        self.install(self.module("stays"))
        for i in range(1, 12):
            self.install(self.module("a", f"1.0.{i}", 50000))
            self.assertEqual(self.modules(), {"stays": "1.0.0", "a": f"1.0.{i}"})
        self.expect({"stays": "1.0.0", "a": "1.0.11"})

    def test_compact(self):
        self.use_region(0x08000000, 0x10000)
        for i in range(6):
            self.install(self.module(f"m{i}", size=2500))
        self.good(self.file("remove", "m0", "m2", "m4"))
        left = {"m1": "1.0.0", "m3": "1.0.0", "m5": "1.0.0"}
        room = self.listing()["region"]["room_now"]
        plan = self.good(self.keeps_flash(self.file, "compact", "-n")).out
        done = self.good(self.file("compact"))
        self.expect(left)
        if "nothing" not in plan:
            self.assertEqual(plan.split(": ", 1)[1], done.out.split(": ", 1)[1])
            self.assertGreaterEqual(self.listing()["region"]["room_now"], room)
        self.assertRegex(self.good(self.keeps_flash(self.file, "compact")).out, "^nothing")

    def test_pinned_stays(self):
        self.use_region(0x08000000, 0x10000)
        self.good(self.file("--pin", self.module("pinned", size=500)))
        where = self.listing()["modules"][0]["address"]
        for i in range(30):
            self.install(self.module("a", f"1.{i}.0", 5000))
        self.file("compact")
        row = [row for row in self.listing()["modules"] if row["name"] == "pinned"][0]
        self.assertEqual((row["address"], row["pinned"]), (where, True))

    def test_two_sectors_both_60_percent_live(self):
        """Cannot be compacted on the chip; says so with numbers, and what can be done."""
        size = 0x20000 * 3 // 10
        names = [f"m{i}" for i in range(4)]
        for name in names:
            done = self.file(self.module(name, size=size))
            if done.status != OK:
                break
        listing = self.listing()
        live = listing["region"]["live"]
        self.refused(REFUSED, ["no room", f"({live} bytes of the region's 262144 are live",
                               str(listing["region"]["room"])], self.file(
                                   self.module("more", size=0x20000)))
        self.assertLess(listing["region"]["room"], 0x20000)

    def test_reserve_is_kept(self):
        """An install that would take the last sector without live images is refused."""
        self.use_region(0x08000000, 0xC000)
        for i in range(20):
            done = self.file(self.module(f"m{i}", size=7000))
            if done.status != OK:
                break
        self.refused(REFUSED, ["no room", "one sector must stay free to compact into"], done)
        state = self.modules()
        used = set()
        for row in self.listing()["modules"]:
            first = int(row["address"], 0) - FLASH
            used |= set(range(first // 0x4000, (first + row["size"] - 1) // 0x4000 + 1))
        self.assertLess(len(used), 3)
        self.assertEqual(state, {f"m{k}": "1.0.0" for k in range(len(state))})

    def test_room_is_what_fits(self):
        self.install(self.module("a", size=40000), self.module("b", size=30000))
        self.install(self.module("a", "1.0.1", 40000))
        room = self.listing()["region"]
        over = len((self.folder / self.module("x", size=1000)).read_bytes()) - 1000
        for key, erases in (("room_now", False), ("room", True)):
            done = self.good(self.file("-n", self.module("x", size=room[key] - over)))
            self.assertEqual(" 0 sectors erased" not in done.out, erases, key)
        self.refused(REFUSED, "no room", self.file("-n", self.module(
            "x", size=room["room"] - over + 64)))

    def test_wear_of_updates(self):
        """Erases a byte stored: a sector is erased once it has been filled, not before."""
        self.use_region(0x08000000, 0x10000)
        self.install(self.module("a", size=1000))
        erased = programmed = 0
        for i in range(1, 120):
            plan = self.good(self.file("-n", self.module("a", f"1.{i}.0", 1000))).out
            words = plan.splitlines()[-1].replace(",", "").split()
            erased += int(words[words.index("sector" if "sector" in words else "sectors") - 1])
            programmed += int(words[words.index("programmed") - 2])
            self.install(self.module("a", f"1.{i}.0", 1000))
        print(f"119 updates of 1 KB in 64 KiB: {erased} sectors erased, {programmed} bytes")
        self.assertLessEqual(erased, 119 * 1200 // 0x4000 + 4)


class Walk(FlashTest):
    """A few hundred verbs at random, against a dictionary."""

    def walk(self, base, size, seed, steps):
        self.use_region(base, size)
        rng = random.Random(seed)
        want, versions, refused = {}, {}, 0
        self.flash.write_bytes(ERASED * SIZE)
        steps = int(steps / SLOWNESS)  # sanitizers are slow and look for other things
        for _ in range(steps):
            name = rng.choice("abcdefg")
            if rng.random() < 0.25 and name in want:
                self.good(self.file("remove", name))
                del want[name]
            elif rng.random() < 0.1:
                self.assertIn(self.file("compact").status, (OK, REFUSED))
            else:
                versions[name] = versions.get(name, 0) + 1
                version = f"1.{versions[name]}.0"
                done = self.file(self.module(name, version, rng.choice((100, 900, 4000))))
                self.assertIn(done.status, (OK, REFUSED), str(done))
                if done.status == OK:
                    want[name] = version
                refused += done.status == REFUSED
            self.assertEqual(self.modules(), want)
        self.expect(want)
        print(f"{steps} verbs, {refused} refused for want of room")

    def test_four_sectors(self):
        self.walk(0x08000000, 0x10000, 1, 120)

    def test_two_sectors(self):
        self.walk(0x08000000, 0x8000, 2, 120)

    def test_uneven_sectors(self):
        self.walk(0x0800C000, 0x34000, 3, 80)

    def test_one_sector(self):
        self.walk(0x08000000, 0x4000, 4, 80)


if __name__ == "__main__":
    main()
