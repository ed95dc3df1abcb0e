#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""An image that st-flash wrote to the region's start, and what modflash does beside it."""
from modflash_run import (FLASH, OK, REFUSED, REGION, FlashTest, image, main, need)

need("st-flash")


class Bare(FlashTest):
    def setUp(self):
        super().setUp()
        self.data = image("plug", "1.0.0", 2000)
        self.st_flash("write", "plug.bin")

    def st_flash(self, verb, file, data=None):
        self.write(file, data or self.data)
        done = self.client("st-flash", verb, file, f"0x{self.base:08x}")
        self.assertEqual(done.status, OK, str(done))

    def row(self, name):
        return {row["name"]: row for row in self.listing()["modules"]}.get(name)

    def test_is_listed(self):
        row = self.row("plug")
        self.assertEqual((row["bare"], row["address"], row["size"]),
                         (True, f"0x{REGION:08x}", len(self.data)))
        self.assertIn("bare", self.good(self.file("list")).out)
        self.assertEqual(self.listing(self.board)["modules"], [row])
        self.good(self.file("verify"))
        self.assertIn("contents     good", self.good(self.file("info", "plug")).out)

    def test_second_beside_it(self):
        """Nothing is erased, and the first one is not copied."""
        done = self.good(self.board(self.module("second")))
        self.assertEqual((done.stats["erases"], done.stats["overprograms"]), ("0", "0"))
        self.expect({"plug": "1.0.0", "second": "1.0.0"})
        self.assertEqual(self.row("plug")["address"], f"0x{REGION:08x}")
        self.assertEqual(self.bytes()[REGION - FLASH:][:len(self.data)], self.data)

    def test_update(self):
        for version in ("1.0.1", "1.1.0"):
            done = self.good(self.board("update", self.module("plug", version, 2000)))
            self.assertEqual(done.stats["erases"], "0")
            self.expect({"plug": version})
        self.assertFalse(self.row("plug")["bare"])

    def test_downgrade_and_identity(self):
        self.keeps_flash(lambda: self.assertEqual(
            self.file(self.module("plug", "0.9.0")).status, 1))
        done = self.good(self.keeps_flash(self.file, "plug.bin"))
        self.assertIn("unchanged", done.out)

    def test_remove(self):
        done = self.good(self.board("remove", "plug"))
        self.assertEqual(done.stats["erases"], "0")
        self.expect({})
        self.good(self.file(self.module("plug", "0.5.0")))
        self.expect({"plug": "0.5.0"})

    def test_remove_beside_another(self):
        self.good(self.file(self.module("second")))
        self.good(self.file("remove", "plug"))
        self.expect({"second": "1.0.0"})
        self.good(self.file("remove", "second"))
        self.expect({})

    def test_damaged(self):
        """Listed, as the loader will find it; verify says what it is; replaced by update."""
        self.put(REGION + 200, b"\0\0\0\0")
        self.assertEqual(self.modules(), {"plug": "1.0.0"})
        self.assertEqual(self.file("verify").status, 4)
        self.good(self.file("update", self.module("plug", "1.0.1")))
        self.expect({"plug": "1.0.1"})

    def test_without_a_name(self):
        self.st_flash("write", "anonymous.bin", image(None, None, 2000))
        listing = self.listing()["modules"]
        self.assertEqual([(row["name"], row["version"], row["bare"]) for row in listing],
                         [("", None, True)])
        self.assertIn("(no name)", self.good(self.file("list")).out)
        self.assertIn("'' (no name)", self.file("info", "x").err)
        self.good(self.file(self.module("second")))
        self.expect({"": None, "second": "1.0.0"})
        self.good(self.file("remove", ""))
        self.expect({"second": "1.0.0"})

    def test_st_flash_over_everything(self):
        """It erases the sector: what was in it is gone, and nothing else is shown."""
        self.good(self.file(self.module("second"), self.module("third")))
        self.st_flash("write", "other.bin", image("other", "7.0.0", 500))
        self.expect({"other": "7.0.0"})
        self.good(self.file(self.module("second")))
        self.expect({"other": "7.0.0", "second": "1.0.0"})

    def test_same_again(self):
        """What was removed comes back if st-flash writes it again."""
        self.good(self.file("remove", "plug"))
        self.expect({})
        self.st_flash("write", "plug.bin")
        self.expect({"plug": "1.0.0"})

    def test_fills_the_region(self):
        """No room for a directory, and it is said what can be done."""
        self.st_flash("write", "big.bin", image("big", "1.0.0", 0x20000 - 200))
        self.expect({"big": "1.0.0"})
        done = self.keeps_flash(self.file, self.module("second"))
        self.refused(REFUSED, ["no room", "of the region's 131072 are live"], done)

    def test_on_several_sectors(self):
        self.use_region(0x08040000, 0x40000)
        self.st_flash("write", "plug.bin")
        self.assertTrue(self.row("plug")["bare"])
        self.good(self.file(self.module("second")))
        self.expect({"plug": "1.0.0", "second": "1.0.0"})
        for i in range(1, 4):
            self.good(self.file("update", self.module("plug", f"1.0.{i}", 30000)))
            self.expect({"plug": f"1.0.{i}", "second": "1.0.0"})

    def test_st_flash_beside_a_directory(self):
        """The directory lies in the last sector, st-flash writes the first: both count."""
        self.use_region(0x08040000, 0x40000)
        self.good(self.file(self.module("a"), self.module("b")))
        before = self.modules()
        self.st_flash("write", "plug.bin")
        state = self.modules()
        self.assertEqual(state["plug"], "1.0.0")
        self.assertLessEqual(state.items(), {**before, "plug": "1.0.0"}.items())
        self.good(self.file(self.module("c")))
        self.expect({**state, "c": "1.0.0"})


if __name__ == "__main__":
    main()
